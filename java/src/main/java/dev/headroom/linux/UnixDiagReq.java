package dev.headroom.linux;

/** {@code struct unix_diag_req}: which unix sockets, and what of them. */
@CHeader(value = "linux/unix_diag.h", struct = "unix_diag_req")
public final class UnixDiagReq {
    public static final int SIZEOF = 24;
    public static final int sdiag_family = 0;
    public static final int sdiag_protocol = 1;
    public static final int udiag_states = 4;
    public static final int udiag_ino = 8;
    public static final int udiag_show = 12;
    public static final int udiag_cookie = 16;

    private UnixDiagReq() {
    }
}
