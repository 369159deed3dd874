package dev.headroom.benchmark;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

import org.openjdk.jmh.annotations.Benchmark;

import dev.headroom.linux.Socket;

/**
 * Ways to get at errno, on a recv that fails with EAGAIN: into memory that the caller owns, as the toolkit does; into
 * memory allocated for each call; into a thread-local; not at all.
 * <p>
 * Not measured: whether a variant is right. A second call to {@code __errno_location} is not among them, because the JVM
 * may have changed errno by then.
 */
public class ErrnoBenchmark extends OnPair {
    private static final MethodHandle RECV = Ffm.bind("recv", 4);
    private static final MethodHandle RECV_ERRNO = Ffm.bind("recv", 4, Ffm.ERRNO);
    private static final ThreadLocal<MemorySegment> OF_THREAD = ThreadLocal
            .withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

    @Benchmark
    public long owned() {
        return Socket.recv(pair.state, pair.near, address, 16, 0);
    }

    @Benchmark
    public long threadLocal() throws Throwable {
        MemorySegment errno = OF_THREAD.get();
        long rc = (long) RECV_ERRNO.invokeExact(errno, (long) pair.near, address, 16L, 0L);
        return rc >= 0 ? rc : -errno.get(ValueLayout.JAVA_INT, 0);
    }

    @Benchmark
    public long arenaPerCall() throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(Linker.Option.captureStateLayout());
            long rc = (long) RECV_ERRNO.invokeExact(errno, (long) pair.near, address, 16L, 0L);
            return rc >= 0 ? rc : -errno.get(ValueLayout.JAVA_INT, 0);
        }
    }

    @Benchmark
    public long none() throws Throwable {
        return (long) RECV.invokeExact((long) pair.near, address, 16L, 0L);
    }
}
