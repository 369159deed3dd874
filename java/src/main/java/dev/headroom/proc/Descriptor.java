package dev.headroom.proc;

import java.util.OptionalLong;

/**
 * One entry of {@code /proc/PID/fd}. Kernel: {@code fs/proc/fd.c proc_fd_link}, {@code fs/d_path.c}; see man5
 * {@code proc_pid_fd}.
 *
 * @param fd     the number
 * @param kind   what it is
 * @param target the text of the link; empty when it may not be read
 */
public record Descriptor(int fd, FdKind kind, String target) {
    private static final String DELETED = " (deleted)";

    /** A descriptor from the text of its link. */
    public static Descriptor of(int fd, String target) {
        return new Descriptor(fd, FdKind.of(target), target);
    }

    /** The inode number of {@code socket:[N]}, {@code pipe:[N]} and the like: the one sock_diag reports. */
    public OptionalLong inode() {
        int open = target.indexOf(":[");
        if (open < 0 || !target.endsWith("]")) {
            return OptionalLong.empty();
        }
        try {
            return OptionalLong.of(Long.parseUnsignedLong(target.substring(open + 2, target.length() - 1)));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** Whether the file has no name any more; a name that ends so by itself cannot be told apart. */
    public boolean deleted() {
        return target.endsWith(DELETED);
    }
}
