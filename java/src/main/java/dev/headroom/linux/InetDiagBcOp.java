package dev.headroom.linux;

/**
 * {@code struct inet_diag_bc_op}: one step of a filter. On a match the kernel goes {@code yes} bytes on, else {@code no};
 * a socket passes that arrives exactly at the end (net/ipv4/inet_diag.c, inet_diag_bc_run).
 */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_bc_op")
public final class InetDiagBcOp {
    public static final int SIZEOF = 4;
    public static final int code = 0;
    public static final int yes = 1;
    public static final int no = 2;

    private InetDiagBcOp() {
    }
}
