package dev.headroom.loop;

/** How a loop asks the kernel. Handlers see no difference. */
public enum Engine {
    /** epoll(7): asks which descriptors are ready, then makes a call for each. Works wherever Linux does. */
    EPOLL,
    /**
     * io_uring(7), kernel 6.1: one call submits what is to be sent and brings what has been received, accepted and
     * become ready. Containers often forbid it, and {@link EventLoop#open(String, FdTable, Engine)} says so.
     */
    IO_URING
}
