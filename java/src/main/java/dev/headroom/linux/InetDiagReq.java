package dev.headroom.linux;

/**
 * {@code struct inet_diag_req}: which sockets, of TCPDIAG_GETSOCK. Unlike that of {@link InetDiagReqV2}, its dump does
 * not ask for a family (net/ipv4/inet_diag.c, inet_diag_dump_compat): both come by one walk.
 */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_req")
public final class InetDiagReq {
    public static final int SIZEOF = 60;
    public static final int idiag_family = 0;
    public static final int idiag_ext = 3;
    public static final int id = 4;
    public static final int idiag_states = 52;

    private InetDiagReq() {
    }
}
