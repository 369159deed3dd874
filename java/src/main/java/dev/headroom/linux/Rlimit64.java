package dev.headroom.linux;

/** {@code struct rlimit64}: a soft and a hard limit, both unsigned 64-bit. */
@CHeader(value = "sys/resource.h", struct = "rlimit64")
public final class Rlimit64 {
    public static final int SIZEOF = 16;
    public static final int rlim_cur = 0;
    public static final int rlim_max = 8;

    private Rlimit64() {
    }
}
