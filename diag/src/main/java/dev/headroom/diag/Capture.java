package dev.headroom.diag;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import dev.headroom.proc.CgroupWalk;
import dev.headroom.proc.Counters;
import dev.headroom.proc.Descriptor;
import dev.headroom.proc.DescriptorTable;
import dev.headroom.proc.FdKind;
import dev.headroom.proc.KernelVersion;
import dev.headroom.proc.Limits;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Status;

/**
 * Reads the facts of a process, its machine, network namespace and cgroup. What cannot be read becomes a reason in
 * words, never a failure: only a process that does not exist is one.
 *
 * <p>It opens one file at a time, so that it also works where few descriptors are left: three suffice.
 */
public final class Capture {
    /** What costs more than a few small files, and is read only when it can tell something. */
    public enum Topic {
        /** Kinds and targets of the process's descriptors: a readlink for each. */
        DESCRIPTORS,
        /** Inotify and epoll watches and the like of all processes of the user: a readlink for each descriptor. */
        WATCHES,
        /** Tasks of all processes of the user. */
        TASKS,
        /** Mappings of the process. */
        MAPS,
        /** Listening TCP sockets with their queues, and who has them: where that is another process, all are looked at. */
        LISTENERS,
        /** Listening TCP sockets with their queues; of those of other processes it stays unknown who has them. */
        OWN_LISTENERS,
        /** TCP connections of the network namespace, and who has which port. */
        SOCKETS;

        public static Set<Topic> all() {
            return EnumSet.allOf(Topic.class);
        }

        /** What can tell something about a question. */
        public static Set<Topic> of(Question q) {
            Set<Topic> topics = EnumSet.of(DESCRIPTORS);
            topics.addAll(q.errno().map(e -> switch (e) {
                case EMFILE, ENFILE -> q.call().startsWith("accept") ? EnumSet.of(LISTENERS)
                        : WATCHING.contains(q.call()) ? EnumSet.of(WATCHES) : EnumSet.noneOf(Topic.class);
                case ENOSPC, EPERM, ETOOMANYREFS -> EnumSet.of(WATCHES);
                case EAGAIN, ENOMEM -> EnumSet.of(TASKS, MAPS, WATCHES, LISTENERS, SOCKETS);
                case EADDRNOTAVAIL, EADDRINUSE, ETIMEDOUT, ECONNREFUSED, ECONNRESET, ENETUNREACH, EHOSTUNREACH, EACCES,
                        EINVAL, ENOPROTOOPT, ENOBUFS ->
                    EnumSet.of(LISTENERS, SOCKETS);
                default -> EnumSet.noneOf(Topic.class);
            }).orElse(EnumSet.of(LISTENERS, SOCKETS)));
            return topics;
        }

        /** EMFILE and ENFILE of these may be quotas of the user. */
        private static final Set<String> WATCHING = Set.of("", "inotify_init1", "inotify_init", "fanotify_init", "pipe",
                "pipe2", "mq_open", "io_uring_register");
    }

    private static final List<String> MACHINE = List.of("fs.nr_open", "fs.file-max", "fs.epoll.max_user_watches",
            "fs.inotify.max_user_instances", "fs.inotify.max_user_watches", "fs.inotify.max_queued_events",
            "fs.fanotify.max_user_groups", "fs.fanotify.max_user_marks", "fs.pipe-max-size", "fs.pipe-user-pages-hard",
            "fs.pipe-user-pages-soft", "fs.aio-max-nr", "fs.aio-nr", "fs.mqueue.queues_max", "fs.mqueue.msg_max",
            "fs.mqueue.msgsize_max", "fs.mount-max", "kernel.threads-max", "kernel.pid_max", "kernel.dmesg_restrict",
            "kernel.io_uring_disabled", "kernel.io_uring_group", "kernel.perf_event_paranoid",
            "kernel.perf_event_mlock_kb", "kernel.pty.nr", "kernel.pty.max", "kernel.pty.reserve", "kernel.sem",
            "kernel.shmmni", "kernel.shmall", "kernel.shmmax", "kernel.msgmni", "kernel.keys.maxkeys",
            "kernel.keys.maxbytes", "kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes", "vm.max_map_count",
            "vm.overcommit_memory", "vm.overcommit_ratio", "vm.overcommit_kbytes", "vm.nr_hugepages",
            "vm.admin_reserve_kbytes", "vm.user_reserve_kbytes", "user.max_inotify_instances",
            "user.max_inotify_watches", "user.max_fanotify_groups", "user.max_fanotify_marks",
            "user.max_user_namespaces", "user.max_pid_namespaces", "user.max_net_namespaces",
            "user.max_mnt_namespaces", "user.max_ipc_namespaces", "user.max_uts_namespaces",
            "user.max_cgroup_namespaces", "user.max_time_namespaces");
    private static final int TARGETS = 6;
    /** Programs with private tables have few threads. */
    private static final int MOST_THREADS = 4096;
    private static final String NO_PROCESS = "no process was named";

    private final ProcFs proc;
    private final LongSupplier clock;

    /** Of this machine. */
    public Capture() {
        this(new ProcFs(), System::currentTimeMillis);
    }

    /**
     * Of another /proc.
     *
     * @param proc where to read
     * @param clock milliseconds since 1970
     */
    public Capture(ProcFs proc, LongSupplier clock) {
        this.proc = proc;
        this.clock = clock;
    }

    /** The machine only: which process is meant is not known. Network facts are those of the reader's namespace. */
    public Snapshot machine(Question question, Set<Topic> topics) {
        Sheet out = new Sheet(clock.getAsLong());
        machine(out);
        out.unread(NO_PROCESS, Facts.PID, Facts.COMMAND, Facts.FD_USED, Facts.FD_USED_BELOW_SOFT, Facts.FD_LOWEST_FREE,
                Facts.limitSoft("nofile"), Facts.limitHard("nofile"), Facts.limitSoft("nproc"), Facts.CAP_EFF,
                Facts.EUID, Facts.RUID, Facts.USERNS_INITIAL);
        new Network(proc, proc.self(), "reader", question, topics, new long[0]).read(out);
        return out.done();
    }

    /**
     * A process, and what it lives in.
     *
     * @param question what is asked: its addresses are looked up
     * @throws NoSuchFileException if there is no such process
     */
    public Snapshot process(long pid, Question question, Set<Topic> topics) throws NoSuchFileException {
        Sheet out = new Sheet(clock.getAsLong());
        ProcPid process = proc.process(pid);
        boolean self = pid == ProcessHandle.current().pid();
        out.put(Facts.PID, pid, process.directory().toString());
        Status status = null;
        try {
            status = process.status();
        } catch (NoSuchFileException e) {
            throw e;
        } catch (IOException e) {
            out.unread(Sheet.why(e), Facts.COMMAND, Facts.EUID, Facts.RUID, Facts.CAP_EFF, Facts.THREADS, Facts.FDSIZE,
                    Facts.VM_SIZE, Facts.VM_LCK, Facts.VM_DATA, Facts.SIGQ_QUEUED);
        }
        if (status != null) {
            status(out, status, process.directory().resolve("status").toString());
        }
        OptionalLong soft = limits(out, process);
        identity(out, process);
        long[] sockets = descriptors(out, fullest(process), self, soft, topics.contains(Topic.DESCRIPTORS));
        if (topics.contains(Topic.MAPS)) {
            out.attempt(() -> out.put(Facts.MAP_COUNT, process.maps().mapCount(), process.directory() + "/maps"),
                    Facts.MAP_COUNT);
        }
        out.attempt(() -> out.put(Facts.MOUNTS, process.mountinfo().size(), process.directory() + "/mountinfo"),
                Facts.MOUNTS);
        machine(out);
        cgroup(out, "pids", process);
        cgroup(out, "memory", process);
        new Network(proc, process, self ? "self" : "proc-pid-net", question, topics, sockets).read(out);
        if (status != null) {
            quotas(out, status.uid().real());
            if (topics.contains(Topic.WATCHES) || topics.contains(Topic.TASKS)) {
                new Users(proc, process, status.uid(), topics.contains(Topic.WATCHES)).read(out);
            }
        }
        return out.done();
    }

    /** What System V IPC, POSIX message queues and key rings show of themselves. */
    private static void quotas(Sheet out, long uid) {
        for (String kind : List.of("msg", "sem", "shm")) {
            String file = "/proc/sysvipc/" + kind;
            out.attempt(() -> {
                try (Stream<String> lines = Files.lines(Path.of(file))) {
                    out.put(Facts.sysvipc(kind), lines.count() - 1, file);
                }
            }, Facts.sysvipc(kind));
        }
        out.attempt(() -> {
            long all = 0;
            long own = 0;
            try (var queues = Files.newDirectoryStream(Path.of("/dev/mqueue"))) {
                for (Path queue : queues) {
                    all++;
                    own += Files.getAttribute(queue, "unix:uid") instanceof Integer owner && owner == uid ? 1 : 0;
                }
            }
            out.put(Facts.MQ_QUEUES, all, "/dev/mqueue").put(Facts.MQ_QUEUES_USER, own, "/dev/mqueue");
        }, Facts.MQ_QUEUES, Facts.MQ_QUEUES_USER);
        out.attempt(() -> {
            try (Stream<String> lines = Files.lines(Path.of("/proc/key-users"))) {
                lines.map(l -> KEYS.matcher(l)).filter(m -> m.matches() && m.group(1).equals(Long.toString(uid)))
                        .forEach(m -> out.put(Facts.KEYS_USER, m.group(2), "/proc/key-users"));
            }
        }, Facts.KEYS_USER);
    }

    /** "1000: 84 83/83 76/200 1800/20000": usage, keys, keys against the quota, bytes against it. */
    private static final Pattern KEYS = Pattern.compile("\\s*(\\d+):\\s+\\d+\\s+\\d+/\\d+\\s+(\\d+)/.*");

    private static void status(Sheet out, Status s, String file) {
        out.put(Facts.COMMAND, s.name(), file).put(Facts.EUID, s.uid().effective(), file)
                .put(Facts.RUID, s.uid().real(), file).put(Facts.RGID, s.gid().real(), file)
                .put(Facts.CAP_EFF, String.format(Locale.ROOT, "%016x", s.capEff()), file)
                .put(Facts.THREADS, s.threads(), file).put(Facts.FDSIZE, s.fdSize(), file)
                .put(Facts.SIGQ_QUEUED, s.sigQ().queued(), file);
        s.seccomp().ifPresent(v -> out.put(Facts.SECCOMP, v, file));
        s.vmSize().ifPresent(v -> out.put(Facts.VM_SIZE, v / 1024, file));
        s.vmLck().ifPresent(v -> out.put(Facts.VM_LCK, v / 1024, file));
        s.vmData().ifPresent(v -> out.put(Facts.VM_DATA, v / 1024, file));
    }

    /** @return the soft limit of descriptors */
    private static OptionalLong limits(Sheet out, ProcPid process) {
        String file = process.directory().resolve("limits").toString();
        try {
            Limits limits = process.limits();
            for (Map.Entry<Limits.Resource, Limits.Limit> e : limits.limits().entrySet()) {
                String name = e.getKey().name().substring("RLIMIT_".length()).toLowerCase(Locale.ROOT);
                out.put(Facts.limitSoft(name), Limits.format(e.getValue().soft()), file);
                out.put(Facts.limitHard(name), Limits.format(e.getValue().hard()), file);
            }
            long soft = limits.get(Limits.Resource.RLIMIT_NOFILE).soft();
            return OptionalLong.of(soft < 0 ? Long.MAX_VALUE : soft);
        } catch (IOException e) {
            out.unread(Sheet.why(e), Facts.limitSoft("nofile"), Facts.limitHard("nofile"));
            return OptionalLong.empty();
        }
    }

    /** Namespaces, and what started it: told from its cgroup. */
    private void identity(Sheet out, ProcPid process) {
        out.attempt(() -> {
            boolean identity = process.uidMap().isIdentity();
            boolean same = process.sharesNamespace("user").orElse(true);
            // The reader may itself be in a nested namespace: a map of its own is no identity, whatever it shares.
            out.put(Facts.USERNS_INITIAL, identity && (same || !proc.self().uidMap().isIdentity()) ? "yes" : "no",
                    process.directory() + "/uid_map");
        }, Facts.USERNS_INITIAL);
        out.attempt(() -> out.put(Facts.USERNS, process.namespace("user").toString(), process.directory() + "/ns/user"),
                Facts.USERNS);
        Path label = process.directory().resolve("attr/current");
        try {
            String text = Files.readString(label).replace("\0", "").strip();
            out.put(Facts.LSM_LABEL, text.isEmpty() ? "none" : text, label.toString());
        } catch (AccessDeniedException e) {
            out.unread(Sheet.why(e), Facts.LSM_LABEL);
        } catch (IOException e) {
            // EINVAL: no security module answers.
            out.put(Facts.LSM_LABEL, "none", label.toString());
        }
        out.attempt(() -> {
            String file = process.directory() + "/cgroup";
            for (var membership : process.cgroups()) {
                Origin origin = Origin.of(membership.path());
                origin.container().ifPresent(c -> out.put(Facts.CONTAINER, c, file));
                origin.unit().ifPresent(u -> out.put(Facts.UNIT, u, file));
            }
        }, Facts.UNIT, Facts.CONTAINER);
    }

    /**
     * The process, or the thread of it whose own descriptor table (unshare with CLONE_FILES) holds most: that one will
     * be, or is, the first to be full. Threads that share the process's table have the same count, so any will do.
     */
    private static ProcPid fullest(ProcPid process) {
        ProcPid fullest = process;
        try {
            long most = process.fdCount().orElse(Long.MAX_VALUE);
            int[] tids = most == Long.MAX_VALUE ? new int[0] : process.tids();
            for (int tid : tids.length > MOST_THREADS ? new int[0] : tids) {
                long count = process.task(tid).fdCount().orElse(0);
                if (count > most) {
                    most = count;
                    fullest = process.task(tid);
                }
            }
        } catch (IOException e) {
            // A thread has ended, or may not be looked at: the process itself is left.
        }
        return fullest;
    }

    /** @return the inodes of its sockets, ascending, as far as they are known */
    private static long[] descriptors(Sheet out, ProcPid process, boolean self, OptionalLong soft, boolean kinds) {
        String fd = process.directory().resolve("fd").toString();
        try {
            var table = new DescriptorTable.Builder();
            LongStream.Builder sockets = LongStream.builder();
            if (self || kinds) {
                process.eachDescriptor(d -> {
                    // Reading one's own table takes descriptors while it lasts, and they are in it.
                    if (!self || !d.target().endsWith("/fd") || !d.target().startsWith("/proc/")) {
                        table.add(d);
                        if (d.kind() == FdKind.SOCKET) {
                            d.inode().ifPresent(sockets);
                        }
                    }
                });
            } else {
                for (int n : process.fdNumbers()) {
                    table.add(new Descriptor(n, FdKind.UNREADABLE, ""));
                }
            }
            DescriptorTable all = table.build();
            out.put(Facts.FD_USED, all.count(), fd);
            out.put(Facts.FD_LOWEST_FREE, all.lowestFree(), fd);
            soft.ifPresent(limit -> out.put(Facts.FD_USED_BELOW_SOFT, all.usedBelow(limit), fd));
            if (kinds || self) {
                if (all.count(FdKind.UNREADABLE) == 0) {
                    out.put(Facts.FD_INOTIFY, all.count(FdKind.INOTIFY), fd);
                } else {
                    out.unread(fd + "/N needs the same user, or CAP_SYS_PTRACE", Facts.FD_INOTIFY);
                }
                out.builder().holders(holders(all));
            }
            return sockets.build().sorted().toArray();
        } catch (IOException e) {
            out.unread(Sheet.why(e), Facts.FD_USED_BELOW_SOFT, Facts.FD_LOWEST_FREE, Facts.FD_INOTIFY);
            out.attempt(() -> process.fdCount().ifPresentOrElse(
                    n -> out.put(Facts.FD_USED, n, "stat(" + fd + ").st_size"),
                    () -> out.unread("needs the same user or CAP_SYS_PTRACE, or Linux 6.2", Facts.FD_USED)),
                    Facts.FD_USED);
            return new long[0];
        }
    }

    /** Kinds, and the paths that many descriptors share. */
    private static List<Snapshot.Holder> holders(DescriptorTable table) {
        List<Snapshot.Holder> all = new ArrayList<>();
        Map<FdKind, Integer> kinds = new EnumMap<>(FdKind.class);
        kinds.putAll(table.kinds());
        kinds.forEach((kind, count) -> all.add(new Snapshot.Holder(kind.name().toLowerCase(Locale.ROOT), count)));
        for (DescriptorTable.Target t : table.topTargets(TARGETS)) {
            if (t.count() > 1) {
                all.add(new Snapshot.Holder(t.target(), t.count()));
            }
        }
        all.sort((a, b) -> Long.compare(b.count(), a.count()));
        return all;
    }

    private void machine(Sheet out) {
        out.attempt(() -> out.put(Facts.KERNEL, proc.kernelVersion().release(), "/proc/sys/kernel/osrelease"),
                Facts.KERNEL);
        out.attempt(() -> out.put(Facts.FILE_NR_ALLOCATED, proc.fileNr().allocated(), "/proc/sys/fs/file-nr"),
                Facts.FILE_NR_ALLOCATED);
        out.attempt(() -> out.put(Facts.TASKS_MACHINE, proc.loadavg().threads(), "/proc/loadavg"),
                Facts.TASKS_MACHINE);
        out.attempt(() -> proc.meminfo().values().forEach((name, value) -> out.put(Facts.meminfo(name),
                name.startsWith("HugePages_") ? value : value / 1024, "/proc/meminfo")), Facts.meminfo("MemTotal"));
        out.attempt(() -> proc.vmstat().get("oom_kill")
                .ifPresent(v -> out.put(Facts.counter("vmstat.oom_kill"), v, "/proc/vmstat")),
                Facts.counter("vmstat.oom_kill"));
        for (String name : MACHINE) {
            out.sysctl(proc, name);
        }
    }

    private static void cgroup(Sheet out, String controller, ProcPid process) {
        String max = Facts.cgroup(controller, "max");
        try {
            Optional<CgroupWalk> found = controller.equals("pids") ? process.cgroupPids() : process.cgroupMemory();
            if (found.isEmpty()) {
                out.unread("the controller is not in use here", max);
                return;
            }
            CgroupWalk walk = found.get();
            String where = "cgroup " + controller + " ";
            out.put(Facts.cgroup(controller, "version"), walk.version(), where + walk.path());
            out.put(Facts.cgroup(controller, "complete"), walk.complete() ? "yes" : "no", where + walk.path());
            CgroupWalk.Level level = walk.tightest()
                    .orElse(walk.levels().isEmpty() ? null : walk.levels().getFirst());
            if (level == null) {
                out.unread("its cgroup " + walk.path() + " cannot be seen from here", max);
                return;
            }
            where += level.path();
            out.put(Facts.cgroup(controller, "path"), level.path(), where);
            String source = where;
            level.max().ifPresentOrElse(
                    v -> out.put(max, v == CgroupWalk.MAX ? "unlimited" : Long.toString(v), source),
                    () -> out.put(max, "unlimited", source));
            number(out, controller, "high", level.high(), source);
            number(out, controller, "current", level.current(), source);
            number(out, controller, "peak", level.peak(), source);
            number(out, controller, "failcnt", level.failcnt(), source);
            // Before 6.11 and in v1, pids.events counts in the cgroup that forked, not in the one whose limit it was.
            Counters events = level.events();
            if (controller.equals("pids") && walk.levels().stream().allMatch(l -> l.eventsLocal().values().isEmpty())) {
                Counters own = walk.levels().getFirst().events();
                events = own.getOrZero("max") > events.getOrZero("max") ? own : events;
            }
            OptionalLong hit = events.get("max").isPresent() ? events.get("max") : level.failcnt();
            hit.ifPresent(v -> out.put(Facts.cgroup(controller, "events"), v, source));
            events.values().forEach((n, v) -> out.put(Facts.cgroup(controller, "events." + n), v, source));
            level.eventsLocal().values()
                    .forEach((n, v) -> out.put(Facts.cgroup(controller, "events.local." + n), v, source));
            level.stat().values().forEach((n, v) -> {
                if (MEMORY_STAT.contains(n)) {
                    out.put(Facts.cgroup(controller, "stat." + n), v, source);
                }
            });
        } catch (IOException e) {
            out.unread(Sheet.why(e), max, Facts.cgroup(controller, "current"));
        }
    }

    private static final Set<String> MEMORY_STAT = Set.of("anon", "file", "kernel", "kernel_stack", "sock", "shmem",
            "slab", "rss", "cache", "total_rss", "total_cache", "memory.kmem.usage_in_bytes",
            "memory.kmem.tcp.usage_in_bytes");

    private static void number(Sheet out, String controller, String name, OptionalLong value, String source) {
        value.ifPresent(v -> out.put(Facts.cgroup(controller, name), v == CgroupWalk.MAX ? "unlimited"
                : Long.toString(v), source));
    }

    /** What is to be known of the process that another one's prlimit(2) was to change. */
    public List<Fact> target(long pid) {
        Sheet out = new Sheet(clock.getAsLong());
        String file = proc.process(pid).directory().resolve("status").toString();
        try {
            Status s = proc.process(pid).status();
            out.put(Facts.TARGET_EXISTS, "yes", file);
            out.put(Facts.TARGET_UIDS, s.uid().real() + " " + s.uid().effective() + " " + s.uid().saved(), file);
            out.put(Facts.TARGET_GIDS, s.gid().real() + " " + s.gid().effective() + " " + s.gid().saved(), file);
        } catch (NoSuchFileException e) {
            out.put(Facts.TARGET_EXISTS, "no", file);
        } catch (IOException e) {
            out.unread(Sheet.why(e), Facts.TARGET_EXISTS);
        }
        return List.copyOf(out.done().facts().values());
    }

    /** The release of the running kernel; empty if it cannot be read. */
    public Optional<KernelVersion> kernel() {
        try {
            return Optional.of(proc.kernelVersion());
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
