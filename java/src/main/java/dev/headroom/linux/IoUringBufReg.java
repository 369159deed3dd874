package dev.headroom.linux;

/**
 * {@code struct io_uring_buf_reg}, the argument of IORING_REGISTER_PBUF_RING.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_buf_reg")
public final class IoUringBufReg {
    public static final int SIZEOF = 40;
    public static final int ring_addr = 0;
    public static final int ring_entries = 8;
    public static final int bgid = 12;

    private IoUringBufReg() {
    }
}
