package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * fcntl(2) and the flags of open(2).
 */
@CHeader("fcntl.h")
public final class Fcntl {
    public static final int F_DUPFD = 0;
    public static final int F_GETFD = 1;
    public static final int F_SETFD = 2;
    public static final int F_GETFL = 3;
    public static final int F_SETFL = 4;
    public static final int F_DUPFD_CLOEXEC = 1030;
    public static final int F_GETPIPE_SZ = 1032;
    public static final int FD_CLOEXEC = 1;

    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    /** The bits of F_GETFL that are one of these three. */
    public static final int O_ACCMODE = 3;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_CLOEXEC = 0x80000;

    private Fcntl() {
    }

    // int fcntl(int fd, int op, ... /* arg */ )
    private static final MethodHandle FCNTL = Native.bindVariadic("fcntl", 3, 2);

    /**
     * {@code int fcntl(int fd, int op, ...)}: operations on a descriptor; {@code arg} is an int or a pointer, as the
     * operation wants.
     *
     * @return what the operation gives or {@code -errno}: EACCES, EAGAIN, EBADF, EINVAL, EMFILE, EPERM; F_DUPFD from
     *         the soft limit on is EINVAL (fs/fcntl.c, do_fcntl), below it with no number free EMFILE
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/fcntl.2.html">fcntl(2)</a>
     */
    public static int fcntl(CallState state, int fd, int op, long arg) {
        try {
            return state.intResult((long) FCNTL.invokeExact(state.segment, (long) fd, (long) op, arg));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int open(const char *pathname, int flags, ... /* mode_t mode */ )
    private static final MethodHandle OPEN = Native.bindVariadic("open", 3, 2);

    /**
     * {@code int open(const char *pathname, int flags, ...)}: opens a file.
     *
     * @param pathname address of a NUL-terminated path
     * @return its descriptor or {@code -errno}: EACCES, EEXIST, EFAULT, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE,
     *         ENOENT, ENOTDIR and others; with a full table EMFILE also for what is not there
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/open.2.html">open(2)</a>
     */
    public static int open(CallState state, long pathname, int flags, int mode) {
        try {
            return state.intResult((long) OPEN.invokeExact(state.segment, pathname, (long) flags, (long) mode));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
