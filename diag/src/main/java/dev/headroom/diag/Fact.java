package dev.headroom.diag;

import java.util.Objects;

/**
 * One thing that was read, and where: the evidence of a diagnosis.
 *
 * @param name as in {@link Facts}, e.g. "limits.nofile.soft"
 * @param value as the kernel wrote it, or a number we counted
 * @param source the file or call it came from, e.g. "/proc/4711/limits" or "sock_diag"
 */
public record Fact(String name, String value, String source) {
    public Fact {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(value, "value");
        Objects.requireNonNull(source, "source");
    }
}
