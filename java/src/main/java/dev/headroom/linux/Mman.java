package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * mmap(2), munmap(2), madvise(2).
 */
@CHeader("sys/mman.h")
public final class Mman {
    public static final int PROT_NONE = 0;
    public static final int PROT_READ = 1;
    public static final int PROT_WRITE = 2;
    public static final int MAP_SHARED = 1;
    public static final int MAP_PRIVATE = 2;
    public static final int MAP_ANONYMOUS = 0x20;
    public static final int MAP_NORESERVE = 0x4000;
    public static final int MADV_DONTNEED = 4;

    private Mman() {
    }

    // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
    private static final MethodHandle MMAP = Native.bind("mmap");

    /**
     * {@code void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)}: maps memory.
     *
     * @return its address or {@code -errno}: EACCES, EAGAIN, EBADF, EINVAL, ENODEV, ENOMEM, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/mmap.2.html">mmap(2)</a>
     */
    public static long mmap(CallState state, long addr, long length, int prot, int flags, int fd, long offset) {
        try {
            return state.result(
                    (long) MMAP.invokeExact(state.segment, addr, length, (long) prot, (long) flags, (long) fd, offset));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int munmap(void *addr, size_t length)
    private static final MethodHandle MUNMAP = Native.bind("munmap");

    /**
     * {@code int munmap(void *addr, size_t length)}: ends a mapping.
     *
     * @return 0 or {@code -errno}: EINVAL, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/mmap.2.html">mmap(2)</a>
     */
    public static int munmap(CallState state, long addr, long length) {
        try {
            return state.intResult((long) MUNMAP.invokeExact(state.segment, addr, length, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int madvise(void *addr, size_t length, int advice)
    private static final MethodHandle MADVISE = Native.bind("madvise");

    /**
     * {@code int madvise(void *addr, size_t length, int advice)}: tells what memory will be used for; MADV_DONTNEED
     * gives private anonymous pages back, they read as zero afterwards.
     *
     * @return 0 or {@code -errno}: EAGAIN, EBADF, EINVAL, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/madvise.2.html">madvise(2)</a>
     */
    public static int madvise(CallState state, long addr, long length, int advice) {
        try {
            return state.intResult((long) MADVISE.invokeExact(state.segment, addr, length, (long) advice, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
