package dev.headroom.linux;

/**
 * {@code struct io_uring_getevents_arg}, the argument of io_uring_enter with IORING_ENTER_EXT_ARG.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_getevents_arg")
public final class IoUringGeteventsArg {
    public static final int SIZEOF = 24;
    public static final int sigmask = 0;
    public static final int sigmask_sz = 8;
    public static final int ts = 16;

    private IoUringGeteventsArg() {
    }
}
