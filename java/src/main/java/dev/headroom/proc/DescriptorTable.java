package dev.headroom.proc;

import java.util.BitSet;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The descriptors of one table, summed up: small also for a table of a million. Under EMFILE it is the numbers that
 * matter, not the count: the kernel wants a free number below the soft limit ({@code fs/file.c alloc_fd}).
 */
public final class DescriptorTable {
    private static final int TARGETS = 4096;

    private final BitSet numbers = new BitSet();
    private final Map<FdKind, Integer> kinds = new EnumMap<>(FdKind.class);
    private final Map<String, Integer> targets = new HashMap<>();

    private DescriptorTable() {
    }

    /**
     * A path and how many descriptors point at it.
     *
     * @param target the text of the link
     * @param count  how often it occurs
     */
    public record Target(String target, int count) {
    }

    /** Sums up descriptors; a number that occurs twice counts once. */
    public static DescriptorTable of(Iterable<Descriptor> descriptors) {
        var builder = new Builder();
        descriptors.forEach(builder::add);
        return builder.build();
    }

    /** Sums up descriptors as they come, without holding them. <b>Not thread-safe.</b> */
    public static final class Builder {
        private final DescriptorTable table = new DescriptorTable();

        /** Of no descriptor yet. */
        public Builder() {
        }

        /** Adds a descriptor; a number that occurs twice counts once. */
        public void add(Descriptor d) {
            if (table.numbers.get(d.fd())) {
                return;
            }
            table.numbers.set(d.fd());
            table.kinds.merge(d.kind(), 1, Integer::sum);
            boolean shared = switch (d.kind()) {
                case FILE, DEVICE, MEMFD, NAMESPACE, OTHER -> true;
                default -> false;
            };
            if (shared && (table.targets.size() < TARGETS || table.targets.containsKey(d.target()))) {
                table.targets.merge(d.target(), 1, Integer::sum);
            }
        }

        /** The sum; nothing may be added afterwards. */
        public DescriptorTable build() {
            return table;
        }
    }

    /** Number of descriptors. */
    public int count() {
        return numbers.cardinality();
    }

    /** Largest descriptor number, −1 for an empty table. */
    public int highest() {
        return numbers.length() - 1;
    }

    public boolean contains(int fd) {
        return numbers.get(fd);
    }

    /**
     * Descriptors whose number is below a soft limit (unsigned); {@code limit − usedBelow(limit)} are still to be had.
     */
    public int usedBelow(long limit) {
        return Long.compareUnsigned(limit, numbers.length()) >= 0
                ? numbers.cardinality() : numbers.get(0, (int) limit).cardinality();
    }

    /** Smallest number not in use: what the next open gets. */
    public int lowestFree() {
        return numbers.nextClearBit(0);
    }

    /** How many of each kind; kinds that do not occur are absent. */
    public Map<FdKind, Integer> kinds() {
        return Collections.unmodifiableMap(kinds);
    }

    public int count(FdKind kind) {
        return kinds.getOrDefault(kind, 0);
    }

    /** The paths most descriptors point at, most first. Only the first 4096 different paths met are counted. */
    public List<Target> topTargets(int most) {
        return targets.entrySet().stream()
                .map(e -> new Target(e.getKey(), e.getValue()))
                .sorted((a, b) -> a.count != b.count ? b.count - a.count : a.target.compareTo(b.target))
                .limit(most)
                .toList();
    }

    @Override
    public String toString() {
        return "DescriptorTable[count=" + count() + ", highest=" + highest() + ", kinds=" + kinds + "]";
    }
}
