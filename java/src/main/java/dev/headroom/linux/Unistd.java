package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * read(2), write(2), close(2).
 */
@CHeader("unistd.h")
public final class Unistd {

    private Unistd() {
    }

    // ssize_t read(int fd, void *buf, size_t count)
    private static final MethodHandle READ = Native.bind("read");

    /**
     * {@code ssize_t read(int fd, void *buf, size_t count)}: reads bytes.
     *
     * @return number of bytes, 0 at the end, or {@code -errno}: EAGAIN, EBADF, EFAULT, EINTR, EINVAL, EIO, EISDIR;
     *         of a socket what recv gives
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/read.2.html">read(2)</a>
     */
    public static long read(CallState state, int fd, long buf, long count) {
        try {
            return state.result((long) READ.invokeExact(state.segment, (long) fd, buf, count, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // ssize_t write(int fd, const void *buf, size_t count)
    private static final MethodHandle WRITE = Native.bind("write");

    /**
     * {@code ssize_t write(int fd, const void *buf, size_t count)}: writes bytes.
     *
     * @return number of bytes or {@code -errno}: EAGAIN, EBADF, EDQUOT, EFAULT, EFBIG, EINTR, EINVAL, EIO, ENOSPC,
     *         EPIPE; of a socket what send gives
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/write.2.html">write(2)</a>
     */
    public static long write(CallState state, int fd, long buf, long count) {
        try {
            return state.result((long) WRITE.invokeExact(state.segment, (long) fd, buf, count, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int close(int fd)
    private static final MethodHandle CLOSE = Native.bind("close");

    /**
     * {@code int close(int fd)}: closes a descriptor. Never retried, not even after EINTR: Linux has freed the number
     * before it can fail (fs/open.c, close).
     *
     * @return 0 or {@code -errno}: EBADF, EDQUOT, EINTR, EIO, ENOSPC
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/close.2.html">close(2)</a>
     */
    public static int close(CallState state, int fd) {
        try {
            return state.intResult((long) CLOSE.invokeExact(state.segment, (long) fd, 0L, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
