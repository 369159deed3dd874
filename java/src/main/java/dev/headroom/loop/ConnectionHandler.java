package dev.headroom.loop;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What happens on stream connections. One handler serves any number of them; what it must remember of each it keeps in
 * {@linkplain FdTable#user 32 bits of the table} or in arrays of its own, indexed by descriptor. All methods are called
 * on the loop's thread. An exception closes the connection it came from and no other.
 */
@FunctionalInterface
public interface ConnectionHandler {
    /** The connection is there, accepted or connected. */
    default void opened(Connections connections, int fd) throws IOException {
    }

    /**
     * Bytes have come. What is left in the buffer comes again, in front of the next bytes; when the buffer is full and
     * nothing of it is taken, the connection is closed with EMSGSIZE.
     *
     * @param data valid during the call, at most {@link Connections#BUFFER} bytes
     */
    void received(Connections connections, int fd, ByteBuffer data) throws IOException;

    /**
     * The peer will send nothing more. Unless overridden, what is still to be sent goes out and the connection is
     * closed.
     *
     * @param rest bytes that {@link #received} has left
     */
    default void ended(Connections connections, int fd, ByteBuffer rest) throws IOException {
        connections.finish(fd);
    }

    /** All that {@link Connections#send} had kept has gone out: there is room again. */
    default void drained(Connections connections, int fd) throws IOException {
    }

    /**
     * The connection is closed; the number is free when this returns and may name another one at once.
     *
     * @param errno 0 for an orderly end, or the positive error that ended it
     */
    default void closed(Connections connections, int fd, int errno) {
    }

    /**
     * Whether input is read while output is waiting for room. Unless overridden it is not: a peer that does not read
     * finds that its own bytes are no longer taken, and costs at most one buffer.
     */
    default boolean readsWhileSending() {
        return false;
    }
}
