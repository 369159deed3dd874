package dev.headroom.proc;

/**
 * A namespace as {@code readlink /proc/PID/ns/…} shows it, {@code net:[4026531833]}. Two processes share a namespace
 * when both parts are equal. Needs the same user ID or CAP_SYS_PTRACE. See man7 {@code namespaces}.
 *
 * @param type  cgroup, ipc, mnt, net, pid, time, user or uts
 * @param inode the number the kernel log uses for it too
 */
public record Namespace(String type, long inode) {
    /** Parses the text of the link {@code file}. */
    public static Namespace parse(String file, String text) throws ProcParseException {
        int open = text.indexOf(":[");
        if (open > 0 && text.endsWith("]")) {
            try {
                return new Namespace(text.substring(0, open),
                        Long.parseUnsignedLong(text.substring(open + 2, text.length() - 1)));
            } catch (NumberFormatException e) {
                // falls through to the one message
            }
        }
        throw new ProcParseException(file, 1, text, "not a namespace such as net:[4026531833]");
    }

    /** As that of a record, which would be put together at start-up, for some 5 ms; every command comes past here. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Namespace n && inode == n.inode && type.equals(n.type);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(inode);
    }

    @Override
    public String toString() {
        return type + ":[" + inode + "]";
    }
}
