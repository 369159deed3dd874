package dev.headroom.proc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Which local ports are in use by some sockets, and by what: small also where a million connections share a port.
 *
 * @param ports the distinct local ports
 * @param states number of sockets by state; states without one are absent
 * @param examples up to eight sockets of each state
 * @param interrupted whether the tables changed while they were read
 */
public record PortUse(BitSet ports, Map<TcpState, Long> states, List<InetSock> examples, boolean interrupted) {
    private static final int EXAMPLES = 8;

    public PortUse {
        ports = (BitSet) ports.clone();
        states = Collections.unmodifiableMap(states);
        examples = List.copyOf(examples);
    }

    /** The distinct local ports; a copy. */
    @Override
    public BitSet ports() {
        return (BitSet) ports.clone();
    }

    /** Number of distinct local ports. */
    public int count() {
        return ports.cardinality();
    }

    /** Number of sockets in a state. */
    public long count(TcpState state) {
        return states.getOrDefault(state, 0L);
    }

    /** Number of sockets. */
    public long sockets() {
        return states.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Sums up the rows of a dump. */
    static final class Counter implements Rows<InetRow> {
        private final BitSet ports = new BitSet();
        private final long[] states = new long[TcpState.values().length];
        private final List<InetSock> examples = new ArrayList<>();

        @Override
        public void row(InetRow row) throws NetlinkException {
            int state = row.state().ordinal();
            ports.set(row.localPort());
            if (states[state]++ < EXAMPLES) {
                examples.add(row.copy());
            }
        }

        @Override
        public void again() {
            ports.clear();
            Arrays.fill(states, 0);
            examples.clear();
        }

        PortUse result(boolean interrupted) {
            return new PortUse(ports, byState(states), examples, interrupted);
        }
    }

    static Map<TcpState, Long> byState(long[] counts) {
        var map = new EnumMap<TcpState, Long>(TcpState.class);
        for (TcpState state : TcpState.values()) {
            if (counts[state.ordinal()] > 0) {
                map.put(state, counts[state.ordinal()]);
            }
        }
        return map;
    }
}
