package dev.headroom.benchmark;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

import dev.headroom.linux.EpollEvent;
import dev.headroom.linux.EpollEvents;
import dev.headroom.linux.SyscallException;

/**
 * Reading an event, flags and data, from an array of 1024 that epoll_wait has filled: the toolkit's EpollEvents, and
 * three other ways to the same memory. The number is for one event.
 * <p>
 * Not measured: the memory as the kernel leaves it, in another processor's cache perhaps; and what is done with an event,
 * between which and the next one these loops would not be as tight.
 */
public class EventArrayBenchmark extends HotPath {
    private static final int EVENTS = 1024;

    private EpollEvents events;
    private MemorySegment confined;
    private MemorySegment global;
    private ByteBuffer buffer;
    private Arena arena;

    @Setup
    @SuppressWarnings("restricted")
    public void fill() throws SyscallException {
        events = new EpollEvents(EVENTS);
        for (int i = 0; i < EVENTS; i++) {
            events.set(i, 1, (long) i << 32 | i);
        }
        long size = (long) EVENTS * EpollEvent.SIZEOF;
        global = MemorySegment.ofAddress(events.address()).reinterpret(size);
        arena = Arena.ofConfined();
        confined = global.reinterpret(arena, null);
        buffer = global.asByteBuffer().order(ByteOrder.nativeOrder());
    }

    @TearDown
    public void close() {
        arena.close();
        events.close();
    }

    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long epollEvents() {
        long sum = 0;
        for (int i = 0; i < EVENTS; i++) {
            sum += events.events(i) ^ events.data(i);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long confinedSegment() {
        return sum(confined);
    }

    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long globalSegment() {
        return sum(global);
    }

    private static long sum(MemorySegment segment) {
        long sum = 0;
        for (int i = 0; i < EVENTS; i++) {
            sum += segment.get(ValueLayout.JAVA_INT_UNALIGNED, (long) i * EpollEvent.SIZEOF + EpollEvent.events)
                    ^ segment.get(ValueLayout.JAVA_LONG_UNALIGNED, (long) i * EpollEvent.SIZEOF + EpollEvent.data);
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(EVENTS)
    public long directBuffer() {
        long sum = 0;
        for (int i = 0; i < EVENTS; i++) {
            sum += buffer.getInt(i * EpollEvent.SIZEOF + EpollEvent.events)
                    ^ buffer.getLong(i * EpollEvent.SIZEOF + EpollEvent.data);
        }
        return sum;
    }
}
