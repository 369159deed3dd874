package dev.headroom.linux;

/** {@code struct inet_diag_req_v2}: which sockets. A bit of idiag_states for each state, {@link TcpStates}. */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_req_v2")
public final class InetDiagReqV2 {
    public static final int SIZEOF = 56;
    public static final int sdiag_family = 0;
    public static final int sdiag_protocol = 1;
    public static final int idiag_ext = 2;
    public static final int idiag_states = 4;
    public static final int id = 8;

    private InetDiagReqV2() {
    }
}
