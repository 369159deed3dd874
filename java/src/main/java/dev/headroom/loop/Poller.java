package dev.headroom.loop;

import dev.headroom.linux.SyscallException;

/**
 * What a loop has registered with the kernel, and the wait for it. Level-triggered, but for {@link Connections}. An event of a descriptor goes to
 * {@link EventLoop#dispatch} with the generation that it was registered with; the loop drops those of earlier owners.
 */
abstract sealed class Poller permits EpollPoller, UringPoller {
    /** On the loop's own thread, before the first turn. */
    abstract void begin() throws SyscallException;

    /**
     * @param stream whether it is one of {@link Connections}, for which EPOLLIN may be answered with bytes
     * @return 0 or {@code -errno}
     */
    abstract int add(int fd, int interest, int generation, boolean stream);

    /** A connection that is being made: its event is EPOLLOUT. @return 0 or {@code -errno} */
    abstract int addConnecting(int fd, int generation);

    /** It is made, and read from now on. @return 0 or {@code -errno} */
    abstract int adopt(int fd, int generation);

    /** @return 0 or {@code -errno} */
    abstract int modify(int fd, int interest, int generation, boolean stream);

    /** Takes a descriptor out that stays the loop's. @return 0 or {@code -errno} */
    abstract int withdraw(int fd, int generation);

    /** Undoes {@link #withdraw}. @return 0 or {@code -errno} */
    abstract int rejoin(int fd, int interest, int generation);

    /** The descriptor is closed next. @param copies whether a copy of it may live in another table */
    abstract void closing(int fd, int generation, boolean copies);

    /**
     * Registers a descriptor of the loop's own, which the table need not know: {@link EventLoop#dispatchOwn} is told.
     *
     * @param accepts whether {@link EventLoop#accepted} may be given what waits in a listener instead
     * @return 0 or {@code -errno}
     */
    abstract int addOwn(int fd, int interest, int index, boolean accepts);

    abstract void removeOwn(int fd, int index);

    /** What add and modify of that descriptor have returned, as an exception. */
    abstract void check(int rc, boolean added, int fd, int interest) throws SyscallException;

    /** Waits for events or {@code nanos}, or {@link Timers#NEVER}, and dispatches what there is. */
    abstract void turn(long nanos) throws SyscallException;

    /** On the loop's own thread, after the last turn: nothing of what has been closed is alive any more. */
    abstract void end();

    /** Nothing is registered at the moment, and memory may go back. */
    abstract void discard();

    abstract void close();
}
