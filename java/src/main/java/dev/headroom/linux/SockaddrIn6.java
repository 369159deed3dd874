package dev.headroom.linux;

/** {@code struct sockaddr_in6}: port and address in network byte order, the scope id in the host's. */
@CHeader(value = "netinet/in.h", struct = "sockaddr_in6")
public final class SockaddrIn6 {
    public static final int SIZEOF = 28;
    public static final int sin6_family = 0;
    public static final int sin6_port = 2;
    public static final int sin6_flowinfo = 4;
    public static final int sin6_addr = 8;
    public static final int sin6_scope_id = 24;

    private SockaddrIn6() {
    }
}
