package dev.headroom.diag;

import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a cause judges: the question, what is known now, and what was known a little earlier.
 *
 * @param question what happened
 * @param now the facts
 * @param earlier the facts an interval before, for counters; empty if there was one reading only
 */
public record Case(Question question, Snapshot now, Optional<Snapshot> earlier) {
    public Case {
        Objects.requireNonNull(question, "question");
        Objects.requireNonNull(now, "now");
        Objects.requireNonNull(earlier, "earlier");
    }

    public OptionalLong number(String name) {
        return now.number(name);
    }

    /** How much a counter grew between the two readings; empty with one reading. */
    public OptionalLong delta(String counter) {
        return earlier.isPresent() ? now.delta(earlier.get(), counter) : OptionalLong.empty();
    }

    public Optional<String> text(String name) {
        return now.text(name);
    }
}
