package dev.headroom.diag.causes;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;

/**
 * What network causes show themselves by: a counter that grows between two readings, a switch that is on, and that no
 * other cause explains it. And the remedy that most of them share: a sysctl of one network namespace.
 */
final class Signs {
    /** Sysctls that a Kubernetes pod may set without the kubelet's leave. */
    private static final Set<String> SAFE = Set.of("net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
            "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_fin_timeout");

    private Signs() {
    }

    /** UNKNOWN with the reason, if one of the facts is not there. */
    static Optional<Finding> missing(Case c, String... names) {
        for (String name : names) {
            if (c.now().fact(name).isEmpty()) {
                return Optional.of(Finding.unknown(name + " would tell: " + c.now().whyUnread(name)));
            }
        }
        return Optional.empty();
    }

    /**
     * A counter that only this cause moves: CONFIRMED if it grew between the readings, RULED_OUT if it did not or was
     * never counted. One reading of a counter that is not 0 tells nothing of now.
     *
     * @param grew sentence of the growth, as {@link Say#agree} takes it
     */
    static Finding counter(Case c, String counter, String grew) {
        OptionalLong delta = c.delta(counter);
        String name = shortName(counter);
        if (delta.isPresent()) {
            return delta.getAsLong() > 0 ? Finding.confirmed(Say.agree(grew, delta.getAsLong()))
                    : Finding.ruledOut(name + " did not grow between the two readings");
        }
        return missing(c, counter).orElseGet(() -> {
            long total = c.number(counter).orElse(0);
            return total == 0 ? Finding.ruledOut(name + " is 0")
                    : Finding.unknown("a second reading (--watch 2s) would tell: " + name + " is " + total
                            + " in all, which may be old");
        });
    }

    /** Whether a counter is known to have grown. */
    static boolean grew(Case c, String counter) {
        return c.delta(counter).orElse(0) > 0;
    }

    /** Whether a counter is known not to have moved: no growth between two readings, or never counted. */
    static boolean quiet(Case c, String counter) {
        OptionalLong delta = c.delta(counter);
        return delta.isPresent() ? delta.getAsLong() == 0 : c.number(counter).orElse(-1) == 0;
    }

    /** "ListenDrops" of "counter.TcpExt.ListenDrops"; sysctls keep their dots. */
    static String shortName(String fact) {
        return fact.startsWith("sysctl.") ? fact.substring("sysctl.".length())
                : fact.substring(fact.lastIndexOf('.') + 1);
    }

    /** Whether the sysctl has that value; false too if it is not known. */
    static boolean is(Case c, String sysctl, long value) {
        OptionalLong number = c.number(Facts.sysctl(sysctl));
        return number.isPresent() && number.getAsLong() == value;
    }

    /** How to set a sysctl of the target's network namespace: each namespace has its own. */
    static List<Remedy> netnsSysctl(Case c, String key, String value, String what) {
        String set = "sysctl -w " + key + "=" + quoted(value);
        boolean entered = c.text(Facts.NET_SCOPE).filter(s -> !s.equals("self")).isPresent();
        String now = entered && c.text(Facts.PID).isPresent() ? "nsenter -t " + c.text(Facts.PID).get() + " -n " + set
                : set;
        String pod = SAFE.contains(key) ? "" : ", which the kubelet must allow: --allowed-unsafe-sysctls " + key;
        return List.of(Remedy.now(what + " (in the network namespace of the process)", now),
                Remedy.persistent("the same after a restart, for the host's own network namespace only",
                        "echo '" + key + " = " + value + "' > /etc/sysctl.d/90-headroom.conf", "sysctl --system"),
                Remedy.container("the same in a container or pod" + pod, "docker run --sysctl " + key + "="
                        + quoted(value) + " …",
                        "spec.securityContext.sysctls: [{name: " + key + ", value: \"" + value + "\"}]"));
    }

    /**
     * What is left when nothing speaks for its siblings: one of them that is certain rules it out.
     */
    static Finding remainder(Case c, Supplier<List<Cause>> siblings, Finding otherwise) {
        for (Cause sibling : siblings.get()) {
            if (sibling.answers(c.question()) && sibling.judge().apply(c).verdict() == Verdict.CONFIRMED) {
                return Finding.ruledOut(sibling.id() + " explains it");
            }
        }
        return otherwise;
    }

    private static String quoted(String value) {
        return value.contains(" ") ? '"' + value + '"' : value;
    }
}
