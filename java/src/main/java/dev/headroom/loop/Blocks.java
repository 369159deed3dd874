package dev.headroom.loop;

import java.util.Arrays;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Memory;
import dev.headroom.linux.SyscallException;

/**
 * Room for the bytes that one side of a connection is not ready to take: blocks of {@link Connections#BUFFER} bytes,
 * numbered from 1, in memory outside the heap. Only connections that wait have one, and only the pages that were
 * written cost memory. Blocks can be chained; a chain is known by its first one.
 */
final class Blocks implements AutoCloseable {
    static final int NONE = 0;

    static final int A_SLAB = 256;
    /** As many blocks keep their pages, or one slow peer would cost a call and 16 page faults with every buffer. */
    private static final int KEPT = 16;

    private Memory[] slabs = new Memory[0];
    private int[] start = new int[1];
    private int[] end = new int[1];
    private int[] next = new int[1];
    private int[] free = new int[0];
    private int freeCount;
    /** The largest number in use since the pages went back. */
    private int most;

    /** @return an empty block */
    int take() throws SyscallException {
        if (freeCount == 0) {
            grow();
        }
        int block = free[--freeCount];
        most = Math.max(most, free.length - freeCount);
        start[block] = 0;
        end[block] = 0;
        next[block] = NONE;
        return block;
    }

    void release(int block, CallState state) {
        free[freeCount++] = block;
        if (freeCount == free.length && most > KEPT) {
            most = 0;
            discardAll(state);
        }
    }

    int count() {
        return free.length;
    }

    int length(int block) {
        return end[block] - start[block];
    }

    int room(int block) {
        return Connections.BUFFER - end[block];
    }

    long address(int block) {
        return memory(block).address() + offset(block) + start[block];
    }

    /** Takes {@code n} bytes from the front. */
    void consume(int block, int n) {
        start[block] += n;
    }

    void append(int block, Memory from, long offset, int n) {
        memory(block).copyFrom(offset(block) + end[block], from, offset, n);
        end[block] += n;
    }

    void copyTo(int block, Memory to, long offset) {
        to.copyFrom(offset, memory(block), offset(block) + start[block], length(block));
    }

    /** Appends to a chain, or begins one. @return its first block */
    int appendChain(int first, Memory from, long offset, int n) throws SyscallException {
        int head = first == NONE ? take() : first;
        int last = head;
        while (next[last] != NONE) {
            last = next[last];
        }
        int done = 0;
        while (done < n) {
            if (room(last) == 0) {
                next[last] = take();
                last = next[last];
            }
            int part = Math.min(n - done, room(last));
            append(last, from, offset + done, part);
            done += part;
        }
        return head;
    }

    /** Copies the front of a chain, at most a buffer. @return how much that is */
    int gather(int first, Memory to) {
        int have = 0;
        for (int block = first; block != NONE && have < Connections.BUFFER; block = next[block]) {
            int part = Math.min(length(block), Connections.BUFFER - have);
            to.copyFrom(have, memory(block), offset(block) + start[block], part);
            have += part;
        }
        return have;
    }

    int chainLength(int first) {
        int sum = 0;
        for (int block = first; block != NONE; block = next[block]) {
            sum += length(block);
        }
        return sum;
    }

    /** Takes {@code n} bytes from the front of a chain. @return what is its first block now, or {@link #NONE} */
    int consumeChain(int first, int n, CallState state) {
        int block = first;
        int rest = n;
        while (block != NONE && rest >= length(block)) {
            rest -= length(block);
            int gone = block;
            block = next[block];
            release(gone, state);
        }
        if (block != NONE) {
            consume(block, rest);
        }
        return block;
    }

    void releaseChain(int first, CallState state) {
        for (int block = first; block != NONE;) {
            int following = next[block];
            release(block, state);
            block = following;
        }
    }

    /** Gives the pages back when no block is in use. */
    private void discardAll(CallState state) {
        for (Memory slab : slabs) {
            slab.discard(state);
        }
    }

    private void grow() throws SyscallException {
        Memory slab = Memory.map((long) A_SLAB * Connections.BUFFER);
        int first = slabs.length * A_SLAB + 1;
        slabs = Arrays.copyOf(slabs, slabs.length + 1);
        slabs[slabs.length - 1] = slab;
        int count = slabs.length * A_SLAB;
        start = Arrays.copyOf(start, count + 1);
        end = Arrays.copyOf(end, count + 1);
        next = Arrays.copyOf(next, count + 1);
        free = Arrays.copyOf(free, count);
        for (int block = count; block >= first; block--) {
            free[freeCount++] = block;
        }
    }

    private Memory memory(int block) {
        return slabs[(block - 1) / A_SLAB];
    }

    private static long offset(int block) {
        return (long) ((block - 1) % A_SLAB) * Connections.BUFFER;
    }

    @Override
    public void close() {
        for (Memory slab : slabs) {
            slab.close();
        }
        slabs = new Memory[0];
    }
}
