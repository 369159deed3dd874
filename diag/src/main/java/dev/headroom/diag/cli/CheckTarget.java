package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Capture.Topic;
import dev.headroom.diag.Facts;
import dev.headroom.diag.LimitReport;
import dev.headroom.diag.LimitReport.Unread;
import dev.headroom.diag.Listeners;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Snapshot.Listening;
import dev.headroom.proc.Limits;
import dev.headroom.proc.Limits.Resource;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Status;

/** Reads what {@code check} is to look at. */
final class CheckTarget {
    /** To look at more descriptors than that takes longer than a person waits. */
    private static final long QUICK = 50_000;
    private final ProcFs proc = new ProcFs();
    private final Capture capture = new Capture();
    private final boolean thorough;

    /** @param thorough whether to count watches also where that takes seconds */
    CheckTarget(boolean thorough) {
        this.thorough = thorough;
    }

    /**
     * What was read at one time.
     *
     * @param title what was looked at
     * @param snapshot the facts
     * @param report the limits
     */
    record Reading(String title, Snapshot snapshot, LimitReport report) {
        /** The scope of a limit of the one process that was looked at. */
        String subject() {
            return snapshot.text(Facts.PID).map(
                    p -> "process " + p + snapshot.text(Facts.COMMAND).map(c -> " (" + c + ")").orElse("")).orElse("");
        }

        private static final String OVERFLOWS = Facts.counter("TcpExt.ListenOverflows");

        /** Connections that full accept queues refused since then. */
        OptionalLong overflowsSince(Reading earlier) {
            return snapshot.delta(earlier.snapshot, OVERFLOWS);
        }
    }

    /** The machine, and the network namespace of who asks. */
    Reading machine() {
        Snapshot s = reader();
        return new Reading("This machine" + kernel(s) + ", and this network namespace; the nearest limit first.", s,
                LimitReport.of(s));
    }

    private Snapshot reader() {
        EnumSet<Topic> topics = Listeners.mayBe(proc.self()) ? EnumSet.of(Topic.LISTENERS)
                : EnumSet.noneOf(Topic.class);
        Snapshot s = capture.machine(Question.empty(), topics);
        if (LimitReport.portsMayBeShort(s)) {
            topics.add(Topic.SOCKETS);
            s = capture.machine(Question.empty(), topics);
        }
        return s;
    }

    /** The machine and each process. */
    Reading all() throws CannotException {
        Reading machine = machine();
        LimitReport report = machine.report();
        int processes = 0;
        int hidden = 0;
        try {
            for (int pid : proc.pids()) {
                try {
                    report = report.and(briefly(pid));
                    processes++;
                } catch (NoSuchFileException e) {
                    // it has ended meanwhile
                } catch (IOException e) {
                    hidden++;
                }
            }
        } catch (IOException e) {
            throw new CannotException("cannot list the processes: " + e.getMessage(), e);
        }
        return new Reading("This machine" + kernel(machine.snapshot()) + ", this network namespace and "
                + Values.text(processes, "processes") + (hidden > 0 ? " (" + hidden + " could not be read)" : "")
                + "; the nearest limit first.", machine.snapshot(), report);
    }

    /** What three small files tell of a process. */
    private LimitReport briefly(int pid) throws IOException {
        ProcPid p = proc.process(pid);
        var out = new Snapshot.Builder(System.currentTimeMillis());
        Status status = p.status();
        if (status.vmSize().isEmpty()) {
            return new LimitReport(List.of(), List.of(), List.of());
        }
        Limits limits = p.limits();
        String file = p.directory() + "/limits";
        out.put(Facts.PID, pid, file).put(Facts.COMMAND, status.name(), p.directory() + "/status");
        for (Resource r : List.of(Resource.RLIMIT_NOFILE, Resource.RLIMIT_MEMLOCK, Resource.RLIMIT_AS,
                Resource.RLIMIT_DATA)) {
            long soft = limits.get(r).soft();
            if (soft != Limits.RLIM_INFINITY) {
                out.put(Facts.limitSoft(r.name().substring("RLIMIT_".length()).toLowerCase(Locale.ROOT)),
                        Limits.format(soft), file);
            }
        }
        p.fdCount().ifPresent(n -> out.put(Facts.FD_USED_BELOW_SOFT, n, "stat(" + p.directory() + "/fd)"));
        status.vmSize().ifPresent(n -> out.put(Facts.VM_SIZE, n / 1024, p.directory() + "/status"));
        status.vmLck().ifPresent(n -> out.put(Facts.VM_LCK, n / 1024, p.directory() + "/status"));
        status.vmData().ifPresent(n -> out.put(Facts.VM_DATA, n / 1024, p.directory() + "/status"));
        return LimitReport.of(out.build());
    }

    /** One process, and what it lives in. */
    Reading process(long pid) throws CannotException {
        Topic listeners = !Listeners.mayBeOf(proc.process(pid)) ? null
                : thorough || few(pid) ? Topic.OWN_LISTENERS : Topic.LISTENERS;
        Snapshot s = facts(pid, listeners);
        if (listeners == Topic.OWN_LISTENERS && s.listeners().stream().noneMatch(l -> l.pid() == pid)) {
            s = facts(pid, Topic.LISTENERS);
        }
        List<Listening> its = s.listeners().stream().filter(l -> l.pid() == pid).toList();
        long nobodys = s.listeners().stream().filter(l -> l.pid() == 0).count();
        s = s.toBuilder().listeners(its).build();
        LimitReport report = LimitReport.of(s);
        if (its.isEmpty() && nobodys > 0) {
            report = report.and(new LimitReport(List.of(), List.of(new Unread("accept-queue-full", "accept queues",
                    "whose " + nobodys + " of the listeners here are, only the same user or CAP_SYS_PTRACE may see;"
                            + " --listen PORT tells of any")),
                    List.of()));
        }
        return new Reading("Process " + pid + command(s) + kernel(s) + "; the nearest limit first.", s, report);
    }

    /** The listeners of a port, and the process that has them. */
    Reading listener(int port) throws CannotException {
        Snapshot all = capture.machine(Question.empty(), EnumSet.of(Topic.LISTENERS));
        if (all.fact(Facts.LISTENERS).isEmpty()) {
            throw new CannotException("cannot ask for listeners: " + all.whyUnread(Facts.LISTENERS));
        }
        List<Listening> found = all.listeners().stream().filter(l -> l.address().endsWith(":" + port)).toList();
        if (found.isEmpty()) {
            throw new CannotException("nobody listens on port " + port + " in this network namespace"
                    + "\n  in another one: nsenter -t PID -n headroom check --listen " + port);
        }
        long pid = found.stream().mapToLong(Listening::pid).filter(p -> p != 0).findFirst().orElse(0);
        Snapshot s = (pid == 0 ? all : facts(pid, null)).toBuilder().listeners(found).build();
        String who = pid == 0 ? ", whose process only the same user or CAP_SYS_PTRACE may see"
                : " and process " + pid + command(s);
        return new Reading((found.size() == 1 ? "Listener " : "Listeners ")
                + String.join(", ", found.stream().map(Listening::address).distinct().toList()) + who + kernel(s)
                + "; the nearest limit first.", s, LimitReport.of(s));
    }

    private static String command(Snapshot s) {
        return s.text(Facts.COMMAND).map(c -> " (" + c + ")").orElse("");
    }

    /** @param listeners which of them, or null for none */
    private Snapshot facts(long pid, Topic listeners) throws CannotException {
        EnumSet<Topic> topics = EnumSet.of(Topic.MAPS, Topic.TASKS);
        long descriptors = thorough ? 0 : descriptors();
        if (descriptors <= QUICK) {
            topics.add(Topic.WATCHES);
        }
        try {
            if (listeners != null) {
                topics.add(listeners);
                if (thorough || few(pid)) {
                    topics.add(Topic.DESCRIPTORS);
                }
            }
            Snapshot s = capture.process(pid, Question.empty(), topics);
            if (LimitReport.portsMayBeShort(s)) {
                topics.add(Topic.SOCKETS);
                s = capture.process(pid, Question.empty(), topics);
            }
            if (descriptors <= QUICK) {
                return s;
            }
            String why = "not counted: "
                    + Values.text(descriptors, "descriptors on this machine would have to be looked"
                            + " at; --thorough does it");
            return s.toBuilder().unread(Facts.EPOLL_WATCHES_USER, why).unread(Facts.INOTIFY_INSTANCES_USER, why)
                    .unread(Facts.INOTIFY_WATCHES_USER, why).build();
        } catch (NoSuchFileException e) {
            throw new CannotException("there is no process " + pid + " here", e);
        }
    }

    /** Whether its descriptors can be looked at one by one: then a listener it shares with others is found too. */
    private boolean few(long pid) {
        try {
            OptionalLong count = proc.process(pid).fdCount();
            return count.isPresent() && count.getAsLong() <= QUICK;
        } catch (IOException e) {
            return false;
        }
    }

    private long descriptors() {
        try {
            return proc.fdCounts().values().stream().filter(OptionalLong::isPresent).mapToLong(OptionalLong::getAsLong)
                    .sum();
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }

    private static String kernel(Snapshot s) {
        return s.text(Facts.KERNEL).map(k -> ", Linux " + k).orElse("");
    }
}
