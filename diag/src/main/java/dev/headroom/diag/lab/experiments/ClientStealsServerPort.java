package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.TcpState;

/** A service that starts late: an outgoing connection of its own host has been given its port. */
final class ClientStealsServerPort implements Experiment {
    @Override
    public String name() {
        return "client-steals-server-port";
    }

    @Override
    public String shows() {
        return "A server's port within ip_local_port_range may be given to an outgoing connection; then bind says"
                + " EADDRINUSE even with SO_REUSEADDR, and nobody listens. A reserved port is not given.";
    }

    @Override
    public String decidedBy() {
        return "inet_csk_bind_conflict (net/ipv4/inet_connection_sock.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("range", "40000-40003", "port", "40001");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Host far = t.lab().host("far", Addresses.client(1, 1));
        Host careless = t.lab().host("careless", Addresses.server(1));
        Host careful = t.lab().host("careful", Addresses.client(2, 1));
        PortSettings.Choice choice = PortSettings.choice(t, careless);
        PortSettings.few(t, choice, 1);
        long ports = choice.odd() ? PortSettings.refuseOdd(t) : choice.ports();
        int port = (int) t.number("port", choice.range().low(), choice.range().high());
        PortSettings.copy(choice, careful);
        careful.set(PortSettings.RESERVED, "" + port);
        t.predict("outgoing connections", ports, choice.why() + ", " + port + " among them");
        t.predict("bind to " + port, Expected.exactly(Errno.EADDRINUSE.name()),
                "a connection has it as its own port, and its socket has no SO_REUSEADDR");
        t.predict("listeners on " + port, 0, "nobody but that connection has the port");
        t.predict("outgoing, reserved", ports - 1, ports + " - 1 that is not given to any");
        t.predict("bind, reserved", Expected.exactly("it listens"), port + " in ip_local_reserved_ports");
        t.begin();
        try (Sockets farSide = far.call(Sockets::new);
                Sockets taking = careless.call(Sockets::new);
                Sockets leaving = careful.call(Sockets::new)) {
            Listeners.everywhere(far, farSide);
            t.observe("outgoing connections", callAll(careless, taking, far));
            t.observe("bind to " + port, listen(careless, taking, port));
            t.observe("listeners on " + port, listeners(careless, port));
            t.wall("client-ephemeral-collision", Question.of(Errno.EADDRINUSE, "bind").withPid(careless.tid())
                    .withLocal("0.0.0.0:" + port));
            t.observe("outgoing, reserved", callAll(careful, leaving, far));
            t.observe("bind, reserved", listen(careful, leaving, port));
        }
    }

    private static int callAll(Host from, Sockets calling, Host far) throws IOException, InterruptedException {
        Sockaddr target = far.at(Addresses.PORT);
        return from.call(() -> Sockets.until(() -> calling.call(target), Long.MAX_VALUE)).fds().size();
    }

    private static String listen(Host host, Sockets sockets, int port) throws IOException, InterruptedException {
        int rc = host.call(() -> sockets.listen(Sockaddr.of("0.0.0.0", port), 1));
        return rc < 0 ? Errno.name(-rc) : "it listens";
    }

    private static long listeners(Host host, int port) throws IOException, InterruptedException {
        return host.call(() -> {
            try (SockDiag diag = SockDiag.open()) {
                return diag.tcp(SockFilter.states(TcpState.TCP_LISTEN).localPort(port), row -> {
                }).rows();
            }
        });
    }
}
