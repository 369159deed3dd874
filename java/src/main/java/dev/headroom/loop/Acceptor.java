package dev.headroom.loop;

import java.io.IOException;
import java.util.Objects;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Eventfd;
import dev.headroom.linux.Linger;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;

/**
 * A listener's place in one loop. When a limit is reached (EMFILE, ENFILE, ENOBUFS, ENOMEM from accept4, ENOSPC or
 * ENOMEM from epoll_ctl, or the {@link Quota}) it leaves the listener alone, so that the loop neither dies nor spins
 * although clients are waiting; it comes back when a descriptor of this loop has been closed, or after a pause. Who
 * waits then is passed on to another loop that accepts from the same listener.
 * <p>
 * <b>Not thread-safe</b>: the loop's thread alone may use it.
 */
public final class Acceptor {
    /** What to do with further clients at a limit. */
    public enum OnLimit {
        /** They wait in the accept queue. */
        PAUSE,
        /** They are accepted with a spare descriptor and reset, once no loop of the listener has room. */
        SHED
    }

    /** Told when a limit stops the acceptor, and with each client that it sheds ({@link #isArmed} is true then). */
    @FunctionalInterface
    public interface LimitHandler {
        /**
         * @param call "accept4" or "epoll_ctl"
         * @param errno the positive error, or 0 for the quota
         * @param queued connections in the accept queue now, or a negative number if that could not be read
         */
        void limit(Acceptor acceptor, String call, int errno, int queued);
    }

    /**
     * @param exclusive whether other loops accept from the same listener: EPOLLEXCLUSIVE
     * @param quota connections that this acceptor and others may hold; the handler releases it in {@code closed}
     * @param onLimit what to do with further clients
     * @param retryNanos how long to leave the listener alone at most
     * @param limits told of each limit
     */
    public record Options(boolean exclusive, Quota quota, OnLimit onLimit, long retryNanos, LimitHandler limits) {
        /** One loop, no quota, waiting for at most a second. */
        public static final Options DEFAULT = new Options(false, new Quota(Integer.MAX_VALUE), OnLimit.PAUSE,
                1_000_000_000L, (acceptor, call, errno, queued) -> {
                });

        public Options {
            Objects.requireNonNull(quota, "quota");
            Objects.requireNonNull(onLimit, "onLimit");
            Objects.requireNonNull(limits, "limits");
        }
    }

    private static final int EAGAIN = Errno.EAGAIN.number();
    private static final int EINTR = Errno.EINTR.number();
    private static final int ECONNABORTED = Errno.ECONNABORTED.number();
    private static final int EPERM = Errno.EPERM.number();
    private static final int EMFILE = Errno.EMFILE.number();
    private static final int ENFILE = Errno.ENFILE.number();
    private static final int ENOBUFS = Errno.ENOBUFS.number();
    private static final int ENOMEM = Errno.ENOMEM.number();
    private static final int EBADF = Errno.EBADF.number();
    private static final int EINVAL = Errno.EINVAL.number();
    private static final int ENOTSOCK = Errno.ENOTSOCK.number();

    private static final int BATCH = 64;
    private static final int FLAGS = Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC;

    private final EventLoop loop;
    private final int index;
    private final Listener listener;
    private final ConnectionHandler handler;
    private final Options options;
    private final CallState state;
    private final int kind;
    private final Timer retry;
    private final Runnable once = this::acceptOnce;
    private int spare = -1;
    private volatile boolean armed;
    /** From a limit until the next connection that can be held. */
    private volatile boolean full;
    private boolean closed;
    private long accepted;
    private volatile long shed;
    private long aborted;

    Acceptor(EventLoop loop, int index, Listener listener, ConnectionHandler handler, Options options) {
        this.loop = loop;
        this.index = index;
        this.listener = listener;
        this.handler = handler;
        this.options = options;
        this.state = loop.callState();
        this.kind = loop.connections().kindOf(handler);
        this.retry = loop.timer(this::rearm);
    }

    /** The loop runs. Not earlier: a spare descriptor from before the split would stay in the main table for ever. */
    void begin() {
        if (options.onLimit == OnLimit.SHED && spare < 0) {
            spare = openSpare();
        }
    }

    public Listener listener() {
        return listener;
    }

    /** Connections accepted and handed to the handler. */
    public long accepted() {
        return accepted;
    }

    /** Connections accepted and reset at a limit. */
    public long shed() {
        return shed;
    }

    /** Connections that were gone before they could be accepted, or were lost because epoll had no room for them. */
    public long aborted() {
        return aborted;
    }

    /** Whether it is accepting, rather than waiting for room. */
    public boolean isArmed() {
        return armed;
    }

    void arm() throws SyscallException {
        int interest = Epoll.EPOLLIN | (options.exclusive ? Epoll.EPOLLEXCLUSIVE : 0);
        // The quota is asked before a connection is accepted: only where there is none may the kernel go ahead.
        boolean unasked = options.quota.limit() == Integer.MAX_VALUE;
        loop.poller().check(loop.poller().addOwn(listener.fd(), interest, index, unasked), true, listener.fd(),
                interest);
        armed = true;
        listener.join(this);
    }

    /** Whether a limit has stopped it, or lets it hold no more. */
    boolean isFull() {
        return full;
    }

    void roomAppeared() {
        full = false;
        if (!armed) {
            rearm();
        }
    }

    private void rearm() {
        retry.cancel();
        if (armed || closed) {
            return;
        }
        try {
            arm();
        } catch (SyscallException e) {
            stop();
        }
    }

    /** Another loop has left the listener: EPOLLEXCLUSIVE had told it alone of the clients that are waiting. */
    void passOn() {
        loop.execute(once);
    }

    private void acceptOnce() {
        try {
            ready();
        } catch (IOException e) {
            loop.report(-1, e);
        }
    }

    void ready() throws IOException {
        boolean more = true;
        for (int i = 0; i < BATCH && armed && more; i++) {
            more = acceptNext();
        }
    }

    /** The kernel has accepted a connection without being asked for each, or could not. */
    void arrived(int result) throws IOException {
        if (result < 0) {
            failed(-result);
        } else if (closed) {
            Unistd.close(state, result);
        } else {
            open(result);
        }
    }

    /** @return whether another may be tried at once */
    private boolean acceptNext() throws IOException {
        if (!options.quota.tryAcquire()) {
            return atLimit("accept4", 0);
        }
        int fd = Socket.accept4(state, listener.fd(), 0, 0, FLAGS);
        if (fd >= 0) {
            return open(fd);
        }
        options.quota.release();
        return fd != -EAGAIN && failed(-fd);
    }

    private boolean open(int fd) {
        int rc = loop.connections().tryOpen(fd, kind);
        if (rc < 0) {
            Unistd.close(state, fd);
            options.quota.release();
            aborted++;
            return atLimit("epoll_ctl", -rc);
        }
        full = false;
        accepted++;
        loop.connections().opened(fd, handler);
        return true;
    }

    private boolean failed(int errno) throws IOException {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            return atLimit("accept4", errno);
        }
        if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
            close();
            Errno.check(-errno, "accept4", listener.fd(), "NULL", "NULL", "SOCK_NONBLOCK|SOCK_CLOEXEC");
        }
        if (errno != EINTR) {
            // ECONNABORTED, EPERM from a security module, or an error that was pending on the new socket (accept(2)):
            // that one is gone, the next may be well.
            aborted++;
        }
        return true;
    }

    /** @return whether another may be tried at once */
    private boolean atLimit(String call, int errno) {
        int queued = listener.queued(state, loop.scratch());
        if (queued == 0 && call.equals("accept4")) {
            // The table is full to the last descriptor and nobody waits: nothing has been refused yet.
            return false;
        }
        full = true;
        boolean shedding = options.onLimit == OnLimit.SHED && !listener.hasRoomBeside(this) && shedOne();
        if (!shedding) {
            stop();
            if (options.exclusive) {
                listener.passOn(this);
            }
        }
        options.limits.limit(this, call, errno, queued);
        return shedding;
    }

    private void stop() {
        if (armed) {
            loop.poller().removeOwn(listener.fd(), index);
            armed = false;
        }
        retry.arm(options.retryNanos);
    }

    /** @return whether a client was reset, or had gone, and another may be tried */
    private boolean shedOne() {
        if (spare < 0) {
            spare = openSpare();
        }
        if (spare < 0) {
            return false;
        }
        Unistd.close(state, spare);
        int fd = Socket.accept4(state, listener.fd(), 0, 0, FLAGS);
        if (fd >= 0) {
            Memory scratch = loop.scratch();
            scratch.putInt(Linger.l_onoff, 1);
            scratch.putInt(Linger.l_linger, 0);
            Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, scratch.address(), Linger.SIZEOF);
            // Counted first: whoever sees the reset finds it counted.
            shed++;
            Unistd.close(state, fd);
        }
        spare = openSpare();
        return fd >= 0 || fd == -EAGAIN || fd == -ECONNABORTED || fd == -EPERM;
    }

    private int openSpare() {
        return Eventfd.eventfd(state, 0, Eventfd.EFD_CLOEXEC);
    }

    /** Stops accepting; the listener stays open. */
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        listener.leave(this);
        retry.cancel();
        if (armed) {
            loop.poller().removeOwn(listener.fd(), index);
            armed = false;
        }
        if (spare >= 0) {
            Unistd.close(state, spare);
            spare = -1;
        }
    }
}
