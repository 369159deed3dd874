package dev.headroom.benchmark;

import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

import dev.headroom.linux.SyscallException;

/** Calls on two connected sockets. */
public abstract class OnPair extends HotPath {
    Pair pair;
    /** Of the pair's buffer. */
    long address;

    @Setup
    public void open() throws SyscallException {
        pair = new Pair();
        address = pair.buffer.address();
    }

    @TearDown
    public void close() {
        pair.close();
    }
}
