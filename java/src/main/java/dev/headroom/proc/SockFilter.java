package dev.headroom.proc;

import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagBcOp;
import dev.headroom.linux.InetDiagHostcond;
import dev.headroom.linux.Socket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/**
 * Which TCP or UDP sockets to show. The kernel itself leaves the others out, so that a question about ten sockets of a
 * million costs ten rows. Immutable.
 */
public final class SockFilter {
    private static final int ANY_PORT = -1;
    private static final TcpState[] CONNECTED = Arrays.stream(TcpState.values())
            .filter(s -> s != TcpState.TCP_LISTEN && s != TcpState.TCP_CLOSE && s != TcpState.TCP_BOUND_INACTIVE)
            .toArray(TcpState[]::new);

    private final int states;
    private final int lowPort;
    private final int highPort;
    private final int remotePort;
    private final InetAddress local;
    private final InetAddress remote;

    private SockFilter(int states, int lowPort, int highPort, int remotePort, InetAddress local, InetAddress remote) {
        this.states = states;
        this.lowPort = lowPort;
        this.highPort = highPort;
        this.remotePort = remotePort;
        this.local = local;
        this.remote = remote;
    }

    /** Sockets in any of these states. */
    public static SockFilter states(TcpState... states) {
        return new SockFilter(TcpState.mask(states), 0, 65535, ANY_PORT, null, null);
    }

    /** All sockets, those that only own a port too. */
    public static SockFilter all() {
        return states(TcpState.values());
    }

    /** Sockets with a peer: not listening, and not only bound. */
    public static SockFilter connected() {
        return states(CONNECTED);
    }

    /** Only with this local port. */
    public SockFilter localPort(int port) {
        return localPorts(port, port);
    }

    /** Only with a local port from {@code low} to {@code high}, both included. */
    public SockFilter localPorts(int low, int high) {
        return new SockFilter(states, low, high, remotePort, local, remote);
    }

    /** Only with this peer's port. */
    public SockFilter remotePort(int port) {
        return new SockFilter(states, lowPort, highPort, port, local, remote);
    }

    /** Only with this local address; an IPv4 address is also found where it is mapped into IPv6. */
    public SockFilter local(InetAddress address) {
        return new SockFilter(states, lowPort, highPort, remotePort, address, remote);
    }

    /** Only with this peer's address; an IPv4 address is also found where it is mapped into IPv6. */
    public SockFilter remote(InetAddress address) {
        return new SockFilter(states, lowPort, highPort, remotePort, local, address);
    }

    int stateMask() {
        return states;
    }

    /** The one local port it wants, for the request itself; 0 for any. */
    int exactLocalPort() {
        return lowPort == highPort ? lowPort : 0;
    }

    /** The one peer's port it wants, for the request itself; 0 for any. */
    int exactRemotePort() {
        return remotePort == ANY_PORT ? 0 : remotePort;
    }

    /** Whether sockets of that family can pass at all. */
    boolean mayBe(int family) {
        return family == Socket.AF_INET6 || isIpv4(local) && isIpv4(remote);
    }

    private static boolean isIpv4(InetAddress address) {
        return address == null || address instanceof Inet4Address;
    }

    /** The value of INET_DIAG_REQ_BYTECODE; empty if the request alone says everything. */
    Optional<byte[]> bytecode() {
        boolean range = lowPort != highPort && (lowPort > 0 || highPort < 65535);
        int length = (range ? 16 : 0) + hostLength(local) + hostLength(remote);
        if (length == 0) {
            return Optional.empty();
        }
        ByteBuffer code = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        if (range) {
            port(code, InetDiag.INET_DIAG_BC_S_GE, lowPort);
            port(code, InetDiag.INET_DIAG_BC_S_LE, highPort);
        }
        host(code, InetDiag.INET_DIAG_BC_S_COND, local);
        host(code, InetDiag.INET_DIAG_BC_D_COND, remote);
        return Optional.of(code.array());
    }

    /** Matched, it goes on behind itself; else it goes four bytes beyond the end, which means no. */
    private static void step(ByteBuffer code, int op, int length) {
        int at = code.position();
        code.put(at + InetDiagBcOp.code, (byte) op);
        code.put(at + InetDiagBcOp.yes, (byte) length);
        code.putShort(at + InetDiagBcOp.no, (short) (code.remaining() + 4));
        code.position(at + InetDiagBcOp.SIZEOF);
    }

    /** The port is in the field {@code no} of a second step. */
    private static void port(ByteBuffer code, int op, int port) {
        step(code, op, 2 * InetDiagBcOp.SIZEOF);
        code.putShort(code.position() + InetDiagBcOp.no, (short) port);
        code.position(code.position() + InetDiagBcOp.SIZEOF);
    }

    private static int hostLength(InetAddress address) {
        return address == null ? 0
                : InetDiagBcOp.SIZEOF + InetDiagHostcond.SIZEOF + (address instanceof Inet4Address ? 4 : 16);
    }

    private static void host(ByteBuffer code, int op, InetAddress address) {
        if (address == null) {
            return;
        }
        byte[] bytes = address.getAddress();
        step(code, op, hostLength(address));
        int at = code.position();
        code.put(at + InetDiagHostcond.family, (byte) (bytes.length == 4 ? Socket.AF_INET : Socket.AF_INET6));
        code.put(at + InetDiagHostcond.prefix_len, (byte) (8 * bytes.length));
        code.putInt(at + InetDiagHostcond.port, ANY_PORT);
        code.position(at + InetDiagHostcond.SIZEOF);
        code.put(bytes);
    }

    /** The same question once more: the kernel does not apply every filter to every table. */
    boolean passes(InetRow row) {
        int port = row.localPort();
        return (states & 1 << row.state().number()) != 0
                && port >= lowPort && port <= highPort
                && (remotePort == ANY_PORT || row.remotePort() == remotePort)
                && (local == null || row.localLow() == InetRow.half(local, true)
                        && row.localHigh() == InetRow.half(local, false))
                && (remote == null || row.remoteLow() == InetRow.half(remote, true)
                        && row.remoteHigh() == InetRow.half(remote, false));
    }
}
