package dev.headroom.linux;

/** {@code struct unix_diag_msg}: one unix socket; attributes follow. */
@CHeader(value = "linux/unix_diag.h", struct = "unix_diag_msg")
public final class UnixDiagMsg {
    public static final int SIZEOF = 16;
    public static final int udiag_family = 0;
    public static final int udiag_type = 1;
    public static final int udiag_state = 2;
    public static final int udiag_ino = 4;

    private UnixDiagMsg() {
    }
}
