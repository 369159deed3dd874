package dev.headroom.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * Zeroed memory outside the heap, mapped lazily: a page that nobody has touched costs nothing. Offsets are in bytes and
 * checked; access after {@link #close} is an IllegalStateException. Numbers are in the host's byte order and may be
 * unaligned.
 */
public final class Memory implements AutoCloseable {
    private static final int PAGE = 4096;
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final VarHandle SHORT = ValueLayout.JAVA_SHORT.varHandle();

    private final Arena arena;
    private final MemorySegment segment;
    private final long address;

    @SuppressWarnings("restricted")
    private Memory(long address, long bytes) {
        this.arena = Arena.ofShared();
        this.address = address;
        this.segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, Memory::unmap);
    }

    /**
     * Maps private anonymous memory, without a reservation of swap (MAP_NORESERVE).
     *
     * @param bytes at least 1
     * @throws SyscallException ENOMEM when the address space, RLIMIT_AS, vm.max_map_count or strict overcommit refuses
     */
    public static Memory map(long bytes) throws SyscallException {
        long length = Math.ceilDiv(bytes, PAGE) * PAGE;
        long address = Errno.check(
                Mman.mmap(new CallState(), 0, length, Mman.PROT_READ | Mman.PROT_WRITE,
                        Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_NORESERVE, -1, 0),
                "mmap", "NULL", length, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE", -1, 0);
        return new Memory(address, bytes);
    }

    /**
     * Maps part of a descriptor, shared with the kernel: the rings of io_uring.
     *
     * @throws SyscallException EAGAIN (RLIMIT_MEMLOCK), EBADF, EINVAL, ENOMEM
     */
    public static Memory mapShared(int fd, long offset, long bytes) throws SyscallException {
        long length = Math.ceilDiv(bytes, PAGE) * PAGE;
        long address = Errno.check(
                Mman.mmap(new CallState(), 0, length, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_SHARED, fd, offset),
                "mmap", "NULL", length, "PROT_READ|PROT_WRITE", "MAP_SHARED", fd, offset);
        return new Memory(address, bytes);
    }

    private static void unmap(MemorySegment mapping) {
        Mman.munmap(new CallState(), mapping.address(), Math.ceilDiv(mapping.byteSize(), PAGE) * PAGE);
    }

    /** Where it begins, to be passed to a raw call. The caller then answers for bounds and life time. */
    public long address() {
        return address;
    }

    public long size() {
        return segment.byteSize();
    }

    public byte getByte(long offset) {
        return segment.get(ValueLayout.JAVA_BYTE, offset);
    }

    public short getShort(long offset) {
        return segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset);
    }

    public int getInt(long offset) {
        return segment.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
    }

    public long getLong(long offset) {
        return segment.get(ValueLayout.JAVA_LONG_UNALIGNED, offset);
    }

    public void putByte(long offset, byte value) {
        segment.set(ValueLayout.JAVA_BYTE, offset, value);
    }

    public void putShort(long offset, short value) {
        segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, offset, value);
    }

    public void putInt(long offset, int value) {
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
    }

    public void putLong(long offset, long value) {
        segment.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
    }

    /** What another side has written before it let this number be seen is seen after this. Aligned to 4. */
    public int getIntAcquire(long offset) {
        return (int) INT.getAcquire(segment, offset);
    }

    /** Whoever sees this number with {@link #getIntAcquire} sees what was written before. Aligned to 4. */
    public void putIntRelease(long offset, int value) {
        INT.setRelease(segment, offset, value);
    }

    /** As {@link #putIntRelease}. Aligned to 2. */
    public void putShortRelease(long offset, short value) {
        SHORT.setRelease(segment, offset, value);
    }

    /** A direct buffer over a part of it, which must not outlive it. */
    public ByteBuffer asByteBuffer(long offset, int length) {
        return segment.asSlice(offset, length).asByteBuffer();
    }

    public void putBytes(long offset, byte[] bytes) {
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, offset, bytes.length);
    }

    public byte[] getBytes(long offset, int length) {
        return segment.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Copies {@code length} bytes from another memory, or within this one. */
    public void copyFrom(long offset, Memory source, long sourceOffset, long length) {
        MemorySegment.copy(source.segment, sourceOffset, segment, offset, length);
    }

    /** A direct buffer over all of it, which must not outlive it. At most 2 GiB. */
    public ByteBuffer asByteBuffer() {
        return segment.asByteBuffer();
    }

    /** Gives the pages back to the kernel; everything reads as zero afterwards. */
    public void discard(CallState state) {
        Mman.madvise(state, address, Math.ceilDiv(segment.byteSize(), PAGE) * PAGE, Mman.MADV_DONTNEED);
    }

    /** Ends the mapping. */
    @Override
    public void close() {
        arena.close();
    }
}
