package dev.headroom.linux;

/**
 * {@code struct tcp_info}, as far as we read it: on a listener tcpi_unacked is the length of the accept queue and
 * tcpi_sacked its limit (net/ipv4/tcp.c, tcp_get_info).
 */
@CHeader(value = "linux/tcp.h", struct = "tcp_info")
public final class TcpInfo {
    public static final int tcpi_state = 0;
    public static final int tcpi_unacked = 24;
    public static final int tcpi_sacked = 28;
    /** Segments that came in, since Linux 4.2: not 0 once the socket has been connected. */
    public static final int tcpi_segs_in = 140;

    private TcpInfo() {
    }
}
