package dev.headroom.linux;

/**
 * netlink(7): protocols, message types and flags. A message is a {@link Nlmsghdr}, a structure of its protocol, and
 * attributes ({@link Nlattr}), each padded to NLMSG_ALIGNTO.
 */
@CHeader("linux/netlink.h")
public final class Netlink {
    public static final int NETLINK_ROUTE = 0;
    public static final int NETLINK_SOCK_DIAG = 4;
    public static final int NETLINK_NETFILTER = 12;

    public static final int NLM_F_REQUEST = 0x01;
    public static final int NLM_F_MULTI = 0x02;
    /** The table changed while it was dumped: rows may be missing or come twice. */
    public static final int NLM_F_DUMP_INTR = 0x10;
    public static final int NLM_F_DUMP = 0x300;

    public static final int NLMSG_NOOP = 1;
    public static final int NLMSG_ERROR = 2;
    public static final int NLMSG_DONE = 3;
    public static final int NLMSG_OVERRUN = 4;

    public static final int NLMSG_ALIGNTO = 4;
    /** The bits of nla_type that are the type. */
    public static final int NLA_TYPE_MASK = ~0xc000;

    private Netlink() {
    }
}
