package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * io_uring(7): the calls, which the C library does not wrap, and their flags. What lies in the rings are
 * {@link IoUringSqe} and {@link IoUringCqe}.
 */
@CHeader({"linux/io_uring.h", "sys/syscall.h"})
public final class IoUring {
    public static final int __NR_io_uring_setup = 425;
    public static final int __NR_io_uring_enter = 426;
    public static final int __NR_io_uring_register = 427;

    public static final int IORING_SETUP_CQSIZE = 1 << 3;
    public static final int IORING_SETUP_R_DISABLED = 1 << 6;
    public static final int IORING_SETUP_SUBMIT_ALL = 1 << 7;
    /** Kernel 6.0. */
    public static final int IORING_SETUP_SINGLE_ISSUER = 1 << 12;
    /** Kernel 6.1. */
    public static final int IORING_SETUP_DEFER_TASKRUN = 1 << 13;

    public static final long IORING_OFF_SQ_RING = 0;
    public static final long IORING_OFF_SQES = 0x10000000;

    /** In the flags of the submission queue: completions wait for room in their ring. */
    public static final int IORING_SQ_CQ_OVERFLOW = 1 << 1;

    public static final int IORING_ENTER_GETEVENTS = 1;
    public static final int IORING_ENTER_EXT_ARG = 1 << 3;

    public static final int IORING_REGISTER_ENABLE_RINGS = 12;
    public static final int IORING_REGISTER_PBUF_RING = 22;

    public static final int IORING_OP_POLL_ADD = 6;
    public static final int IORING_OP_ACCEPT = 13;
    public static final int IORING_OP_ASYNC_CANCEL = 14;
    public static final int IORING_OP_SEND = 26;
    public static final int IORING_OP_RECV = 27;

    public static final int IOSQE_BUFFER_SELECT = 1 << 5;
    public static final int IOSQE_CQE_SKIP_SUCCESS = 1 << 6;

    /** In len. */
    public static final int IORING_POLL_ADD_MULTI = 1;
    public static final int IORING_ASYNC_CANCEL_ALL = 1;
    public static final int IORING_ASYNC_CANCEL_ANY = 1 << 2;
    /** In ioprio, as the two below. */
    public static final int IORING_RECVSEND_POLL_FIRST = 1;
    /** Kernel 6.0. */
    public static final int IORING_RECV_MULTISHOT = 1 << 1;
    public static final int IORING_ACCEPT_MULTISHOT = 1;

    public static final int IORING_CQE_F_BUFFER = 1;
    public static final int IORING_CQE_F_MORE = 1 << 1;
    public static final int IORING_CQE_BUFFER_SHIFT = 16;

    private IoUring() {
    }

    // long syscall(long number, ...): one shape for all three
    private static final MethodHandle SYSCALL = Native.bindVariadic("syscall", 7, 1);

    /**
     * {@code int io_uring_setup(u32 entries, struct io_uring_params *p)}: a new pair of rings.
     *
     * @param p address of an io_uring_params, in and out
     * @return its descriptor or {@code -errno}: EFAULT, EINVAL (also a flag that this kernel does not know), EMFILE,
     *         ENFILE, ENOMEM (also RLIMIT_MEMLOCK), ENOSYS, EPERM (kernel.io_uring_disabled)
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/io_uring_setup.2.html">io_uring_setup(2)</a>
     */
    public static int ioUringSetup(CallState state, int entries, long p) {
        try {
            return state.intResult((long) SYSCALL.invokeExact(state.segment, (long) __NR_io_uring_setup,
                    (long) entries, p, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    /**
     * {@code int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, void *argp,
     * size_t argsz)}: submits what lies in the ring, and waits for completions.
     *
     * @param argp address of an io_uring_getevents_arg with IORING_ENTER_EXT_ARG, or 0
     * @param argsz its size, or 0
     * @return number of entries submitted or {@code -errno}: EAGAIN, EBADF, EBADFD, EBUSY, EEXIST (another thread than
     *         the one submitter), EFAULT, EINTR, EINVAL, ETIME
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/io_uring_enter.2.html">io_uring_enter(2)</a>
     */
    public static int ioUringEnter(CallState state, int fd, int to_submit, int min_complete, int flags, long argp,
            long argsz) {
        try {
            return state.intResult((long) SYSCALL.invokeExact(state.segment, (long) __NR_io_uring_enter, (long) fd,
                    (long) to_submit, (long) min_complete, (long) flags, argp, argsz));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    /**
     * {@code int io_uring_register(unsigned fd, unsigned opcode, void *arg, unsigned nr_args)}: buffers for the kernel to
     * choose from, and other things that a ring needs once.
     *
     * @return what the operation returns or {@code -errno}: EBADF, EBADFD, EEXIST, EFAULT, EINVAL, ENOMEM and others
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/io_uring_register.2.html">io_uring_register(2)</a>
     */
    public static int ioUringRegister(CallState state, int fd, int opcode, long arg, int nr_args) {
        try {
            return state.intResult((long) SYSCALL.invokeExact(state.segment, (long) __NR_io_uring_register, (long) fd,
                    (long) opcode, arg, (long) nr_args, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
