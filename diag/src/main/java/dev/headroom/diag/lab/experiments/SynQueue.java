package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;

import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.proc.KernelVersion;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.TcpState;

/** Clients that never hear the server's answer: how many half-open connections a listener keeps, and what then. */
final class SynQueue implements Experiment {
    private static final String SOMAXCONN = "net.core.somaxconn";
    private static final String MAX_SYN_BACKLOG = "net.ipv4.tcp_max_syn_backlog";
    private static final String COOKIES = "net.ipv4.tcp_syncookies";
    private static final int PORT = Addresses.PORT;
    /** More than the queue holds, to see what becomes of these. */
    private static final int TOO_MANY = 20;
    /** Each is a socket, and all are there at once. */
    private static final int MOST = 1024;

    @Override
    public String name() {
        return "syn-queue";
    }

    @Override
    public String shows() {
        return "Half-open connections are bounded by the listener's backlog, not by tcp_max_syn_backlog; with"
                + " tcp_syncookies=0 the next SYN is dropped, with 1 it is answered by a cookie.";
    }

    @Override
    public String decidedBy() {
        return "inet_csk_reqsk_queue_is_full (include/net/inet_connection_sock.h), asked by tcp_conn_request";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("backlog", "4", "somaxconn", "", "max_syn_backlog", "");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long backlog = t.number("backlog", 0, MOST);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        server.lose(client.addresses().getFirst());
        set(t, server, "somaxconn", SOMAXCONN);
        set(t, server, "max_syn_backlog", MAX_SYN_BACKLOG);
        long somaxconn = t.read(server, SOMAXCONN).asLong();
        long max = t.read(server, MAX_SYN_BACKLOG).asLong();
        KernelVersion kernel = new ProcFs().kernelVersion();
        t.read("kernel", kernel.release(), "/proc/sys/kernel/osrelease");
        long most = Math.min(backlog, somaxconn);
        // 6.14 compares with > as the accept queue does; older kernels with >=, unless they have taken that over.
        Expected queue = kernel.atLeast(6, 14) ? Expected.exactly(most + 1) : Expected.between(most, most + 1);
        long strangers = max - (max >> 2) + 1;
        boolean quarter = strangers <= most;
        Expected halfOpen = quarter ? Expected.exactly(strangers) : queue;
        long attempts = (quarter ? strangers : most + 1) + TOO_MANY;
        String why = "min(" + backlog + ", " + somaxconn + ") + 1";
        t.predict("half-open", halfOpen, quarter
                ? max + " - " + max + "/4 + 1 of tcp_max_syn_backlog, whose last quarter is kept for known peers"
                : why);
        t.predict("SYNs dropped", Expected.atLeast(TOO_MANY), attempts + " - " + halfOpen
                + ", each once more a second later");
        t.predict("half-open, cookies", queue, why);
        t.predict("cookies sent", Expected.atLeast(TOO_MANY),
                (most + 1 + TOO_MANY) + " - (" + most + " + 1), for each SYN that finds no room");
        t.predict("dropped, cookies", 0, "a cookie needs no room");
        t.begin();
        Question q = Question.of(Errno.ETIMEDOUT, "connect").withPid(server.tid())
                .withPeer(server.at(PORT).toString());
        server.set(COOKIES, "0");
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            listen(server, listening, PORT, backlog);
            Snapshot before = t.snapshot(q);
            long drops = drops(server);
            call(client, calling, server, PORT, attempts);
            t.observe("half-open", halfOpen(server, PORT));
            t.observe("SYNs dropped", drops(server) - drops);
            t.wall(quarter ? "syn-backlog-last-quarter" : "syn-queue-full-nocookies", q, before);
        }
        server.set(COOKIES, "1");
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            listen(server, listening, PORT + 1, backlog);
            long drops = drops(server);
            long sent = count(server, "TcpExt.SyncookiesSent");
            call(client, calling, server, PORT + 1, most + 1 + TOO_MANY);
            t.observe("half-open, cookies", halfOpen(server, PORT + 1));
            t.observe("cookies sent", count(server, "TcpExt.SyncookiesSent") - sent);
            t.observe("dropped, cookies", drops(server) - drops);
        }
    }

    private static void set(Trial t, Host server, String setting, String sysctl)
            throws IOException, InterruptedException {
        if (!t.setting(setting).isEmpty()) {
            server.set(sysctl, "" + t.number(setting, 1, 65_535));
        }
    }

    private static void listen(Host server, Sockets listening, int port, long backlog)
            throws IOException, InterruptedException {
        server.call(() -> Errno.check(listening.listen(server.at(port), (int) backlog), "listen", server.at(port),
                backlog));
    }

    private static void call(Host client, Sockets calling, Host server, int port, long n)
            throws IOException, InterruptedException {
        client.call(() -> Sockets.until(() -> calling.call(server.at(port)), n));
        Sockets.settle();
    }

    private static long halfOpen(Host server, int port) throws IOException, InterruptedException {
        return server.call(() -> {
            try (SockDiag diag = SockDiag.open()) {
                return diag.tcp(SockFilter.states(TcpState.TCP_SYN_RECV).localPort(port), row -> {
                }).rows();
            }
        });
    }

    /** A full queue and the last quarter of tcp_max_syn_backlog are both counted there. */
    private static long drops(Host server) throws IOException {
        return count(server, "TcpExt.ListenDrops");
    }

    private static long count(Host server, String counter) throws IOException {
        return server.net().netstat().getOrZero(counter);
    }
}
