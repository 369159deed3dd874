package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * getrlimit(2), setrlimit(2), prlimit64(2). A limit is unsigned: {@link #RLIM_INFINITY} is -1.
 */
@CHeader("sys/resource.h")
public final class Resource {
    public static final int RLIMIT_CPU = 0;
    public static final int RLIMIT_FSIZE = 1;
    public static final int RLIMIT_DATA = 2;
    public static final int RLIMIT_STACK = 3;
    public static final int RLIMIT_CORE = 4;
    public static final int RLIMIT_RSS = 5;
    public static final int RLIMIT_NPROC = 6;
    public static final int RLIMIT_NOFILE = 7;
    public static final int RLIMIT_MEMLOCK = 8;
    public static final int RLIMIT_AS = 9;
    public static final int RLIMIT_LOCKS = 10;
    public static final int RLIMIT_SIGPENDING = 11;
    public static final int RLIMIT_MSGQUEUE = 12;
    public static final int RLIMIT_NICE = 13;
    public static final int RLIMIT_RTPRIO = 14;
    public static final int RLIMIT_RTTIME = 15;
    public static final long RLIM_INFINITY = -1;

    private Resource() {
    }

    // int getrlimit(int resource, struct rlimit *rlim)
    private static final MethodHandle GETRLIMIT = Native.bind("getrlimit");

    /**
     * {@code int getrlimit(int resource, struct rlimit *rlim)}: the limits of this process; {@code struct rlimit} is
     * laid out as {@link Rlimit64} here.
     *
     * @return 0 or {@code -errno}: EFAULT, EINVAL
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/getrlimit.2.html">getrlimit(2)</a>
     */
    public static int getrlimit(CallState state, int resource, long rlim) {
        try {
            return state.intResult((long) GETRLIMIT.invokeExact(state.segment, (long) resource, rlim, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int setrlimit(int resource, const struct rlimit *rlim)
    private static final MethodHandle SETRLIMIT = Native.bind("setrlimit");

    /**
     * {@code int setrlimit(int resource, const struct rlimit *rlim)}: sets the limits of this process. The order of the
     * checks in kernel/sys.c, do_prlimit: soft above hard is EINVAL, then RLIMIT_NOFILE above fs.nr_open is EPERM for
     * everybody, then raising the hard limit without CAP_SYS_RESOURCE in the initial user namespace is EPERM.
     *
     * @return 0 or {@code -errno}: EFAULT, EINVAL, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/setrlimit.2.html">setrlimit(2)</a>
     */
    public static int setrlimit(CallState state, int resource, long rlim) {
        try {
            return state.intResult((long) SETRLIMIT.invokeExact(state.segment, (long) resource, rlim, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int prlimit64(pid_t pid, int resource, const struct rlimit64 *new_limit, struct rlimit64 *old_limit)
    private static final MethodHandle PRLIMIT64 = Native.bind("prlimit64");

    /**
     * {@code int prlimit64(pid_t pid, int resource, const struct rlimit64 *new_limit, struct rlimit64 *old_limit)}:
     * sets and reads the limits of a process.
     *
     * @param pid process id, 0 for this one
     * @param newLimit address of a rlimit64, or 0
     * @param oldLimit address of a rlimit64, or 0
     * @return 0 or {@code -errno}: EFAULT, EINVAL, EPERM, ESRCH
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/prlimit.2.html">prlimit(2)</a>
     */
    public static int prlimit64(CallState state, int pid, int resource, long newLimit, long oldLimit) {
        try {
            return state.intResult(
                    (long) PRLIMIT64.invokeExact(state.segment, (long) pid, (long) resource, newLimit, oldLimit, 0L,
                            0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
