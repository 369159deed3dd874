package dev.headroom.linux;

import java.io.IOException;

/**
 * A system call that failed. The message reads like strace: {@code bind(3, 127.0.0.1:80) failed: EACCES (13, Permission
 * denied)}.
 */
public final class SyscallException extends IOException {
    private static final long serialVersionUID = 1;

    private final String call;
    private final int errno;

    SyscallException(int errno, String call, Object... args) {
        super(message(errno, call, args));
        this.call = call;
        this.errno = errno;
    }

    /** Name of the call, e.g. "accept4". */
    public String call() {
        return call;
    }

    /** The positive error number. */
    public int errno() {
        return errno;
    }

    private static String message(int errno, String call, Object... args) {
        StringBuilder s = new StringBuilder(call).append('(');
        for (int i = 0; i < args.length; i++) {
            s.append(i == 0 ? "" : ", ").append(args[i]);
        }
        return s.append(") failed: ").append(Errno.name(errno)).append(" (").append(errno).append(", ")
                .append(Errno.text(errno)).append(')').toString();
    }
}
