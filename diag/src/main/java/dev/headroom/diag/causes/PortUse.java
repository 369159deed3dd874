package dev.headroom.diag.causes;

import java.util.Comparator;
import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;

/**
 * Who has the ports of net.ipv4.ip_local_port_range, as seen by one source address that calls one destination. A port
 * is lost to it if the very same four numbers exist, or if anybody's bind() owns it on whatever address.
 *
 * @param flow "127.0.0.1 to 10.0.0.1:80"
 * @param size ports in the range
 * @param live ports of connections from there to there that are not in TIME_WAIT
 * @param timeWait those that are
 * @param bound ports that listeners and idle bound sockets own
 * @param reserved ports that net.ipv4.ip_local_reserved_ports takes out of automatic choice
 * @param blocked bound or reserved ports, each once
 */
record PortUse(String flow, long low, long high, long size, long live, long timeWait, long bound, long reserved,
        long blocked) {
    static Optional<PortUse> of(Case c) {
        if (c.number(Facts.PORT_LOW).isEmpty() || c.number(Facts.PORT_HIGH).isEmpty()
                || c.now().fact(Facts.FLOW_SOCKETS).isEmpty() && c.now().flows().isEmpty()) {
            return Optional.empty();
        }
        long low = c.number(Facts.PORT_LOW).getAsLong();
        long high = c.number(Facts.PORT_HIGH).getAsLong();
        long size = high - low + 1;
        Optional<Snapshot.Flow> flow = flow(c);
        long used = flow.map(Snapshot.Flow::portsInRange).orElse(0L);
        long timeWait = Math.min(used, flow.map(f -> f.state("TIME-WAIT")).orElse(0L));
        long bound = c.number(Facts.PORTS_BOUND).orElse(0);
        long reserved = c.number(Facts.PORTS_RESERVED).orElse(0);
        long blocked = c.number(Facts.PORTS_BLOCKED).orElse(Math.min(size, bound + reserved));
        String name = flow.map(f -> f.source() + " to " + f.target())
                .orElseGet(() -> c.question().peer().map(p -> "here to " + p).orElse("here to any one destination"));
        return Optional.of(new PortUse(name, low, high, size, used - timeWait, timeWait, bound, reserved, blocked));
    }

    /** The flow that was asked about; the fullest one if the question names no address. */
    private static Optional<Snapshot.Flow> flow(Case c) {
        Optional<String> source = Endpoint.local(c).filter(l -> !l.wildcard()).map(Endpoint::host)
                .or(() -> c.text(Facts.ROUTE_SOURCE));
        return c.now().flows().stream()
                .filter(f -> Endpoint.peer(c).map(p -> Endpoint.parse(f.target()).equals(p)).orElse(true))
                .filter(f -> source.map(s -> host(f.source()).equals(s)).orElse(true))
                .max(Comparator.comparingLong(Snapshot.Flow::portsInRange));
    }

    private static String host(String source) {
        return source.replace("[", "").replace("]", "");
    }

    long taken() {
        return Math.min(size, live + timeWait + blocked);
    }

    /** The walk by twos through an odd number of ports leaves one out; a range of one port is walked as it is. */
    boolean odd() {
        return size > 1 && size % 2 == 1;
    }

    boolean full() {
        return taken() >= size;
    }

    /** All but the one port that the walk through an odd range leaves out. */
    boolean allButTheOddOne() {
        return odd() && taken() == size - 1;
    }

    String range() {
        return "range " + low + "-" + high;
    }

    /** "20 of 20 ports (15 by connections, 5 reserved)": the same numbers for all siblings. */
    String shares() {
        StringBuilder s = new StringBuilder();
        share(s, live, "by connections from " + flow);
        share(s, timeWait, "by its TIME_WAIT");
        share(s, bound, "bound");
        share(s, reserved, "reserved");
        return taken() + " of the " + size + " ports of " + range() + " are taken"
                + (s.isEmpty() ? "" : " (" + s + ")");
    }

    private static void share(StringBuilder s, long n, String how) {
        if (n > 0) {
            s.append(s.isEmpty() ? "" : ", ").append(n).append(' ').append(how);
        }
    }
}
