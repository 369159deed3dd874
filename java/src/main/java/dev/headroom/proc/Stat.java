package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;

/**
 * {@code /proc/PID/stat}, the fields that tell which process this is. The command may hold blanks, parentheses and even
 * newlines, so it ends at the <em>last</em> closing parenthesis. Kernel: {@code fs/proc/array.c do_task_stat}; see man5
 * {@code proc_pid_stat}.
 *
 * @param pid        the process ID
 * @param comm       the filename of the executable, or what the process named itself, at most 15 bytes
 * @param state      R, S, D, Z, T, t, X, I or another letter
 * @param ppid       the PID of the parent
 * @param pgrp       the process group ID
 * @param session    the session ID
 * @param utime      time scheduled in user mode, clock ticks (divide by {@code sysconf(_SC_CLK_TCK)})
 * @param stime      time scheduled in kernel mode, clock ticks
 * @param numThreads number of threads in this process
 * @param starttime  when the process started after boot, clock ticks; with the pid it names a process for good
 */
public record Stat(int pid, String comm, char state, int ppid, int pgrp, int session, long utime, long stime,
        int numThreads, long starttime) {

    /** Parses the file. */
    public static Stat parse(String file, Reader text) throws IOException {
        String line = Lines.all(text).stripTrailing();
        var lines = Lines.one(file, line);
        if (line.isEmpty()) {
            throw lines.ends("\"pid (comm) state …\"");
        }
        int open = line.indexOf('(');
        int close = line.lastIndexOf(')');
        if (open < 0 || close < open) {
            throw lines.broken("no command in parentheses");
        }
        String[] w = Lines.words(line.substring(close + 1));
        if (w.length < 20) {
            throw lines.broken("expected at least 20 fields after the command, found " + w.length);
        }
        return new Stat(lines.integer("pid", line.substring(0, open).strip()), line.substring(open + 1, close),
                w[0].charAt(0), lines.integer("ppid", w[1]), lines.integer("pgrp", w[2]),
                lines.integer("session", w[3]), lines.decimal("utime", w[11]), lines.decimal("stime", w[12]),
                lines.integer("num_threads", w[17]), lines.decimal("starttime", w[19]));
    }
}
