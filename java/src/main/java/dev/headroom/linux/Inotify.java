package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * inotify(7), as far as making an instance.
 */
@CHeader("sys/inotify.h")
public final class Inotify {
    public static final int IN_CLOEXEC = 0x80000;
    public static final int IN_NONBLOCK = 0x800;

    private Inotify() {
    }

    // int inotify_init1(int flags)
    private static final MethodHandle INOTIFY_INIT1 = Native.bind("inotify_init1");

    /**
     * {@code int inotify_init1(int flags)}: a new instance. EMFILE does not always mean the descriptors: it is also the
     * answer when the user has user.max_inotify_instances (fs/notify/inotify/inotify_user.c, inotify_new_group).
     *
     * @return its descriptor or {@code -errno}: EINVAL, EMFILE, ENFILE, ENOMEM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/inotify_init.2.html">inotify_init(2)</a>
     */
    public static int inotifyInit1(CallState state, int flags) {
        try {
            return state.intResult((long) INOTIFY_INIT1.invokeExact(state.segment, (long) flags, 0L, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
