package dev.headroom.linux;

/**
 * The two rings of an io_uring, mapped: entries to submit, and completions to read. The kernel sees what was written to
 * an entry before its ring's tail moved, and we see what it has written before it moved the other one.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class IoUringRing implements AutoCloseable {
    private final CallState state = new CallState();
    private final int fd;
    private final Memory rings;
    private final Memory sqes;
    private final int sqTail;
    private final int sqFlags;
    private final int sqMask;
    private final int cqHead;
    private final int cqTail;
    private final int cqMask;
    private final int cqes;
    /** Entries prepared, and entries that the kernel has taken, since the beginning. */
    private int prepared;
    private int taken;
    /** Completions read since the beginning. */
    private int head;
    /** Offset of the entry that is being prepared. */
    private long sqe;

    /**
     * @param entries of the submission queue, a power of two
     * @param completions entries of the completion queue, a power of two
     * @param flags IORING_SETUP_…, beside IORING_SETUP_CQSIZE
     * @throws SyscallException as {@link IoUring#ioUringSetup}
     */
    public IoUringRing(int entries, int completions, int flags) throws SyscallException {
        try (Memory params = Memory.map(IoUringParams.SIZEOF)) {
            params.putInt(IoUringParams.flags, flags | IoUring.IORING_SETUP_CQSIZE);
            params.putInt(IoUringParams.cq_entries, completions);
            fd = Errno.check(IoUring.ioUringSetup(state, entries, params.address()), "io_uring_setup", entries,
                    "{flags=0x" + Integer.toHexString(flags | IoUring.IORING_SETUP_CQSIZE) + ", cq_entries="
                            + completions + "}");
            int sq = IoUringParams.sq_off;
            int cq = IoUringParams.cq_off;
            sqTail = params.getInt(sq + IoSqringOffsets.tail);
            sqFlags = params.getInt(sq + IoSqringOffsets.flags);
            cqHead = params.getInt(cq + IoCqringOffsets.head);
            cqTail = params.getInt(cq + IoCqringOffsets.tail);
            cqes = params.getInt(cq + IoCqringOffsets.cqes);
            int array = params.getInt(sq + IoSqringOffsets.array);
            int sqEntries = params.getInt(IoUringParams.sq_entries);
            int cqEntries = params.getInt(IoUringParams.cq_entries);
            sqMask = sqEntries - 1;
            cqMask = cqEntries - 1;
            // One mapping for both (IORING_FEAT_SINGLE_MMAP, kernel 5.4); which part comes last is the kernel's affair.
            long length = Math.max(array + (long) sqEntries * Integer.BYTES, cqes + (long) cqEntries * CQE);
            try {
                rings = Memory.mapShared(fd, IoUring.IORING_OFF_SQ_RING, length);
                sqes = Memory.mapShared(fd, IoUring.IORING_OFF_SQES, (long) sqEntries * IoUringSqe.SIZEOF);
            } catch (SyscallException e) {
                Unistd.close(state, fd);
                throw e;
            }
            for (int i = 0; i < sqEntries; i++) {
                rings.putInt(array + (long) i * Integer.BYTES, i);
            }
        }
    }

    /** Bytes of a completion without IORING_SETUP_CQE32. */
    private static final int CQE = 16;

    public int fd() {
        return fd;
    }

    // ---- submission ----

    /** Number of entries that can be prepared. */
    public int room() {
        return sqMask + 1 - (prepared - taken);
    }

    /** Prepares an entry; there must be room. What an operation does not use is 0. */
    public void prepare(int opcode, int flags, int ioprio, int operand, long off, long addr, int len, int opFlags,
            long userData) {
        sqe = (long) (prepared++ & sqMask) * IoUringSqe.SIZEOF;
        sqes.putByte(sqe + IoUringSqe.opcode, (byte) opcode);
        sqes.putByte(sqe + IoUringSqe.flags, (byte) flags);
        sqes.putShort(sqe + IoUringSqe.ioprio, (short) ioprio);
        sqes.putInt(sqe + IoUringSqe.fd, operand);
        sqes.putLong(sqe + IoUringSqe.off, off);
        sqes.putLong(sqe + IoUringSqe.addr, addr);
        sqes.putInt(sqe + IoUringSqe.len, len);
        sqes.putInt(sqe + IoUringSqe.msg_flags, opFlags);
        sqes.putLong(sqe + IoUringSqe.user_data, userData);
        sqes.putShort(sqe + IoUringSqe.buf_group, (short) 0);
    }

    /** Entries that the kernel has not taken yet. */
    public int unsubmitted() {
        return prepared - taken;
    }

    /**
     * Submits what is prepared and, with IORING_ENTER_GETEVENTS, waits.
     *
     * @return as {@link IoUring#ioUringEnter}
     */
    public int enter(int minComplete, int flags, long arg, long argSize) {
        rings.putIntRelease(sqTail, prepared);
        int rc = IoUring.ioUringEnter(state, fd, prepared - taken, minComplete, flags, arg, argSize);
        if (rc > 0) {
            taken += rc;
        }
        return rc;
    }

    public int register(int opcode, long arg, int count) {
        return IoUring.ioUringRegister(state, fd, opcode, arg, count);
    }

    // ---- completion ----

    /** The number of the completion that is to be read next. */
    public int head() {
        return head;
    }

    /** The number that the next completion to arrive will have. */
    public int tail() {
        return rings.getIntAcquire(cqTail);
    }

    /** Whether completions wait for room in the ring. */
    public boolean hasOverflown() {
        return (rings.getIntAcquire(sqFlags) & IoUring.IORING_SQ_CQ_OVERFLOW) != 0;
    }

    public long userData(int number) {
        return rings.getLong(cqe(number) + IoUringCqe.user_data);
    }

    /** Marks a completion as something else for when it is read. */
    public void setUserData(int number, long userData) {
        rings.putLong(cqe(number) + IoUringCqe.user_data, userData);
    }

    public int res(int number) {
        return rings.getInt(cqe(number) + IoUringCqe.res);
    }

    public int flags(int number) {
        return rings.getInt(cqe(number) + IoUringCqe.flags);
    }

    private long cqe(int number) {
        return cqes + (long) (number & cqMask) * CQE;
    }

    /** The completion at the head has been read; the kernel may use its place. */
    public void advance() {
        rings.putIntRelease(cqHead, ++head);
    }

    @Override
    public void close() {
        rings.close();
        sqes.close();
        Unistd.close(state, fd);
    }
}
