package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code /proc/PID/uid_map} or {@code gid_map}: how a process's user namespace maps IDs to the reader's.
 * Kernel: {@code kernel/user_namespace.c uid_m_show}; see man7 {@code user_namespaces}.
 *
 * @param extents the mapped ranges; empty before the map is written
 */
public record IdMap(List<Extent> extents) {
    /**
     * One line.
     *
     * @param inside  first ID inside the process's user namespace
     * @param outside first ID it maps to in the reader's user namespace (in the parent of the process's, if they are
     *                one)
     * @param count   number of IDs
     */
    public record Extent(long inside, long outside, long count) {
        private boolean isIdentity() {
            return inside == 0 && outside == 0 && count == 4294967295L;
        }
    }

    public IdMap {
        extents = List.copyOf(extents);
    }

    /**
     * Whether all IDs map to themselves: the initial user namespace, or one that cannot be told from it here.
     * Anything else means the process's capabilities do not reach {@code capable()} checks of the kernel.
     */
    public boolean isIdentity() {
        return extents.size() == 1 && extents.getFirst().isIdentity();
    }

    /** Parses the file. */
    public static IdMap parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var extents = new ArrayList<Extent>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length != 3) {
                throw lines.broken("expected three numbers");
            }
            extents.add(new Extent(lines.decimal("inside ID", w[0]), lines.decimal("outside ID", w[1]),
                    lines.decimal("count", w[2])));
        }
        return new IdMap(extents);
    }
}
