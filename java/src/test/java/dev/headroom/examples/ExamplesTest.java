package dev.headroom.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.Listener;

/** The examples serve peers made of the JDK's blocking sockets. */
@Timeout(60)
class ExamplesTest {
    private final List<Throwable> errors = new CopyOnWriteArrayList<>();
    private EventLoop loop;
    private Listener listener;
    private Thread thread;

    private void start(ConnectionHandler handler) throws IOException {
        listener = Listener.open(Sockaddr.of("127.0.0.1", 0), 128);
        loop.listen(listener, handler);
        loop.onError((fd, t) -> errors.add(t));
        thread = new Thread(() -> {
            try {
                loop.run();
            } catch (SyscallException e) {
                errors.add(e);
            }
        });
        thread.start();
    }

    @AfterEach
    void stop() throws Exception {
        loop.stop();
        thread.join();
        loop.close();
        listener.close();
        assertEquals(List.of(), errors);
    }

    private Socket connect() throws IOException {
        Socket s = new Socket(listener.address().address(), listener.address().port());
        s.setSoTimeout((int) TimeUnit.SECONDS.toMillis(20));
        return s;
    }

    private static void write(Socket s, String text) throws IOException {
        s.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String read(Socket s, int n) throws IOException {
        return new String(s.getInputStream().readNBytes(n), StandardCharsets.ISO_8859_1);
    }

    private static <T> FutureTask<T> inThread(Callable<T> task) {
        FutureTask<T> future = new FutureTask<>(task);
        Thread t = new Thread(future);
        t.setDaemon(true);
        t.start();
        return future;
    }

    private static byte[] random(int n) {
        byte[] bytes = new byte[n];
        new Random(n).nextBytes(bytes);
        return bytes;
    }

    private void startLines() throws IOException {
        loop = EventLoop.open("lines");
        start(new LineServer());
    }

    @Test
    void shouldAnswerLinesHoweverTheyAreCut() throws Exception {
        startLines();
        try (Socket s = connect()) {
            write(s, "hel");
            write(s, "lo\nwor");
            assertEquals("HELLO\n", read(s, 6));
            write(s, "ld\n\nx");
            assertEquals("WORLD\n\n", read(s, 7));
            s.shutdownOutput();
            assertEquals("", read(s, 1));
        }
    }

    @Test
    void shouldAnswerEveryLineOfAPeerThatReadsLate() throws Exception {
        startLines();
        StringBuilder text = new StringBuilder();
        for (int i = 0; text.length() < 12 << 20; i++) {
            text.append("line number ").append(i).append('\n');
        }
        String lines = text.toString();
        try (Socket s = connect()) {
            FutureTask<Void> writer = inThread(() -> {
                write(s, lines);
                return null;
            });
            // until the writer finds no room any more
            assertThrows(TimeoutException.class, () -> writer.get(300, TimeUnit.MILLISECONDS));
            assertEquals(lines.toUpperCase(Locale.ROOT), read(s, lines.length()));
            writer.get();
        }
    }

    @Test
    void shouldEndAConnectionWhoseLineHasNoEnd() throws Exception {
        startLines();
        try (Socket s = connect()) {
            write(s, "x".repeat(1 << 16));
            SocketException e = assertThrows(SocketException.class, () -> {
                while (read(s, 1).isEmpty()) {
                    write(s, "x");
                }
            });
            assertTrue(e.getMessage().contains("reset") || e.getMessage().contains("Broken pipe"), e.getMessage());
        }
        errors.clear();
    }

    private ServerSocket startProxy() throws IOException {
        ServerSocket target = new ServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"));
        loop = EventLoop.open("proxy");
        start(new Proxy(loop, Sockaddr.of("127.0.0.1", target.getLocalPort())));
        return target;
    }

    @Test
    void shouldCarryBothDirectionsAtOnceAndEndEachOnItsOwn() throws Exception {
        byte[] there = random(24 << 20);
        byte[] back = random(20 << 20);
        try (ServerSocket target = startProxy(); Socket client = connect(); Socket server = target.accept()) {
            FutureTask<byte[]> atServer = inThread(() -> server.getInputStream().readAllBytes());
            FutureTask<Void> serverWrites = inThread(() -> {
                server.getOutputStream().write(back);
                return null;
            });
            FutureTask<Void> clientWrites = inThread(() -> {
                client.getOutputStream().write(there);
                client.shutdownOutput();
                return null;
            });
            assertArrayEquals(back, client.getInputStream().readNBytes(back.length));
            clientWrites.get();
            serverWrites.get();
            assertArrayEquals(there, atServer.get());
            // the other direction is still open
            write(server, "last");
            assertEquals("last", read(client, 4));
            server.shutdownOutput();
            assertEquals("", read(client, 1));
        }
    }

    @Test
    void shouldHoldBackTheSideThatWritesToOneThatDoesNotRead() throws Exception {
        byte[] much = random(32 << 20);
        try (ServerSocket target = startProxy();
                Socket client = connect();
                Socket server = target.accept();
                Socket second = connect();
                Socket secondServer = target.accept()) {
            FutureTask<Void> writer = inThread(() -> {
                client.getOutputStream().write(much);
                client.shutdownOutput();
                return null;
            });
            assertThrows(TimeoutException.class, () -> writer.get(300, TimeUnit.MILLISECONDS));
            write(second, "beside");
            assertEquals("beside", read(secondServer, 6));
            InputStream in = server.getInputStream();
            assertArrayEquals(much, in.readNBytes(much.length));
            assertEquals(-1, in.read());
            writer.get();
        }
    }

    @Test
    void shouldResetTheClientWhereNobodyAnswers() throws Exception {
        ServerSocket target = startProxy();
        target.close();
        for (int i = 0; i < 3; i++) {
            try (Socket client = connect()) {
                assertThrows(SocketException.class, () -> read(client, 1));
            }
        }
    }

    @Test
    void shouldPassOnAReset() throws Exception {
        try (ServerSocket target = startProxy()) {
            Socket client = connect();
            Socket server = target.accept();
            write(client, "x");
            assertEquals("x", read(server, 1));
            client.setSoLinger(true, 0);
            client.close();
            assertThrows(SocketException.class, () -> read(server, 1));
            server.close();
        }
    }
}
