package dev.headroom.linux;

/**
 * {@code struct inet_diag_hostcond}: argument of INET_DIAG_BC_S_COND and _D_COND. The address follows; port -1 is any. An
 * IPv4 condition also matches an IPv4-mapped IPv6 address.
 */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_hostcond")
public final class InetDiagHostcond {
    public static final int SIZEOF = 8;
    public static final int family = 0;
    public static final int prefix_len = 1;
    public static final int port = 4;

    private InetDiagHostcond() {
    }
}
