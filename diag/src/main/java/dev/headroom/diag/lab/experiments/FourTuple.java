package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;

/** Accepted connections on one listener, dialled at several addresses. */
final class FourTuple implements Experiment {
    @Override
    public String name() {
        return "four-tuple";
    }

    @Override
    public String shows() {
        return "A connection is four numbers: an accepted one keeps the listener's port and the address that was dialled;"
                + " only the peer's port differs.";
    }

    @Override
    public String decidedBy() {
        return "tcp_v4_syn_recv_sock (net/ipv4/tcp_ipv4.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("addresses", "2");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        int addresses = (int) t.number("addresses", 1, 200);
        int connections = 2 * addresses;
        Host server = t.lab().host("server", Addresses.server(addresses));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        t.read("listener", "0.0.0.0:" + Addresses.PORT, "one socket on server");
        t.predict("local ports", Expected.exactly(String.valueOf(Addresses.PORT)),
                "every accepted connection has the listener's port");
        t.predict("local addresses", Expected.exactly(String.join(" ", server.addresses())),
                "each has the address that its client dialled, not 0.0.0.0");
        t.predict("peer ports", connections, "two connections to each of " + addresses
                + " addresses from one: told apart by the client's port, or by the address dialled");
        t.begin();
        Child serve = t.lab().start(server, "serve", "--listen", "0.0.0.0:" + Addresses.PORT, "--verbose");
        serve.await("listening", 20);
        t.lab().start(client, line(server, connections)).awaitEnd(20);
        serve.stop(10);
        List<Map<String, Object>> opened = serve.events("opened");
        t.observe("local ports", distinct(opened, "local", FourTuple::port));
        t.observe("local addresses", distinct(opened, "local", FourTuple::address));
        t.observe("peer ports", opened.stream().map(e -> e.get("peer") + " " + e.get("local")).distinct().count());
    }

    private static String[] line(Host server, int connections) {
        List<String> line = new java.util.ArrayList<>(List.of("connect"));
        server.addresses().forEach(a -> line.add(a + ":" + Addresses.PORT));
        line.addAll(List.of("-n", "" + connections, "--hold", "0"));
        return line.toArray(String[]::new);
    }

    private static String distinct(List<Map<String, Object>> opened, String end, UnaryOperator<String> part) {
        return opened.stream().map(e -> part.apply((String) e.get(end))).distinct().sorted()
                .collect(Collectors.joining(" "));
    }

    private static String port(String address) {
        return address.substring(address.lastIndexOf(':') + 1);
    }

    private static String address(String address) {
        return address.substring(0, address.lastIndexOf(':'));
    }
}
