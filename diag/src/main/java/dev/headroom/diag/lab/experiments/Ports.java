package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;

/** A client on one address that connects until its ports are used up: for each destination there are so many. */
final class Ports implements Experiment {
    private final String name;
    private final String shows;
    /** net.ipv4.ip_local_port_range, or empty for the kernel's own. */
    private final String range;
    /** net.ipv4.ip_local_reserved_ports. */
    private final String reserved;
    private final int destinations;

    private Ports(String name, String shows, String range, String reserved, int destinations) {
        this.name = name;
        this.shows = shows;
        this.range = range;
        this.reserved = reserved;
        this.destinations = destinations;
    }

    static Ports defaultRange() {
        return new Ports("ports", "From one address to one destination there are as many connections as ports in"
                + " ip_local_port_range; then connect says EADDRNOTAVAIL.", "", "", 1);
    }

    static Ports wideRange() {
        return new Ports("wide-ports", "A wider ip_local_port_range makes room for more.", "1024-65535", "", 1);
    }

    static Ports moreAddresses() {
        return new Ports("more-addresses", "A second destination address has all ports once more: the limit is one of"
                + " four-tuples, not of ports.", "1024-65535", "", 2);
    }

    static Ports reservedPorts() {
        return new Ports("reserved-ports", "ip_local_reserved_ports takes ports out of the kernel's choice, and so"
                + " connections out of the sum.", "40000-40999", "40000-40009", 1);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String shows() {
        return shows;
    }

    @Override
    public String decidedBy() {
        return "__inet_hash_connect (net/ipv4/inet_hashtables.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("range", range, "reserved", reserved, "destinations", "" + destinations);
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        int addresses = (int) t.number("destinations", 1, 200);
        Host server = t.lab().host("server", Addresses.server(addresses));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        PortSettings.Choice choice = PortSettings.choice(t, client);
        if (choice.odd() && addresses > 1) {
            PortSettings.refuseOdd(t);
        }
        long each = choice.ports();
        Expected connections = choice.connections(addresses);
        t.predict("connections", connections, choice.why() + " for one (source, destination, port)"
                + (addresses > 1 ? ", times " + addresses + " destinations" : ""));
        t.predict("echoed", connections, "every connection carries its message and back");
        t.begin();
        Child serve = t.lab().start(server, "serve", "--listen", "0.0.0.0:" + Addresses.PORT, "--fd-tables", "auto",
                "--max-connections", "" + (each * addresses + 1000));
        serve.await("listening", 20);
        List<String> line = new ArrayList<>(List.of("connect"));
        server.addresses().forEach(a -> line.add(a + ":" + Addresses.PORT));
        line.addAll(List.of("--source", client.addresses().getFirst(), "--fd-tables", "auto", "--hold", "0",
                "--report", "100ms"));
        Child connect = t.lab().start(client, line.toArray(String[]::new));
        Map<String, Object> limit = connect.await("limit", 120);
        Map<String, Object> end = connect.awaitEnd(60);
        t.observe("connections", end.get("connections"));
        t.observe("echoed", end.get("messages"));
        long made = ((Number) end.get("connections")).longValue();
        t.wall(choice.cause(made / addresses), limit);
    }
}
