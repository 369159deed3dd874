package dev.headroom.linux;

/**
 * {@code struct nlattr}, and {@code struct rtattr}, which is laid out alike: begins every attribute. nla_len counts these
 * four bytes, not the padding after the value.
 */
@CHeader(value = "linux/netlink.h", struct = "nlattr")
public final class Nlattr {
    public static final int SIZEOF = 4;
    public static final int nla_len = 0;
    public static final int nla_type = 2;

    private Nlattr() {
    }
}
