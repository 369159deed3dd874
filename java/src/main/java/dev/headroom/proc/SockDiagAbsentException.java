package dev.headroom.proc;

import java.io.IOException;

/** This kernel has no sock_diag for such sockets, or may not load its module: not the same as "there are none". */
public final class SockDiagAbsentException extends IOException {
    private static final long serialVersionUID = 1L;

    SockDiagAbsentException(String message, Throwable cause) {
        super(message, cause);
    }
}
