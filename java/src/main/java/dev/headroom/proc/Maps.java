package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;

/**
 * How many mappings {@code /proc/PID/maps} shows. The kernel compares {@code mm->map_count} with
 * {@code vm.max_map_count}; the {@code [vsyscall]} line is shown but not counted. Kernel: {@code fs/proc/task_mmu.c
 * show_map}, {@code mm/mmap.c do_mmap}; see man5 {@code proc_pid_maps}.
 *
 * @param lines    lines of the file
 * @param vsyscall how many of them are {@code [vsyscall]}, 0 or 1
 */
public record Maps(int lines, int vsyscall) {
    /** The kernel's {@code map_count}. */
    public int mapCount() {
        return lines - vsyscall;
    }

    /** Counts the lines. */
    public static Maps parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        int vsyscall = 0;
        while (lines.next() != null) {
            if (lines.line().endsWith("[vsyscall]")) {
                vsyscall++;
            }
        }
        return new Maps(lines.number(), vsyscall);
    }
}
