package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * ioctl(2).
 */
@CHeader("sys/ioctl.h")
public final class Ioctl {
    /** Bytes that wait to be read: an int. */
    public static final int FIONREAD = 0x541b;

    private Ioctl() {
    }

    // int ioctl(int fd, unsigned long op, ... /* arg */ )
    private static final MethodHandle IOCTL = Native.bindVariadic("ioctl", 3, 2);

    /**
     * {@code int ioctl(int fd, unsigned long op, ...)}: operations on a device, socket or pipe.
     *
     * @param arg an int or a pointer, as the operation wants
     * @return what the operation gives or {@code -errno}: EBADF, EFAULT, EINVAL, ENOTTY
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/ioctl.2.html">ioctl(2)</a>
     */
    public static int ioctl(CallState state, int fd, long op, long arg) {
        try {
            return state.intResult((long) IOCTL.invokeExact(state.segment, (long) fd, op, arg));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
