package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * One row of {@code /proc/net/softnet_stat}: receive work of one online CPU, of the machine (not of a network
 * namespace).
 * 32-bit numbers. Kernel: {@code net/core/net-procfs.c softnet_seq_show}.
 *
 * @param cpu         the CPU; older kernels do not say, their rows are the online CPUs in order
 * @param processed   packets processed
 * @param dropped     packets dropped because the CPU's backlog held {@code net.core.netdev_max_backlog}
 * @param timeSqueeze times work was left when {@code net.core.netdev_budget} or its time was used up
 */
public record SoftnetStat(OptionalInt cpu, long processed, long dropped, long timeSqueeze) {
    /** Parses the file, which has no header. */
    public static List<SoftnetStat> parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var rows = new ArrayList<SoftnetStat>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length < 9) {
                throw lines.broken("expected at least 9 columns, found " + w.length);
            }
            rows.add(new SoftnetStat(
                    w.length >= 13 ? OptionalInt.of((int) lines.hex("cpu", w[12])) : OptionalInt.empty(),
                    lines.hex("processed", w[0]), lines.hex("dropped", w[1]), lines.hex("time_squeeze", w[2])));
        }
        return List.copyOf(rows);
    }
}
