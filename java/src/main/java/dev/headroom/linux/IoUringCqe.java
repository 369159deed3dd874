package dev.headroom.linux;

/**
 * {@code struct io_uring_cqe}, an entry of the completion queue.
 *
 * <pre>
 *   0           8       12      16
 *   | user_data |  res  | flags |
 * </pre>
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_cqe")
public final class IoUringCqe {
    public static final int user_data = 0;
    public static final int res = 8;
    public static final int flags = 12;

    private IoUringCqe() {
    }
}
