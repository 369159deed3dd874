package dev.headroom.linux;

/**
 * An array of {@code struct epoll_event}, to be filled by epoll_wait or read by epoll_ctl.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class EpollEvents implements AutoCloseable {
    private final Memory memory;
    private final int capacity;

    /** @param capacity number of events it holds, at least 1 */
    public EpollEvents(int capacity) throws SyscallException {
        this.capacity = capacity;
        this.memory = Memory.map((long) capacity * EpollEvent.SIZEOF);
    }

    public long address() {
        return memory.address();
    }

    public int capacity() {
        return capacity;
    }

    /** The flags of event {@code i}. */
    public int events(int i) {
        return memory.getInt((long) i * EpollEvent.SIZEOF + EpollEvent.events);
    }

    /** The 64 bits that came with the registration of event {@code i}. */
    public long data(int i) {
        return memory.getLong((long) i * EpollEvent.SIZEOF + EpollEvent.data);
    }

    public void set(int i, int events, long data) {
        memory.putInt((long) i * EpollEvent.SIZEOF + EpollEvent.events, events);
        memory.putLong((long) i * EpollEvent.SIZEOF + EpollEvent.data, data);
    }

    @Override
    public void close() {
        memory.close();
    }
}
