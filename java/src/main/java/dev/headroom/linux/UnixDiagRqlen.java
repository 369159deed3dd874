package dev.headroom.linux;

/**
 * {@code struct unix_diag_rqlen}: of a listener the length of the accept queue and its limit, else bytes not yet read and
 * not yet taken by the peer (net/unix/diag.c, sk_diag_show_rqlen).
 */
@CHeader(value = "linux/unix_diag.h", struct = "unix_diag_rqlen")
public final class UnixDiagRqlen {
    public static final int SIZEOF = 8;
    public static final int udiag_rqueue = 0;
    public static final int udiag_wqueue = 4;

    private UnixDiagRqlen() {
    }
}
