package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * epoll(7): the calls and their flags. Event arrays are {@link EpollEvents}.
 */
@CHeader("sys/epoll.h")
public final class Epoll {
    public static final int EPOLL_CLOEXEC = 0x80000;
    public static final int EPOLL_CTL_ADD = 1;
    public static final int EPOLL_CTL_DEL = 2;
    public static final int EPOLL_CTL_MOD = 3;

    public static final int EPOLLIN = 0x001;
    public static final int EPOLLPRI = 0x002;
    public static final int EPOLLOUT = 0x004;
    public static final int EPOLLERR = 0x008;
    public static final int EPOLLHUP = 0x010;
    public static final int EPOLLRDHUP = 0x2000;
    public static final int EPOLLEXCLUSIVE = 1 << 28;
    public static final int EPOLLWAKEUP = 1 << 29;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int EPOLLET = 1 << 31;

    private Epoll() {
    }

    // int epoll_create1(int flags)
    private static final MethodHandle EPOLL_CREATE1 = Native.bind("epoll_create1");

    /**
     * {@code int epoll_create1(int flags)}: a new epoll instance.
     *
     * @return its descriptor or {@code -errno}: EINVAL, EMFILE, ENFILE, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/epoll_create.2.html">epoll_create(2)</a>
     */
    public static int epollCreate1(CallState state, int flags) {
        try {
            return state.intResult((long) EPOLL_CREATE1.invokeExact(state.segment, (long) flags, 0L, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
    private static final MethodHandle EPOLL_CTL = Native.bind("epoll_ctl");

    /**
     * {@code int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)}: adds, changes or removes an entry of
     * the interest list.
     *
     * @param event address of one epoll_event; ignored by EPOLL_CTL_DEL
     * @return 0 or {@code -errno}: EBADF, EEXIST, EFAULT, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/epoll_ctl.2.html">epoll_ctl(2)</a>
     */
    public static int epollCtl(CallState state, int epfd, int op, int fd, long event) {
        try {
            return state.intResult(
                    (long) EPOLL_CTL.invokeExact(state.segment, (long) epfd, (long) op, (long) fd, event, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
    private static final MethodHandle EPOLL_WAIT = Native.bind("epoll_wait");

    /**
     * {@code int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)}: waits for events.
     *
     * @param timeout milliseconds, 0 to look only, -1 to wait for ever
     * @return number of events written or {@code -errno}: EBADF, EFAULT, EINTR, EINVAL
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/epoll_wait.2.html">epoll_wait(2)</a>
     */
    public static int epollWait(CallState state, int epfd, long events, int maxevents, int timeout) {
        try {
            return state.intResult(
                    (long) EPOLL_WAIT.invokeExact(state.segment, (long) epfd, events, (long) maxevents,
                            (long) timeout, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout,
    //                  const sigset_t *sigmask)
    private static final class Pwait2 {
        static final MethodHandle EPOLL_PWAIT2 = Native.find("epoll_pwait2").orElse(null);
    }

    /**
     * {@code int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents, const struct timespec *timeout,
     * const sigset_t *sigmask)}: as epoll_wait, with a timeout in nanoseconds.
     *
     * @param timeout address of a timespec, or 0 to wait for ever
     * @param sigmask address of a sigset_t, or 0
     * @return number of events written or {@code -errno}: EBADF, EFAULT, EINTR, EINVAL; ENOSYS where the C library
     *         (before glibc 2.35) or the kernel (before 5.11) lacks the call
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/epoll_wait.2.html">epoll_wait(2)</a>
     */
    public static int epollPwait2(CallState state, int epfd, long events, int maxevents, long timeout, long sigmask) {
        if (Pwait2.EPOLL_PWAIT2 == null) {
            return -Errno.ENOSYS.number();
        }
        try {
            return state.intResult((long) Pwait2.EPOLL_PWAIT2.invokeExact(state.segment, (long) epfd, events,
                    (long) maxevents, timeout, sigmask, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    /** The names of the flags in {@code events}, e.g. "EPOLLIN|EPOLLRDHUP"; "0" for none. */
    public static String flagsToString(int events) {
        StringBuilder s = new StringBuilder();
        int rest = events;
        for (int i = 0; i < FLAGS.length; i++) {
            if ((events & FLAGS[i]) != 0) {
                s.append(s.isEmpty() ? "" : "|").append(FLAG_NAMES[i]);
                rest &= ~FLAGS[i];
            }
        }
        if (rest != 0 || events == 0) {
            s.append(s.isEmpty() ? "" : "|").append(rest == 0 ? "0" : "0x" + Integer.toHexString(rest));
        }
        return s.toString();
    }

    private static final int[] FLAGS = {EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP, EPOLLEXCLUSIVE,
            EPOLLWAKEUP, EPOLLONESHOT, EPOLLET};
    private static final String[] FLAG_NAMES = {"EPOLLIN", "EPOLLPRI", "EPOLLOUT", "EPOLLERR", "EPOLLHUP",
            "EPOLLRDHUP", "EPOLLEXCLUSIVE", "EPOLLWAKEUP", "EPOLLONESHOT", "EPOLLET"};
}
