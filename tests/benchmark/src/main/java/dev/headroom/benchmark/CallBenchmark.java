package dev.headroom.benchmark;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

import org.openjdk.jmh.annotations.Benchmark;

import dev.headroom.linux.Epoll;
import dev.headroom.linux.Socket;

/**
 * What a call from Java to C costs: FFM as the toolkit has it, FFM critical, JNI, JNR. From a function that does nothing
 * to a recv that brings 16 bytes.
 * <p>
 * Not measured: the first call (linking, compiling); calls that sleep, where a thread's way back from native matters;
 * several threads; a safepoint that arrives during a call, which a critical one would hold up. The sockets are a pair of
 * AF_UNIX, so that little of the kernel hides the difference; the send that recv16 needs is part of it.
 */
public class CallBenchmark extends OnPair {
    private static final MethodHandle NOOP = Ffm.bind("headroom_noop", 0);
    private static final MethodHandle NOOP_CRITICAL = Ffm.bind("headroom_noop", 0, Ffm.CRITICAL);
    private static final MethodHandle GETPPID = Ffm.bind("getppid", 0);
    private static final MethodHandle GETPPID_CRITICAL = Ffm.bind("getppid", 0, Ffm.CRITICAL);
    private static final MethodHandle EPOLL_WAIT_CRITICAL = Ffm.bind("epoll_wait", 4, Ffm.ERRNO, Ffm.CRITICAL);
    private static final MethodHandle RECV_CRITICAL = Ffm.bind("recv", 4, Ffm.ERRNO, Ffm.CRITICAL);
    private static final MethodHandle SEND_CRITICAL = Ffm.bind("send", 4, Ffm.ERRNO, Ffm.CRITICAL);
    private static final int EVENTS = 64;
    private static final int MESSAGE = 16;

    /** errno of the critical calls, as CallState keeps it. */
    private final MemorySegment errno = Arena.ofAuto().allocate(Linker.Option.captureStateLayout());

    private long result(long rc) {
        return rc >= 0 ? rc : -errno.get(ValueLayout.JAVA_INT, 0);
    }

    @Benchmark
    public long noopFfm() throws Throwable {
        return (long) NOOP.invokeExact();
    }

    @Benchmark
    public long noopFfmCritical() throws Throwable {
        return (long) NOOP_CRITICAL.invokeExact();
    }

    @Benchmark
    public long noopJni() {
        return Jni.noop();
    }

    @Benchmark
    public long noopJnr() {
        return Jnr.NOTHING.headroom_noop();
    }

    @Benchmark
    public long getppidFfm() throws Throwable {
        return (int) (long) GETPPID.invokeExact();
    }

    @Benchmark
    public long getppidFfmCritical() throws Throwable {
        return (int) (long) GETPPID_CRITICAL.invokeExact();
    }

    @Benchmark
    public long getppidJni() {
        return Jni.getppid();
    }

    @Benchmark
    public long getppidJnr() {
        return Jnr.LIBC.getppid();
    }

    @Benchmark
    public long getppidJnrPosix() {
        return Jnr.POSIX_CALLS.getppid();
    }

    @Benchmark
    public long epollWaitFfm() {
        return Epoll.epollWait(pair.state, pair.epfd, address, EVENTS, 0);
    }

    @Benchmark
    public long epollWaitFfmCritical() throws Throwable {
        return result(
                (int) (long) EPOLL_WAIT_CRITICAL.invokeExact(errno, (long) pair.epfd, address, (long) EVENTS, 0L));
    }

    @Benchmark
    public long epollWaitJni() {
        return Jni.epollWait(pair.epfd, address, EVENTS, 0);
    }

    @Benchmark
    public long epollWaitJnr() {
        return Jnr.LIBC.epoll_wait(pair.epfd, address, EVENTS, 0);
    }

    @Benchmark
    public long recvEagainFfm() {
        return Socket.recv(pair.state, pair.near, address, MESSAGE, 0);
    }

    @Benchmark
    public long recvEagainFfmCritical() throws Throwable {
        return result((long) RECV_CRITICAL.invokeExact(errno, (long) pair.near, address, (long) MESSAGE, 0L));
    }

    @Benchmark
    public long recvEagainJni() {
        return Jni.recv(pair.near, address, MESSAGE, 0);
    }

    @Benchmark
    public long recvEagainJnr() {
        long n = Jnr.LIBC.recv(pair.near, address, MESSAGE, 0);
        return n >= 0 ? n : -Jnr.POSIX_CALLS.errno();
    }

    @Benchmark
    public long recv16Ffm() {
        Socket.send(pair.state, pair.far, address, MESSAGE, Socket.MSG_NOSIGNAL);
        return Socket.recv(pair.state, pair.near, address, MESSAGE, 0);
    }

    @Benchmark
    public long recv16FfmCritical() throws Throwable {
        result((long) SEND_CRITICAL.invokeExact(errno, (long) pair.far, address, (long) MESSAGE,
                (long) Socket.MSG_NOSIGNAL));
        return result((long) RECV_CRITICAL.invokeExact(errno, (long) pair.near, address, (long) MESSAGE, 0L));
    }

    @Benchmark
    public long recv16Jni() {
        Jni.send(pair.far, address, MESSAGE, Socket.MSG_NOSIGNAL);
        return Jni.recv(pair.near, address, MESSAGE, 0);
    }

    @Benchmark
    public long recv16Jnr() {
        Jnr.LIBC.send(pair.far, address, MESSAGE, Socket.MSG_NOSIGNAL);
        return Jnr.LIBC.recv(pair.near, address, MESSAGE, 0);
    }
}
