package dev.headroom.diag.explain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.SocketChannel;
import java.util.Optional;
import org.junit.jupiter.api.Test;

import dev.headroom.diag.Children;
import dev.headroom.diag.Diagnosis;
import dev.headroom.linux.Errno;
import dev.headroom.linux.SyscallException;

class HeadroomTest {
    @Test
    void shouldExplainInTheProcessThatHasNoDescriptorLeft() throws IOException, InterruptedException {
        Children.Said said = Children.run(Children.after("ulimit -n 64", Children.java(LoggingServer.class)));

        assertTrue(said.out().contains("failed: EMFILE, because all 64 descriptors of process"), said.out());
        assertTrue(said.out().contains("(java) are in use"), said.out());
    }

    @Test
    void shouldKnowTheCallOfWhatJavaNetThrows() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Exception e = caught(() -> {
                try (ServerSocket again = new ServerSocket(taken.getLocalPort(), 1, taken.getInetAddress())) {
                    again.setSoTimeout(1);
                }
            });

            assertEquals(BindException.class, e.getClass());
            Diagnosis d = Headroom.explain(e).orElseThrow();
            assertEquals(Optional.of(Errno.EADDRINUSE), d.question().errno());
            assertEquals("bind", d.question().call());
        }
    }

    @Test
    void shouldKnowTheCallOfWhatJavaNioThrows() {
        Exception e = caught(() -> {
            try (SocketChannel c = SocketChannel.open(new InetSocketAddress("127.0.0.1", 1))) {
                c.finishConnect();
            }
        });

        assertEquals(ConnectException.class, e.getClass());
        Diagnosis d = Headroom.explain(new IllegalStateException("wrapped", e)).orElseThrow();
        assertEquals(Optional.of(Errno.ECONNREFUSED), d.question().errno());
        assertEquals("connect", d.question().call());
        assertEquals(ProcessHandle.current().pid(), d.question().pid().orElse(0));
    }

    @Test
    void shouldExplainOurOwnSystemCalls() {
        SyscallException e = (SyscallException) caught(
                () -> Errno.check(-Errno.EADDRNOTAVAIL.number(), "connect", 9, "10.0.0.1:80"));

        Diagnosis d = Headroom.explain(e).orElseThrow();
        assertEquals("connect", d.question().call());
        assertEquals(Optional.of("10.0.0.1:80"), d.question().peer());
    }

    @Test
    void shouldLeaveAloneWhatIsNoErrorOfTheKernel() {
        assertEquals(Optional.empty(), Headroom.explain(new IllegalStateException("Too many open files")));
        assertEquals(Optional.empty(), Headroom.explain(new IOException("the stream is closed")));
        assertEquals(Optional.empty(), Headroom.explain(new IOException((String) null)));
    }

    @Test
    void shouldExplainFilesAndThreads() {
        assertEquals("open", Headroom.explain(new FileNotFoundException("/x (Too many open files)")).orElseThrow()
                .question().call());
        assertEquals("pthread_create", Headroom.explain(new OutOfMemoryError("unable to create native thread: "
                + "possibly out of memory or process/resource limits reached")).orElseThrow().question().call());
    }

    @Test
    void shouldExplainAProcessThatIsNotThere() {
        assertTrue(Headroom.explain(Errno.EMFILE, "accept4", 999_999_999).confirmed().isEmpty());
    }

    private interface Doing {
        void run() throws Exception;
    }

    private static Exception caught(Doing doing) {
        try {
            doing.run();
        } catch (Exception e) {
            return e;
        }
        throw new AssertionError("nothing was thrown");
    }
}
