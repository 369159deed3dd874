package dev.headroom.linux;

/** {@code struct sockaddr_in}: port and address in network byte order. */
@CHeader(value = "netinet/in.h", struct = "sockaddr_in")
public final class SockaddrIn {
    public static final int SIZEOF = 16;
    public static final int sin_family = 0;
    public static final int sin_port = 2;
    public static final int sin_addr = 4;

    private SockaddrIn() {
    }
}
