package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;

/**
 * {@code /proc/loadavg}. Kernel: {@code fs/proc/loadavg.c loadavg_proc_show}; see man5 {@code proc_loadavg}.
 *
 * @param load1    jobs in the run queue or waiting for disk, averaged over 1 minute
 * @param load5    over 5 minutes
 * @param load15   over 15 minutes
 * @param runnable currently runnable scheduling entities, of the machine
 * @param threads  scheduling entities (processes and threads) that exist on the machine, also when read in a PID
 *                 namespace: what {@code kernel.threads-max} bounds
 * @param lastPid  PID of the most recently created process, in the reader's PID namespace
 */
public record LoadAvg(double load1, double load5, double load15, long runnable, long threads, long lastPid) {
    /** Parses the file. */
    public static LoadAvg parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        lines.need("five fields");
        String[] w = lines.words();
        int slash = w.length == 5 ? w[3].indexOf('/') : -1;
        if (slash < 0) {
            throw lines.broken("expected three averages, runnable/threads and a PID");
        }
        double[] load = new double[3];
        for (int i = 0; i < 3; i++) {
            try {
                load[i] = Double.parseDouble(w[i]);
            } catch (NumberFormatException e) {
                throw lines.broken("load is not a number (\"" + w[i] + "\")");
            }
        }
        return new LoadAvg(load[0], load[1], load[2], lines.decimal("runnable", w[3].substring(0, slash)),
                lines.decimal("threads", w[3].substring(slash + 1)), lines.decimal("last PID", w[4]));
    }
}
