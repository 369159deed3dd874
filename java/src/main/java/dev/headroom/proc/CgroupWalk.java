package dev.headroom.proc;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One controller's limits from a process's cgroup up to the root: the effective limit is the smallest on the way.
 *
 * @param controller {@code pids} or {@code memory}
 * @param version    1 or 2: of the hierarchy this controller is in, not of the machine
 * @param path       the process's cgroup, as {@code /proc/PID/cgroup} names it
 * @param levels     the process's own cgroup first, then its ancestors; empty when the cgroup filesystem that shows it
 *                   is
 *                   not mounted where the reader can see it
 * @param complete   whether the last level is the real root; otherwise ancestors above it may limit too, unseen
 */
public record CgroupWalk(String controller, int version, String path, List<Level> levels, boolean complete) {
    /** No limit: the word {@code max}, and in v1 any number above the machine's addresses. All 64 bits set. */
    public static final long MAX = Limits.RLIM_INFINITY;

    /**
     * One cgroup. Files that are not there (the root has few, older kernels have fewer) leave their value empty.
     *
     * @param path        the cgroup
     * @param max         {@code pids.max}; {@code memory.max}, in v1 {@code memory.limit_in_bytes}; {@link #MAX} for
     *                    none
     * @param high        {@code memory.high}, bytes: above it allocation is slowed; v2 only
     * @param current     {@code pids.current}, tasks; {@code memory.current}, in v1 {@code memory.usage_in_bytes}
     * @param peak        {@code pids.peak}, newer kernels only; {@code memory.peak} (5.19), in v1
     *                    {@code memory.max_usage_in_bytes}
     * @param failcnt     {@code memory.failcnt}: times the limit was hit; v1 only
     * @param events      {@code pids.events}, {@code memory.events}, in v1 {@code memory.oom_control}
     * @param eventsLocal {@code pids.events.local} (since 6.11), {@code memory.events.local} (5.2): this cgroup's limit
     *                    only
     * @param stat        {@code memory.stat}: {@code sock}, {@code slab}, {@code kernel}, {@code file}, {@code shmem},
     *                    {@code anon} and more in v2, other names in v1, where {@code memory.kmem.usage_in_bytes} and
     *                    {@code memory.kmem.tcp.usage_in_bytes} are added under their own names; bytes
     * @param denied      files that are there but may not be read
     */
    public record Level(String path, OptionalLong max, OptionalLong high, OptionalLong current, OptionalLong peak,
            OptionalLong failcnt, Counters events, Counters eventsLocal, Counters stat,
            List<String> denied) {
        public Level {
            denied = List.copyOf(denied);
        }

        /** Whether this cgroup sets a limit. */
        public boolean limited() {
            return max.isPresent() && max.getAsLong() != MAX;
        }

        /** What is left below the limit; below 0 when the limit was set under what is in use. */
        public OptionalLong room() {
            return limited() && current.isPresent()
                    ? OptionalLong.of(max.getAsLong() - current.getAsLong()) : OptionalLong.empty();
        }
    }

    public CgroupWalk {
        levels = List.copyOf(levels);
    }

    /** The smallest limit on the way, {@link #MAX} for none. */
    public long effectiveMax() {
        return levels.stream().filter(Level::limited).mapToLong(level -> level.max.getAsLong()).min().orElse(MAX);
    }

    /** The level with the least room, the nearest of equals: the one that will say no first. */
    public Optional<Level> tightest() {
        return levels.stream().filter(level -> level.room().isPresent())
                .min(Comparator.comparingLong(level -> level.room().getAsLong()));
    }

    /**
     * Where {@code pids.events} counts a refused fork: true in the cgroup whose limit was hit and in all above it (v2
     * since Linux 6.11), false in the cgroup that forked (v1 always, v2 before). A distribution may have backported the
     * change; a {@code pids.events.local} file proves it.
     */
    public boolean pidsEventsCountAtLimit(KernelVersion kernel) {
        return version == 2
                && (kernel.atLeast(6, 11) || levels.stream().anyMatch(l -> !l.eventsLocal.values().isEmpty()));
    }
}
