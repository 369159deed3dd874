package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;

/** A loop on a thread of its own, and peers made of the JDK's sockets. */
final class Rig implements AutoCloseable {
    static final long PATIENCE_SECONDS = 20;

    final EventLoop loop;
    final List<Throwable> errors = new CopyOnWriteArrayList<>();
    private final Thread thread;
    private final CompletableFuture<Void> end = new CompletableFuture<>();
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    private final List<SocketChannel> peers = new CopyOnWriteArrayList<>();

    Rig(Engine engine) throws SyscallException {
        this(engine, "rig");
    }

    Rig(Engine engine, String name) throws SyscallException {
        this(open(engine, name));
    }

    /** A loop on a table of its own accord; skips the test where the kernel refuses the engine. */
    static EventLoop open(Engine engine, String name) throws SyscallException {
        try {
            return EventLoop.open(name, engine);
        } catch (SyscallException e) {
            if (engine == Engine.EPOLL || "true".equals(System.getenv("CI"))) {
                throw e;
            }
            return abort("no io_uring here: " + e.getMessage());
        }
    }

    Rig(EventLoop loop) {
        this.loop = loop;
        loop.onError((fd, t) -> errors.add(t));
        thread = new Thread(() -> {
            try {
                loop.run();
                end.complete(null);
            } catch (Throwable t) {
                end.completeExceptionally(t);
            }
        }, loop.name());
        thread.setDaemon(true);
        thread.start();
    }

    Thread thread() {
        return thread;
    }

    /** Runs something on the loop's thread and waits for its result. */
    <T> T on(Callable<T> task) throws Exception {
        CompletableFuture<T> result = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                result.complete(task.call());
            } catch (Throwable t) {
                result.completeExceptionally(t);
            }
        });
        try {
            return result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) {
                throw cause;
            }
            throw e;
        }
    }

    long turns() throws Exception {
        return on(loop::turns);
    }

    Listener listener(int backlog) throws SyscallException {
        Listener listener = Listener.open(Sockaddr.of("127.0.0.1", 0), backlog);
        listeners.add(listener);
        return listener;
    }

    /** Listens and says where. */
    Sockaddr listen(ConnectionHandler handler) throws Exception {
        Listener listener = listener(128);
        on(() -> loop.listen(listener, handler));
        return listener.address();
    }

    /** A blocking socket connected to it, with small buffers if asked for. */
    SocketChannel peer(Sockaddr target, int buffers) throws IOException {
        SocketChannel peer = SocketChannel.open();
        peers.add(peer);
        if (buffers > 0) {
            peer.setOption(StandardSocketOptions.SO_RCVBUF, buffers);
            peer.setOption(StandardSocketOptions.SO_SNDBUF, buffers);
        }
        peer.connect(new InetSocketAddress(target.address(), target.port()));
        return peer;
    }

    SocketChannel peer(Sockaddr target) throws IOException {
        return peer(target, 0);
    }

    static void write(SocketChannel peer, byte[] bytes) throws IOException {
        ByteBuffer b = ByteBuffer.wrap(bytes);
        while (b.hasRemaining()) {
            peer.write(b);
        }
    }

    static void write(SocketChannel peer, String s) throws IOException {
        write(peer, s.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    }

    /** Reads exactly so many bytes. */
    static byte[] read(SocketChannel peer, int n) throws Exception {
        return patiently(() -> {
            ByteBuffer b = ByteBuffer.allocate(n);
            while (b.hasRemaining()) {
                if (peer.read(b) < 0) {
                    fail("the stream ended after " + b.position() + " of " + n + " bytes");
                }
            }
            return b.array();
        });
    }

    static String readString(SocketChannel peer, int n) throws Exception {
        return new String(read(peer, n), java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    /** Reads up to the end of the stream. */
    static byte[] readAll(SocketChannel peer) throws Exception {
        return patiently(() -> {
            java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
            ByteBuffer b = ByteBuffer.allocate(1 << 16);
            while (peer.read(b.clear()) >= 0) {
                all.write(b.array(), 0, b.position());
            }
            return all.toByteArray();
        });
    }

    static void assertEnds(SocketChannel peer) throws Exception {
        assertEquals(0, readAll(peer).length, "bytes before the end");
    }

    /** Closes with a RST instead of a FIN. */
    static void reset(SocketChannel peer) throws IOException {
        peer.setOption(StandardSocketOptions.SO_LINGER, 0);
        peer.close();
    }

    /** A blocking read in a thread of its own, so that a missing answer fails the test rather than hanging it. */
    static <T> T patiently(Callable<T> task) throws Exception {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try {
                result.complete(task.call());
            } catch (Throwable t) {
                result.completeExceptionally(t);
            }
        }, "reader");
        reader.setDaemon(true);
        reader.start();
        try {
            return result.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            reader.interrupt();
            throw new AssertionError("no answer within " + PATIENCE_SECONDS + " s", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case Exception cause -> throw cause;
                case Error cause -> throw cause;
                default -> throw e;
            }
        }
    }

    static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                fail("not within " + PATIENCE_SECONDS + " s: " + what);
            }
            Thread.sleep(1);
        }
    }

    static <T> void untilEqual(T expected, Callable<T> actual) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!Objects.equals(expected, actual.call()) && System.nanoTime() - deadline < 0) {
            Thread.sleep(1);
        }
        assertEquals(expected, actual.call());
    }

    /** Descriptors of this process, by their numbers. */
    static int openDescriptors() {
        String[] names = new java.io.File("/proc/self/fd").list();
        return names.length - 1;
    }

    /** Ends the loop's thread and frees nothing yet. */
    void stop() {
        loop.stop();
        try {
            end.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            thread.join();
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError("the loop did not end well", e);
        }
    }

    @Override
    public void close() throws IOException {
        for (SocketChannel peer : peers) {
            peer.close();
        }
        try {
            stop();
        } finally {
            loop.close();
            listeners.forEach(Listener::close);
        }
    }
}
