package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

/** A range with an odd number of ports, which connect's walk does not see to its end. */
final class OddRange implements Experiment {
    @Override
    public String name() {
        return "odd-range";
    }

    @Override
    public String shows() {
        return "Of an ip_local_port_range with an odd number of ports, connect may never try one: it walks by twos, and"
                + " rounds the length down.";
    }

    @Override
    public String decidedBy() {
        return "__inet_hash_connect (net/ipv4/inet_hashtables.c): remaining &= ~1U";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("range", "40000-40002", "reserved", "");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        PortSettings.Choice choice = PortSettings.choice(t, client);
        PortSettings.few(t, choice, 1);
        Expected chosen = choice.connections(1);
        t.predict("connections", chosen, choice.why());
        t.predict("with the port named", choice.ports(),
                "a program that binds the port itself gets those left as well");
        t.begin();
        Sockaddr target = server.at(Addresses.PORT);
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            Listeners.everywhere(server, listening);
            Sockets.Calls calls = client
                    .call(() -> Sockets.until(() -> calling.call(target), Long.MAX_VALUE));
            t.observe("connections", calls.fds().size());
            t.wall(choice.cause(calls.fds().size()), Question.of(Errno.of(-calls.rc()).orElseThrow(), "connect")
                    .withPid(client.tid()).withPeer(target.toString()));
            t.observe("with the port named", calls.fds().size() + client.call(() -> named(calling, client, choice,
                    target, calls.fds())));
        }
    }

    /** Connects from each port of the range that none of these has. */
    private static int named(Sockets calling, Host client, PortSettings.Choice choice, Sockaddr target,
            List<Integer> fds) {
        TreeSet<Integer> taken = new TreeSet<>();
        fds.forEach(fd -> taken.add(calling.localPort(fd)));
        int more = 0;
        for (long port = choice.range().low(); port <= choice.range().high(); port++) {
            if (!taken.contains((int) port) && !choice.isReserved(port)) {
                more += calling.call(client.at((int) port), target, false) >= 0 ? 1 : 0;
            }
        }
        return more;
    }
}
