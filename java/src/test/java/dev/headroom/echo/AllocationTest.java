package dev.headroom.echo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import com.sun.management.ThreadMXBean;

import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.Acceptor.OnLimit;
import dev.headroom.loop.Engine;

/** A loop's thread allocates nothing on the heap while it echoes, on either side. */
class AllocationTest {
    private static final long A_MILLION = 1_000_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static long threadNamed(String name) {
        for (ThreadInfo info : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (info != null && info.getThreadName().equals(name)) {
                return info.getThreadId();
            }
        }
        throw new AssertionError("no thread " + name);
    }

    private static void awaitMessages(EchoClient client, long count) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (client.counters().messages() < count) {
            assertTrue(System.nanoTime() - deadline < 0, "messages: " + client.counters().messages());
            Thread.sleep(10);
        }
    }

    /** In a process of its own: what other tests have taught the compiler about these classes is not what a server sees. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void shouldAllocateNothingInAMillionEchoes(Engine engine) throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                AllocationTest.class.getName(), engine.name()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("server 0, client 0, mismatched 0"), output);
    }

    /** Prints the bytes that the two loops allocate in each of up to eight millions of echoes, until both are 0. */
    public static void main(String[] args) throws Exception {
        Engine engine = Engine.valueOf(args[0]);
        EchoServer server = EchoServer
                .start(new EchoServer.Options(List.of(Sockaddr.of("127.0.0.1", 0)), 4096, 1, false,
                        Integer.MAX_VALUE, OnLimit.PAUSE, TimeUnit.SECONDS.toNanos(1), engine), EchoObserver.NONE);
        EchoClient client = EchoClient.start(new EchoClient.Options(server.addresses(), List.of(), 0, 0, 64, 64, 0, 0,
                16, TimeUnit.SECONDS.toNanos(10), TimeUnit.SECONDS.toNanos(10), 1, false, false, engine),
                EchoObserver.NONE);
        long serving = threadNamed("echo-server-0");
        long calling = threadNamed("echo-client-0");
        // The interpreter allocates where compiled code does not: the compiler needs a while to have seen everything.
        awaitMessages(client, A_MILLION / 2);
        long inServer = -1;
        long inClient = -1;
        for (int i = 0; i < 8 && (inServer != 0 || inClient != 0); i++) {
            long start = client.counters().messages();
            inServer = THREADS.getThreadAllocatedBytes(serving);
            inClient = THREADS.getThreadAllocatedBytes(calling);
            awaitMessages(client, start + A_MILLION);
            inServer = THREADS.getThreadAllocatedBytes(serving) - inServer;
            inClient = THREADS.getThreadAllocatedBytes(calling) - inClient;
            System.out.println("server " + inServer + ", client " + inClient + ", mismatched "
                    + client.counters().mismatched());
        }
        client.close();
        server.close();
    }
}
