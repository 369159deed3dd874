package dev.headroom.proc;

import dev.headroom.linux.Errno;
import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagReq;
import dev.headroom.linux.InetDiagReqV2;
import dev.headroom.linux.InetDiagSockid;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.UnixDiag;
import dev.headroom.linux.UnixDiagReq;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The sockets of one network namespace, asked for by sock_diag(7): that of the thread that called {@link #open()}, also
 * when another thread asks. Needs no privilege.
 * <p>
 * A dump is no snapshot of one instant: the kernel walks its tables while they live, so a socket that comes or goes
 * meanwhile may be missing or come twice.
 * <p>
 * <b>Not thread-safe</b>, but not bound to a thread either. It holds one descriptor.
 */
public final class SockDiag implements AutoCloseable {
    private static final int ATTEMPTS = 4;
    private static final int[] FAMILIES = {Socket.AF_INET, Socket.AF_INET6};
    private static final int ID = InetDiagReqV2.id;

    private final NetlinkSocket netlink;

    SockDiag(NetlinkSocket netlink) {
        this.netlink = netlink;
    }

    /**
     * How a dump went.
     *
     * @param rows number of rows handed over
     * @param attempts how often it was begun: an answer for which there was no room, or during which the tables changed,
     *            is asked for again up to three times
     * @param interrupted whether the kernel said of the last attempt too that its tables changed meanwhile
     *            (NLM_F_DUMP_INTR)
     */
    public record Dump(long rows, int attempts, boolean interrupted) {
    }

    /** @throws SockDiagAbsentException if the kernel was built without it or may not load the module */
    public static SockDiag open() throws IOException {
        try {
            return new SockDiag(new NetlinkSocket(Netlink.NETLINK_SOCK_DIAG, "NETLINK_SOCK_DIAG"));
        } catch (SyscallException e) {
            if (e.errno() == Errno.EPROTONOSUPPORT.number() || e.errno() == Errno.EAFNOSUPPORT.number()) {
                throw new SockDiagAbsentException("this kernel has no sock_diag: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    /**
     * Whether a kernel shows TCP sockets that own a port but neither listen nor are connected. One that cannot shows
     * none, without an error.
     */
    public static boolean showsBoundInactive(KernelVersion kernel) {
        return kernel.atLeast(6, 8);
    }

    /** The TCP sockets that pass the filter, those of AF_INET first. */
    public Dump tcp(SockFilter filter, Rows<InetRow> rows) throws IOException {
        return inet(Socket.IPPROTO_TCP, filter, rows);
    }

    /**
     * As {@link #tcp}, but in no order of families: the kernel walks its tables once for both. Where there are many
     * sockets, walking is what takes time, however few rows come of it.
     */
    public Dump walk(SockFilter filter, Rows<InetRow> rows) throws IOException {
        if (!filter.mayBe(Socket.AF_INET)) {
            return tcp(filter, rows);
        }
        var refused = new boolean[1];
        var row = new InetRow();
        Dump dump = dump(rows, count -> {
            var request = netlink.request().begin(InetDiag.TCPDIAG_GETSOCK, Netlink.NLM_F_DUMP, InetDiagReq.SIZEOF)
                    .u32(InetDiagReq.idiag_states, filter.stateMask());
            id(request, InetDiagReq.id, filter);
            NetlinkSocket.Outcome outcome = netlink.ask(message -> {
                if (message.type() == InetDiag.TCPDIAG_GETSOCK) {
                    pass(row, message, Socket.IPPROTO_TCP, filter, count, rows);
                }
            });
            refused[0] = outcome.errno() != 0 && !outcome.noRoom();
            return refused[0] ? new NetlinkSocket.Outcome(0, false) : outcome;
        });
        if (!refused[0]) {
            return dump;
        }
        // Without the old question there is still the new one, which also says best what is missing.
        rows.again();
        return tcp(filter, rows);
    }

    /** The UDP sockets that pass the filter. They are TCP_CLOSE, or TCP_ESTABLISHED once connected. */
    public Dump udp(SockFilter filter, Rows<InetRow> rows) throws IOException {
        return inet(Socket.IPPROTO_UDP, filter, rows);
    }

    Dump inet(int protocol, SockFilter filter, Rows<InetRow> rows) throws IOException {
        var row = new InetRow();
        return dump(rows, count -> {
            boolean interrupted = false;
            for (int family : FAMILIES) {
                if (filter.mayBe(family)) {
                    inetRequest(family, protocol, Netlink.NLM_F_DUMP, filter);
                    NetlinkSocket.Outcome outcome = netlink.ask(message -> {
                        if (message.type() == InetDiag.SOCK_DIAG_BY_FAMILY) {
                            pass(row, message, protocol, filter, count, rows);
                        }
                    });
                    if (outcome.errno() != 0) {
                        return outcome.noRoom() ? outcome : failed(outcome, family, protocol);
                    }
                    interrupted |= outcome.interrupted();
                }
            }
            return new NetlinkSocket.Outcome(0, interrupted);
        });
    }

    private static void pass(InetRow row, NetlinkReply message, int protocol, SockFilter filter, Count count,
            Rows<InetRow> rows) throws IOException {
        row.at(message, protocol);
        if (row.isInet() && filter.passes(row)) {
            count.rows++;
            rows.row(row);
        }
    }

    private NetlinkRequest inetRequest(int family, int protocol, int flags, SockFilter filter) {
        boolean udp = protocol == Socket.IPPROTO_UDP;
        NetlinkRequest request = netlink.request().begin(InetDiag.SOCK_DIAG_BY_FAMILY, flags, InetDiagReqV2.SIZEOF)
                .u8(InetDiagReqV2.sdiag_family, family)
                .u8(InetDiagReqV2.sdiag_protocol, protocol)
                .u8(InetDiagReqV2.idiag_ext, udp ? 1 << InetDiag.INET_DIAG_SKMEMINFO - 1 : 0)
                .u32(InetDiagReqV2.idiag_states, filter.stateMask());
        return id(request, ID, filter);
    }

    /** The inet_diag_sockid of a question, and what of the filter does not fit into it. */
    private static NetlinkRequest id(NetlinkRequest request, int id, SockFilter filter) {
        request.net16(id + InetDiagSockid.idiag_sport, filter.exactLocalPort())
                .net16(id + InetDiagSockid.idiag_dport, filter.exactRemotePort())
                .u32(id + InetDiagSockid.idiag_cookie, InetDiag.INET_DIAG_NOCOOKIE)
                .u32(id + InetDiagSockid.idiag_cookie + 4, InetDiag.INET_DIAG_NOCOOKIE);
        filter.bytecode().ifPresent(code -> request.attribute(InetDiag.INET_DIAG_REQ_BYTECODE, code));
        return request;
    }

    /** The unix sockets in any of these states: TCP_LISTEN, TCP_ESTABLISHED, TCP_CLOSE. */
    public Dump unix(Rows<UnixRow> rows, TcpState... states) throws IOException {
        var row = new UnixRow();
        int mask = TcpState.mask(states);
        return dump(rows, count -> {
            netlink.request().begin(InetDiag.SOCK_DIAG_BY_FAMILY, Netlink.NLM_F_DUMP, UnixDiagReq.SIZEOF)
                    .u8(UnixDiagReq.sdiag_family, Socket.AF_UNIX)
                    .u32(UnixDiagReq.udiag_states, mask)
                    .u32(UnixDiagReq.udiag_show,
                            UnixDiag.UDIAG_SHOW_NAME | UnixDiag.UDIAG_SHOW_RQLEN | UnixDiag.UDIAG_SHOW_UID)
                    .u32(UnixDiagReq.udiag_cookie, InetDiag.INET_DIAG_NOCOOKIE)
                    .u32(UnixDiagReq.udiag_cookie + 4, InetDiag.INET_DIAG_NOCOOKIE);
            NetlinkSocket.Outcome outcome = netlink.ask(message -> {
                if (message.type() == InetDiag.SOCK_DIAG_BY_FAMILY) {
                    row.at(message);
                    if ((mask & 1 << row.state().number()) != 0) {
                        count.rows++;
                        rows.row(row);
                    }
                }
            });
            return outcome.errno() == 0 || outcome.noRoom() ? outcome : failed(outcome, Socket.AF_UNIX, 0);
        });
    }

    private static final class Count {
        private long rows;
    }

    @FunctionalInterface
    private interface Attempt {
        NetlinkSocket.Outcome run(Count count) throws IOException;
    }

    private Dump dump(Rows<?> rows, Attempt attempt) throws IOException {
        for (int i = 1;; i++) {
            var count = new Count();
            NetlinkSocket.Outcome outcome = attempt.run(count);
            if (i == ATTEMPTS || outcome.errno() == 0 && !outcome.interrupted()) {
                Errno.check(-outcome.errno(), "sock_diag", "dump", "attempts=" + i);
                return new Dump(count.rows, i, outcome.interrupted());
            }
            if (outcome.noRoom()) {
                netlink.enlarge(i);
            }
            rows.again();
        }
    }

    /** No handler for the family or the protocol is ENOENT, which is no statement about sockets. */
    private static NetlinkSocket.Outcome failed(NetlinkSocket.Outcome outcome, int family, int protocol)
            throws IOException {
        String familyName = switch (family) {
            case Socket.AF_INET -> "AF_INET";
            case Socket.AF_INET6 -> "AF_INET6";
            default -> "AF_UNIX";
        };
        String protocolName = switch (protocol) {
            case Socket.IPPROTO_TCP -> "IPPROTO_TCP";
            case Socket.IPPROTO_UDP -> "IPPROTO_UDP";
            default -> Integer.toString(protocol);
        };
        try {
            Errno.check(-outcome.errno(), "sock_diag", familyName, protocolName);
        } catch (SyscallException e) {
            if (e.errno() == Errno.ENOENT.number() || e.errno() == Errno.EOPNOTSUPP.number()) {
                String module = switch (protocol) {
                    case Socket.IPPROTO_TCP -> "tcp_diag";
                    case Socket.IPPROTO_UDP -> "udp_diag";
                    default -> family == Socket.AF_UNIX ? "unix_diag" : "inet_diag";
                };
                throw new SockDiagAbsentException("the kernel has no " + module + ", or may not load it: "
                        + e.getMessage(), e);
            }
            throw e;
        }
        throw new AssertionError(outcome);
    }

    /**
     * The listening TCP sockets: {@link InetSock#rqueue} is the length of the accept queue, {@link InetSock#wqueue} its
     * limit, and it is full at one more.
     */
    public List<InetSock> listeners() throws IOException {
        var kept = new Kept<InetSock>();
        tcp(SockFilter.states(TcpState.TCP_LISTEN), kept.rows(InetRow::copy));
        return List.copyOf(kept.all);
    }

    /** The listening unix sockets, with queues as those of {@link #listeners()}. */
    public List<UnixSock> unixListeners() throws IOException {
        var kept = new Kept<UnixSock>();
        unix(kept.rows(UnixRow::copy), TcpState.TCP_LISTEN);
        return List.copyOf(kept.all);
    }

    private static final class Kept<T> {
        private final List<T> all = new ArrayList<>();

        interface Copier<R, T> {
            T copy(R row) throws IOException;
        }

        <R> Rows<R> rows(Copier<R, T> copier) {
            return new Rows<>() {
                @Override
                public void row(R row) throws IOException {
                    all.add(copier.copy(row));
                }

                @Override
                public void again() {
                    all.clear();
                }
            };
        }
    }

    /**
     * The socket that has exactly this pair of addresses, in TIME_WAIT too. A connection has two, one at each end, when
     * both ends are in this namespace; this is the one that calls {@code local} its own.
     */
    public Optional<InetSock> find(Sockaddr local, Sockaddr remote) throws IOException {
        if (local.family() != remote.family()) {
            return Optional.empty();
        }
        SockFilter exact = SockFilter.connected().local(local.address()).localPort(local.port())
                .remote(remote.address()).remotePort(remote.port());
        var kept = new Kept<InetSock>();
        var rows = kept.rows(InetRow::copy);
        var row = new InetRow();
        inetRequest(local.family(), Socket.IPPROTO_TCP, 0, exact)
                .bytes(ID + InetDiagSockid.idiag_src, local.address().getAddress())
                .bytes(ID + InetDiagSockid.idiag_dst, remote.address().getAddress());
        NetlinkSocket.Outcome outcome = netlink.ask(message -> {
            row.at(message, Socket.IPPROTO_TCP);
            if (row.isInet() && exact.passes(row)) {
                rows.row(row);
            }
        });
        if (outcome.errno() != 0 && outcome.errno() != Errno.ENOENT.number()) {
            failed(outcome, local.family(), Socket.IPPROTO_TCP);
        }
        if (kept.all.isEmpty()) {
            // The direct question misses sockets bound to an interface; a missing module says so here.
            tcp(exact, rows);
        }
        return kept.all.stream().findFirst();
    }

    /** What uses a local TCP port, in any state. */
    public PortUse tcpPort(int port) throws IOException {
        return use(Socket.IPPROTO_TCP, SockFilter.all().localPort(port));
    }

    /** What uses a local UDP port. */
    public PortUse udpPort(int port) throws IOException {
        return use(Socket.IPPROTO_UDP, SockFilter.all().localPort(port));
    }

    /**
     * The ports of a range that a TCP socket owns by bind(2): those the kernel leaves out when it chooses a port for
     * connect(2), whatever address they are bound to. A connected socket that was bound first cannot be told from one
     * that was not, and before Linux 6.8 only listeners can be seen ({@link #showsBoundInactive}).
     */
    public PortUse boundPorts(int low, int high) throws IOException {
        return use(Socket.IPPROTO_TCP,
                SockFilter.states(TcpState.TCP_LISTEN, TcpState.TCP_BOUND_INACTIVE).localPorts(low, high));
    }

    private PortUse use(int protocol, SockFilter filter) throws IOException {
        var counter = new PortUse.Counter();
        Dump dump = protocol == Socket.IPPROTO_TCP ? walk(filter, counter) : inet(protocol, filter, counter);
        return counter.result(dump.interrupted());
    }

    /**
     * All that can be asked of the local TCP ports of a range, by one walk: what {@link #boundPorts} and {@link #flows}
     * say, and which ports are in use at all.
     *
     * @param target if present, only connections to it count as flows
     * @param local whose ports are told apart; the address of any takes in all
     */
    public TcpPorts ports(int low, int high, Optional<Sockaddr> target, Optional<InetAddress> local)
            throws IOException {
        // Listeners have a small table of their own, and who listens must be known before the connections come.
        PortUse listening = use(Socket.IPPROTO_TCP, SockFilter.states(TcpState.TCP_LISTEN).localPorts(low, high));
        var counter = new TcpPorts.Counter(low, high, listening.ports(), target, local);
        Dump dump = walk(SockFilter.all().localPorts(low, high), counter);
        return counter.result(dump.interrupted());
    }

    /**
     * The TCP connections whose local port is in a range, summed up. Those of a port that somebody listens on are left
     * out: they were accepted and took no port.
     */
    public Flows flows(int low, int high) throws IOException {
        return flows(SockFilter.connected(), low, high);
    }

    /** As {@link #flows(int, int)}, to one address and port only. */
    public Flows flows(Sockaddr target, int low, int high) throws IOException {
        return flows(SockFilter.connected().remote(target.address()).remotePort(target.port()), low, high);
    }

    private Flows flows(SockFilter filter, int low, int high) throws IOException {
        PortUse listening = use(Socket.IPPROTO_TCP, SockFilter.states(TcpState.TCP_LISTEN).localPorts(low, high));
        var counter = new Flows.Counter(low, high, listening.ports());
        Dump dump = walk(filter.localPorts(low, high), counter);
        return counter.result(dump.interrupted());
    }

    @Override
    public void close() {
        netlink.close();
    }
}
