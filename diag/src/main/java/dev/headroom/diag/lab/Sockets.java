package dev.headroom.diag.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Linger;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.TcpInfo;
import dev.headroom.linux.TcpStates;
import dev.headroom.linux.Unistd;

/**
 * Plain TCP sockets, made as a program makes them that does nothing clever: a call each, non-blocking, with no option but
 * those named. Results are the kernel's: at least 0, or {@code -errno}. They belong to the host whose thread makes them, so
 * use it within {@link Host#call}.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class Sockets implements AutoCloseable {
    private static final int TYPE = Socket.SOCK_STREAM | Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC;
    /** Longer than a SYN needs from one host of the lab to the next, and shorter than its first repetition, 1 s. */
    private static final long SETTLED_MILLIS = 300;
    private static final int INFO = 8;

    private final CallState state = new CallState();
    private final Memory memory;
    private final List<Integer> open = new ArrayList<>();
    private boolean failedInBind;

    public Sockets() throws SyscallException {
        this.memory = Memory.map(4096);
    }

    /** A new socket. */
    public int socket() {
        int fd = Socket.socket(state, Socket.AF_INET, TYPE, 0);
        if (fd >= 0) {
            open.add(fd);
        }
        return fd;
    }

    /** A new socket for datagrams. */
    public int udp() {
        int fd = Socket.socket(state, Socket.AF_INET, Socket.SOCK_DGRAM | Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC,
                0);
        if (fd >= 0) {
            open.add(fd);
        }
        return fd;
    }

    /** Sends a byte. @return 1 or {@code -errno} */
    public int send(int fd) {
        return (int) Socket.send(state, fd, memory.address(), 1, Socket.MSG_NOSIGNAL);
    }

    /** Receives what is there, up to a few bytes. @return how many, 0 at the end of the stream, or {@code -errno} */
    public int receive(int fd) {
        return (int) Socket.recv(state, fd, memory.address(), INFO, 0);
    }

    /** The error that has ended a connection, as a positive number; 0 while there is none. Asking takes it away. */
    public int error(int fd) {
        memory.putInt(INFO, Integer.BYTES);
        int rc = Socket.getsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_ERROR, memory.address(),
                memory.address() + INFO);
        return rc < 0 ? -rc : memory.getInt(0);
    }

    /** Sets an option to a number. */
    public int set(int fd, int level, int option, int value) {
        memory.putInt(0, value);
        return Socket.setsockopt(state, fd, level, option, memory.address(), Integer.BYTES);
    }

    public int bind(int fd, Sockaddr address) {
        return Socket.bind(state, fd, memory.address(), address.write(memory, 0));
    }

    /** @return 0 or {@code -errno}; {@code -EINPROGRESS} where the answer is still to come */
    public int connect(int fd, Sockaddr target) {
        return Socket.connect(state, fd, memory.address(), target.write(memory, 0));
    }

    /** Listens with SO_REUSEADDR. @return the descriptor or {@code -errno} */
    public int listen(Sockaddr address, int backlog) {
        int fd = socket();
        if (fd < 0) {
            return fd;
        }
        int rc = set(fd, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1);
        rc = rc < 0 ? rc : bind(fd, address);
        rc = rc < 0 ? rc : Socket.listen(state, fd, backlog);
        return rc < 0 ? closed(fd, rc) : fd;
    }

    /** Begins a connection with an address and port of the kernel's choice. @return the descriptor or {@code -errno} */
    public int call(Sockaddr target) {
        int fd = socket();
        return fd < 0 ? fd : begun(fd, connect(fd, target));
    }

    /**
     * Begins a connection from an address, with a port of the kernel's choice.
     *
     * @param noPort with IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect, for this target, rather than by bind
     * @return the descriptor or {@code -errno}; {@link #failedInBind} tells of which call
     */
    public int call(Sockaddr source, Sockaddr target, boolean noPort) {
        int fd = socket();
        if (fd < 0) {
            return fd;
        }
        if (noPort) {
            set(fd, Socket.IPPROTO_IP, Socket.IP_BIND_ADDRESS_NO_PORT, 1);
        }
        int rc = bind(fd, source);
        failedInBind = rc < 0;
        return failedInBind ? closed(fd, rc) : begun(fd, connect(fd, target));
    }

    /** Whether the last {@link #call(Sockaddr, Sockaddr, boolean)} got no further than bind. */
    public boolean failedInBind() {
        return failedInBind;
    }

    /**
     * Connections that were begun until one was refused.
     *
     * @param fds theirs
     * @param rc of the call that failed, {@code -errno}; 0 if none did
     */
    public record Calls(List<Integer> fds, int rc) {
    }

    /**
     * Begins connections until one is refused.
     *
     * @param one begins one and returns its descriptor or {@code -errno}
     * @param most of them
     */
    public static Calls until(IntSupplier one, long most) {
        List<Integer> fds = new ArrayList<>();
        int rc = 0;
        while (rc >= 0 && fds.size() < most) {
            rc = one.getAsInt();
            if (rc >= 0) {
                fds.add(rc);
            }
        }
        return new Calls(fds, Math.min(rc, 0));
    }

    private int begun(int fd, int rc) {
        return rc < 0 && rc != -Errno.EINPROGRESS.number() ? closed(fd, rc) : fd;
    }

    private int closed(int fd, int rc) {
        close(fd);
        return rc;
    }

    /** Accepts a connection. @return its descriptor or {@code -errno}, {@code -EAGAIN} when none waits */
    public int accept(int listener) {
        int fd = Socket.accept4(state, listener, 0, 0, Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC);
        if (fd >= 0) {
            open.add(fd);
        }
        return fd;
    }

    /** Accepts all connections that wait. @return their descriptors */
    public List<Integer> acceptAll(int listener) {
        List<Integer> fds = new ArrayList<>();
        for (int fd = accept(listener); fd >= 0; fd = accept(listener)) {
            fds.add(fd);
        }
        return fds;
    }

    /** Gives what was begun the time to be answered. */
    public static void settle() throws InterruptedException {
        Thread.sleep(SETTLED_MILLIS);
    }

    /** How many of these are established: TCP_INFO says so, without asking the peer. */
    public int established(List<Integer> fds) {
        int n = 0;
        for (int fd : fds) {
            boolean there = info(fd) == 0 && memory.getByte(INFO + TcpInfo.tcpi_state) == TcpStates.TCP_ESTABLISHED;
            n += there ? 1 : 0;
        }
        return n;
    }

    /** Connections in the accept queue of a listener: tcpi_unacked. */
    public int queued(int listener) {
        int rc = info(listener);
        return rc < 0 ? rc : memory.getInt(INFO + TcpInfo.tcpi_unacked);
    }

    private int info(int fd) {
        memory.putInt(0, TcpInfo.tcpi_sacked + Integer.BYTES);
        return Socket.getsockopt(state, fd, Socket.IPPROTO_TCP, Socket.TCP_INFO, memory.address() + INFO,
                memory.address());
    }

    public void close(List<Integer> fds) {
        List.copyOf(fds).forEach(this::close);
    }

    public void close(int fd) {
        open.remove((Integer) fd);
        Unistd.close(state, fd);
    }

    /** Closes all with a reset, which leaves nothing of connections. */
    public void resetAll() {
        for (int fd : open) {
            memory.putInt(Linger.l_onoff, 1);
            memory.putInt(Linger.l_linger, 0);
            Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, memory.address(), Linger.SIZEOF);
        }
        close(open);
    }

    /** The port that a socket has, or {@code -errno}. */
    public int localPort(int fd) {
        memory.putInt(0, Sockaddr.MAX_LENGTH);
        int rc = Socket.getsockname(state, fd, memory.address() + INFO, memory.address());
        return rc < 0 ? rc : Sockaddr.read(memory, INFO).port();
    }

    /** Closes all of them. */
    @Override
    public void close() {
        for (int fd : open) {
            Unistd.close(state, fd);
        }
        open.clear();
        memory.close();
    }
}
