package dev.headroom.diag.plan;

import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * One thing that a host needs.
 *
 * @param id e.g. "nofile-hard"
 * @param what in words
 * @param unit of both numbers
 * @param needed how much
 * @param here how much there is; empty if not known
 * @param source where that was read, or why it was not
 * @param status whether it is enough
 * @param change what to do, each a line; empty where nothing is
 * @param why the kernel's rule
 * @param settings the same as numbers to set
 */
public record Row(String id, String what, Unit unit, long needed, OptionalLong here, String source, Status status,
        List<String> change, String why, List<Setting> settings) {
    public enum Unit {
        COUNT, BYTES, PAGES
    }

    public enum Status {
        OK, CHANGE, UNKNOWN
    }

    public Row {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(what, "what");
        Objects.requireNonNull(unit, "unit");
        Objects.requireNonNull(here, "here");
        Objects.requireNonNull(source, "source");
        Objects.requireNonNull(status, "status");
        change = List.copyOf(change);
        Objects.requireNonNull(why, "why");
        settings = List.copyOf(settings);
    }
}
