package dev.headroom.proc;

import dev.headroom.linux.Sockaddr;
import java.io.IOException;
import java.net.InetAddress;
import java.util.BitSet;
import java.util.Optional;

/**
 * Who has the local TCP ports of a range.
 *
 * @param bound as {@link SockDiag#boundPorts(int, int)}
 * @param flows as {@link SockDiag#flows(int, int)}, or to the one target that was asked for
 * @param inUse the ports that any socket has, in any state
 * @param inUseOfLocal those of them that a socket bound to the address that was asked for, or to any, has; without such
 *            an address, none
 * @param interrupted whether the tables changed while they were read
 */
public record TcpPorts(PortUse bound, Flows flows, BitSet inUse, BitSet inUseOfLocal, boolean interrupted) {
    public TcpPorts {
        inUse = (BitSet) inUse.clone();
        inUseOfLocal = (BitSet) inUseOfLocal.clone();
    }

    /** The ports that any socket has; a copy. */
    @Override
    public BitSet inUse() {
        return (BitSet) inUse.clone();
    }

    /** Those of the address that was asked for; a copy. */
    @Override
    public BitSet inUseOfLocal() {
        return (BitSet) inUseOfLocal.clone();
    }

    /** Sums up the rows of a dump. */
    static final class Counter implements Rows<InetRow> {
        private final PortUse.Counter bound = new PortUse.Counter();
        private final Flows.Counter flows;
        private final SockFilter wanted;
        private final SockFilter[] ofLocal;
        private final boolean anyLocal;
        private final BitSet inUse = new BitSet();
        private final BitSet inUseOfLocal = new BitSet();

        /** @param listening ports of listeners, whose connections took no port */
        Counter(int low, int high, BitSet listening, Optional<Sockaddr> target, Optional<InetAddress> local) {
            flows = new Flows.Counter(low, high, listening);
            SockFilter connected = SockFilter.connected();
            wanted = target.map(t -> connected.remote(t.address()).remotePort(t.port())).orElse(connected);
            anyLocal = local.filter(InetAddress::isAnyLocalAddress).isPresent();
            ofLocal = local.filter(l -> !anyLocal).map(l -> new SockFilter[] {SockFilter.all().local(l),
                    SockFilter.all().local(InetAddress.ofLiteral("0.0.0.0")),
                    SockFilter.all().local(InetAddress.ofLiteral("::"))}).orElse(new SockFilter[0]);
        }

        @Override
        public void row(InetRow row) throws IOException {
            int port = row.localPort();
            inUse.set(port);
            if (anyLocal) {
                inUseOfLocal.set(port);
            }
            for (SockFilter of : ofLocal) {
                if (of.passes(row)) {
                    inUseOfLocal.set(port);
                }
            }
            if (row.state() == TcpState.TCP_LISTEN || row.state() == TcpState.TCP_BOUND_INACTIVE) {
                bound.row(row);
            } else if (wanted.passes(row)) {
                flows.row(row);
            }
        }

        @Override
        public void again() {
            bound.again();
            flows.again();
            inUse.clear();
            inUseOfLocal.clear();
        }

        TcpPorts result(boolean interrupted) {
            return new TcpPorts(bound.result(interrupted), flows.result(interrupted), inUse, inUseOfLocal,
                    interrupted);
        }
    }
}
