package dev.headroom.diag.lab;

import java.io.IOException;

/** An experiment, or the lab, cannot be done on this machine. The message completes "it needs …". */
public final class NotHereException extends IOException {
    private static final long serialVersionUID = 1;

    public NotHereException(String needs) {
        super(needs);
    }
}
