package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

/** Listeners that nobody accepts from: how many clients each takes in all the same. */
final class AcceptQueue implements Experiment {
    private static final int FIRST_PORT = 9000;
    private static final String SOMAXCONN = "net.core.somaxconn";
    /** More than the queue holds, to see that these are refused. */
    private static final int TOO_MANY = 20;

    @Override
    public String name() {
        return "accept-queue";
    }

    @Override
    public String shows() {
        return "The accept queue holds min(backlog, somaxconn) + 1 connections; a SYN that finds it full is dropped, and"
                + " nobody is told.";
    }

    @Override
    public String decidedBy() {
        return "sk_acceptq_is_full compares with > (include/net/sock.h), asked by tcp_conn_request";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("backlog", "0,1,16,1024,above", "somaxconn", "");
    }

    private record Case(int port, long backlog, long capacity) {
        String name() {
            return "backlog " + backlog;
        }
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        if (!t.setting("somaxconn").isEmpty()) {
            server.set(SOMAXCONN, "" + t.number("somaxconn", 1, 65535));
        }
        long somaxconn = t.read(server, SOMAXCONN).asLong();
        List<Case> cases = cases(t.setting("backlog"), somaxconn);
        for (Case c : cases) {
            t.predict(c.name(), c.capacity, "min(" + c.backlog + ", " + somaxconn + ") + 1");
        }
        t.begin();
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            Case last = null;
            for (Case c : cases) {
                int listener = server.call(() -> Errno.check(
                        listening.listen(server.at(c.port), (int) c.backlog), "listen", server.at(c.port), c.backlog));
                List<Integer> calls = client.call(() -> call(calling, server.at(c.port), c.capacity + TOO_MANY));
                Sockets.settle();
                int queued = server.call(() -> listening.queued(listener));
                int established = client.call(() -> calling.established(calls));
                t.observe(c.name(), queued == established ? queued
                        : queued + " queued, " + established + " established at the client");
                last = c;
            }
            Sockaddr full = server.at(last.port);
            t.wall("accept-queue-full", Question.of(Errno.ETIMEDOUT, "connect").withPid(server.tid())
                    .withPeer(full.toString()));
        }
    }

    private static List<Case> cases(String setting, long somaxconn) {
        List<Case> cases = new ArrayList<>();
        for (String text : setting.split(",")) {
            if (!text.matches("\\d{1,6}|above")) {
                throw new IllegalArgumentException(
                        "backlog=" + setting + ": give numbers, as 0,1,16; above stands for one above somaxconn");
            }
            long backlog = text.equals("above") ? somaxconn + 1 : Long.parseLong(text);
            cases.add(new Case(FIRST_PORT + cases.size(), backlog, Math.min(backlog, somaxconn) + 1));
        }
        return cases;
    }

    private static List<Integer> call(Sockets calling, Sockaddr target, long n) throws IOException {
        List<Integer> fds = new ArrayList<>();
        for (long i = 0; i < n; i++) {
            fds.add(Errno.check(calling.call(target), "connect", target));
        }
        return fds;
    }
}
