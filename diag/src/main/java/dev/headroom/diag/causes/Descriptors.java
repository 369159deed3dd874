package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EBADF;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.EMFILE;
import static dev.headroom.linux.Errno.ENFILE;
import static dev.headroom.linux.Errno.ENOBUFS;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.EPERM;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;

/** Why a descriptor, or the file behind it, could not be made. */
final class Descriptors {
    private static final Set<String> MAKE_TWO = Set.of("pipe", "pipe2", "socketpair");
    private static final Set<String> SOCKETS = Set.of("socket", "socketpair", "connect", "accept", "accept4");
    private static final String SOFT = Facts.limitSoft("nofile");
    private static final String NR_OPEN = Facts.sysctl("fs.nr_open");
    private static final String FILE_MAX = Facts.sysctl("fs.file-max");
    private static final String UNIX = Facts.protocol("UNIX", "sockets");
    private static final String UNIX_STREAM = Facts.protocol("UNIX-STREAM", "sockets");
    private static final String PIPE_HARD = Facts.sysctl("fs.pipe-user-pages-hard");
    private static final String PIPE_SOFT = Facts.sysctl("fs.pipe-user-pages-soft");
    /** INT_MAX / 8: the kernel allocates no larger table. */
    private static final long MOST_SLOTS = Integer.MAX_VALUE / 8;
    /** A default queue of 10 messages of 8192 bytes, with the kernel's 96 bytes a message. */
    private static final long DEFAULT_QUEUE = 10 * (8192 + 96);

    private static final Gauge FILES = new Gauge(Facts.FILE_NR_ALLOCATED, FILE_MAX,
            c -> "file descriptions of the machine");
    private static final Gauge PIPE_PAGES = new Gauge(Facts.PIPE_PAGES_USER, PIPE_HARD,
            c -> "pipe pages of " + Say.realUser(c));

    static final List<Cause> ALL = List.of(nofileSoft(), nrOpenCap(), fdtableIntMax(), mqBytes(), ioUringRegFiles(),
            fdNumberOverSoft(), fileMax(), unixSocketCap(), pipePagesHard(), allocInode(), ioUringDirectSlots(),
            slabOrMemcg(), skAlloc(), optmem(), pipeSize());

    private Descriptors() {
    }

    private static Cause nofileSoft() {
        return Row.of("nofile-soft", EMFILE)
                .rule("fs/file.c alloc_fd: EMFILE when the lowest free number is not below the soft RLIMIT_NOFILE; "
                        + "numbers count, not descriptors (all versions)")
                .evidence(SOFT, Facts.limitHard("nofile"), Facts.FD_USED, Facts.FD_USED_BELOW_SOFT,
                        Facts.FD_LOWEST_FREE, Facts.FDSIZE)
                .remedies(Descriptors::raised)
                .dont("Do not raise fs.file-max: it bounds the machine's open files and shows as ENFILE, not EMFILE.",
                        "Do not edit limits.conf for a systemd unit or a container: neither reads it.",
                        "Do not raise the limit of your shell for a daemon that runs: it keeps what it was started "
                                + "with.",
                        "Do not set infinity or a high soft limit for everything: a program that uses select() breaks "
                                + "above 1024.")
                .next("Calls that make a descriptor go on failing; accept4 fails even when nobody waits.",
                        "A level-triggered epoll loop spins, for the connection stays in the queue.",
                        "The accept queue fills to backlog + 1, then SYNs are dropped (ListenOverflows) and clients time out.")
                .provoked("6.18 by test")
                .judge(Descriptors::judgeNofile);
    }

    /** How the numbers below the soft limit are used; the question that the siblings of nofile-soft ask too. */
    static Gauge.Fill nofile(Case c) {
        long wanted = MAKE_TWO.contains(c.question().call()) ? 2 : 1;
        OptionalLong soft = c.number(SOFT);
        OptionalLong below = c.number(Facts.FD_USED_BELOW_SOFT);
        if (below.isPresent() && soft.isPresent()) {
            return Gauge.fill(below, soft, wanted);
        }
        OptionalLong lowest = c.number(Facts.FD_LOWEST_FREE);
        if (lowest.isPresent() && soft.isPresent() && lowest.getAsLong() >= soft.getAsLong()) {
            return Gauge.Fill.FULL;
        }
        Gauge.Fill fill = Gauge.fill(c.number(Facts.FD_USED), soft, wanted);
        // A mere count may include numbers above a limit that was lowered, unless the table has no slot for them.
        boolean allBelow = c.number(Facts.FDSIZE).orElse(Long.MAX_VALUE) <= soft.orElse(0);
        return fill == Gauge.Fill.FULL && !allBelow ? Gauge.Fill.NEAR : fill;
    }

    private static Finding judgeNofile(Case c) {
        String of = "descriptors of " + Say.process(c);
        OptionalLong soft = c.number(SOFT);
        OptionalLong used = c.number(Facts.FD_USED_BELOW_SOFT).isPresent() ? c.number(Facts.FD_USED_BELOW_SOFT)
                : c.number(Facts.FD_USED);
        return switch (nofile(c)) {
            case FULL -> {
                long n = used.orElse(soft.getAsLong());
                if (n < soft.getAsLong()) {
                    yield Finding.confirmed(n + " of " + soft.getAsLong() + " " + of + " are in use, and "
                            + c.question().call() + " needs two");
                }
                String above = c.number(Facts.FD_USED).orElse(0) > soft.getAsLong()
                        ? Say.agree(", and %d more {has a number|have numbers} above a limit that was lowered",
                                c.number(Facts.FD_USED).getAsLong() - n)
                        : "";
                yield Finding.confirmed("all " + soft.getAsLong() + " " + of + " are in use" + above);
            }
            case NEAR -> Finding.possible(c.number(Facts.FD_USED_BELOW_SOFT).isPresent()
                    || used.getAsLong() < soft.getAsLong()
                            ? Gauge.of(used, soft, of) + " now; at the moment of the failure it may have been all"
                            : used.getAsLong() + " " + of + " are open and the limit is " + soft.getAsLong()
                                    + "; whether their numbers are below it, the same user or CAP_SYS_PTRACE could "
                                    + "tell");
            case CLEAR -> Finding.ruledOut(Gauge.of(used, soft, "descriptors"));
            case UNKNOWN -> Finding.unknown(soft.isEmpty() ? "the soft limit is missing: " + c.now().whyUnread(SOFT)
                    : "the number of " + of + " is missing: " + c.now().whyUnread(Facts.FD_USED));
        };
    }

    private static List<Remedy> raised(Case c) {
        long value = Math.max(65536, Say.roomier(c.number(SOFT).orElse(1024)));
        var all = new ArrayList<Remedy>();
        OptionalLong nrOpen = c.number(NR_OPEN);
        if (nrOpen.isPresent() && value > nrOpen.getAsLong()) {
            all.add(Remedy.now("first allow a limit above fs.nr_open", "sysctl -w fs.nr_open=" + value));
        }
        all.addAll(Remedies.limit(c, "nofile", value));
        return all;
    }

    private static Cause nrOpenCap() {
        return Row.of("nr-open-cap", EMFILE)
                .rule("fs/file.c expand_files, alloc_fdtable: a table does not grow beyond fs.nr_open, rounded down to "
                        + "64; one that has grown already is not affected (all versions)")
                .evidence(NR_OPEN, SOFT, Facts.FDSIZE, Facts.FD_USED)
                .remedies(c -> Remedies.sysctl("fs.nr_open", Math.max(1048576, c.number(SOFT).orElse(0))))
                .dont("Do not raise the limit of the process: it is not reached.")
                .next("A process started anew fails at the same number, one with a grown table goes on.")
                .provoked("6.1 by test in a guest")
                .judge(Descriptors::judgeNrOpen);
    }

    private static Finding judgeNrOpen(Case c) {
        OptionalLong nrOpen = c.number(NR_OPEN);
        OptionalLong soft = c.number(SOFT);
        if (nrOpen.isEmpty() || soft.isEmpty()) {
            return Finding.unknown("fs.nr_open or the soft limit is missing: " + c.now().whyUnread(NR_OPEN));
        }
        if (nrOpen.getAsLong() >= soft.getAsLong()) {
            return Finding.ruledOut("fs.nr_open is " + nrOpen.getAsLong() + ", not below the soft limit of "
                    + Say.number(soft.getAsLong()));
        }
        long cap = Math.max(nrOpen.getAsLong() / 64 * 64, c.number(Facts.FDSIZE).orElse(0));
        OptionalLong reached = c.number(Facts.FD_LOWEST_FREE).isPresent() ? c.number(Facts.FD_LOWEST_FREE)
                : c.number(Facts.FD_USED);
        String why = "its table ends at " + cap + " because fs.nr_open is " + nrOpen.getAsLong()
                + " while the soft limit is " + Say.number(soft.getAsLong());
        return switch (Gauge.fill(reached, OptionalLong.of(cap), 1)) {
            case FULL -> Finding.confirmed(Say.process(c) + " has no descriptor below " + cap + " free, and " + why);
            case NEAR ->
                Finding.possible(Say.process(c) + " uses " + Say.count(reached.getAsLong(), "descriptor") + " now, and "
                        + why);
            case CLEAR ->
                Finding.ruledOut(Say.agree("%d {descriptor is|descriptors are} in use and the table may have ",
                        reached.getAsLong()) + cap);
            case UNKNOWN -> Finding.unknown("the number of descriptors is missing: "
                    + c.now().whyUnread(Facts.FD_USED));
        };
    }

    private static Cause fdtableIntMax() {
        return Row.of("fdtable-int-max", EMFILE, EBADF)
                .rule("fs/file.c alloc_fdtable: no table of more than INT_MAX/8 = 268435455 slots (since 6.17 and in "
                        + "stable kernels of 2025; before: ENOMEM)")
                .evidence(Facts.FDSIZE, NR_OPEN, SOFT)
                .remedies(c -> List.of(Remedy.now("use numbers below 268435455; no setting raises this bound")))
                .dont("Do not raise fs.nr_open or the limit further: this bound is built in.")
                .next("Every number above fails the same way, with 8 bytes a slot already spent below it.")
                .provoked("6.1 by test in a guest")
                .judge(c -> {
                    boolean named = Set.of("dup2", "dup3", "fcntl").contains(c.question().call());
                    OptionalLong number = named && c.question().requested().isPresent() ? c.question().requested()
                            : c.number(Facts.FD_USED);
                    if (number.isEmpty()) {
                        return Finding.unknown("the number of descriptors is missing: "
                                + c.now().whyUnread(Facts.FD_USED));
                    }
                    long n = number.getAsLong();
                    return n >= MOST_SLOTS
                            ? Finding.confirmed("descriptor number " + n + " needs a table of more than " + MOST_SLOTS
                                    + " slots, which the kernel does not make")
                            : Finding.ruledOut(n + " is far below the " + MOST_SLOTS + " slots a table may have");
                });
    }

    private static Cause mqBytes() {
        String limit = Facts.limitSoft("msgqueue");
        return Row.of("mq-bytes", EMFILE).calls("mq_open")
                .rule("ipc/mqueue.c mqueue_get_inode: EMFILE when the bytes of the user's message queues would exceed "
                        + "the soft RLIMIT_MSGQUEUE (all versions)")
                .evidence(limit, Facts.MQ_QUEUES_USER)
                .remedies(c -> Remedies.limit(c, "msgqueue", Say.roomier(c.number(limit).orElse(819200))))
                .dont("Do not raise RLIMIT_NOFILE: a message queue takes one descriptor, and there is room.")
                .next("mq_open goes on failing until a queue is unlinked and closed.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong most = c.number(limit);
                    if (most.isPresent() && Say.unlimited(most.getAsLong())) {
                        return Finding.ruledOut("RLIMIT_MSGQUEUE is unlimited");
                    }
                    OptionalLong asked = c.question().requested();
                    if (most.isPresent() && asked.isPresent() && asked.getAsLong() > most.getAsLong()) {
                        return Finding.confirmed("a queue of " + asked.getAsLong()
                                + " bytes is more than RLIMIT_MSGQUEUE allows " + Say.realUser(c) + ": "
                                + most.getAsLong() + " bytes");
                    }
                    String bytes = most.isPresent() ? most.getAsLong() + " bytes of RLIMIT_MSGQUEUE"
                            : "RLIMIT_MSGQUEUE";
                    String holds = "the message queues of " + Say.realUser(c) + " leave no room for another in " + bytes
                            + c.number(Facts.MQ_QUEUES_USER).stream().filter(n -> n > 0)
                                    .mapToObj(n -> ": " + Say.count(n, "queue") + ", and a default"
                                            + " one takes " + DEFAULT_QUEUE)
                                    .findFirst().orElse("");
                    return otherThanNofile(c, holds, "the bytes of its message queues are not shown anywhere");
                });
    }

    /**
     * The errors of a call whose EMFILE has two reasons: where descriptors are free it is the other one.
     *
     * @param sentence the other reason
     * @param unseen what cannot be counted
     */
    static Finding otherThanNofile(Case c, String sentence, String unseen) {
        if (!Shapes.named(c)) {
            return Finding.unknown("which call failed would tell: " + unseen);
        }
        return switch (nofile(c)) {
            case CLEAR -> Finding.confirmed(sentence);
            case NEAR, UNKNOWN -> Finding.possible(sentence);
            case FULL -> Finding.ruledOut("no descriptor is free, and that is tested first");
        };
    }

    private static Cause ioUringRegFiles() {
        return Row.of("io-uring-reg-files", EMFILE).calls("io_uring_register")
                .rule("io_uring/rsrc.c io_sqe_files_register: EMFILE when the table has more entries than the soft "
                        + "RLIMIT_NOFILE (all versions)")
                .evidence(SOFT)
                .remedies(Descriptors::raised)
                .dont("Do not close descriptors: the length of the table counts, not what is open.")
                .next("The ring works on without registered files, a little slower.")
                .provoked("6.18 by test")
                .judge(c -> Shapes.requested(c, c.number(SOFT), n -> "a table of " + n + " registered files",
                        "the soft limit is " + Say.number(c.number(SOFT).orElse(-1))));
    }

    private static Cause fdNumberOverSoft() {
        return Row.of("fd-number-over-soft", EBADF, EINVAL).calls("dup2", "dup3", "fcntl")
                .rule("fs/file.c ksys_dup3, f_dupfd: a wanted number at or above the soft RLIMIT_NOFILE is EBADF for "
                        + "dup2 and dup3, EINVAL for F_DUPFD, never EMFILE (all versions)")
                .evidence(SOFT, Facts.limitHard("nofile"))
                .remedies(Descriptors::raised)
                .dont("Do not look for a closed descriptor: the number itself is refused.")
                .next("Redirections to that number fail; in a shell the command does not run.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong soft = c.number(SOFT);
                    OptionalLong most = soft.isPresent() ? OptionalLong.of(soft.getAsLong() - 1) : soft;
                    return Shapes.requested(c, most, n -> "descriptor number " + n,
                            "the soft limit is " + Say.number(soft.orElse(-1)) + ", so the largest number is "
                                    + Say.number(most.orElse(-1)));
                });
    }

    private static Cause fileMax() {
        return Row.of("file-max", ENFILE)
                .rule("fs/file_table.c alloc_empty_file: ENFILE when the machine has fs.file-max file descriptions and "
                        + "the caller lacks CAP_SYS_ADMIN in the initial user namespace (all versions)")
                .evidence(Facts.FILE_NR_ALLOCATED, FILE_MAX, Facts.CAP_EFF, Facts.USERNS_INITIAL)
                .remedies(c -> Remedies.roomierSysctl(c, "fs.file-max"))
                .dont("Do not raise RLIMIT_NOFILE: it bounds one process, and this one has room.",
                        "Do not judge by a test as root: CAP_SYS_ADMIN is not bound by fs.file-max.")
                .next("Unprivileged processes can open nothing, sockets and /proc included; dup, stat and fork still "
                        + "work.", "The kernel log says: VFS: file-max limit N reached.")
                .provoked("6.1 by test in a guest")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_SYS_ADMIN}, FILES::judge));
    }

    private static Cause unixSocketCap() {
        return Row.of("unix-socket-cap", ENFILE).calls(SOCKETS)
                .rule("net/unix/af_unix.c unix_create1: ENFILE at more than 2 × fs.file-max unix sockets, with no "
                        + "capability above it (6.12 checked; older versions: ENOMEM)")
                .evidence(UNIX, UNIX_STREAM, FILE_MAX, Facts.FILE_NR_ALLOCATED)
                .remedies(c -> Remedies.roomierSysctl(c, "fs.file-max"))
                .dont("Do not expect root to be exempt: this bound has no capability above it.")
                .next("Unix sockets fail for everyone while inet sockets still work.")
                .provoked("6.1 by test in a guest")
                .judge(c -> {
                    OptionalLong max = c.number(FILE_MAX);
                    OptionalLong cap = max.isPresent() && max.getAsLong() < Long.MAX_VALUE / 2
                            ? OptionalLong.of(2 * max.getAsLong()) : max;
                    OptionalLong files = c.number(Facts.FILE_NR_ALLOCATED);
                    // Each unix socket is a file description, so their sum bounds what other namespaces may hide.
                    OptionalLong unix = c.number(UNIX);
                    OptionalLong sockets = unix.isPresent()
                            ? OptionalLong.of(unix.getAsLong() + c.number(UNIX_STREAM).orElse(0)) : unix;
                    OptionalLong most = Gauge.fill(files, cap, 1) == Gauge.Fill.CLEAR ? files : sockets;
                    return Gauge.judge(c, most.equals(files) ? "files of the machine, unix sockets among them,"
                            : "unix sockets (2 × fs.file-max)", most, cap,
                            "the number of unix sockets is missing: " + c.now().whyUnread(UNIX));
                });
    }

    private static Cause pipePagesHard() {
        return Row.of("pipe-pages-hard", ENFILE).calls("pipe", "pipe2", "open", "openat")
                .rule("fs/pipe.c alloc_pipe_info: ENFILE above fs.pipe-user-pages-hard pages for the user without "
                        + "CAP_SYS_RESOURCE and CAP_SYS_ADMIN; 0 means no bound (since 4.5)")
                .evidence(PIPE_HARD, PIPE_SOFT, Facts.PIPE_PAGES_USER, FILE_MAX, Facts.FILE_NR_ALLOCATED)
                .remedies(c -> Remedies.roomierSysctl(c, "fs.pipe-user-pages-hard"))
                .dont("Do not raise fs.file-max: it is not reached.")
                .next("No process of that user gets another pipe; shells fail at the first |.")
                .provoked("6.1 by test in a guest")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_SYS_RESOURCE, Capability.CAP_SYS_ADMIN}, c -> {
                    if (c.number(PIPE_HARD).orElse(-1) == 0) {
                        return Finding.ruledOut("fs.pipe-user-pages-hard is 0: no bound");
                    }
                    // An empty pipe of 16 pages comes on top of what is counted.
                    OptionalLong hard = c.number(PIPE_HARD);
                    OptionalLong used = c.number(Facts.PIPE_PAGES_USER);
                    if (Gauge.fill(used, hard, 16) == Gauge.Fill.FULL) {
                        return Finding.confirmed(used.getAsLong() + " of " + hard.getAsLong() + " pipe pages of "
                                + Say.realUser(c) + " are in use, and a pipe takes 16");
                    }
                    return PIPE_PAGES.judge(c);
                }));
    }

    private static Cause allocInode() {
        return Row.of("alloc-inode", ENFILE).calls("socket", "accept", "accept4", "pipe", "pipe2")
                .rule("net/socket.c __sock_create, fs/pipe.c create_pipe_files: a failed allocation of the inode is "
                        + "told as ENFILE (all versions)")
                .evidence(Shapes.MEMORY_EVIDENCE)
                .remedies(Remedies::memory)
                .dont("Do not raise fs.file-max: it is memory that is missing.")
                .next("More calls fail, with ENOMEM too, or the OOM killer ends a process.")
                .judge(c -> Shapes.kernelMemory(c, "the inode"));
    }

    private static Cause ioUringDirectSlots() {
        return Row.of("io-uring-direct-slots", ENFILE).calls("io_uring_enter")
                .rule("io_uring/filetable.c io_file_bitmap_get: a completion with ENFILE when no slot of the registered "
                        + "table is free (since 5.19)")
                .remedies(c -> List.of(Remedy.now("register a larger table (IORING_REGISTER_FILES_UPDATE2) or close "
                        + "direct descriptors; no setting of the system is involved")))
                .dont("Do not raise fs.file-max or RLIMIT_NOFILE: direct descriptors have a table of their own.")
                .next("Accepts and opens into the table fail until a slot is closed.")
                .judge(c -> Shapes.only(c, "io_uring_enter",
                        "no slot is free in the table of direct descriptors that the program registered"));
    }

    private static Cause slabOrMemcg() {
        return Row.of("slab-or-memcg", ENOMEM, ENOBUFS)
                .calls("open", "openat", "socket", "socketpair", "accept", "accept4", "pipe", "pipe2", "epoll_create1",
                        "eventfd2", "eventfd", "timerfd_create", "signalfd4", "memfd_create", "inotify_init1", "dup",
                        "dup2", "dup3", "fcntl")
                .rule("file, socket and table are charged to the memory cgroup (GFP_KERNEL_ACCOUNT); small allocations "
                        + "meet the OOM killer rather than ENOMEM (mm/memcontrol.c mem_cgroup_oom, all versions)")
                .evidence(Shapes.MEMORY_EVIDENCE)
                .remedies(Remedies::memory)
                .dont("Do not raise RLIMIT_NOFILE: the descriptors are there, the memory is not.")
                .next("Each socket costs about 4 KiB; more are refused or a process is killed.")
                .judge(c -> Shapes.kernelMemory(c, "files and sockets"));
    }

    private static Cause skAlloc() {
        return Row.of("sk-alloc", ENOMEM, ENOBUFS).calls("socket", "socketpair", "connect", "accept4", "accept")
                .rule("net: a socket that cannot be allocated is ENOMEM for AF_INET (inet_create) and AF_UNIX, ENOBUFS "
                        + "for AF_INET6 and AF_PACKET (all versions; the manual says ENOBUFS for all)")
                .evidence(Shapes.MEMORY_EVIDENCE)
                .remedies(Remedies::memory)
                .dont("Do not raise net.core.wmem_max: a new socket has no buffers yet.")
                .next("More calls fail, or the OOM killer ends a process.")
                .judge(c -> Shapes.kernelMemory(c, "the socket"));
    }

    private static Cause optmem() {
        String max = Facts.sysctl("net.core.optmem_max");
        return Row.of("optmem", ENOMEM, ENOBUFS).calls("setsockopt")
                .rule("net/core/sock.c sock_kmalloc: filters, multicast lists and IP options of a socket together take "
                        + "at most net.core.optmem_max bytes (all versions)")
                .evidence(max)
                .remedies(c -> Remedies.roomierSysctl(c, "net.core.optmem_max"))
                .dont("Do not raise rmem_max or wmem_max: options are counted apart from the buffers.")
                .next("The socket works on without the option: an unfiltered socket, a group not joined.")
                .judge(c -> {
                    String most = "net.core.optmem_max allows " + Say.number(c.number(max).orElse(-1)) + " bytes";
                    return c.question().requested().isPresent()
                            ? Shapes.requested(c, c.number(max), n -> "an option of " + n + " bytes", most)
                            : Shapes.named(c)
                                    ? Finding.possible("the options of the socket may have used it up: " + most)
                                    : Finding.unknown("the call would tell; for setsockopt " + most);
                });
    }

    private static Cause pipeSize() {
        String max = Facts.sysctl("fs.pipe-max-size");
        return Row.of("pipe-size", EPERM).calls("fcntl")
                .rule("fs/pipe.c pipe_set_size: F_SETPIPE_SZ above fs.pipe-max-size, or with the user above the pages of "
                        + "fs.pipe-user-pages-soft, is EPERM without CAP_SYS_RESOURCE (the second also without "
                        + "CAP_SYS_ADMIN; since 4.5)")
                .evidence(max, PIPE_SOFT, Facts.PIPE_PAGES_USER)
                .remedies(c -> Remedies.roomierSysctl(c, c.question().requested().orElse(0) > c.number(max).orElse(0)
                        ? "fs.pipe-max-size" : "fs.pipe-user-pages-soft"))
                .dont("Do not expect an error before: above the soft pages new pipes are 2 pages instead of 16, and "
                        + "pipelines block.")
                .next("The pipe keeps its size; writers block earlier.")
                .provoked("6.18 by test")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_SYS_RESOURCE}, c -> {
                    Finding size = Shapes.requested(c, c.number(max), n -> "a pipe of " + n + " bytes",
                            "fs.pipe-max-size is " + Say.number(c.number(max).orElse(-1)));
                    Gauge pages = new Gauge(Facts.PIPE_PAGES_USER, PIPE_SOFT, x -> "pipe pages of " + Say.realUser(x));
                    return switch (size.verdict()) {
                        case RULED_OUT -> Capability.CAP_SYS_ADMIN.heldBy(c)
                                ? Finding.ruledOut(size.sentence() + ", and its pages are not bound (CAP_SYS_ADMIN)")
                                : pages.fill(c) == Gauge.Fill.UNKNOWN
                                        ? Finding.possible(size.sentence() + "; " + Say.realUser(c)
                                                + " may hold too many pipe pages (" + pages.unknown(c) + ")")
                                        : pages.judge(c);
                        default -> size;
                    };
                }));
    }
}
