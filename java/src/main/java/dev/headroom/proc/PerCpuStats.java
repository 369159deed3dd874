package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * A table with a header and one row of hexadecimal 32-bit numbers a CPU: {@code net/stat/nf_conntrack}
 * ({@code nf_conntrack_standalone.c ct_cpu_seq_show}), {@code net/stat/arp_cache} and {@code ndisc_cache}
 * ({@code net/core/neighbour.c neigh_stat_seq_show}). Columns moved and changed names between kernels, so they are
 * asked
 * for by name. Each CPU's number wraps at 2^32.
 *
 * @param columns the header
 * @param rows    the rows, each as long as the header
 */
public record PerCpuStats(List<String> columns, List<List<Long>> rows) {
    public PerCpuStats {
        columns = List.copyOf(columns);
        rows = rows.stream().map(List::copyOf).toList();
    }

    /** The sum over all CPUs, if this kernel has the column: right for events such as {@code drop}. */
    public OptionalLong sum(String column) {
        int at = columns.indexOf(column);
        return at < 0 ? OptionalLong.empty() : OptionalLong.of(rows.stream().mapToLong(row -> row.get(at)).sum());
    }

    /** The first row's number: right for {@code entries}, the one global count each row repeats. */
    public OptionalLong global(String column) {
        int at = columns.indexOf(column);
        return at < 0 || rows.isEmpty() ? OptionalLong.empty() : OptionalLong.of(rows.getFirst().get(at));
    }

    /**
     * How much the sum of a column rose since an earlier reading, with each CPU's wrap at 2^32 allowed for. Empty when
     * one of the readings has no such column, or they have not the same number of rows.
     */
    public OptionalLong delta(String column, PerCpuStats earlier) {
        int at = columns.indexOf(column);
        int then = earlier.columns.indexOf(column);
        if (at < 0 || then < 0 || rows.size() != earlier.rows.size()) {
            return OptionalLong.empty();
        }
        long sum = 0;
        for (int i = 0; i < rows.size(); i++) {
            sum += rows.get(i).get(at) - earlier.rows.get(i).get(then) & 0xffff_ffffL;
        }
        return OptionalLong.of(sum);
    }

    /** Parses the file. */
    public static PerCpuStats parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        lines.need("a header");
        List<String> columns = List.of(lines.words());
        var rows = new ArrayList<List<Long>>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length != columns.size()) {
                throw lines.broken("expected " + columns.size() + " columns, found " + w.length);
            }
            var row = new ArrayList<Long>();
            for (int i = 0; i < w.length; i++) {
                row.add(lines.hex(columns.get(i), w[i]));
            }
            rows.add(row);
        }
        return new PerCpuStats(columns, rows);
    }
}
