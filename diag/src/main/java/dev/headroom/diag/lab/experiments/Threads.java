package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import dev.headroom.proc.ProcPid;

/** The threads of a process, as they show under /proc/PID/task. */
final class Threads {
    private Threads() {
    }

    /** Those whose name begins so; the kernel keeps 15 characters of it. */
    static List<ProcPid> named(ProcPid process, String prefix) throws IOException {
        List<ProcPid> threads = new ArrayList<>();
        for (int tid : process.tids()) {
            ProcPid thread = process.task(tid);
            if (thread.comm().startsWith(prefix)) {
                threads.add(thread);
            }
        }
        if (threads.isEmpty()) {
            throw new IOException(process + " has no thread " + prefix);
        }
        return threads;
    }
}
