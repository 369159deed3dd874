package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EACCES;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.ENOSYS;
import static dev.headroom.linux.Errno.EPERM;
import static dev.headroom.linux.Errno.ESRCH;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;
import dev.headroom.proc.Limits;

/** Why a resource limit could not be set, and the two powers that may forbid any call. */
final class ResourceLimits {
    private static final Set<String> CALLS = Set.of("setrlimit", "prlimit", "prlimit64", "ulimit");
    private static final String NR_OPEN = Facts.sysctl("fs.nr_open");

    static final List<Cause> ALL = List.of(aboveNrOpen(), raiseHardNoCap(), prlimitOtherUser(), softAboveHard(),
            badResource(), noSuchPid(), lsm(), seccomp());

    private ResourceLimits() {
    }

    private static String resource(Case c) {
        return c.text(Facts.ASKED_RESOURCE).orElse("nofile");
    }

    private static boolean nofile(Case c) {
        return resource(c).equals("nofile");
    }

    private static OptionalLong hard(Case c) {
        return c.number(Facts.limitHard(resource(c)));
    }

    private static boolean exceeds(long value, long bound) {
        return !Say.unlimited(bound) && (Say.unlimited(value) || value > bound);
    }

    private static Cause aboveNrOpen() {
        return Row.of("above-nr-open", EPERM).calls(CALLS)
                .rule("kernel/sys.c do_prlimit: a hard RLIMIT_NOFILE above fs.nr_open is EPERM before any capability is "
                        + "asked, also when only the soft limit changes (all versions)")
                .evidence(NR_OPEN, Facts.limitHard("nofile"), Facts.limitSoft("nofile"))
                .remedies(c -> {
                    long value = c.question().requested().orElse(Long.MAX_VALUE);
                    long nrOpen = c.number(NR_OPEN).orElse(1048576);
                    var all = new ArrayList<Remedy>();
                    all.add(Remedy.now("ask for no more than fs.nr_open, for the hard limit too",
                            "ulimit -n " + nrOpen));
                    if (!Say.unlimited(value) && value <= 2147483584L) {
                        all.addAll(Remedies.sysctl("fs.nr_open", value));
                    }
                    return all;
                })
                .dont("Do not use sudo: root with all capabilities is refused as well.",
                        "Do not ask for unlimited: fs.nr_open cannot hold it, so it is always refused.")
                .next("The process goes on with the limits it had.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(c -> permitted(c, ResourceLimits::judgeAboveNrOpen));
    }

    private static Finding judgeAboveNrOpen(Case c) {
        if (!nofile(c)) {
            return Finding.ruledOut("fs.nr_open bounds RLIMIT_NOFILE only");
        }
        OptionalLong nrOpen = c.number(NR_OPEN);
        if (nrOpen.isEmpty()) {
            return Finding.unknown("fs.nr_open is missing: " + c.now().whyUnread(NR_OPEN));
        }
        long most = nrOpen.getAsLong();
        OptionalLong asked = c.question().requested();
        if (asked.isPresent()) {
            return exceeds(asked.getAsLong(), most)
                    ? Finding.confirmed((Say.unlimited(asked.getAsLong()) ? "an unlimited hard limit"
                            : "a hard limit of " + asked.getAsLong() + " descriptors") + " is above fs.nr_open, " + most
                            + ", which binds root too")
                    : Finding.ruledOut(asked.getAsLong() + " is not above fs.nr_open, " + most);
        }
        OptionalLong hard = hard(c);
        if (hard.isPresent() && exceeds(hard.getAsLong(), most)) {
            return Finding.confirmed("the hard limit of " + Say.process(c) + ", " + Say.number(hard.getAsLong())
                    + ", is above fs.nr_open, " + most + ", which was lowered: even a change of the soft limit alone is"
                    + " refused");
        }
        return Finding.unknown("which hard limit was asked for would tell: above " + most + " (fs.nr_open) it is this");
    }

    private static Cause raiseHardNoCap() {
        return Row.of("raise-hard-no-cap", EPERM).calls(CALLS)
                .rule("kernel/sys.c do_prlimit: only capable(CAP_SYS_RESOURCE), that is in the initial user namespace, "
                        + "may raise a hard limit (all versions)")
                .evidence(Facts.CAP_EFF, Facts.USERNS_INITIAL, Facts.EUID, NR_OPEN)
                .remedies(c -> {
                    long value = c.question().requested().orElse(hard(c).orElse(65536));
                    var all = new ArrayList<Remedy>(Remedies.limit(c, resource(c), value));
                    if (Capability.CAP_SYS_RESOURCE.of(c) != Capability.Held.NAMESPACED) {
                        all.add(Remedy.container("or let the container raise it itself",
                                "docker run --cap-add SYS_RESOURCE …"));
                    }
                    return all;
                })
                .dont("Do not take \"I am root\" for a proof: CapEff tells, and uid_map tells where it counts.",
                        "Do not raise fs.nr_open: the value is below it.",
                        "Do not lower the hard limit to try something out: without the capability there is no way "
                                + "back.")
                .next("The process goes on with the limits it had; the soft limit may move up to the hard one.")
                .provoked("6.18 by test, 6.1 by test in a guest")
                .judge(c -> permitted(c, ResourceLimits::judgeRaise).with(c, Facts.limitHard(resource(c))));
    }

    private static Finding judgeRaise(Case c) {
        String name = "RLIMIT_" + resource(c).toUpperCase(Locale.ROOT);
        OptionalLong hard = hard(c);
        if (hard.isEmpty()) {
            return Finding.unknown("the hard limit is missing: " + c.now().whyUnread(Facts.limitHard(resource(c))));
        }
        long is = hard.getAsLong();
        OptionalLong asked = c.question().requested();
        Capability.Held held = Capability.CAP_SYS_RESOURCE.of(c);
        if (asked.isPresent() && !exceeds(asked.getAsLong(), is)) {
            return Finding.ruledOut(asked.getAsLong() + " is not above the hard limit of " + Say.number(is));
        }
        if (Say.unlimited(is)) {
            return Finding.ruledOut("the hard limit is unlimited, so nothing can be above it");
        }
        if (held == Capability.Held.YES) {
            return Finding.ruledOut(Say.process(c) + " has CAP_SYS_RESOURCE in the initial user namespace");
        }
        OptionalLong nrOpen = c.number(NR_OPEN);
        if (nofile(c) && asked.isPresent() && nrOpen.isPresent() && exceeds(asked.getAsLong(), nrOpen.getAsLong())) {
            return Finding
                    .ruledOut("fs.nr_open is tested first, and " + Say.number(asked.getAsLong()) + " is above it");
        }
        String lack = Say.process(c) + " " + Capability.CAP_SYS_RESOURCE.lack(c);
        if (held == Capability.Held.UNKNOWN) {
            return Finding.unknown(lack);
        }
        return asked.isPresent()
                ? Finding.confirmed("raising the hard " + name + " from " + is + " to " + Say.number(asked.getAsLong())
                        + " needs CAP_SYS_RESOURCE: " + lack)
                : Finding.possible("any value above the hard " + name + " of " + is + " is refused: " + lack);
    }

    private static Cause prlimitOtherUser() {
        return Row.of("prlimit-other-user", EPERM).calls("prlimit", "prlimit64")
                .rule("kernel/sys.c check_prlimit_permission: real ids of the caller must equal real, effective and "
                        + "saved ids of the target, or it has CAP_SYS_RESOURCE in the target's user namespace; for "
                        + "reading too (all versions)")
                .evidence(Facts.ASKED_PID, Facts.TARGET_UIDS, Facts.TARGET_GIDS, Facts.RUID, Facts.RGID, Facts.CAP_EFF)
                .remedies(c -> List.of(Remedy.now("read them where no permission is asked",
                        "cat /proc/" + c.text(Facts.ASKED_PID).orElse("PID") + "/limits"),
                        Remedy.now("set them as the target's user or with CAP_SYS_RESOURCE",
                                "prlimit --pid " + c.text(Facts.ASKED_PID).orElse("PID") + " --nofile=SOFT:HARD")))
                .dont("Do not raise any limit for this: it is about who asks.")
                .next("The other process keeps its limits.")
                .provoked("6.18 by test")
                .judge(ResourceLimits::judgeOther);
    }

    /** A judgement of the values, which nobody looks at where the other process may not be touched. */
    private static Finding permitted(Case c, Function<Case, Finding> judge) {
        return judgeOther(c).verdict() == Verdict.CONFIRMED
                ? Finding
                        .ruledOut("process " + c.text(Facts.ASKED_PID).orElse("") + " belongs to another user, which is"
                                + " tested first")
                : judge.apply(c);
    }

    private static Finding judgeOther(Case c) {
        String target = c.text(Facts.ASKED_PID).orElse("");
        if (target.isEmpty() || target.equals("0") || target.equals(c.text(Facts.PID).orElse(""))) {
            return Finding.ruledOut("the limits are its own");
        }
        var uids = c.text(Facts.TARGET_UIDS);
        var gids = c.text(Facts.TARGET_GIDS);
        var uid = c.text(Facts.RUID);
        var gid = c.text(Facts.RGID);
        if (uids.isEmpty() || gids.isEmpty() || uid.isEmpty() || gid.isEmpty()) {
            return Finding.unknown("the ids of process " + target + " and of the caller would tell: "
                    + c.now().whyUnread(Facts.TARGET_UIDS));
        }
        boolean same = Arrays.stream(uids.get().split(" ")).allMatch(uid.get()::equals)
                && Arrays.stream(gids.get().split(" ")).allMatch(gid.get()::equals);
        if (same) {
            return Finding.ruledOut("process " + target + " belongs to the same user " + uid.get() + " and group "
                    + gid.get());
        }
        if (Capability.CAP_SYS_RESOURCE.heldBy(c)) {
            return Finding.ruledOut(Say.process(c) + " has CAP_SYS_RESOURCE");
        }
        return Finding.confirmed("process " + target + " has the user ids " + uids.get() + " and group ids "
                + gids.get() + ", the caller is " + uid.get() + ":" + gid.get() + " and "
                + Capability.CAP_SYS_RESOURCE.lack(c));
    }

    private static Cause softAboveHard() {
        return Row.of("soft-above-hard", EINVAL).calls(CALLS)
                .rule("kernel/sys.c do_prlimit: a soft limit above the hard one is EINVAL, before anything else is "
                        + "tested (all versions)")
                .remedies(c -> List.of(Remedy.now("give both limits in one call, the soft one not above the hard one",
                        "prlimit --pid " + c.text(Facts.PID).orElse("PID") + " --" + resource(c) + "="
                                + Say.number(hard(c).orElse(-1)) + ":" + Say.number(hard(c).orElse(-1)))))
                .dont("Do not use sudo: no capability lifts this.")
                .next("Neither limit changes.")
                .provoked("6.18 by test")
                .judge(c -> judgeOrder(c).with(c, Facts.limitSoft(resource(c)), Facts.limitHard(resource(c))));
    }

    private static Finding judgeOrder(Case c) {
        OptionalLong askedSoft = c.number(Facts.ASKED_SOFT);
        OptionalLong askedHard = c.question().requested();
        OptionalLong soft = askedSoft.isPresent() ? askedSoft : c.number(Facts.limitSoft(resource(c)));
        OptionalLong hard = askedHard.isPresent() ? askedHard : hard(c);
        if (soft.isEmpty() || hard.isEmpty() || askedSoft.isEmpty() && askedHard.isEmpty()) {
            return Finding.unknown("the limits that were asked for would tell");
        }
        String pair = "soft " + Say.number(soft.getAsLong()) + ", hard " + Say.number(hard.getAsLong());
        return exceeds(soft.getAsLong(), hard.getAsLong())
                ? Finding.confirmed("the soft limit would be above the hard one: " + pair)
                : Finding.ruledOut("the soft limit is not above the hard one: " + pair);
    }

    private static Cause badResource() {
        return Row.of("bad-resource", EINVAL).calls(CALLS)
                .rule("kernel/sys.c do_prlimit: a resource number of RLIM_NLIMITS (16) or more is EINVAL (all versions)")
                .remedies(c -> List.of(Remedy.now("ask for one of the sixteen of getrlimit(2)",
                        "cat /proc/self/limits")))
                .dont("Do not use sudo: no capability lifts this.")
                .next("Nothing changes.")
                .provoked("6.18 by test")
                .judge(c -> {
                    var asked = c.text(Facts.ASKED_RESOURCE);
                    if (asked.isEmpty()) {
                        return Finding.unknown("which resource was asked for would tell");
                    }
                    boolean known = Arrays.stream(Limits.Resource.values())
                            .anyMatch(r -> r.name().equalsIgnoreCase("RLIMIT_" + asked.get()));
                    return known ? Finding.ruledOut(asked.get() + " is a resource the kernel knows")
                            : Finding.confirmed(asked.get() + " is not a resource the kernel knows");
                });
    }

    private static Cause noSuchPid() {
        return Row.of("no-such-pid", ESRCH).calls("prlimit", "prlimit64")
                .rule("kernel/sys.c prlimit64: ESRCH when no process has that number in the caller's PID namespace "
                        + "(all versions)")
                .evidence(Facts.ASKED_PID, Facts.TARGET_EXISTS)
                .remedies(c -> List.of(Remedy.now("look the number up in the caller's PID namespace; from a container "
                        + "the host's numbers mean nothing", "ps -e")))
                .dont("Do not use sudo: a process of another PID namespace is not found by anyone.")
                .next("Nothing changes.")
                .provoked("6.18 by test")
                .judge(c -> {
                    String target = c.text(Facts.ASKED_PID).map(p -> "process " + p).orElse("the process");
                    return c.text(Facts.TARGET_EXISTS).map(there -> there.equals("no")
                            ? Finding.confirmed(target + " does not exist in the caller's PID namespace")
                            : Finding.ruledOut(target + " is there now"))
                            .orElseGet(() -> Shapes.only(c, "prlimit64", target
                                    + " did not exist in the caller's PID namespace"));
                });
    }

    private static Cause lsm() {
        return Row.of("lsm", EPERM, EACCES)
                .rule("security hooks (for limits: security_task_setrlimit, security_task_prlimit) may refuse any call; "
                        + "SELinux and AppArmor answer EACCES, others what they like (all versions)")
                .evidence(Facts.LSM_LABEL)
                .remedies(c -> List.of(Remedy.now("look for the refusal in the audit log, then allow it in the policy",
                        "ausearch -m avc -ts recent", "journalctl -k -g 'apparmor=.DENIED'")))
                .dont("Do not turn the security module off to get past one refusal.")
                .next("The call is refused each time, until the policy changes.")
                .judge(c -> c.text(Facts.LSM_LABEL).map(label -> switch (label) {
                    case "none", "unconfined", "kernel" -> Finding.ruledOut("no security module confines "
                            + Say.process(c) + " (label " + label + ")");
                    default -> Finding.possible("a security module confines " + Say.process(c) + " (label " + label
                            + ") and may have refused it; its audit log would tell");
                }).orElseGet(() -> Finding.unknown("the security label is missing: "
                        + c.now().whyUnread(Facts.LSM_LABEL))));
    }

    private static Cause seccomp() {
        return Row.of("seccomp", EPERM, EACCES, ENOSYS)
                .rule("kernel/seccomp.c __seccomp_filter: a filter may answer any call with any error before the kernel "
                        + "looks at it (all versions)")
                .evidence(Facts.SECCOMP)
                .remedies(c -> List.of(Remedy.container("allow the call in the container's profile",
                        "docker run --security-opt seccomp=PROFILE.json …"),
                        Remedy.systemd("allow the call in the unit", "systemctl edit UNIT", "[Service]",
                                "SystemCallFilter=…")))
                .dont("Do not run without a profile for good: seccomp=unconfined is for a test.")
                .next("The call is refused each time; a filter cannot be taken off a running process.")
                .judge(c -> {
                    OptionalLong mode = c.number(Facts.SECCOMP);
                    if (mode.isEmpty()) {
                        return Finding.unknown("the seccomp mode is missing: " + c.now().whyUnread(Facts.SECCOMP));
                    }
                    return mode.getAsLong() == 0 ? Finding.ruledOut("no seccomp filter is on " + Say.process(c))
                            : Finding.possible("a seccomp filter is on " + Say.process(c)
                                    + " and may have refused the call; the same call without the filter would tell");
                });
    }
}
