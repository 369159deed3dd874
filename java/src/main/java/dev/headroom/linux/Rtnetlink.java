package dev.headroom.linux;

/** rtnetlink(7): routes are {@link Rtmsg}, interfaces {@link Ifinfomsg}, both with attributes. */
@CHeader({"linux/rtnetlink.h", "linux/if_link.h"})
public final class Rtnetlink {
    public static final int RTM_NEWLINK = 16;
    public static final int RTM_GETLINK = 18;
    public static final int RTM_NEWROUTE = 24;
    public static final int RTM_GETROUTE = 26;

    public static final int RTN_UNICAST = 1;
    public static final int RTN_LOCAL = 2;
    public static final int RTN_BROADCAST = 3;
    public static final int RTN_ANYCAST = 4;
    public static final int RTN_MULTICAST = 5;
    public static final int RTN_BLACKHOLE = 6;
    public static final int RTN_UNREACHABLE = 7;
    public static final int RTN_PROHIBIT = 8;
    public static final int RTN_THROW = 9;

    public static final int RTA_DST = 1;
    public static final int RTA_SRC = 2;
    public static final int RTA_OIF = 4;
    public static final int RTA_GATEWAY = 5;
    public static final int RTA_PREFSRC = 7;
    public static final int RTA_TABLE = 15;
    /** A gateway of another family: 16 bits of family, then the address. */
    public static final int RTA_VIA = 18;
    public static final int RTA_UID = 25;

    /** In rtm_flags: say which table the route is in. */
    public static final int RTM_F_LOOKUP_TABLE = 0x1000;

    public static final int IFLA_IFNAME = 3;

    private Rtnetlink() {
    }
}
