package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;

/** The pair under one soft limit of descriptors, and what becomes of the clients that are too many. */
final class Descriptors implements Experiment {
    private static final String SOMAXCONN = "net.core.somaxconn";

    @Override
    public String name() {
        return "descriptors";
    }

    @Override
    public String shows() {
        return "A process holds as many connections as RLIMIT_NOFILE leaves it; what a full server cannot accept waits in"
                + " the accept queue, and what does not fit there times out.";
    }

    @Override
    public String decidedBy() {
        return "alloc_fd (fs/file.c), called by __sys_accept4 before it looks at the queue";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("nofile", "1024", "backlog", "1024");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long nofile = t.number("nofile", 64, 10_000);
        long backlog = t.number("backlog", 0, 65_535);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        String at = server.at(Addresses.PORT).toString();
        Child serve = t.lab().start(server, "serve", "--listen", at, "--backlog", "" + backlog, "--nofile",
                "" + nofile, "--loops", "1", "--report", "100ms");
        serve.await("listening", 20);
        serve.awaitProgress(p -> true, "progress", 20);
        long serverOwn = serve.proc().fdCount().orElseThrow();
        long clientOwn = ownOfClient(t, client, at, nofile);
        t.read("RLIMIT_NOFILE", nofile, "soft limit of both");
        t.read("server's own descriptors", serverOwn, "/proc/PID/fd, before a client comes");
        t.read("client's own descriptors", clientOwn, "/proc/PID/fd of one with a single connection, less that one");
        long queue = Math.min(backlog, t.read(server, SOMAXCONN).asLong()) + 1;
        long accepted = nofile - serverOwn;
        long first = nofile - clientOwn;
        t.predict("accepted", accepted, nofile + " - " + serverOwn + " of its own");
        t.predict("client connects", first, nofile + " - " + clientOwn + " of its own, as long as they find room");
        t.predict("held and waiting", accepted + queue,
                accepted + " accepted + " + queue
                        + " in the accept queue (backlog + 1); clients whose last ACK found it full"
                        + " believe to be connected, too, and are not");
        t.begin();
        Child one = t.lab().start(client, "connect", at, "--nofile", "" + nofile, "--report", "100ms");
        one.await("limit", 30);
        long connected = one.awaitProgress(p -> first == ((Number) p.get("connections")).longValue(),
                first + " connections", 20).get("connections") instanceof Number n ? n.longValue() : 0;
        t.observe("client connects", connected);
        Child more = t.lab().start(client, "connect", at, "-n", "" + (queue + 100), "--timeout", "2s", "--report",
                "100ms");
        Map<String, Object> timedOut = more.await("limit", 30);
        Map<String, Object> limit = serve.await("limit", 30);
        t.observe("accepted", serve.progress("connections"));
        t.observe("held and waiting", serve.progress("connections") + Listeners.queued(server));
        t.wall("nofile-soft", limit);
        t.wall("accept-queue-full", Question.of(Errno.valueOf((String) timedOut.get("errno")), "connect")
                .withPid(serve.pid()).withPeer(at));
    }

    /** Every client of that kind has as many; the second one finds the limit with them. */
    private static long ownOfClient(Trial t, Host client, String at, long nofile)
            throws IOException, InterruptedException {
        Child first = t.lab().start(client, "connect", at, "-n", "1", "--nofile", "" + nofile, "--report", "100ms");
        first.awaitConnections(1, 20);
        long all = first.proc().fdCount().orElseThrow();
        first.stop(10);
        return all - 1;
    }
}
