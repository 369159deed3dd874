package dev.headroom.loop;

import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.TcpInfo;
import dev.headroom.linux.Unistd;

/**
 * A listening TCP socket. Any number of loops may accept from it, also loops with private descriptor tables that split
 * after it was opened; it is closed for good when all of them have ended.
 * <p>
 * <b>Thread-safe</b>, but for {@link #close}.
 */
public final class Listener implements AutoCloseable {
    private final CallState state = new CallState();
    private final int fd;
    private final int backlog;
    private final Sockaddr address;
    private final Set<Acceptor> acceptors = new CopyOnWriteArraySet<>();

    private Listener(int fd, int backlog, Sockaddr address) {
        this.fd = fd;
        this.backlog = backlog;
        this.address = address;
    }

    /**
     * Binds with SO_REUSEADDR and listens.
     *
     * @param address port 0 lets the kernel choose; a wildcard IPv6 address takes IPv6 only
     * @param backlog at most min(backlog, net.core.somaxconn) + 1 connections wait to be accepted
     * @throws SyscallException EADDRINUSE, EADDRNOTAVAIL, EACCES (port below net.ipv4.ip_unprivileged_port_start
     *         without CAP_NET_BIND_SERVICE), EAFNOSUPPORT (no IPv6), EMFILE, ENFILE
     */
    public static Listener open(Sockaddr address, int backlog) throws SyscallException {
        CallState state = new CallState();
        int type = Socket.SOCK_STREAM | Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC;
        int fd = Errno.check(Socket.socket(state, address.family(), type, 0), "socket",
                address.family() == Socket.AF_INET ? "AF_INET" : "AF_INET6", "SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC",
                0);
        try (Memory place = Memory.map(2 * Sockaddr.MAX_LENGTH)) {
            option(state, fd, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, "SO_REUSEADDR", place);
            if (address.family() == Socket.AF_INET6) {
                option(state, fd, Socket.IPPROTO_IPV6, Socket.IPV6_V6ONLY, "IPV6_V6ONLY", place);
            }
            int length = address.write(place, 0);
            Errno.check(Socket.bind(state, fd, place.address(), length), "bind", fd, address);
            Errno.check(Socket.listen(state, fd, backlog), "listen", fd, backlog);
            place.putInt(Sockaddr.MAX_LENGTH, Sockaddr.MAX_LENGTH);
            Errno.check(Socket.getsockname(state, fd, place.address(), place.address() + Sockaddr.MAX_LENGTH),
                    "getsockname", fd);
            return new Listener(fd, backlog, Sockaddr.read(place, 0));
        } catch (SyscallException e) {
            Unistd.close(state, fd);
            throw e;
        }
    }

    private static void option(CallState state, int fd, int level, int name, String text, Memory place)
            throws SyscallException {
        place.putInt(0, 1);
        Errno.check(Socket.setsockopt(state, fd, level, name, place.address(), Integer.BYTES), "setsockopt", fd, text,
                1);
    }

    public int fd() {
        return fd;
    }

    /** The backlog it was opened with. */
    public int backlog() {
        return backlog;
    }

    /** The address it listens on, with the port that the kernel chose. */
    public Sockaddr address() {
        return address;
    }

    /**
     * Connections in the accept queue at the moment: tcpi_unacked of a listening socket (net/ipv4/tcp.c,
     * tcp_get_info). It is one more than {@link #queueLimit} when the queue is full.
     */
    int queued(CallState caller, Memory scratch) {
        return info(caller, scratch, TcpInfo.tcpi_unacked);
    }

    /** min(backlog, net.core.somaxconn): the kernel's sk_max_ack_backlog. */
    int queueLimit(CallState caller, Memory scratch) {
        return info(caller, scratch, TcpInfo.tcpi_sacked);
    }

    private int info(CallState caller, Memory scratch, int field) {
        scratch.putInt(0, TcpInfo.tcpi_sacked + Integer.BYTES);
        int rc = Socket.getsockopt(caller, fd, Socket.IPPROTO_TCP, Socket.TCP_INFO, scratch.address() + 8,
                scratch.address());
        return rc < 0 ? rc : scratch.getInt(8 + field);
    }

    void join(Acceptor acceptor) {
        acceptors.add(acceptor);
    }

    void leave(Acceptor acceptor) {
        acceptors.remove(acceptor);
    }

    boolean hasRoomBeside(Acceptor full) {
        for (Acceptor other : acceptors) {
            if (other != full && !other.isFull()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Wakes one that may still accept. An event of an EPOLLEXCLUSIVE registration goes to one loop alone (fs/eventpoll.c,
     * ep_poll_callback); if that one leaves, the clients would wait until the next one comes.
     */
    void passOn(Acceptor full) {
        for (Acceptor other : acceptors) {
            if (other != full && other.isArmed()) {
                other.passOn();
                return;
            }
        }
    }

    /** Closes this table's descriptor. */
    @Override
    public void close() {
        Unistd.close(state, fd);
    }
}
