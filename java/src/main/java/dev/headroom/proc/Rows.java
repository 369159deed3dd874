package dev.headroom.proc;

import java.io.IOException;

/**
 * Takes the rows of a dump one by one. The row is the same object each time and means something only until this
 * returns.
 *
 * @param <R> kind of row
 */
@FunctionalInterface
public interface Rows<R> {
    /** @throws IOException to give up; reading a broken attribute throws {@link NetlinkException} */
    void row(R row) throws IOException;

    /** The dump begins again, because it was disturbed: forget the rows so far. */
    default void again() {
    }
}
