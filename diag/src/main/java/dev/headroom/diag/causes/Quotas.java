package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EACCES;
import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.EDQUOT;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.ENOSPC;
import static dev.headroom.linux.Errno.EPERM;

import java.util.List;
import java.util.OptionalLong;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.linux.Errno;

/** The smaller limits: io_uring, aio, signals, message queues, System V, keys, mounts, terminals, perf, bpf. */
final class Quotas {
    private static final String MEMLOCK = Facts.limitSoft("memlock");
    private static final String URING = Facts.sysctl("kernel.io_uring_disabled");
    private static final String PARANOID = Facts.sysctl("kernel.perf_event_paranoid");
    private static final String AIO_NR = Facts.sysctl("fs.aio-nr");
    private static final String AIO_MAX = Facts.sysctl("fs.aio-max-nr");
    private static final String MSG_MAX = Facts.sysctl("fs.mqueue.msg_max");
    private static final String NOT_DISK = "Do not clean up the disk: ENOSPC here has nothing to do with disk space.";
    private static final Capability[] RESOURCE = {Capability.CAP_SYS_RESOURCE};

    private static final Gauge QUEUES = new Gauge(Facts.MQ_QUEUES, Facts.sysctl("fs.mqueue.queues_max"),
            c -> "message queues of the IPC namespace");
    private static final Gauge KEYS = new Gauge(Facts.KEYS_USER, Facts.sysctl("kernel.keys.maxkeys"),
            c -> "keys of " + Say.realUser(c));

    static final List<Cause> ALL = List.of(ioUringMemlock(), ioUringDisabled(), ioUringEntries(), bpfMemlock(),
            perfParanoid(), perfMlock(), aioMaxNr(), sigpending(), mqAttr(),
            quota("mq-queues-max", ENOSPC, "ipc/mqueue.c mqueue_create_attr", "CAP_SYS_RESOURCE", QUEUES, "mq_open")
                    .judge(Shapes.unless(RESOURCE, QUEUES::judge)),
            sysv("sysv-msg", "msg", "kernel.msgmni", "ipc/msg.c newque", "msgget"),
            sysv("sysv-shm", "shm", "kernel.shmmni", "ipc/shm.c newseg", "shmget"),
            sysvSem(),
            plain("mount-max", ENOSPC, Facts.MOUNTS, "fs.mount-max", "fs/namespace.c count_mounts",
                    "mounts of its mount namespace", "mount", "move_mount", "unshare"),
            plain("pty-max", ENOSPC, Facts.sysctl("kernel.pty.nr"), "kernel.pty.max", "drivers/tty/pty.c ptmx_open",
                    "pseudo terminals of the machine", "openpty", "open", "openat", "posix_openpt", "getpt"),
            quota("keys-quota", EDQUOT, "security/keys/key.c key_alloc", "no capability", KEYS, "add_key", "keyctl",
                    "request_key").provoked("6.18 by test").judge(KEYS::judge));

    private Quotas() {
    }

    /** A count under a sysctl, and nothing else. */
    private static Cause plain(String id, Errno errno, String used, String sysctl, String function, String things,
            String... calls) {
        return quota(id, errno, function, "no capability", new Gauge(used, Facts.sysctl(sysctl), c -> things), calls)
                .judge(c -> full(c, used, sysctl, things));
    }

    private static Finding full(Case c, String used, String sysctl, String things) {
        return new Gauge(used, Facts.sysctl(sysctl), x -> things).judge(c);
    }

    private static Row quota(String id, Errno errno, String function, String above, Gauge gauge, String... calls) {
        String sysctl = gauge.ceiling().substring(Facts.sysctl("").length());
        Row row = Row.of(id, errno).calls(calls)
                .rule(function + ": " + errno + " at " + sysctl + "; above it stands " + above + " (all versions)")
                .evidence(gauge.used(), gauge.ceiling())
                .remedies(c -> Remedies.roomierSysctl(c, sysctl));
        row.next("Every further one is refused until one is given back.");
        return errno == ENOSPC ? row.dont(NOT_DISK)
                : row.dont("Do not clean up the disk: EDQUOT here is no disk quota.");
    }

    private static Cause sysv(String id, String kind, String sysctl, String function, String call) {
        return plain(id, ENOSPC, Facts.sysvipc(kind), sysctl, function, "System V " + kind + " objects", call);
    }

    /** The fourth number of kernel.sem is the ceiling, the others are hidden in the same file. */
    private static Cause sysvSem() {
        String sem = Facts.sysctl("kernel.sem");
        return Row.of("sysv-sem", ENOSPC).calls("semget")
                .rule("ipc/sem.c newary: ENOSPC at SEMMNI sets or SEMMNS semaphores, fourth and second number of "
                        + "kernel.sem, in the IPC namespace (all versions)")
                .evidence(Facts.sysvipc("sem"), sem)
                .remedies(c -> List.of(
                        Remedy.now("look for sets whose owner has gone and remove them", "ipcs -s", "ipcrm -s ID"),
                        Remedy.now("or allow more", "sysctl -w kernel.sem='32000 1024000000 500 64000'")))
                .dont(NOT_DISK)
                .next("Databases that use semaphores do not start.")
                .judge(c -> {
                    OptionalLong sets = c.text(sem).map(text -> OptionalLong.of(Long.parseLong(
                            text.strip().split("\\s+")[3]))).orElse(OptionalLong.empty());
                    return Gauge.judge(c, "System V semaphore sets", c.number(Facts.sysvipc("sem")), sets,
                            "the number of semaphore sets is missing: " + c.now().whyUnread(Facts.sysvipc("sem")));
                });
    }

    private static Cause ioUringMemlock() {
        return Row.of("io-uring-memlock", ENOMEM).calls("io_uring_setup", "io_uring_register")
                .rule("io_uring/rsrc.c __io_account_mem: the user's registered buffers, and since 6.14 rings too (before "
                        + "5.12 also), are charged to RLIMIT_MEMLOCK, unless CAP_IPC_LOCK")
                .evidence(MEMLOCK, Facts.IO_URING_USER, Facts.CAP_EFF, Facts.KERNEL)
                .remedies(c -> Remedies.limit(c, "memlock", Say.roomier(c.number(MEMLOCK).orElse(8L << 20))))
                .dont("Do not look at VmLck: this counter is of the user, and no file shows it.")
                .next("Programs of that user fall back to threads or fail at start.")
                .provoked("6.18 by test, 6.12 and 6.1 by guest")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_IPC_LOCK}, Quotas::judgeRings));
    }

    private static Finding judgeRings(Case c) {
        OptionalLong limit = c.number(MEMLOCK);
        if (limit.isEmpty()) {
            return Finding.unknown("RLIMIT_MEMLOCK is missing: " + c.now().whyUnread(MEMLOCK));
        }
        if (Say.unlimited(limit.getAsLong())) {
            return Finding.ruledOut("RLIMIT_MEMLOCK is unlimited");
        }
        boolean setup = c.question().call().equals("io_uring_setup");
        if (setup && Shapes.kernelAtLeast(c, 5, 12) && !Shapes.kernelAtLeast(c, 6, 14)) {
            return Finding.ruledOut("rings are not charged to RLIMIT_MEMLOCK on " + c.text(Facts.KERNEL).orElse("")
                    + " (they are since 6.14)");
        }
        String sentence = "the io_uring memory of " + Say.realUser(c) + " would exceed RLIMIT_MEMLOCK, "
                + Say.bytes(limit.getAsLong());
        OptionalLong asked = c.question().requested();
        if (limit.getAsLong() == 0 || !setup && asked.isPresent() && asked.getAsLong() > limit.getAsLong()) {
            return Finding.confirmed(sentence);
        }
        OptionalLong rings = c.number(Facts.IO_URING_USER);
        if (rings.isPresent() && rings.getAsLong() == 0) {
            return Finding.ruledOut(Say.realUser(c) + " has no io_uring instance that would hold any of "
                    + Say.bytes(limit.getAsLong()));
        }
        String held = rings.isPresent() ? sentence + ", with " + Say.count(rings.getAsLong(), "instance") + " open"
                : sentence;
        return rings.isPresent() && Shapes.named(c)
                && Shapes.kernelMemory(c, "it").verdict() == dev.headroom.diag.Verdict.RULED_OUT
                        ? Finding.confirmed(held) : Finding.possible(held);
    }

    private static Cause ioUringDisabled() {
        return Row.of("io-uring-disabled", EPERM).calls("io_uring_setup")
                .rule("io_uring/io_uring.c io_uring_allowed: EPERM at kernel.io_uring_disabled=2 for all, at 1 for those "
                        + "without CAP_SYS_ADMIN and outside kernel.io_uring_group (since 6.6)")
                .evidence(URING, Facts.sysctl("kernel.io_uring_group"), Facts.CAP_EFF)
                .remedies(c -> Remedies.sysctl("kernel.io_uring_disabled", 0))
                .dont("Do not look for a lack of memory or descriptors: io_uring is turned off.")
                .next("Programs fall back to threads or epoll, or do not start.")
                .provoked("source and documentation")
                .judge(c -> {
                    OptionalLong mode = c.number(URING);
                    if (mode.isEmpty()) {
                        return Finding.unknown("kernel.io_uring_disabled is missing: " + c.now().whyUnread(URING));
                    }
                    if (mode.getAsLong() == 2) {
                        return Finding.confirmed("kernel.io_uring_disabled is 2: off for everyone");
                    }
                    return mode.getAsLong() == 0 ? Finding.ruledOut("kernel.io_uring_disabled is 0")
                            : Shapes.unless(new Capability[] {Capability.CAP_SYS_ADMIN}, x -> Finding.possible(
                                    "kernel.io_uring_disabled is 1 and " + Say.process(x) + " "
                                            + Capability.CAP_SYS_ADMIN.lack(x)
                                            + "; whether it is in kernel.io_uring_group "
                                            + "would tell"))
                                    .apply(c);
                });
    }

    private static Cause ioUringEntries() {
        return Row.of("io-uring-entries", EINVAL).calls("io_uring_setup")
                .rule("io_uring/io_uring.c io_uring_create: EINVAL for more than 32768 entries without IORING_SETUP_CLAMP "
                        + "(all versions)")
                .remedies(c -> List.of(Remedy.now("ask for at most 32768 entries or set IORING_SETUP_CLAMP")))
                .dont("Do not raise a limit: this bound is built in.")
                .next("The ring is not made.")
                .provoked("6.18 by test")
                .judge(c -> Shapes.requested(c, OptionalLong.of(32768), n -> "a ring of " + n + " entries",
                        "io_uring_setup allows 32768"));
    }

    private static Cause bpfMemlock() {
        return Row.of("bpf-memlock", EPERM).calls("bpf")
                .rule("kernel/bpf/syscall.c bpf_charge_memlock: EPERM beyond RLIMIT_MEMLOCK up to 5.10; since 5.11 the "
                        + "memory cgroup is charged instead")
                .evidence(MEMLOCK, Facts.KERNEL)
                .remedies(c -> Remedies.limit(c, "memlock", 1L << 30))
                .dont("Do not look at memory cgroups: up to 5.10 they are not asked.")
                .next("Tracing tools and network agents do not load their programs.")
                .judge(c -> {
                    OptionalLong limit = c.number(MEMLOCK);
                    if (Shapes.kernelAtLeast(c, 5, 11)) {
                        return Finding.ruledOut("bpf memory is not charged to RLIMIT_MEMLOCK since 5.11");
                    }
                    return limit.isPresent() && Say.unlimited(limit.getAsLong())
                            ? Finding.ruledOut("RLIMIT_MEMLOCK is unlimited")
                            : Finding.possible("RLIMIT_MEMLOCK is " + Say.bytes(limit.orElse(65536))
                                    + " and maps of the user are charged to it");
                });
    }

    private static Cause perfParanoid() {
        return Row.of("perf-paranoid", EACCES, EPERM).calls("perf_event_open")
                .rule("kernel/events/core.c perf_allow_kernel, perf_allow_cpu: without CAP_PERFMON, EACCES for tracepoints "
                        + "at 0 and above, CPU events at 1, kernel events at 2; distributions add 3 and 4 for all events")
                .evidence(PARANOID, Facts.CAP_EFF, Facts.USERNS_INITIAL)
                .remedies(c -> Remedies.sysctl("kernel.perf_event_paranoid", 1))
                .dont("Do not run the profiler as root for good: CAP_PERFMON is enough.")
                .next("Profilers see less or nothing.")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_PERFMON, Capability.CAP_SYS_ADMIN}, c -> {
                    OptionalLong level = c.number(PARANOID);
                    if (level.isEmpty()) {
                        return Finding.unknown("kernel.perf_event_paranoid is missing: " + c.now().whyUnread(PARANOID));
                    }
                    String sentence = "kernel.perf_event_paranoid is " + level.getAsLong() + " and " + Say.process(c)
                            + " " + Capability.CAP_PERFMON.lack(c);
                    return level.getAsLong() < 0 ? Finding.ruledOut("kernel.perf_event_paranoid is "
                            + level.getAsLong() + ": everyone may") : level.getAsLong() > 2
                                    ? Finding.confirmed(sentence) : Finding.possible(sentence);
                }));
    }

    private static Cause perfMlock() {
        String kb = Facts.sysctl("kernel.perf_event_mlock_kb");
        return Row.of("perf-mlock", EPERM).calls("mmap")
                .rule("kernel/events/core.c perf_mmap: EPERM when ring buffers of the user exceed "
                        + "kernel.perf_event_mlock_kb × CPUs and then RLIMIT_MEMLOCK, unless CAP_IPC_LOCK or "
                        + "kernel.perf_event_paranoid is -1 (all versions)")
                .evidence(kb, MEMLOCK, Facts.CAP_EFF)
                .remedies(c -> Remedies.roomierSysctl(c, "kernel.perf_event_mlock_kb"))
                .dont("Do not lower kernel.perf_event_paranoid for this: fewer pages per buffer do.")
                .next("Profilers fall back to smaller buffers and lose samples.")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_IPC_LOCK}, c -> c.text(Facts.ASKED_FLAGS)
                        .map(flags -> flags.contains("PERF") ? Finding.possible("ring buffers of "
                                + Say.realUser(c) + " may exceed kernel.perf_event_mlock_kb, "
                                + Say.kb(c.number(kb).orElse(516)) + " a CPU")
                                : Finding.ruledOut("it was not the ring buffer of a perf event"))
                        .orElseGet(
                                () -> Finding.unknown("whether it was the ring buffer of a perf event would tell"))));
    }

    private static Cause aioMaxNr() {
        return Row.of("aio-max-nr", EAGAIN).calls("io_setup")
                .rule("fs/aio.c ioctx_alloc: EAGAIN when events of all contexts of the machine would exceed "
                        + "fs.aio-max-nr (all versions)")
                .evidence(AIO_NR, AIO_MAX)
                .remedies(c -> Remedies.sysctl("fs.aio-max-nr", Math.max(1048576,
                        Say.roomier(c.number(AIO_MAX).orElse(65536)))))
                .dont("Do not raise RLIMIT_NOFILE: a context is no descriptor.")
                .next("Databases that use aio do not start, or fall back to blocking reads.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(c -> {
                    OptionalLong used = c.number(AIO_NR);
                    OptionalLong most = c.number(AIO_MAX);
                    OptionalLong asked = c.question().requested();
                    if (used.isPresent() && most.isPresent() && asked.isPresent()) {
                        String sum = used.getAsLong() + " of " + most.getAsLong() + " aio events are in use and "
                                + asked.getAsLong() + " more ";
                        return used.getAsLong() + asked.getAsLong() > most.getAsLong()
                                ? Finding.confirmed(sum + "do not fit") : Finding.ruledOut(sum + "fit");
                    }
                    return full(c, AIO_NR, "fs.aio-max-nr", "aio events of the machine");
                });
    }

    private static Cause sigpending() {
        Function<Case, String> things = c -> "queued signals and timers of " + Say.realUser(c);
        Gauge queued = new Gauge(Facts.SIGQ_QUEUED, Facts.limitSoft("sigpending"), things);
        return Row.of("sigpending", EAGAIN).calls("timer_create", "sigqueue", "rt_sigqueueinfo")
                .rule("kernel/signal.c __sigqueue_alloc: EAGAIN when the real user has RLIMIT_SIGPENDING signals and "
                        + "POSIX timers, each of which holds one (all versions)")
                .evidence(queued.used(), queued.ceiling())
                .remedies(c -> Remedies.limit(c, "sigpending", Say.roomier(c.number(queued.ceiling()).orElse(1024))))
                .dont("Do not look for blocked signals only: each POSIX timer holds an entry as long as it lives.")
                .next("Timers are not made and queued signals are lost to their sender.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(queued::judge);
    }

    private static Cause mqAttr() {
        return Row.of("mq-attr", EINVAL).calls("mq_open")
                .rule("ipc/mqueue.c mq_attr_ok: EINVAL for mq_maxmsg above fs.mqueue.msg_max or mq_msgsize above "
                        + "fs.mqueue.msgsize_max without CAP_SYS_RESOURCE, and for 0 (all versions)")
                .evidence(MSG_MAX, Facts.sysctl("fs.mqueue.msgsize_max"))
                .remedies(c -> Remedies.sysctl("fs.mqueue.msg_max", c.question().requested().orElse(100)))
                .dont("Do not raise RLIMIT_MSGQUEUE: that shows as EMFILE.")
                .next("The queue is not made.")
                .provoked("6.18 by test")
                .judge(Shapes.unless(RESOURCE, c -> Shapes.requested(c, c.number(MSG_MAX),
                        n -> "a queue of " + n + " messages",
                        "fs.mqueue.msg_max is " + Say.number(c.number(MSG_MAX).orElse(-1)))));
    }
}
