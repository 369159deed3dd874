package dev.headroom.proc;

import dev.headroom.linux.Sockaddr;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;

/**
 * Connections summed up by local address, peer's address and peer's port. Of the first 16,384 different ones all is
 * known. The kernel shows connections in the order of a hash, so that one with many connections is among the first
 * unless there are many more others: of those with one in 500 of all connections, one in 10^14 is missed.
 *
 * @param flows the one with the most distinct ports first
 * @param others connections that belong to none of these
 * @param interrupted whether the tables changed while they were read
 */
public record Flows(List<Flow> flows, long others, boolean interrupted) {
    static final int MOST = 16_384;

    public Flows {
        flows = List.copyOf(flows);
    }

    /** Number of connections. */
    public long connections() {
        return others + flows.stream().mapToLong(Flow::connections).sum();
    }

    /**
     * Sums up the rows of a dump. Nothing is allocated for a row, but for the first of a flow.
     * <p>
     * <b>Not thread-safe.</b>
     */
    static final class Counter implements Rows<InetRow> {
        private static final int STATES = TcpState.values().length;

        private final int low;
        private final int high;
        private final BitSet ignored;
        private final Group[] table = new Group[MOST * 2];
        private int groups;
        private long others;

        /** @param ignored ports of listeners, whose connections took no port */
        Counter(int low, int high, BitSet ignored) {
            this.low = low;
            this.high = high;
            this.ignored = ignored;
        }

        private static final class Group {
            private long sourceHigh;
            private long sourceLow;
            private long targetHigh;
            private long targetLow;
            private int targetPort;
            private int iface;
            private final int[] states = new int[STATES];
            private final PortSet ports = new PortSet();

            private Flow flow() {
                long[] counts = new long[STATES];
                Arrays.setAll(counts, i -> states[i]);
                return new Flow(InetRow.address(sourceHigh, sourceLow, iface),
                        new Sockaddr(InetRow.address(targetHigh, targetLow, iface), targetPort),
                        PortUse.byState(counts), ports.size());
            }
        }

        @Override
        public void row(InetRow row) {
            int port = row.localPort();
            if (ignored.get(port)) {
                return;
            }
            Group group = group(row);
            if (group == null) {
                others++;
                return;
            }
            group.states[row.state().ordinal()]++;
            if (port >= low && port <= high) {
                group.ports.add(port);
            }
        }

        private Group group(InetRow row) {
            long sourceHigh = row.localHigh();
            long sourceLow = row.localLow();
            long targetHigh = row.remoteHigh();
            long targetLow = row.remoteLow();
            int targetPort = row.remotePort();
            long hash = sourceHigh;
            hash = hash * 0x9E3779B97F4A7C15L + sourceLow;
            hash = hash * 0x9E3779B97F4A7C15L + targetHigh;
            hash = hash * 0x9E3779B97F4A7C15L + targetLow;
            hash = hash * 0x9E3779B97F4A7C15L + targetPort;
            hash *= 0x9E3779B97F4A7C15L;
            int mask = table.length - 1;
            int i = (int) (hash >>> 32) & mask;
            for (; table[i] != null; i = i + 1 & mask) {
                Group g = table[i];
                if (g.sourceLow == sourceLow && g.targetLow == targetLow && g.targetPort == targetPort
                        && g.sourceHigh == sourceHigh && g.targetHigh == targetHigh) {
                    return g;
                }
            }
            if (groups == MOST) {
                return null;
            }
            groups++;
            var g = new Group();
            g.sourceHigh = sourceHigh;
            g.sourceLow = sourceLow;
            g.targetHigh = targetHigh;
            g.targetLow = targetLow;
            g.targetPort = targetPort;
            g.iface = row.iface();
            table[i] = g;
            return g;
        }

        @Override
        public void again() {
            Arrays.fill(table, null);
            groups = 0;
            others = 0;
        }

        Flows result(boolean interrupted) {
            return new Flows(Arrays.stream(table).filter(g -> g != null).map(Group::flow)
                    .sorted(Comparator.comparingInt(Flow::ports).reversed()
                            .thenComparing(Flow::connections, Comparator.reverseOrder()))
                    .toList(), others, interrupted);
        }
    }
}
