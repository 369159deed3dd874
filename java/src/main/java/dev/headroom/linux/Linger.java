package dev.headroom.linux;

/** {@code struct linger}: on with 0 seconds makes close(2) send a RST. */
@CHeader(value = "sys/socket.h", struct = "linger")
public final class Linger {
    public static final int SIZEOF = 8;
    public static final int l_onoff = 0;
    public static final int l_linger = 4;

    private Linger() {
    }
}
