package dev.headroom.diag.plan;

import java.util.OptionalLong;

/**
 * What is to be planned.
 *
 * @param connections on the server, all at once
 * @param clients hosts they come from
 * @param addresses source addresses of each client host
 * @param targets pairs of address and port that the server listens on
 * @param rate connections that arrive in a second at worst; 0 for all within a minute, as after a restart
 * @param perConnection bytes of kernel memory of one end; empty for what this kernel says of itself
 */
public record Request(long connections, long clients, long addresses, long targets, long rate,
        OptionalLong perConnection) {
    private static final long MINUTE = 60;

    public Request {
        if (connections < 1 || clients < 0 || addresses < 1 || targets < 1 || rate < 0) {
            throw new IllegalArgumentException("connections=" + connections + ", clients=" + clients + ", addresses="
                    + addresses + ", targets=" + targets + ", rate=" + rate);
        }
    }

    /** One client host with one address, one listening port. */
    public static Request of(long connections) {
        return new Request(connections, 1, 1, 1, 0, OptionalLong.empty());
    }

    public Request withClients(long hosts, long addressesEach, long targetsOfServer) {
        return new Request(connections, hosts, addressesEach, targetsOfServer, rate, perConnection);
    }

    public Request withRate(long perSecond) {
        return new Request(connections, clients, addresses, targets, perSecond, perConnection);
    }

    public Request withPerConnection(long bytes) {
        return new Request(connections, clients, addresses, targets, rate, OptionalLong.of(bytes));
    }

    /** Connections of the client host that has most. */
    public long connectionsOfClient() {
        return clients == 0 ? 0 : Math.ceilDiv(connections, clients);
    }

    public long arrivals() {
        return rate > 0 ? rate : Math.ceilDiv(connections, MINUTE);
    }
}
