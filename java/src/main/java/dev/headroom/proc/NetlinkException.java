package dev.headroom.proc;

import java.io.IOException;

/** A netlink reply is not what its kernel function writes; the message says which number was wrong and where. */
public final class NetlinkException extends IOException {
    private static final long serialVersionUID = 1L;

    NetlinkException(String problem) {
        super("netlink reply: " + problem);
    }
}
