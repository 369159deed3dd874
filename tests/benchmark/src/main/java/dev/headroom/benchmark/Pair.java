package dev.headroom.benchmark;

import java.lang.invoke.MethodHandle;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;

/** Two connected sockets, an epoll instance that knows one of them, a buffer: what the calls of a benchmark work on. */
final class Pair implements AutoCloseable {
    private static final MethodHandle SOCKETPAIR = Ffm.bind("socketpair", 4);
    private static final int SIZE = 4096;

    final CallState state = new CallState();
    final Memory buffer = Memory.map(SIZE);
    final int near;
    final int far;
    final int epfd;

    Pair() throws SyscallException {
        if (call() != 0) {
            throw new IllegalStateException("socketpair failed");
        }
        near = buffer.getInt(0);
        far = buffer.getInt(4);
        epfd = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1");
        buffer.putInt(0, Epoll.EPOLLIN);
        Errno.check(Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_ADD, near, buffer.address()), "epoll_ctl");
    }

    private int call() {
        try {
            return (int) (long) SOCKETPAIR.invokeExact((long) Socket.AF_UNIX,
                    (long) (Socket.SOCK_STREAM | Socket.SOCK_NONBLOCK), 0L, buffer.address());
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    @Override
    public void close() {
        Unistd.close(state, near);
        Unistd.close(state, far);
        Unistd.close(state, epfd);
        buffer.close();
    }
}
