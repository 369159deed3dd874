package dev.headroom.linux;

/** {@code struct nfgenmsg}: what every message of nfnetlink begins with. */
@CHeader(value = "linux/netfilter/nfnetlink.h", struct = "nfgenmsg")
public final class Nfgenmsg {
    public static final int SIZEOF = 4;
    public static final int nfgen_family = 0;

    private Nfgenmsg() {
    }
}
