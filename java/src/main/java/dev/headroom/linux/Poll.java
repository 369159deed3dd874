package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * poll(2). What it is asked of is a {@link Pollfd}.
 */
@CHeader("poll.h")
public final class Poll {
    public static final int POLLOUT = 0x04;
    public static final int POLLERR = 0x08;

    private Poll() {
    }

    // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
    private static final MethodHandle POLL = Native.bind("poll");

    /**
     * {@code int poll(struct pollfd *fds, nfds_t nfds, int timeout)}: waits for events; with 0 it only looks.
     *
     * @param timeout milliseconds, negative for ever
     * @return number of descriptors with events or {@code -errno}: EFAULT, EINTR, EINVAL, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/poll.2.html">poll(2)</a>
     */
    public static int poll(CallState state, long fds, long nfds, int timeout) {
        try {
            return state.intResult((long) POLL.invokeExact(state.segment, fds, nfds, (long) timeout, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
