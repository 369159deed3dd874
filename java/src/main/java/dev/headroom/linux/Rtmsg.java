package dev.headroom.linux;

/** {@code struct rtmsg}: a route, or the question for one. */
@CHeader(value = "linux/rtnetlink.h", struct = "rtmsg")
public final class Rtmsg {
    public static final int SIZEOF = 12;
    public static final int rtm_family = 0;
    public static final int rtm_dst_len = 1;
    public static final int rtm_src_len = 2;
    public static final int rtm_table = 4;
    public static final int rtm_type = 7;
    public static final int rtm_flags = 8;

    private Rtmsg() {
    }
}
