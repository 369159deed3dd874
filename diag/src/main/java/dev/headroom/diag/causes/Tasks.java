package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.E2BIG;
import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.ENOSPC;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BooleanSupplier;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;

/** Why there is no further process or thread. */
final class Tasks {
    /** A task is a process or a thread: every one of these makes one. */
    private static final Set<String> CALLS = Set.of("fork", "vfork", "clone", "clone3", "pthread_create",
            "posix_spawn");
    private static final String PIDS_MAX = Facts.cgroup("pids", "max");
    private static final String PIDS_CURRENT = Facts.cgroup("pids", "current");
    private static final String PIDS_EVENTS = Facts.cgroup("pids", "events.max");
    private static final String PIDS_PATH = Facts.cgroup("pids", "path");
    private static final String PID_MAX = Facts.sysctl("kernel.pid_max");

    private static final Gauge PIDS = new Gauge(PIDS_CURRENT, PIDS_MAX,
            c -> "tasks of " + c.text(PIDS_PATH).map(path -> "pids cgroup " + path).orElse("its pids cgroup"));
    private static final Gauge NPROC = new Gauge(Facts.TASKS_USER, Facts.limitSoft("nproc"),
            c -> "tasks of " + Say.realUser(c));
    private static final Gauge THREADS = new Gauge(Facts.TASKS_MACHINE, Facts.sysctl("kernel.threads-max"),
            c -> "tasks of the machine");

    private static final String THREADS_COUNT = "Do not look at the number of processes: threads count.";

    static final List<Cause> ALL = List.of(pidsCgroup(), nproc(), threadsMax(), pidMax(), userNsRlimit(),
            pidnsInitGone(), overcommitFork(), memcgKmem(), argTooLong(), namespacesMax());

    private Tasks() {
    }

    private static Cause pidsCgroup() {
        return Row.of("pids-cgroup", EAGAIN).calls(CALLS)
                .rule("kernel/cgroup/pids.c pids_try_charge: EAGAIN when the cgroup or one above would have more than "
                        + "pids.max tasks, with no capability above it; pids.events counts it where the limit is since "
                        + "6.11, before and in v1 in the cgroup that forks")
                .evidence(PIDS_PATH, PIDS_CURRENT, PIDS_MAX, PIDS_EVENTS)
                .remedies(c -> {
                    long value = Say.roomier(c.number(PIDS_MAX).orElse(512));
                    return List.of(
                            Remedy.now("allow more tasks, here twice to four times as many",
                                    "systemctl set-property --runtime UNIT TasksMax=" + value),
                            Remedy.systemd("keep it", "systemctl set-property UNIT TasksMax=" + value),
                            Remedy.container("for a container (Kubernetes: podPidsLimit of the kubelet)",
                                    "docker update --pids-limit " + value + " CONTAINER"));
                })
                .dont("Do not raise ulimit -u or kernel.threads-max: they are not reached.", THREADS_COUNT,
                        "Do not run it as root: no capability is above pids.max.")
                .next("No process of the cgroup can start another or a thread; the JVM says \"unable to create native "
                        + "thread\".", "The kernel log says once: cgroup: fork rejected by pids controller.")
                .provoked("6.18 by test (cgroup v1), 6.1 by test in a guest (v2)")
                .judge(Tasks::judgePids);
    }

    private static Finding judgePids(Case c) {
        OptionalLong hits = Shapes.hits(c, "pids");
        if (hits.isPresent() && hits.getAsLong() > 0) {
            return Finding.confirmed("pids cgroup " + c.text(PIDS_PATH).orElse("") + " refused "
                    + Say.count(hits.getAsLong(), "task")
                    + " between the two readings, with a limit of " + Say.number(c.number(PIDS_MAX).orElse(-1)));
        }
        if (c.now().whyUnread(PIDS_MAX).contains("not in use")) {
            return Finding.ruledOut("the pids controller is not in use");
        }
        return PIDS.judge(c);
    }

    private static Cause nproc() {
        Capability[] above = {Capability.CAP_SYS_RESOURCE, Capability.CAP_SYS_ADMIN};
        var calls = new java.util.HashSet<>(CALLS);
        calls.add("execve");
        return Row.of("nproc", EAGAIN).calls(calls)
                .rule("kernel/fork.c copy_process: EAGAIN when the real user in its user namespace would have more tasks "
                        + "than the soft RLIMIT_NPROC, unless it is the host's root or has CAP_SYS_RESOURCE or "
                        + "CAP_SYS_ADMIN; after a setuid the execve fails (all versions)")
                .evidence(Facts.TASKS_USER, Facts.limitSoft("nproc"), Facts.limitHard("nproc"), Facts.RUID,
                        Facts.CAP_EFF, Facts.USERNS_INITIAL)
                .remedies(c -> Remedies.limit(c, "nproc",
                        Math.max(4096, Say.roomier(c.number(Facts.limitSoft("nproc")).orElse(1024)))))
                .dont(THREADS_COUNT, "Do not edit limits.conf for a service or a container: only logins by PAM read "
                        + "it.")
                .next("All processes of that user together can start nothing more, in any container with the same user "
                        + "id and user namespace.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(c -> {
                    if (c.text(Facts.RUID).filter("0"::equals).isPresent()) {
                        return Finding.ruledOut("the real user is the host's root, which RLIMIT_NPROC does not bind");
                    }
                    return Shapes.unless(above, NPROC::judge).apply(c);
                });
    }

    private static Cause threadsMax() {
        return Row.of("threads-max", EAGAIN).calls(CALLS)
                .rule("kernel/fork.c copy_process: EAGAIN when the machine has kernel.threads-max tasks; root too (all "
                        + "versions)")
                .evidence(Facts.TASKS_MACHINE, THREADS.ceiling())
                .remedies(c -> Remedies.roomierSysctl(c, "kernel.threads-max"))
                .dont("Do not raise ulimit -u: the machine is full, not the user.")
                .next("Nobody on the machine can start anything, root included.")
                .provoked("6.1 by test in a guest")
                .judge(THREADS::judge);
    }

    private static Cause pidMax() {
        return Row.of("pid-max", EAGAIN).calls(CALLS)
                .rule("kernel/pid.c alloc_pid: EAGAIN when no number below kernel.pid_max is free; numbers below 300 are "
                        + "given out once only; per PID namespace since 6.14, the tightest level wins")
                .evidence(PID_MAX, Facts.PIDNS_TASKS, Facts.PIDS_FROM_300, Facts.PIDNS_HIGHEST, Facts.TASKS_MACHINE,
                        Facts.PIDNS_SHARED)
                .remedies(c -> Remedies.sysctl("kernel.pid_max", 4194304))
                .dont("Do not count processes only: every thread has a number, and a group's number stays taken while "
                        + "the group lives.")
                .next("Nothing new can start in that PID namespace until a number is free.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(Tasks::judgePidMax);
    }

    private static Finding judgePidMax(Case c) {
        return judgePidMax(c, () -> othersRuledOut(c) && judgeUserNs(c, () -> false).verdict() == Verdict.RULED_OUT);
    }

    /** @param alone whether each other reason is ruled out */
    private static Finding judgePidMax(Case c, BooleanSupplier alone) {
        OptionalLong max = c.number(PID_MAX);
        if (max.isEmpty()) {
            return Finding.unknown("kernel.pid_max of its PID namespace is missing: " + c.now().whyUnread(PID_MAX));
        }
        long numbers = max.getAsLong() - 300;
        OptionalLong high = c.number(Facts.PIDS_FROM_300);
        if (c.text(Facts.PIDNS_SHARED).filter("no"::equals).isPresent() && Shapes.kernelAtLeast(c, 6, 14)) {
            long highest = c.number(Facts.PIDNS_HIGHEST).orElse(0);
            boolean noGap = highest >= 300 && high.orElse(0) == highest - 299;
            return noGap && alone.getAsBoolean()
                    ? Finding.confirmed("all " + high.getAsLong() + " process numbers from 300 to " + highest
                            + " are in use in its PID namespace, and each other reason is ruled out: so its "
                            + "kernel.pid_max is " + (highest + 1))
                    : Finding.unknown(
                            "its PID namespace may have a kernel.pid_max of its own (since 6.14); reading it from"
                                    + " inside would tell: nsenter -t " + c.text(Facts.PID).orElse("PID")
                                    + " -p -m cat /proc/sys/kernel/pid_max");
        }
        if (high.isPresent()) {
            return Gauge.judge(c, "process numbers from 300 to " + (max.getAsLong() - 1), high,
                    OptionalLong.of(numbers), "");
        }
        OptionalLong tasks = c.number(Facts.PIDNS_TASKS).isPresent() ? c.number(Facts.PIDNS_TASKS)
                : c.number(Facts.TASKS_MACHINE);
        return switch (Gauge.fill(tasks, OptionalLong.of(numbers), 1)) {
            case FULL -> Finding.possible(tasks.getAsLong() + " tasks are alive and kernel.pid_max is "
                    + max.getAsLong() + ", of which " + numbers + " numbers are given out again");
            case NEAR, CLEAR, UNKNOWN -> Gauge.judge(c, "process numbers", tasks, OptionalLong.of(numbers),
                    "the number of tasks is missing: " + c.now().whyUnread(Facts.TASKS_MACHINE));
        };
    }

    private static Cause userNsRlimit() {
        return Row.of("user-ns-rlimit", EAGAIN).calls(CALLS)
                .rule("kernel/ucount.c is_rlimit_overlimit: a user namespace keeps the RLIMIT_NPROC its creator had, "
                        + "and every level above counts too (since 5.14)")
                .evidence(Facts.USERNS_INITIAL, Facts.TASKS_USER, NPROC.ceiling())
                .remedies(c -> List.of(Remedy.container("make the user namespace again, from a process with a higher "
                        + "RLIMIT_NPROC; that of a living one cannot be changed")))
                .dont("Do not raise ulimit -u inside: the limit above was fixed when the namespace was made.")
                .next("Nothing new can start in the namespace until tasks end.")
                .provoked("6.18 by test")
                .judge(c -> judgeUserNs(c, () -> Shapes.named(c) && othersRuledOut(c)
                        && judgePidMax(c, () -> false).verdict() == Verdict.RULED_OUT));
    }

    /** @param alone whether each other reason is ruled out: a limit that no file shows is certain then */
    private static Finding judgeUserNs(Case c, BooleanSupplier alone) {
        return c.text(Facts.USERNS_INITIAL).map(initial -> {
            if (initial.equals("yes")) {
                return Finding.ruledOut("it is in the initial user namespace");
            }
            if (c.text(Facts.RUID).filter("0"::equals).isPresent()) {
                return Finding.ruledOut("the real user is the host's root, which RLIMIT_NPROC does not bind");
            }
            String sentence = "its user namespace carries the RLIMIT_NPROC its creator had, which no file "
                    + "shows; " + Say.count(c.number(Facts.TASKS_USER).orElse(0), "task") + " of "
                    + Say.realUser(c)
                    + (c.number(Facts.TASKS_USER).orElse(0) == 1 ? " counts" : " count")
                    + " against it";
            return alone.getAsBoolean()
                    ? Finding.confirmed(sentence + ", and each other reason is ruled out")
                    : Finding.possible(sentence);
        }).orElseGet(() -> Finding.unknown("whether it is in a user namespace is missing: "
                + c.now().whyUnread(Facts.USERNS_INITIAL)));
    }

    /** Whether nothing else says EAGAIN here, but for the two that no file shows: those ask for each other. */
    private static boolean othersRuledOut(Case c) {
        Set<String> both = Set.of("user-ns-rlimit", "pid-max");
        return Catalogue.all().stream().filter(x -> !both.contains(x.id()) && x.answers(c.question()))
                .allMatch(x -> x.judge().apply(c).verdict() == Verdict.RULED_OUT);
    }

    private static Cause pidnsInitGone() {
        return Row.of("pidns-init-gone", ENOMEM).calls(CALLS)
                .rule("kernel/pid.c alloc_pid: ENOMEM for a child in a PID namespace whose init has ended "
                        + "(PIDNS_ADDING is off; all versions)")
                .evidence(Facts.PIDNS_CHILDREN_TASKS)
                .remedies(c -> List.of(
                        Remedy.now("start the container again, or unshare with --fork so that the first child stays",
                                "unshare --pid --fork --mount-proc …"),
                        Remedy.container("the container is ending: start it again", "docker start CONTAINER")))
                .dont("Do not add memory: none is missing.")
                .next("Every further fork into that namespace fails; it never comes back.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong tasks = c.number(Facts.PIDNS_CHILDREN_TASKS);
                    if (tasks.isEmpty()) {
                        return Finding.unknown("whether the PID namespace of its children lives is missing: "
                                + c.now().whyUnread(Facts.PIDNS_CHILDREN_TASKS));
                    }
                    return tasks.getAsLong() == 0
                            ? Finding.confirmed("the init of the PID namespace that " + Say.process(c)
                                    + " forks into has ended, so nothing can be born there")
                            : Finding.ruledOut("the PID namespace of its children is alive");
                });
    }

    private static Cause overcommitFork() {
        return Row.of("overcommit-fork", ENOMEM).calls("fork", "clone", "clone3")
                .rule("mm/util.c __vm_enough_memory, kernel/fork.c dup_mmap: with vm.overcommit_memory=2 a fork needs "
                        + "the commit charge of the whole parent once more; vfork and posix_spawn do not (all versions)")
                .evidence(MemoryMaps.STRICT_EVIDENCE).remedies(c -> {
                    var all = new ArrayList<Remedy>();
                    all.add(Remedy.now("let the program use posix_spawn or vfork, which copy nothing"));
                    all.addAll(MemoryMaps.moreCommit(c));
                    return all;
                })
                .dont("Do not set vm.overcommit_memory=1 blindly: then nothing is refused and the OOM killer chooses.")
                .next("Large processes cannot start helpers by fork; small ones can.")
                .provoked("6.1 by test in a guest")
                .judge(c -> Set.of("vfork", "posix_spawn").contains(c.question().call())
                        ? Finding.ruledOut(c.question().call() + " copies no memory")
                        : MemoryMaps.strict(c, c.number(Facts.VM_DATA).isPresent()
                                ? OptionalLong.of(c.number(Facts.VM_DATA).getAsLong() * 1024) : OptionalLong.empty(),
                                "the private memory of " + Say.process(c)));
    }

    private static Cause memcgKmem() {
        return Row.of("memcg-kmem", ENOMEM).calls(CALLS)
                .rule("kernel/fork.c dup_task_struct: the kernel stack of 16 KiB and page tables are charged to the "
                        + "memory cgroup; usually the OOM killer comes instead (all versions)")
                .evidence(Shapes.MEMORY_EVIDENCE)
                .remedies(Remedies::memory)
                .dont("Do not raise a limit on tasks: those are EAGAIN.")
                .next("More calls fail, or the OOM killer ends a process of the cgroup.")
                .judge(c -> Shapes.kernelMemory(c, "the new task"));
    }

    private static Cause argTooLong() {
        long most = 6L << 20;
        String stack = Facts.limitSoft("stack");
        return Row.of("arg-too-long", E2BIG).calls("execve", "execveat", "posix_spawn")
                .rule("fs/exec.c bprm_stack_limits: arguments and environment take at most a quarter of the soft "
                        + "RLIMIT_STACK and 6 MiB, a single string 128 KiB (since 4.13)")
                .evidence(stack)
                .remedies(c -> List.of(
                        Remedy.now("give the names in a file or through a pipe", "xargs -0 COMMAND < LIST"),
                        Remedy.now("or raise the soft stack limit, up to 24 MiB helps", "ulimit -Ss 24576")))
                .dont("Do not expect ulimit -Ss to help with one string above 128 KiB: that bound is built in.")
                .next("The program is not started.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong soft = c.number(stack);
                    long bound = soft.isPresent() && !Say.unlimited(soft.getAsLong())
                            ? Math.min(most, Math.max(soft.getAsLong() / 4, 128 << 10)) : most;
                    String limit = "arguments and environment together may have " + Say.bytes(bound)
                            + ", and a single string 128 KiB";
                    OptionalLong asked = c.question().requested();
                    return asked.isPresent() && asked.getAsLong() > bound
                            ? Finding.confirmed(Say.bytes(asked.getAsLong()) + " are too many: " + limit)
                            : Shapes.only(c, "execve", "the arguments are too long: " + limit);
                });
    }

    private static Cause namespacesMax() {
        return Row.of("namespaces-max", ENOSPC).calls("unshare", "clone", "clone3")
                .rule("kernel/ucount.c inc_ucount: ENOSPC when the user has user.max_*_namespaces of a kind in its user "
                        + "namespace or in one above, or at 32 nested levels (since 4.9; before: EUSERS)")
                .evidence(Facts.sysctl("user.max_user_namespaces"), Facts.sysctl("user.max_net_namespaces"),
                        Facts.sysctl("user.max_pid_namespaces"), Facts.sysctl("user.max_mnt_namespaces"))
                .remedies(c -> Remedies.sysctl("user.max_user_namespaces", 65536))
                .dont("Do not clean up the disk: ENOSPC here has nothing to do with disk space.")
                .next("Containers and sandboxes of that user do not start.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong users = c.number(Facts.sysctl("user.max_user_namespaces"));
                    return Shapes.only(c, "unshare", users.isPresent() && users.getAsLong() == 0
                            ? "user namespaces are turned off: user.max_user_namespaces is 0"
                            : "a quota of namespaces (user.max_*_namespaces) is used up or 32 levels are nested, which "
                                    + "are the only reasons for ENOSPC there");
                });
    }
}
