package dev.headroom.linux;

/**
 * {@code struct io_uring_params}: what io_uring_setup is asked for, and where it has put the rings: sq_off is an
 * {@link IoSqringOffsets}, cq_off an {@link IoCqringOffsets}.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_params")
public final class IoUringParams {
    public static final int SIZEOF = 120;
    public static final int sq_entries = 0;
    public static final int cq_entries = 4;
    public static final int flags = 8;
    public static final int sq_off = 40;
    public static final int cq_off = 80;

    private IoUringParams() {
    }
}
