package dev.headroom.diag.causes;

import java.util.OptionalLong;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Finding;

/**
 * A shape that most causes share: so many in use of so many that may be. It is full where the use reaches the ceiling,
 * and close to it cannot be ruled out, for what is read now is later than the failure.
 *
 * @param used name of the fact that counts
 * @param ceiling name of the fact that limits
 * @param things what is counted, "epoll watches of user 1000"
 */
record Gauge(String used, String ceiling, Function<Case, String> things) {
    /** From here up a failure a moment ago may have met the ceiling. */
    private static final double NEAR = 0.9;

    enum Fill {
        FULL, NEAR, CLEAR, UNKNOWN
    }

    Fill fill(Case c) {
        return fill(c.number(used), c.number(ceiling), 1);
    }

    /** How full it is for one who wants so many more. */
    static Fill fill(OptionalLong used, OptionalLong ceiling, long wanted) {
        if (ceiling.isPresent() && Say.unlimited(ceiling.getAsLong())) {
            return Fill.CLEAR;
        }
        if (used.isEmpty() || ceiling.isEmpty()) {
            return Fill.UNKNOWN;
        }
        long n = used.getAsLong();
        long of = ceiling.getAsLong();
        if (n > of - wanted) {
            return Fill.FULL;
        }
        return n >= of * NEAR ? Fill.NEAR : Fill.CLEAR;
    }

    Finding judge(Case c) {
        return judge(c, things.apply(c), c.number(used), c.number(ceiling), unknown(c));
    }

    /** The same of numbers that were worked out. */
    static Finding judge(Case c, String things, OptionalLong used, OptionalLong ceiling, String unknown) {
        return switch (fill(used, ceiling, 1)) {
            case FULL -> Finding.confirmed(used.getAsLong() == ceiling.getAsLong()
                    ? "all " + ceiling.getAsLong() + " " + things + " are in use"
                    : used.getAsLong() + " " + things + " are in use and the limit is " + ceiling.getAsLong());
            case NEAR -> Finding.possible(of(used, ceiling, things)
                    + " now; at the moment of the failure it may have been all");
            case CLEAR -> Finding.ruledOut(of(used, ceiling, things));
            case UNKNOWN -> Finding.unknown(unknown);
        };
    }

    /** "3 of 1024 descriptors are in use". */
    static String of(OptionalLong used, OptionalLong ceiling, String things) {
        long limit = ceiling.orElseThrow();
        if (Say.unlimited(limit)) {
            return things + " are not limited";
        }
        return used.orElseThrow() + " of " + limit + " " + things + " are in use";
    }

    /** Which reading would tell. */
    String unknown(Case c) {
        boolean counted = c.number(used).isPresent();
        return counted ? "the limit on " + things.apply(c) + " is missing: " + c.now().whyUnread(ceiling)
                : "the number of " + things.apply(c) + " is missing: " + c.now().whyUnread(used);
    }
}
