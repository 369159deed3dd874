package dev.headroom.linux;

/**
 * {@code struct nlmsghdr}: begins every netlink message. nlmsg_len counts the header, not the padding after the message.
 *
 * <pre>
 *  0               4       6       8               12              16
 *  |   nlmsg_len   | _type | _flags|   nlmsg_seq   |   nlmsg_pid   | payload, padded to 4 …
 * </pre>
 */
@CHeader(value = "linux/netlink.h", struct = "nlmsghdr")
public final class Nlmsghdr {
    public static final int SIZEOF = 16;
    public static final int nlmsg_len = 0;
    public static final int nlmsg_type = 4;
    public static final int nlmsg_flags = 6;
    public static final int nlmsg_seq = 8;
    public static final int nlmsg_pid = 12;

    private Nlmsghdr() {
    }
}
