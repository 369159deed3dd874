package dev.headroom.proc;

import dev.headroom.linux.Sockaddr;
import java.net.InetAddress;
import java.util.Collections;
import java.util.Map;

/**
 * The TCP connections from one local address to one address and port: what a port must be free for.
 *
 * @param source the local address; IPv4 also where it is mapped into IPv6
 * @param target the peer's address and port
 * @param states number of connections by state; states without one are absent
 * @param ports number of distinct local ports within the range that was asked for
 */
public record Flow(InetAddress source, Sockaddr target, Map<TcpState, Long> states, int ports) {
    public Flow {
        states = Collections.unmodifiableMap(states);
    }

    /** Number of connections in a state. */
    public long count(TcpState state) {
        return states.getOrDefault(state, 0L);
    }

    /** Number of connections. */
    public long connections() {
        return states.values().stream().mapToLong(Long::longValue).sum();
    }
}
