package dev.headroom.linux;

/** sock_diag(7) for unix(7): what to show of each socket, and the attributes it comes in. */
@CHeader("linux/unix_diag.h")
public final class UnixDiag {
    public static final int UDIAG_SHOW_NAME = 0x01;
    public static final int UDIAG_SHOW_RQLEN = 0x10;
    /** Kernel 5.3. */
    public static final int UDIAG_SHOW_UID = 0x40;

    public static final int UNIX_DIAG_NAME = 0;
    public static final int UNIX_DIAG_RQLEN = 4;
    public static final int UNIX_DIAG_UID = 7;

    private UnixDiag() {
    }
}
