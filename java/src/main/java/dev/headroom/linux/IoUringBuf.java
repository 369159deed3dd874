package dev.headroom.linux;

/**
 * {@code struct io_uring_buf}: one buffer that is lent to the kernel.
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_buf")
public final class IoUringBuf {
    public static final int SIZEOF = 16;
    public static final int addr = 0;
    public static final int len = 8;
    public static final int bid = 12;

    private IoUringBuf() {
    }
}
