package dev.headroom.linux;

/**
 * {@code struct io_cqring_offsets}: where in the mapping of IORING_OFF_SQ_RING the parts of the completion queue are.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_cqring_offsets")
public final class IoCqringOffsets {
    public static final int head = 0;
    public static final int tail = 4;
    public static final int ring_mask = 8;
    public static final int ring_entries = 12;
    public static final int cqes = 20;

    private IoCqringOffsets() {
    }
}
