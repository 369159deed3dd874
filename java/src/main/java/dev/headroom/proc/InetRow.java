package dev.headroom.proc;

import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagMsg;
import dev.headroom.linux.InetDiagSockid;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.OptionalLong;

/**
 * A TCP or UDP socket as sock_diag shows it, read in place. Use {@link #copy()} to keep it. Addresses are 128 bits in
 * two longs, those of IPv4 in their IPv4-mapped form ({@code ::ffff:a.b.c.d}), so that a connection looks the same
 * whether a program made it with an IPv4 socket or with an IPv6 one.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class InetRow {
    private static final int SRC = InetDiagMsg.id + InetDiagSockid.idiag_src;
    private static final int DST = InetDiagMsg.id + InetDiagSockid.idiag_dst;
    private static final long MAPPED = 0xffff_0000_0000L;
    /** idiag_timer of what is no whole socket any more: TIME_WAIT, and its sub-state FIN_WAIT2. */
    private static final int TIMEWAIT_TIMER = 3;

    private NetlinkReply reply;
    private int at;
    private boolean tcp;

    InetRow() {
    }

    void at(NetlinkReply message, int protocol) throws NetlinkException {
        message.need(InetDiagMsg.SIZEOF, "inet_diag_msg");
        reply = message;
        at = message.body();
        tcp = protocol == Socket.IPPROTO_TCP;
    }

    /** Whether it is of a family known here. */
    boolean isInet() {
        return family() == Socket.AF_INET || family() == Socket.AF_INET6;
    }

    /** AF_INET or AF_INET6. */
    public int family() {
        return reply.u8(at + InetDiagMsg.idiag_family);
    }

    /** The state; a connection that waits for the last ACK of the handshake is TCP_SYN_RECV. */
    public TcpState state() {
        TcpState state = TcpState.of(reply.u8(at + InetDiagMsg.idiag_state));
        return tcp && state == TcpState.TCP_CLOSE ? TcpState.TCP_BOUND_INACTIVE : state;
    }

    public int localPort() {
        return reply.net16(at + InetDiagMsg.id + InetDiagSockid.idiag_sport);
    }

    /** 0 if it is not connected. */
    public int remotePort() {
        return reply.net16(at + InetDiagMsg.id + InetDiagSockid.idiag_dport);
    }

    /** First half of the local address. */
    public long localHigh() {
        return high(SRC);
    }

    /** Second half of the local address. */
    public long localLow() {
        return low(SRC);
    }

    /** First half of the peer's address. */
    public long remoteHigh() {
        return high(DST);
    }

    /** Second half of the peer's address. */
    public long remoteLow() {
        return low(DST);
    }

    private long high(int field) {
        return family() == Socket.AF_INET ? 0 : reply.net64(at + field);
    }

    private long low(int field) {
        return family() == Socket.AF_INET
                ? MAPPED | reply.net32(at + field) & 0xffff_ffffL : reply.net64(at + field + 8);
    }

    public Sockaddr local() {
        return new Sockaddr(address(localHigh(), localLow(), iface()), localPort());
    }

    public Sockaddr remote() {
        return new Sockaddr(address(remoteHigh(), remoteLow(), iface()), remotePort());
    }

    /** Index of the interface the socket is bound to, 0 for none. */
    public int iface() {
        return (int) reply.u32(at + InetDiagMsg.id + InetDiagSockid.idiag_if);
    }

    /** Of a listener: connections in its accept queue. Else: bytes the program has not read. */
    public long rqueue() {
        return reply.u32(at + InetDiagMsg.idiag_rqueue);
    }

    /**
     * Of a listener: min(backlog, net.core.somaxconn), and the queue is full at one more. Else: bytes the peer has not
     * acknowledged.
     */
    public long wqueue() {
        return reply.u32(at + InetDiagMsg.idiag_wqueue);
    }

    public long uid() {
        return reply.u32(at + InetDiagMsg.idiag_uid);
    }

    /**
     * The number in {@code socket:[N]} of {@code /proc/PID/fd}; 0 if no process has it: not accepted yet, orphaned, or
     * in TIME_WAIT.
     */
    public long inode() {
        return reply.u32(at + InetDiagMsg.idiag_inode);
    }

    /** Whether it is only the memory of a connection: TIME_WAIT, or FIN_WAIT2 without a socket. */
    public boolean isTimewait() {
        return state() == TcpState.TCP_TIME_WAIT
                || tcp && reply.u8(at + InetDiagMsg.idiag_timer) == TIMEWAIT_TIMER;
    }

    /** Whether an IPv6 socket refuses IPv4; known of listeners and unconnected sockets. */
    public boolean isV6Only() throws NetlinkException {
        int value = reply.attribute(InetDiagMsg.SIZEOF, InetDiag.INET_DIAG_SKV6ONLY);
        return value >= 0 && reply.valueLength(value) >= 1 && reply.u8(value) != 0;
    }

    /** Packets thrown away because the receive buffer was full; only of UDP. */
    public OptionalLong drops() throws NetlinkException {
        int value = reply.attribute(InetDiagMsg.SIZEOF, InetDiag.INET_DIAG_SKMEMINFO);
        return value < 0 || reply.valueLength(value) < 4 * InetDiag.SK_MEMINFO_DROPS + 4 ? OptionalLong.empty()
                : OptionalLong.of(reply.u32(value + 4 * InetDiag.SK_MEMINFO_DROPS));
    }

    /** All of it, to be kept. */
    public InetSock copy() throws NetlinkException {
        return new InetSock(family(), state(), local(), remote(), rqueue(), wqueue(), uid(), inode(), iface(),
                isTimewait(), isV6Only(), drops());
    }

    /** The address of two longs; Java makes an IPv4 address of a mapped one. */
    static InetAddress address(long high, long low, int iface) {
        byte[] bytes = new byte[16];
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) (high >> 56 - 8 * i);
            bytes[8 + i] = (byte) (low >> 56 - 8 * i);
        }
        try {
            boolean linkLocal = high >>> 54 == 0xfe80 >> 6;
            return linkLocal && iface != 0 ? Inet6Address.getByAddress(null, bytes, iface)
                    : InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError("an address of 16 bytes", e);
        }
    }

    /** One half of an address, as {@link #localHigh()} and {@link #localLow()} have them. */
    static long half(InetAddress address, boolean second) {
        byte[] bytes = address.getAddress();
        if (bytes.length == 4) {
            return second ? MAPPED | (bytes[0] & 0xffL) << 24 | (bytes[1] & 0xff) << 16 | (bytes[2] & 0xff) << 8
                    | bytes[3] & 0xff : 0;
        }
        long half = 0;
        for (int i = 0; i < 8; i++) {
            half = half << 8 | bytes[(second ? 8 : 0) + i] & 0xff;
        }
        return half;
    }
}
