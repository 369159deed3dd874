package dev.headroom.diag.cli;

/** It could not be done here: the message says what, and what is missing. The command ends with exit status 3. */
final class CannotException extends Exception {
    private static final long serialVersionUID = 1;

    CannotException(String message) {
        super(message);
    }

    CannotException(String message, Throwable cause) {
        super(message, cause);
    }
}
