package dev.headroom.linux;

/**
 * {@code struct io_uring_sqe}, an entry of the submission queue. The fields of its unions that we use stand beside each
 * other.
 *
 * <pre>
 *   0        1       2        4       8       16      24     28          32          40          48      64
 *   | opcode | flags | ioprio |  fd   |  off  |  addr |  len | msg_flags | user_data | buf_group | …     |
 * </pre>
 */
@CHeader(value = "linux/io_uring.h", struct = "io_uring_sqe")
public final class IoUringSqe {
    public static final int SIZEOF = 64;
    public static final int opcode = 0;
    public static final int flags = 1;
    public static final int ioprio = 2;
    public static final int fd = 4;
    public static final int off = 8;
    public static final int addr = 16;
    public static final int len = 24;
    public static final int msg_flags = 28;
    public static final int poll32_events = 28;
    public static final int accept_flags = 28;
    public static final int cancel_flags = 28;
    public static final int user_data = 32;
    public static final int buf_group = 40;

    private IoUringSqe() {
    }
}
