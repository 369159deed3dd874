package dev.headroom.linux;

/** The states of a socket, as sock_diag(7) reports them for every protocol; a mask has bit {@code 1 << state}. */
@CHeader({"netinet/tcp.h", "linux/bpf.h"})
public final class TcpStates {
    public static final int TCP_ESTABLISHED = 1;
    public static final int TCP_SYN_SENT = 2;
    public static final int TCP_SYN_RECV = 3;
    public static final int TCP_FIN_WAIT1 = 4;
    public static final int TCP_FIN_WAIT2 = 5;
    public static final int TCP_TIME_WAIT = 6;
    public static final int TCP_CLOSE = 7;
    public static final int TCP_CLOSE_WAIT = 8;
    public static final int TCP_LAST_ACK = 9;
    public static final int TCP_LISTEN = 10;
    public static final int TCP_CLOSING = 11;
    /** Only in a mask: bound, but neither listening nor connected. Kernel 6.8; older ones show no such socket. */
    public static final int TCP_BOUND_INACTIVE = 13;

    private TcpStates() {
    }
}
