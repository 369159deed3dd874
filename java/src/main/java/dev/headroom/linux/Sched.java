package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * unshare(2), setns(2), sched_setaffinity(2).
 */
@CHeader("sched.h")
public final class Sched {
    public static final int CLONE_FILES = 0x400;
    public static final int CLONE_FS = 0x200;
    public static final int CLONE_NEWNS = 0x20000;
    public static final int CLONE_NEWCGROUP = 0x2000000;
    public static final int CLONE_NEWUTS = 0x4000000;
    public static final int CLONE_NEWIPC = 0x8000000;
    public static final int CLONE_NEWUSER = 0x10000000;
    public static final int CLONE_NEWPID = 0x20000000;
    public static final int CLONE_NEWNET = 0x40000000;

    private Sched() {
    }

    // int unshare(int flags)
    private static final MethodHandle UNSHARE = Native.bind("unshare");

    /**
     * {@code int unshare(int flags)}: gives the calling thread its own copy of what it shared.
     * With CLONE_FILES: of the descriptor table, which RLIMIT_NOFILE then bounds on its own.
     *
     * @return 0 or {@code -errno}: EINVAL, EMFILE, ENOMEM, ENOSPC, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/unshare.2.html">unshare(2)</a>
     */
    public static int unshare(CallState state, int flags) {
        try {
            return state.intResult((long) UNSHARE.invokeExact(state.segment, (long) flags, 0L, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int setns(int fd, int nstype)
    private static final MethodHandle SETNS = Native.bind("setns");

    /**
     * {@code int setns(int fd, int nstype)}: moves the calling thread into a namespace.
     *
     * @return 0 or {@code -errno}: EBADF, EINVAL, ENOMEM, EPERM, ESRCH
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/setns.2.html">setns(2)</a>
     */
    public static int setns(CallState state, int fd, int nstype) {
        try {
            return state.intResult((long) SETNS.invokeExact(state.segment, (long) fd, (long) nstype, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask)
    private static final MethodHandle SCHED_SETAFFINITY = Native.bind("sched_setaffinity");

    /**
     * {@code int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask)}: binds a thread to processors.
     *
     * @param pid thread id, 0 for the calling thread
     * @param cpusetsize bytes at {@code mask}
     * @return 0 or {@code -errno}: EFAULT, EINVAL, EPERM, ESRCH
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html">sched_setaffinity(2)</a>
     */
    public static int schedSetaffinity(CallState state, int pid, long cpusetsize, long mask) {
        try {
            return state.intResult(
                    (long) SCHED_SETAFFINITY.invokeExact(state.segment, (long) pid, cpusetsize, mask, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
