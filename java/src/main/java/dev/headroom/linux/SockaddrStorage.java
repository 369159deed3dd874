package dev.headroom.linux;

/** {@code struct sockaddr_storage}: room for an address of any family. */
@CHeader(value = "sys/socket.h", struct = "sockaddr_storage")
public final class SockaddrStorage {
    public static final int SIZEOF = 128;
    public static final int ss_family = 0;

    private SockaddrStorage() {
    }
}
