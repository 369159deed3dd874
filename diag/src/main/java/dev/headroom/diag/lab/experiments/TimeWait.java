package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.TcpState;

/** A client that closes first, and whose ports are all in TIME_WAIT: when it gets them back. */
final class TimeWait implements Experiment {
    private static final String REUSE = "net.ipv4.tcp_tw_reuse";
    private static final String DELAY = "net.ipv4.tcp_tw_reuse_delay";
    private static final String TIMESTAMPS = "net.ipv4.tcp_timestamps";
    /** Before 6.14 the delay is a second, told by a clock that counts whole ones. */
    private static final long OLD_DELAY_MILLIS = 1000;

    @Override
    public String name() {
        return "time-wait";
    }

    @Override
    public String shows() {
        return "The side that closes first keeps the port for 60 s, for this destination. tcp_tw_reuse=2, the default,"
                + " gives none back but on loopback; 1 does after tcp_tw_reuse_delay.";
    }

    @Override
    public String decidedBy() {
        return "tcp_twsk_unique (net/ipv4/tcp_ipv4.c), asked by __inet_check_established";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("range", "40000-40019", "reserved", "", "timestamps", "1", "delay", "");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long timestamps = t.number("timestamps", 0, 1);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        PortSettings.Choice choice = PortSettings.choice(t, client);
        PortSettings.few(t, choice, 1);
        client.set(TIMESTAMPS, "" + timestamps);
        t.read(client, TIMESTAMPS);
        t.read(client, REUSE);
        client.set(REUSE, "2");
        long delay = delay(t, client);
        long ports = choice.odd() ? PortSettings.refuseOdd(t) : choice.ports();
        t.predict("in TIME_WAIT", ports, choice.why() + ", each connection closed by the client first");
        t.predict("tcp_tw_reuse=2", 0,
                "none more: " + client.addresses().getFirst() + " is no loopback address, however long it waits");
        t.predict("tcp_tw_reuse=1", timestamps == 0 ? 0 : ports, timestamps == 0
                ? "without timestamps no TIME_WAIT is given away" : delay + " ms are over, and there were timestamps");
        t.begin();
        Sockaddr target = server.at(Addresses.PORT);
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            int listener = Listeners.everywhere(server, listening);
            Sockets.Calls calls = until(client, calling, target);
            Sockets.settle();
            client.call(() -> {
                calling.close(calls.fds());
                return null;
            });
            Sockets.settle();
            server.call(() -> {
                listening.close(listening.acceptAll(listener));
                return null;
            });
            Thread.sleep(delay + 100);
            t.observe("in TIME_WAIT", inTimeWait(client));
            Sockets.Calls none = until(client, calling, target);
            t.observe("tcp_tw_reuse=2", none.fds().size());
            if (none.rc() < 0) {
                t.wall("time-wait-holds-tuple", Question.of(Errno.of(-none.rc()).orElseThrow(), "connect")
                        .withPid(client.tid()).withPeer(target.toString()));
            }
            client.set(REUSE, "1");
            t.observe("tcp_tw_reuse=1", until(client, calling, target).fds().size());
        }
    }

    /** In milliseconds. */
    private static long delay(Trial t, Host client) throws IOException, InterruptedException {
        boolean has = new ProcFs().kernelVersion().atLeast(6, 14);
        if (!t.setting("delay").isEmpty()) {
            long wanted = t.number("delay", 1, 5000);
            if (!has) {
                throw new IllegalArgumentException("delay=" + wanted + ": give nothing, before Linux 6.14 it is 1000");
            }
            client.set(DELAY, "" + wanted);
        }
        return has ? t.read(client, DELAY).asLong() : OLD_DELAY_MILLIS;
    }

    private static Sockets.Calls until(Host client, Sockets calling, Sockaddr target)
            throws IOException, InterruptedException {
        return client.call(() -> Sockets.until(() -> calling.call(target), Long.MAX_VALUE));
    }

    private static long inTimeWait(Host client) throws IOException, InterruptedException {
        return client.call(() -> {
            try (SockDiag diag = SockDiag.open()) {
                return diag.tcp(SockFilter.states(TcpState.TCP_TIME_WAIT).remotePort(Addresses.PORT), row -> {
                }).rows();
            }
        });
    }
}
