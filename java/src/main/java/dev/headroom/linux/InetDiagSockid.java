package dev.headroom.linux;

/** {@code struct inet_diag_sockid}: ports and addresses in network byte order; an IPv4 address takes the first word. */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_sockid")
public final class InetDiagSockid {
    public static final int SIZEOF = 48;
    public static final int idiag_sport = 0;
    public static final int idiag_dport = 2;
    public static final int idiag_src = 4;
    public static final int idiag_dst = 20;
    public static final int idiag_if = 36;
    public static final int idiag_cookie = 40;

    private InetDiagSockid() {
    }
}
