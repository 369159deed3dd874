package dev.headroom.diag;

import java.util.Objects;

/**
 * How far something is from the wall the kernel has put there.
 *
 * @param id as in the catalogue of causes where it has one, e.g. "nofile-soft"
 * @param scope whose it is, e.g. "process 4711 (java)", "user 1000", "cgroup /a/b", "network namespace", "machine"
 * @param what what is counted, in words, e.g. "descriptors"
 * @param used how much of it there is now
 * @param ceiling the most there may be; {@link #UNLIMITED} for no ceiling
 * @param source where both were read
 * @param breaks what fails at the ceiling, and what that looks like
 */
public record Limit(String id, String scope, String what, long used, long ceiling, String source, String breaks) {
    /** No ceiling. */
    public static final long UNLIMITED = Long.MAX_VALUE;

    public Limit {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(scope, "scope");
        Objects.requireNonNull(what, "what");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(breaks, "breaks");
    }

    /** Used of ceiling, 0 without one. A ceiling of 0 is reached by nothing at all. */
    public double percent() {
        if (ceiling == UNLIMITED) {
            return 0;
        }
        return ceiling <= 0 ? 100 : 100.0 * used / ceiling;
    }

    /** Whether the use is at that percentage of the ceiling, or above. */
    public boolean reaches(double percent) {
        return ceiling != UNLIMITED && percent() >= percent;
    }
}
