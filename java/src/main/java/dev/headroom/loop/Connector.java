package dev.headroom.loop;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.Unistd;

/**
 * Opens TCP connections on a loop without waiting for them.
 * <p>
 * <b>Not thread-safe</b>: the loop's thread alone may use it.
 */
public final class Connector implements Handler {
    /** Told when a connection could not be made after all. */
    @FunctionalInterface
    public interface FailureHandler {
        /**
         * Called before the descriptor is closed.
         *
         * @param errno the positive error of connect, e.g. ECONNREFUSED or ETIMEDOUT
         */
        void failed(int fd, int errno);
    }

    private static final int EINPROGRESS = Errno.EINPROGRESS.number();
    private static final int EINTR = Errno.EINTR.number();
    private static final int TYPE = Socket.SOCK_STREAM | Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC;

    private final EventLoop loop;
    private final ConnectionHandler handler;
    private final FailureHandler failures;
    private final CallState state;
    private final int index;
    private String failedCall = "";

    /**
     * @param handler for the connections that come about
     * @param failures told of those that do not
     */
    public Connector(EventLoop loop, ConnectionHandler handler, FailureHandler failures) {
        this.loop = loop;
        this.handler = handler;
        this.failures = failures;
        this.state = loop.callState();
        this.index = loop.handlerIndex(this);
    }

    /** Begins to connect, with an address and port of the kernel's choice. See {@link #connect(Sockaddr, Sockaddr)}. */
    public int connect(Sockaddr target) {
        return connect(null, target, 0, 0);
    }

    /** As {@link #connect(Sockaddr, Sockaddr, int, int)}, from any port of net.ipv4.ip_local_port_range. */
    public int connect(Sockaddr source, Sockaddr target) {
        return connect(source, target, 0, 0);
    }

    /**
     * Begins to connect. {@link ConnectionHandler#opened} or {@link FailureHandler#failed} follows.
     *
     * @param source local address, or null for the kernel's choice. With port 0 the kernel chooses the port when it
     *        connects, unique for this destination only (IP_BIND_ADDRESS_NO_PORT); with another port it is bound
     *        explicitly, with SO_REUSEADDR, so that it can serve several destinations.
     * @param lowPort with a port of the kernel's choice: the lowest of those it may choose from, as far as they are
     *        within net.ipv4.ip_local_port_range (IP_LOCAL_PORT_RANGE, kernel 6.3); 0 for all of them
     * @param highPort the highest of them
     * @return the descriptor, or {@code -errno} of the call that {@link #failedCall} names; nothing is left open then
     */
    public int connect(Sockaddr source, Sockaddr target, int lowPort, int highPort) {
        int fd = Socket.socket(state, target.family(), TYPE, 0);
        if (fd < 0) {
            failedCall = "socket";
            return fd;
        }
        int rc = begin(fd, source, target, lowPort, highPort);
        if (rc < 0) {
            Unistd.close(state, fd);
            return rc;
        }
        return fd;
    }

    private int begin(int fd, Sockaddr source, Sockaddr target, int lowPort, int highPort) {
        Memory scratch = loop.scratch();
        failedCall = "setsockopt";
        if (lowPort != 0) {
            scratch.putInt(0, highPort << 16 | lowPort);
            int rc = Socket.setsockopt(state, fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE, scratch.address(),
                    Integer.BYTES);
            if (rc < 0) {
                return rc;
            }
        }
        if (source != null) {
            boolean portChosen = source.port() != 0;
            scratch.putInt(0, 1);
            int rc = Socket.setsockopt(state, fd, portChosen ? Socket.SOL_SOCKET : Socket.IPPROTO_IP,
                    portChosen ? Socket.SO_REUSEADDR : Socket.IP_BIND_ADDRESS_NO_PORT, scratch.address(),
                    Integer.BYTES);
            if (rc < 0) {
                return rc;
            }
            failedCall = "bind";
            rc = Socket.bind(state, fd, scratch.address(), source.write(scratch, 0));
            if (rc < 0) {
                return rc;
            }
        }
        failedCall = "connect";
        int rc = Socket.connect(state, fd, scratch.address(), target.write(scratch, 0));
        if (rc < 0 && rc != -EINPROGRESS && rc != -EINTR) {
            return rc;
        }
        rc = loop.tryAddConnecting(fd, index);
        failedCall = rc < 0 ? "epoll_ctl" : "";
        return rc;
    }

    /** The call that made {@link #connect} fail: socket, setsockopt, bind, connect or epoll_ctl; empty if none did. */
    public String failedCall() {
        return failedCall;
    }

    /**
     * Gives up a connection that is not there yet; its {@link FailureHandler} is not told. Does nothing if it is not
     * {@linkplain #isConnecting being made}.
     */
    public void abandon(int fd) {
        if (isConnecting(fd)) {
            loop.close(fd);
        }
    }

    /** Whether that number is a connection which is still being made by this connector. */
    public boolean isConnecting(int fd) {
        return loop.isRegistered(fd) && loop.handlerOf(fd) == index;
    }

    @Override
    public void ready(EventLoop sameLoop, int fd, int events) {
        boolean broken = (events & (Epoll.EPOLLERR | Epoll.EPOLLHUP)) != 0;
        int errno = broken ? Connections.error(loop, fd) : 0;
        if (errno == 0) {
            errno = -loop.connections().adopt(fd, handler, events);
        }
        if (errno != 0) {
            // It is no longer being made when the handler is told, which may give up whatever belongs to it.
            loop.forget(fd);
            try {
                failures.failed(fd, errno);
            } finally {
                loop.closeForgotten(fd);
            }
        }
    }
}
