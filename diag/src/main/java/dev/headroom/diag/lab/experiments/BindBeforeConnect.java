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

/** Clients that bind their address before they connect, with the port left to bind, and with it left to connect. */
final class BindBeforeConnect implements Experiment {
    @Override
    public String name() {
        return "bind-before-connect";
    }

    @Override
    public String shows() {
        return "A bind to port 0 before connect takes a port for all destinations together; IP_BIND_ADDRESS_NO_PORT leaves"
                + " it to connect, and each destination has all of them.";
    }

    @Override
    public String decidedBy() {
        return "inet_csk_find_open_port (net/ipv4/inet_connection_sock.c); with the option __inet_hash_connect";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("range", "40000-40019", "reserved", "", "destinations", "2");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        int destinations = (int) t.number("destinations", 1, 50);
        Host server = t.lab().host("server", Addresses.server(destinations));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        PortSettings.Choice choice = PortSettings.choice(t, client);
        PortSettings.few(t, choice, destinations);
        t.predict("bound first", choice.connections(1), choice.why() + ", for all destinations together");
        t.predict("refused then", Expected.exactly("EADDRINUSE of bind"), "bind looks for a port that nobody has");
        t.predict("bound without port", choice.connections(destinations),
                choice.why() + " for each of " + destinations + " destinations");
        t.predict("refused at last", Expected.exactly("EADDRNOTAVAIL of connect"),
                "connect looks for four numbers that nobody has");
        t.begin();
        try (Sockets listening = server.call(Sockets::new)) {
            Listeners.everywhere(server, listening);
            try (Sockets calling = client.call(Sockets::new)) {
                Filled bound = fill(client, calling, server, false);
                t.observe("bound first", bound.all);
                t.observe("refused then", refusal(calling, bound));
                t.wall("bind0-steals-range", Question.of(Errno.EADDRINUSE, "bind").withPid(client.tid())
                        .withLocal(client.at(0).toString()));
                calling.resetAll();
            }
            Sockets.settle();
            try (Sockets calling = client.call(Sockets::new)) {
                Filled bound = fill(client, calling, server, true);
                t.observe("bound without port", bound.all);
                t.observe("refused at last", refusal(calling, bound));
                t.wall(choice.cause(bound.last), Question.of(Errno.EADDRNOTAVAIL, "connect").withPid(client.tid())
                        .withLocal(client.at(0).toString()).withPeer(last(server).toString()));
            }
        }
    }

    private static Sockaddr last(Host server) {
        return Sockaddr.of(server.addresses().getLast(), Addresses.PORT);
    }

    /**
     * @param all connections
     * @param last connections to the last destination
     * @param rc of the call that was refused there
     */
    private record Filled(int all, int last, int rc) {
    }

    /** One destination after the other, each until it is refused. */
    private static Filled fill(Host client, Sockets calling, Host server, boolean noPort)
            throws IOException, InterruptedException {
        Sockaddr source = client.at(0);
        return client.call(() -> {
            int all = 0;
            Sockets.Calls calls = null;
            for (String address : server.addresses()) {
                Sockaddr target = Sockaddr.of(address, Addresses.PORT);
                calls = Sockets.until(() -> calling.call(source, target, noPort), Long.MAX_VALUE);
                all += calls.fds().size();
            }
            return new Filled(all, calls.fds().size(), calls.rc());
        });
    }

    private static String refusal(Sockets calling, Filled filled) {
        return Errno.name(-filled.rc) + " of " + (calling.failedInBind() ? "bind" : "connect");
    }
}
