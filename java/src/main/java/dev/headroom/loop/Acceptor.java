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
 * although clients are waiting; it comes back when a descriptor of this loop has been closed, or after a pause.
 * <p>
 * <b>Not thread-safe</b>: the loop's thread alone may use it.
 */
public final class Acceptor {
    /** What to do with further clients at a limit. */
    public enum OnLimit {
        /** They wait in the accept queue. */
        PAUSE,
        /** They are accepted with a spare descriptor and reset. */
        SHED
    }

    /** Told when a limit stops the acceptor, each time. */
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
    private int spare = -1;
    private volatile boolean armed;
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
        if (options.onLimit == OnLimit.SHED) {
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
        int rc = loop.addOwn(listener.fd(), interest, index);
        Errno.check(rc, "epoll_ctl", "EPOLL_CTL_ADD", listener.fd(), Epoll.flagsToString(interest));
        armed = true;
    }

    void roomAppeared() {
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

    void ready() throws IOException {
        for (int i = 0; i < BATCH && armed; i++) {
            if (!options.quota.tryAcquire()) {
                atLimit("accept4", 0);
                return;
            }
            int fd = Socket.accept4(state, listener.fd(), 0, 0, FLAGS);
            if (fd >= 0) {
                open(fd);
                continue;
            }
            options.quota.release();
            if (fd == -EAGAIN) {
                return;
            }
            failed(-fd);
        }
    }

    private void open(int fd) {
        int rc = loop.connections().tryOpen(fd, kind);
        if (rc < 0) {
            Unistd.close(state, fd);
            options.quota.release();
            aborted++;
            atLimit("epoll_ctl", -rc);
            return;
        }
        accepted++;
        int generation = loop.generation(fd);
        try {
            handler.opened(loop.connections(), fd);
        } catch (IOException | RuntimeException e) {
            loop.failed(fd, generation, e);
        }
    }

    private void failed(int errno) throws IOException {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            atLimit("accept4", errno);
        } else if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
            close();
            Errno.check(-errno, "accept4", listener.fd(), "NULL", "NULL", "SOCK_NONBLOCK|SOCK_CLOEXEC");
        } else if (errno != EINTR) {
            // ECONNABORTED, EPERM from a security module, or an error that was pending on the new socket (accept(2)):
            // that one is gone, the next may be well.
            aborted++;
        }
    }

    private void atLimit(String call, int errno) {
        int queued = listener.queued(state, loop.scratch());
        if (queued == 0) {
            // The table is full to the last descriptor and nobody waits: nothing has been refused yet.
            return;
        }
        if (options.onLimit == OnLimit.SHED && shedOne(errno)) {
            return;
        }
        stop();
        options.limits.limit(this, call, errno, queued);
    }

    private void stop() {
        if (armed) {
            loop.removeOwn(listener.fd());
            armed = false;
        }
        retry.arm(options.retryNanos);
    }

    /** @return whether a client was reset, or had gone, and another may be tried */
    private boolean shedOne(int errno) {
        boolean needsRoom = errno == EMFILE || errno == ENFILE;
        if (needsRoom) {
            if (spare < 0) {
                spare = openSpare();
            }
            if (spare < 0) {
                return false;
            }
            Unistd.close(state, spare);
            spare = -1;
        }
        int fd = Socket.accept4(state, listener.fd(), 0, 0, FLAGS);
        if (fd >= 0) {
            Memory scratch = loop.scratch();
            scratch.putInt(Linger.l_onoff, 1);
            scratch.putInt(Linger.l_linger, 0);
            Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, scratch.address(), Linger.SIZEOF);
            Unistd.close(state, fd);
            shed++;
        }
        if (needsRoom) {
            spare = openSpare();
        }
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
        retry.cancel();
        if (armed) {
            loop.removeOwn(listener.fd());
            armed = false;
        }
        if (spare >= 0) {
            Unistd.close(state, spare);
            spare = -1;
        }
    }
}
