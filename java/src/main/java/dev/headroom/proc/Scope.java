package dev.headroom.proc;

/**
 * Whose a fact is. {@code /proc/PID/net/…} shows the network namespace of PID; {@code /proc/sys/…} shows the namespaces
 * of whoever reads it, even when reached through {@code /proc/PID/root}; and some numbers in both belong to the whole
 * machine.
 */
public enum Scope {
    /** The process that was asked for. */
    TARGET_PROCESS,
    /** The network namespace of the process that was asked for. */
    TARGET_NET_NAMESPACE,
    /** The network namespace of the process that read the file, which need not be the target's. */
    READER_NET_NAMESPACE,
    /** The user namespace of the reader. */
    READER_USER_NAMESPACE,
    /** The PID namespace of the reader. */
    READER_PID_NAMESPACE,
    /** The IPC namespace of the reader. */
    READER_IPC_NAMESPACE,
    /** The UTS namespace of the reader. */
    READER_UTS_NAMESPACE,
    /** One number for the machine, the same from wherever it is read. */
    MACHINE
}
