package dev.headroom.linux;

/**
 * Buffers of one size, lent to the kernel through a ring (IORING_REGISTER_PBUF_RING, group 0): it takes one when bytes
 * have come, and {@link #give} gives it back.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class IoUringBuffers implements AutoCloseable {
    private final Memory ring;
    private final Memory memory;
    private final int count;
    private final int size;
    private short tail;

    /**
     * @param memory begins with {@code count} buffers of {@code size} bytes; stays the caller's
     * @param count a power of two, at most 32768
     * @throws SyscallException EINVAL before kernel 5.19, ENOMEM
     */
    public IoUringBuffers(IoUringRing uring, Memory memory, int count, int size) throws SyscallException {
        this.memory = memory;
        this.count = count;
        this.size = size;
        this.ring = Memory.map((long) count * IoUringBuf.SIZEOF);
        try (Memory reg = Memory.map(IoUringBufReg.SIZEOF)) {
            reg.putLong(IoUringBufReg.ring_addr, ring.address());
            reg.putInt(IoUringBufReg.ring_entries, count);
            Errno.check(uring.register(IoUring.IORING_REGISTER_PBUF_RING, reg.address(), 1), "io_uring_register",
                    uring.fd(), "IORING_REGISTER_PBUF_RING", "{ring_entries=" + count + ", bgid=0}", 1);
        } catch (SyscallException e) {
            ring.close();
            throw e;
        }
        for (int id = 0; id < count; id++) {
            give(id);
        }
        publish();
    }

    /** Where a buffer begins in the memory. */
    public long offset(int id) {
        return (long) id * size;
    }

    /** Gives a buffer back; the kernel sees it after {@link #publish}. */
    public void give(int id) {
        long entry = (long) (tail & count - 1) * IoUringBuf.SIZEOF;
        ring.putLong(entry + IoUringBuf.addr, memory.address() + offset(id));
        ring.putInt(entry + IoUringBuf.len, size);
        ring.putShort(entry + IoUringBuf.bid, (short) id);
        tail++;
    }

    public void publish() {
        ring.putShortRelease(IoUringBufRing.tail, tail);
    }

    /** After the ring of the requests has been closed. */
    @Override
    public void close() {
        ring.close();
    }
}
