package dev.headroom.linux;

/** {@code struct nlmsgerr}, payload of NLMSG_ERROR: {@code error} is {@code -errno}, or 0 for an acknowledgement. */
@CHeader(value = "linux/netlink.h", struct = "nlmsgerr")
public final class Nlmsgerr {
    public static final int error = 0;

    private Nlmsgerr() {
    }
}
