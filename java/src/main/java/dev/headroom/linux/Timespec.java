package dev.headroom.linux;

/** {@code struct timespec}: seconds and nanoseconds, both 64-bit. */
@CHeader(value = "time.h", struct = "timespec")
public final class Timespec {
    public static final int SIZEOF = 16;
    public static final int tv_sec = 0;
    public static final int tv_nsec = 8;

    private Timespec() {
    }
}
