package dev.headroom.linux;

/** {@code struct ifinfomsg}: an interface, or the question for one. */
@CHeader(value = "linux/rtnetlink.h", struct = "ifinfomsg")
public final class Ifinfomsg {
    public static final int SIZEOF = 16;
    public static final int ifi_family = 0;
    public static final int ifi_index = 4;

    private Ifinfomsg() {
    }
}
