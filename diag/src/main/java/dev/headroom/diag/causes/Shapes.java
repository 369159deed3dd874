package dev.headroom.diag.causes;

import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.LongFunction;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;

/** The shapes of causes beside {@link Gauge}; each is a way to come from numbers to a verdict. */
final class Shapes {
    private Shapes() {
    }

    /** The call is named in the question, so that what is known of its errors counts. */
    static boolean named(Case c) {
        return !c.question().call().isEmpty();
    }

    /**
     * The error has one reason at this call. Where the call is not named, that is what would tell.
     *
     * @param calls the call, as in "epoll_ctl"
     */
    static Finding only(Case c, String calls, String sentence) {
        return named(c) ? Finding.confirmed(sentence)
                : Finding.unknown("which call failed would tell; if it was " + calls + ": " + sentence);
    }

    /**
     * A single value that was asked for and is too large by itself.
     *
     * @param ceiling the largest that is allowed
     * @param what the value, as in "a ring of 40000 entries"; "the length" where it is not known
     * @param most the bound in words, as in "io_uring_setup allows 32768"
     */
    static Finding requested(Case c, OptionalLong ceiling, LongFunction<String> what, String most) {
        OptionalLong asked = c.question().requested();
        if (asked.isEmpty() || ceiling.isEmpty()) {
            return Finding.unknown("what was asked for would tell: " + most);
        }
        boolean over = Say.unlimited(asked.getAsLong()) ? !Say.unlimited(ceiling.getAsLong())
                : asked.getAsLong() > ceiling.getAsLong();
        String sentence = what.apply(asked.getAsLong()) + (over ? " is too much: " : " is not too much: ") + most;
        return over ? Finding.confirmed(sentence) : Finding.ruledOut(sentence);
    }

    /**
     * Bytes: what is held and what was asked for in addition, under a limit. Without the length of the request, a limit
     * that is not yet used up is only possible.
     *
     * @param held bytes held now
     * @param wanted bytes asked for
     * @param limit most bytes
     * @param limitName as in "RLIMIT_AS"
     * @param what as in "of address space"
     */
    static Finding fits(OptionalLong held, OptionalLong wanted, OptionalLong limit, String limitName, String what,
            String unread) {
        if (limit.isPresent() && Say.unlimited(limit.getAsLong())) {
            return Finding.ruledOut(limitName + " is unlimited");
        }
        if (held.isEmpty() || limit.isEmpty()) {
            return Finding.unknown(limitName + " cannot be judged: " + unread);
        }
        long room = Math.max(0, limit.getAsLong() - held.getAsLong());
        String use = Say.bytes(held.getAsLong()) + " of " + Say.bytes(limit.getAsLong()) + " " + what
                + " are in use (" + limitName + ")";
        if (room == 0) {
            return Finding.confirmed(use);
        }
        if (wanted.isEmpty()) {
            return Finding.possible(use + ", so a request of more than " + Say.bytes(room) + " is refused");
        }
        return wanted.getAsLong() > room
                ? Finding.confirmed(use + " and " + Say.bytes(wanted.getAsLong()) + " more do not fit")
                : Finding.ruledOut(use + " and " + Say.bytes(wanted.getAsLong()) + " more fit");
    }

    /**
     * Memory of the kernel that could not be had: what the cgroup and the machine have left. The counter of a cgroup's
     * limit decides if there are two readings; a full cgroup alone does not, for page cache is given back when asked.
     */
    static Finding kernelMemory(Case c, String what) {
        String max = Facts.cgroup("memory", "max");
        OptionalLong limit = c.number(max);
        OptionalLong held = c.number(Facts.cgroup("memory", "current"));
        String path = c.text(Facts.cgroup("memory", "path")).orElse("");
        OptionalLong hits = hits(c, "memory");
        String use = held.isPresent() && limit.isPresent()
                ? "memory cgroup " + path + " holds " + Say.bytes(held.getAsLong())
                        + (Say.unlimited(limit.getAsLong()) ? " without a limit"
                                : " of " + Say.bytes(limit.getAsLong()))
                : "no memory cgroup limits it";
        if (hits.isPresent() && hits.getAsLong() > 0) {
            return Finding.confirmed(use + " and its limit was hit " + Say.count(hits.getAsLong(), "time")
                    + " between the two readings, so memory for " + what + " is refused");
        }
        if (limit.isPresent() && held.isPresent() && !Say.unlimited(limit.getAsLong())
                && held.getAsLong() >= limit.getAsLong() / 100 * 98) {
            return Finding.possible(use + ", so memory for " + what + " may have been refused");
        }
        OptionalLong free = c.number(Facts.meminfo("MemAvailable"));
        OptionalLong total = c.number(Facts.meminfo("MemTotal"));
        if (free.isEmpty() || total.isEmpty()) {
            return Finding.unknown("how much memory is available would tell: "
                    + c.now().whyUnread(Facts.meminfo("MemAvailable")));
        }
        String machine = Say.kb(free.getAsLong()) + " of " + Say.kb(total.getAsLong()) + " are available";
        return free.getAsLong() < total.getAsLong() / 50
                ? Finding.possible("only " + machine + ", so memory for " + what + " may have been refused")
                : Finding.ruledOut(machine + " on the machine, and " + use);
    }

    /** How often the limit of the cgroup was hit between two readings: v1 and v2 count it under different names. */
    static OptionalLong hits(Case c, String controller) {
        for (String name : new String[] {"events", "events.max", "failcnt"}) {
            OptionalLong grown = c.delta(Facts.cgroup(controller, name));
            if (grown.isPresent()) {
                return grown;
            }
        }
        return OptionalLong.empty();
    }

    static final String[] MEMORY_EVIDENCE = {Facts.cgroup("memory", "path"), Facts.cgroup("memory", "current"),
            Facts.cgroup("memory", "max"), Facts.cgroup("memory", "events"), Facts.meminfo("MemAvailable"),
            Facts.meminfo("MemTotal")};

    /** Whether the kernel is at least of that version; false if it is not known. */
    static boolean kernelAtLeast(Case c, int major, int minor) {
        return c.text(Facts.KERNEL).map(release -> {
            String[] part = release.split("[.-]", 3);
            int is = Integer.parseInt(part[0]);
            return is > major || is == major && Integer.parseInt(part[1]) >= minor;
        }).orElse(false);
    }

    /** A judgement after an exemption: a capability held where it counts lifts the limit. */
    static Function<Case, Finding> unless(Capability[] above, Function<Case, Finding> judge) {
        return c -> Capability.anyHeldBy(c, above)
                .map(cap -> Finding.ruledOut(Say.process(c) + " has " + cap + ", which this limit does not bind"))
                .orElseGet(() -> judge.apply(c));
    }
}
