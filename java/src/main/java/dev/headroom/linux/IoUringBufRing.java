package dev.headroom.linux;

/**
 * {@code struct io_uring_buf_ring}: an array of {@link IoUringBuf}, in whose first entry the tail lies where the others
 * have nothing.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_buf_ring")
public final class IoUringBufRing {
    public static final int tail = 14;

    private IoUringBufRing() {
    }
}
