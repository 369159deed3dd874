package dev.headroom.linux;

/**
 * {@code struct inet_diag_msg}: one TCP or UDP socket. Of a listener idiag_rqueue is the length of the accept queue and
 * idiag_wqueue its limit (net/ipv4/tcp_diag.c, tcp_diag_get_info); else they are bytes not yet read and not yet
 * acknowledged.
 *
 * <pre>
 *  0    1    2    3    4         6         8                    24                   40          44          52
 *  |fam |stat|timr|retr|  sport  |  dport  |        src         |        dst         |    if     |  cookie   |
 *  52          56          60          64          68          72
 *  |  expires  |  rqueue   |  wqueue   |    uid    |   inode   | attributes …
 * </pre>
 */
@CHeader(value = "linux/inet_diag.h", struct = "inet_diag_msg")
public final class InetDiagMsg {
    public static final int SIZEOF = 72;
    public static final int idiag_family = 0;
    public static final int idiag_state = 1;
    public static final int idiag_timer = 2;
    public static final int idiag_retrans = 3;
    public static final int id = 4;
    public static final int idiag_expires = 52;
    public static final int idiag_rqueue = 56;
    public static final int idiag_wqueue = 60;
    public static final int idiag_uid = 64;
    public static final int idiag_inode = 68;

    private InetDiagMsg() {
    }
}
