package dev.headroom.linux;

/**
 * {@code struct epoll_event}. On x86-64 it is packed, so that the 32-bit ABI has the same layout; elsewhere it is not
 * (include/uapi/linux/eventpoll.h, EPOLL_PACKED).
 *
 * <pre>
 *  x86-64   0       4               12        aarch64  0       4       8               16
 *           | events|     data      |                  | events|  pad  |     data      |
 * </pre>
 */
@CHeader(value = "sys/epoll.h", struct = "epoll_event")
public final class EpollEvent {
    private static final boolean PACKED = System.getProperty("os.arch").equals("amd64");

    public static final int SIZEOF = PACKED ? 12 : 16;
    public static final int events = 0;
    public static final int data = PACKED ? 4 : 8;

    private EpollEvent() {
    }
}
