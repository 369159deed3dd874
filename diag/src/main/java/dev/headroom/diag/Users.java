package dev.headroom.diag;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.headroom.proc.Descriptor;
import dev.headroom.proc.FdKind;
import dev.headroom.proc.Namespace;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Status;

/**
 * What the kernel counts for each user and exports for none: summed up over all processes that can be seen. Processes of
 * other PID namespaces and those that may not be read are missing, which the source says.
 */
final class Users {
    /** Pages of a pipe that nobody has resized. */
    private static final int PIPE_PAGES = 16;
    private static final int RESERVED_PIDS = 300;

    /** What fdinfo tells, not the descriptor itself. */
    private static final Set<String> INFO = Set.of(Facts.INOTIFY_WATCHES_USER, Facts.EPOLL_WATCHES_USER,
            Facts.FANOTIFY_MARKS_USER, Facts.UNIX_IN_FLIGHT_USER);

    private final ProcFs proc;
    private final ProcPid process;
    private final Status.Ids uid;
    private final boolean files;
    private long tasks;
    private long processes;
    private long inotify;
    private long inotifyWatches;
    private long epollWatches;
    private long fanotify;
    private long fanotifyMarks;
    private long rings;
    private final Set<Long> pipes = new HashSet<>();
    private Set<Long> unix = Set.of();
    private final Map<Long, Long> inFlight = new HashMap<>();
    private long closed;
    private long numbersFrom300;
    private long numbers;
    private long highest;
    private long inChildrenNamespace;
    private Optional<Namespace> own = Optional.empty();

    /** @param files whether their descriptors are looked at, one readlink each */
    Users(ProcFs proc, ProcPid process, Status.Ids uid, boolean files) {
        this.proc = proc;
        this.process = process;
        this.uid = uid;
        this.files = files;
    }

    void read(Sheet out) {
        boolean shared = shares("pid");
        out.put(Facts.PIDNS_SHARED, shared ? "yes" : "no", process.directory() + "/ns/pid");
        Optional<Namespace> children = namespace(process, "pid_for_children");
        if (files) {
            try {
                unix = process.net().unixInodes();
            } catch (IOException e) {
                out.unread(Sheet.why(e), Facts.UNIX_IN_FLIGHT_USER);
            }
        }
        own = shared ? Optional.empty() : namespace(process, "pid");
        try {
            for (int pid : proc.pids()) {
                ProcPid p = proc.process(pid);
                try {
                    one(pid, p, shared, children);
                } catch (AccessDeniedException e) {
                    closed++;
                } catch (NoSuchFileException e) {
                    // it has ended meanwhile
                }
            }
        } catch (IOException e) {
            out.unread(Sheet.why(e), Facts.TASKS_USER, Facts.INOTIFY_INSTANCES_USER, Facts.INOTIFY_WATCHES_USER,
                    Facts.EPOLL_WATCHES_USER, Facts.PIDS_FROM_300, Facts.PIDNS_TASKS);
            return;
        }
        out.put(Facts.TASKS_USER, tasks, "/proc/*/status (" + processes + " processes)");
        if (shared || highest > 0) {
            String source = shared ? "/proc/*/task" : "/proc/*/task/*/status (NSpid)";
            out.put(Facts.PIDS_FROM_300, numbersFrom300, source);
            out.put(Facts.PIDNS_TASKS, numbers, source);
            if (!shared) {
                out.put(Facts.PIDNS_HIGHEST, highest, source);
            }
        } else {
            out.unread("of another PID namespace: run headroom in it", Facts.PIDS_FROM_300, Facts.PIDNS_TASKS);
        }
        if (children.isPresent()) {
            out.put(Facts.PIDNS_CHILDREN_TASKS, inChildrenNamespace, "/proc/*/ns/pid");
        } else {
            out.unread(process.directory() + "/ns/pid_for_children needs the same user, or CAP_SYS_PTRACE",
                    Facts.PIDNS_CHILDREN_TASKS);
        }
        if (files) {
            files(out);
        }
    }

    private void files(Sheet out) {
        String[] names = {Facts.INOTIFY_INSTANCES_USER, Facts.INOTIFY_WATCHES_USER, Facts.EPOLL_WATCHES_USER,
                Facts.FANOTIFY_GROUPS_USER, Facts.FANOTIFY_MARKS_USER, Facts.IO_URING_USER, Facts.PIPE_PAGES_USER,
                Facts.UNIX_IN_FLIGHT_USER};
        long[] values = {inotify, inotifyWatches, epollWatches, fanotify, fanotifyMarks, rings,
                (long) pipes.size() * PIPE_PAGES, inFlight.values().stream().mapToLong(Long::longValue).sum()};
        long sum = 0;
        for (long value : values) {
            sum += value;
        }
        if (closed > 0 && sum == 0) {
            out.unread("the descriptors of " + (closed == 1 ? "a process" : closed + " processes")
                    + " need the same user, or CAP_SYS_PTRACE", names);
            return;
        }
        String rest = closed == 0 ? "" : " (" + closed + " unreadable)";
        for (int i = 0; i < names.length; i++) {
            out.put(names[i], values[i], (INFO.contains(names[i]) ? "/proc/*/fdinfo" : "/proc/*/fd") + rest);
        }
    }

    private void one(int pid, ProcPid p, boolean shared, Optional<Namespace> children) throws IOException {
        Status.Owner s = p.owner();
        if (s.uid().real() == uid.real()) {
            tasks += s.threads();
            processes++;
        }
        if (shared) {
            numbers += s.threads();
            // Numbers are given in ascending order, and from 300 again after the last (kernel/pid.c RESERVED_PIDS): none
            // of its threads has a lower one.
            numbersFrom300 += pid >= RESERVED_PIDS ? s.threads()
                    : Arrays.stream(p.tids()).filter(tid -> tid >= RESERVED_PIDS).count();
        }
        if (own.isPresent() && namespace(p, "pid").equals(own)) {
            for (int tid : p.tids()) {
                int inside = p.task(tid).status().nsPid().getLast();
                numbers++;
                numbersFrom300 += inside >= RESERVED_PIDS ? 1 : 0;
                highest = Math.max(highest, inside);
            }
        }
        if (children.isPresent() && namespace(p, "pid").equals(children)) {
            inChildrenNamespace++;
        }
        boolean effective = s.uid().effective() == uid.effective();
        boolean real = s.uid().real() == uid.real();
        if (files && (effective || real)) {
            descriptors(p, effective, real);
        }
    }

    private void descriptors(ProcPid p, boolean effective, boolean real) throws IOException {
        List<Descriptor> watching = new ArrayList<>();
        boolean[] hidden = new boolean[1];
        p.eachDescriptor(d -> {
            switch (d.kind()) {
                case UNREADABLE -> hidden[0] = true;
                case INOTIFY, EVENTPOLL, FANOTIFY -> watching.add(d);
                case IO_URING -> rings += real ? 1 : 0;
                case SOCKET -> {
                    if (real && d.inode().isPresent() && unix.contains(d.inode().getAsLong())) {
                        watching.add(d);
                    }
                }
                case PIPE -> {
                    if (real) {
                        d.inode().ifPresent(pipes::add);
                    }
                }
                default -> {
                }
            }
        });
        closed += hidden[0] ? 1 : 0;
        for (Descriptor d : watching) {
            try {
                if (d.kind() == FdKind.FANOTIFY) {
                    fanotify += effective ? 1 : 0;
                    fanotifyMarks += effective ? marks(p, d.fd()) : 0;
                } else if (d.kind() == FdKind.SOCKET) {
                    // Since 5.5; a socket may have several descriptors.
                    inFlight.put(d.inode().getAsLong(), number(p, d.fd(), "scm_fds:"));
                } else if (d.kind() == FdKind.INOTIFY) {
                    inotify += effective ? 1 : 0;
                    inotifyWatches += effective ? p.fdInfo(d.fd(), 0).inotifyCount() : 0;
                } else {
                    epollWatches += real ? p.fdInfo(d.fd(), 0).epollCount() : 0;
                }
            } catch (NoSuchFileException e) {
                // closed meanwhile
            }
        }
    }

    private static long number(ProcPid p, int fd, String label) throws IOException {
        try (Stream<String> lines = info(p, fd)) {
            return lines.filter(l -> l.startsWith(label)).mapToLong(l -> Long.parseLong(l.substring(label.length())
                    .strip())).sum();
        }
    }

    private static Stream<String> info(ProcPid p, int fd) throws IOException {
        return Files.lines(p.directory().resolve("fdinfo").resolve(Integer.toString(fd)), StandardCharsets.ISO_8859_1);
    }

    private static long marks(ProcPid p, int fd) throws IOException {
        try (Stream<String> lines = info(p, fd)) {
            return lines.filter(l -> l.startsWith("fanotify ino:") || l.startsWith("fanotify mnt_id:")
                    || l.startsWith("fanotify sdev:")).count();
        }
    }

    private boolean shares(String name) {
        try {
            return process.sharesNamespace(name).orElse(true);
        } catch (IOException e) {
            return true;
        }
    }

    private static Optional<Namespace> namespace(ProcPid p, String name) {
        try {
            return Optional.of(p.namespace(name));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
