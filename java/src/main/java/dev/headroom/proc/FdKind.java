package dev.headroom.proc;

/** What a descriptor is, told from the text of its link {@code /proc/PID/fd/N}. */
public enum FdKind {
    /** {@code socket:[inode]}. */
    SOCKET,
    /** {@code pipe:[inode]}; a FIFO has a path and counts as {@link #FILE}. */
    PIPE,
    /** {@code anon_inode:[eventpoll]}: an epoll instance. */
    EVENTPOLL,
    /** {@code anon_inode:[eventfd]}. */
    EVENTFD,
    /** {@code anon_inode:inotify}. */
    INOTIFY,
    /** {@code anon_inode:[fanotify]}. */
    FANOTIFY,
    /** {@code anon_inode:[timerfd]}. */
    TIMERFD,
    /** {@code anon_inode:[signalfd]}. */
    SIGNALFD,
    /** {@code anon_inode:[io_uring]}. */
    IO_URING,
    /** {@code anon_inode:bpf-map}, {@code bpf-prog}, {@code bpf_link} and their kin. */
    BPF,
    /** {@code anon_inode:[perf_event]}. */
    PERF_EVENT,
    /** {@code anon_inode:[pidfd]}, {@code pidfd:[inode]} since Linux 6.9. */
    PIDFD,
    /** {@code /memfd:name (deleted)}. */
    MEMFD,
    /** A namespace, {@code net:[inode]} and the like. */
    NAMESPACE,
    /** Another {@code anon_inode:}. */
    ANON_INODE,
    /** A path below {@code /dev/} that is not below {@code /dev/shm/}. */
    DEVICE,
    /** Any other path. */
    FILE,
    /** A link of a form not known here. */
    OTHER,
    /** The link may not be read: the number is known, what it is needs the same user ID or CAP_SYS_PTRACE. */
    UNREADABLE;

    /** The kind a link's text tells. */
    static FdKind of(String target) {
        if (target.startsWith("/")) {
            if (target.startsWith("/memfd:")) {
                return MEMFD;
            }
            return target.startsWith("/dev/") && !target.startsWith("/dev/shm/") ? DEVICE : FILE;
        }
        int colon = target.indexOf(':');
        String type = colon < 0 ? "" : target.substring(0, colon);
        return switch (type) {
            case "socket" -> SOCKET;
            case "pipe" -> PIPE;
            case "pidfd" -> PIDFD;
            case "anon_inode" -> anonymous(target.substring(colon + 1));
            case "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" -> NAMESPACE;
            default -> OTHER;
        };
    }

    private static FdKind anonymous(String name) {
        return switch (name) {
            case "[eventpoll]" -> EVENTPOLL;
            case "[eventfd]" -> EVENTFD;
            case "inotify" -> INOTIFY;
            case "[fanotify]" -> FANOTIFY;
            case "[timerfd]" -> TIMERFD;
            case "[signalfd]" -> SIGNALFD;
            case "[io_uring]" -> IO_URING;
            case "[perf_event]" -> PERF_EVENT;
            case "[pidfd]" -> PIDFD;
            default -> name.startsWith("bpf") ? BPF : ANON_INODE;
        };
    }
}
