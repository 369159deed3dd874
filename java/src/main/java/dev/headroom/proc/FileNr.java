package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;

/**
 * {@code /proc/sys/fs/file-nr}, of the machine: open file descriptions, not descriptors ({@code dup} and {@code fork}
 * share one). Kernel: {@code fs/file_table.c proc_nr_files}; see man5 {@code proc_sys_fs}.
 *
 * @param allocated file descriptions allocated, from a per-CPU counter: off by up to about 32 a CPU
 * @param unused    always 0 since Linux 2.6
 * @param max       {@code fs.file-max}, unsigned; systemd sets it to {@link Long#MAX_VALUE}
 */
public record FileNr(long allocated, long unused, long max) {
    /** Parses the file. */
    public static FileNr parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        lines.need("three numbers");
        String[] w = lines.words();
        if (w.length != 3) {
            throw lines.broken("expected three numbers");
        }
        return new FileNr(lines.decimal("allocated", w[0]), lines.decimal("unused", w[1]),
                lines.decimal("file-max", w[2]));
    }
}
