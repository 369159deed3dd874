package dev.headroom.diag.lab;

import java.util.Locale;
import java.util.Objects;

/**
 * What a prediction allows.
 *
 * @param low a number, or a text where {@code low} equals {@code high}
 * @param high a number not below {@code low}; {@link Long#MAX_VALUE} for no bound
 */
public record Expected(Object low, Object high) {
    public Expected {
        Objects.requireNonNull(low, "low");
        Objects.requireNonNull(high, "high");
    }

    public static Expected exactly(long n) {
        return new Expected(n, n);
    }

    public static Expected exactly(String text) {
        return new Expected(text, text);
    }

    public static Expected atLeast(long n) {
        return new Expected(n, Long.MAX_VALUE);
    }

    public static Expected atMost(long n) {
        return new Expected(0L, n);
    }

    public static Expected between(long low, long high) {
        return new Expected(low, high);
    }

    /** Whether what was observed is what was predicted. */
    public boolean isMetBy(Object observed) {
        return low instanceof Long l && high instanceof Long h
                ? observed instanceof Number n && n.longValue() >= l && n.longValue() <= h
                : low.equals(observed);
    }

    /** For a program: the number itself, or words where it is a range. */
    public Object value() {
        return low.equals(high) ? low : toString();
    }

    @Override
    public String toString() {
        if (low.equals(high)) {
            return text(low);
        }
        return high.equals(Long.MAX_VALUE) ? "at least " + text(low)
                : low.equals(0L) ? "at most " + text(high) : text(low) + " to " + text(high);
    }

    /** A number with its thousands told apart; a text as it is. */
    public static String text(Object value) {
        return value instanceof Long || value instanceof Integer ? String.format(Locale.ROOT, "%,d", value)
                : String.valueOf(value);
    }
}
