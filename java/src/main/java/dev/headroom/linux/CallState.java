package dev.headroom.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;

/**
 * The place where errno lands when a call fails. Each thread that makes calls owns one and passes it to every call.
 * <p>
 * <b>Not thread-safe</b>: the owner alone may use it.
 */
public final class CallState {
    private static final StructLayout LAYOUT = Linker.Option.captureStateLayout();

    final MemorySegment segment = Arena.ofAuto().allocate(LAYOUT);

    /** A place of one's own. */
    public CallState() {
    }

    /** Result of the raw call as the kernel itself returns it: {@code rc} if it is at least 0, else {@code -errno}. */
    long result(long rc) {
        return rc >= 0 ? rc : -segment.get(ValueLayout.JAVA_INT, 0);
    }

    /** As {@link #result(long)} for a C function that returns {@code int}: the upper half of the register is noise. */
    int intResult(long register) {
        int rc = (int) register;
        return rc >= 0 ? rc : -segment.get(ValueLayout.JAVA_INT, 0);
    }
}
