package dev.headroom.linux;

/** {@code struct pollfd} of poll(2). */
@CHeader(value = "poll.h", struct = "pollfd")
public final class Pollfd {
    public static final int SIZEOF = 8;
    public static final int fd = 0;
    public static final int events = 4;
    public static final int revents = 6;

    private Pollfd() {
    }
}
