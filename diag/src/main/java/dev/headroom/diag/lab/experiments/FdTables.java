package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;
import java.util.Map;

import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.ProcPid;

/** A server whose loops have a descriptor table each: RLIMIT_NOFILE once for every one of them. */
final class FdTables implements Experiment {
    /** More than the tables hold, for the queue. */
    private static final int TOO_MANY = 50;

    @Override
    public String name() {
        return "fd-tables";
    }

    @Override
    public String shows() {
        return "RLIMIT_NOFILE bounds a descriptor table, not a process: threads with tables of their own hold as many each,"
                + " with no privilege, and /proc/PID/fd shows none of that.";
    }

    @Override
    public String decidedBy() {
        return "alloc_fd (fs/file.c) in the files_struct that unshare(CLONE_FILES) has copied";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("tables", "3", "nofile", "200");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        int tables = (int) t.number("tables", 1, 16);
        long nofile = t.number("nofile", 100, 1000);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        Sockaddr target = server.at(Addresses.PORT);
        Child serve = t.lab().start(server, "serve", "--listen", target.toString(), "--fd-tables", "" + tables,
                "--nofile", "" + nofile, "--report", "100ms");
        serve.await("listening", 20);
        serve.awaitProgress(p -> true, "progress", 20);
        List<ProcPid> loops = Threads.named(serve.proc(), "echo-server");
        long connections = 0;
        StringBuilder why = new StringBuilder();
        for (ProcPid loop : loops) {
            long open = loop.fdNumbers().length;
            t.read("open in the table of " + loop.comm(), open, loop.directory() + "/fd");
            connections += nofile - open;
            why.append(why.isEmpty() ? "" : " + ").append("(").append(nofile).append(" - ").append(open).append(")");
        }
        int main = serve.proc().fdNumbers().length;
        t.read("open in the main table", main, serve.proc().directory() + "/fd");
        t.predict("connections", connections, why.toString());
        t.predict("in /proc/PID/fd", main, "the connections are in the tables of the threads");
        t.begin();
        try (Sockets calling = client.call(Sockets::new)) {
            long all = connections + TOO_MANY;
            client.call(() -> Sockets.until(() -> calling.call(target), all));
            Map<String, Object> limit = serve.await("limit", 20);
            Sockets.settle();
            t.observe("connections", serve.progress("connections"));
            t.observe("in /proc/PID/fd", serve.proc().fdNumbers().length);
            t.wall("nofile-soft", limit);
        }
    }
}
