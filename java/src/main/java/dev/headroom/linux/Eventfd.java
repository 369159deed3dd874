package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * eventfd(2).
 */
@CHeader("sys/eventfd.h")
public final class Eventfd {
    public static final int EFD_SEMAPHORE = 1;
    public static final int EFD_CLOEXEC = 0x80000;
    public static final int EFD_NONBLOCK = 0x800;

    private Eventfd() {
    }

    // int eventfd(unsigned int initval, int flags)
    private static final MethodHandle EVENTFD = Native.bind("eventfd");

    /**
     * {@code int eventfd(unsigned int initval, int flags)}: a counter with a descriptor; written to by one thread, it
     * wakes the epoll of another.
     *
     * @return its descriptor or {@code -errno}: EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/eventfd.2.html">eventfd(2)</a>
     */
    public static int eventfd(CallState state, int initval, int flags) {
        try {
            return state
                    .intResult((long) EVENTFD.invokeExact(state.segment, (long) initval, (long) flags, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
