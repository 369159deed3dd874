package dev.headroom.linux;

/**
 * sock_diag(7) for TCP and UDP. A dump is asked for with {@link InetDiagReqV2}, a filter that the kernel applies may
 * follow as the attribute INET_DIAG_REQ_BYTECODE, and each row is an {@link InetDiagMsg} with attributes.
 */
@CHeader({"linux/sock_diag.h", "linux/inet_diag.h"})
public final class InetDiag {
    public static final int SOCK_DIAG_BY_FAMILY = 20;
    /** The older question, with {@link InetDiagReq}: TCP of both families. */
    public static final int TCPDIAG_GETSOCK = 18;

    /** For idiag_cookie: any socket. */
    public static final int INET_DIAG_NOCOOKIE = ~0;

    public static final int INET_DIAG_REQ_BYTECODE = 1;

    public static final int INET_DIAG_BC_S_GE = 2;
    public static final int INET_DIAG_BC_S_LE = 3;
    public static final int INET_DIAG_BC_S_COND = 7;
    public static final int INET_DIAG_BC_D_COND = 8;

    /** Asked for with bit INET_DIAG_SKMEMINFO - 1 of idiag_ext; an array of 32-bit numbers, SK_MEMINFO_…. */
    public static final int INET_DIAG_SKMEMINFO = 7;
    public static final int INET_DIAG_SKV6ONLY = 11;

    public static final int SK_MEMINFO_WMEM_ALLOC = 2;
    public static final int SK_MEMINFO_SNDBUF = 3;
    public static final int SK_MEMINFO_WMEM_QUEUED = 5;
    public static final int SK_MEMINFO_DROPS = 8;

    private InetDiag() {
    }
}
