package dev.headroom.diag;

/** How sure we are of a cause, the surest first. */
public enum Verdict {
    /** The evidence leaves no doubt. */
    CONFIRMED,
    /** The evidence allows it and does not prove it. */
    POSSIBLE,
    /** What would tell could not be read; the finding says what is missing. */
    UNKNOWN,
    /** The evidence speaks against it. */
    RULED_OUT
}
