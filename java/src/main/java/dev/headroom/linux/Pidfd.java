package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * pidfd_open(2), pidfd_getfd(2): a process by a descriptor, and a descriptor of that process.
 */
@CHeader({"sys/pidfd.h", "sys/syscall.h", "linux/pidfd.h"})
public final class Pidfd {
    public static final int SYS_pidfd_open = 434;
    public static final int SYS_pidfd_getfd = 438;

    /** Kernel 6.9: of a thread, which may have a descriptor table of its own. */
    public static final int PIDFD_THREAD = 0x80;

    private Pidfd() {
    }

    // int pidfd_open(pid_t pid, unsigned int flags)
    private static final MethodHandle PIDFD_OPEN = Native.bindSyscall(SYS_pidfd_open, 2);

    /**
     * {@code int pidfd_open(pid_t pid, unsigned int flags)}: a descriptor that stands for a process (kernel 5.3). It is
     * closed on exec.
     *
     * @return the descriptor or {@code -errno}: EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM, ESRCH; EINVAL too for a thread
     *         without PIDFD_THREAD
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/pidfd_open.2.html">pidfd_open(2)</a>
     */
    public static int pidfdOpen(CallState state, int pid, int flags) {
        try {
            return state.intResult((long) PIDFD_OPEN.invokeExact(state.segment, (long) pid, (long) flags));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int pidfd_getfd(int pidfd, int targetfd, unsigned int flags)
    private static final MethodHandle PIDFD_GETFD = Native.bindSyscall(SYS_pidfd_getfd, 3);

    /**
     * {@code int pidfd_getfd(int pidfd, int targetfd, unsigned int flags)}: a duplicate of another process's descriptor
     * (kernel 5.6), for the same open file: what is set on it is set for both.
     *
     * @return the descriptor, closed on exec, or {@code -errno}: EBADF, EINVAL, EMFILE, ENFILE, EPERM, ESRCH; EPERM
     *         without PTRACE_MODE_ATTACH_REALCREDS
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html">pidfd_getfd(2)</a>
     */
    public static int pidfdGetfd(CallState state, int pidfd, int targetfd, int flags) {
        try {
            return state.intResult(
                    (long) PIDFD_GETFD.invokeExact(state.segment, (long) pidfd, (long) targetfd, (long) flags));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
