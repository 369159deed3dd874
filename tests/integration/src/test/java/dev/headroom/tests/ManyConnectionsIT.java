package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The pair as the launcher starts it, filling the ports of a host of its own: exactly as many connections as the kernel
 * has tuples, each of them echoing, under whatever descriptor limit this machine has.
 */
@Timeout(240)
class ManyConnectionsIT {
    private Namespace host;
    private final List<Command> commands = new ArrayList<>();

    @BeforeEach
    void begin() throws IOException {
        Requires.root();
        host = Namespace.make(Requires.tool("ip"), null);
    }

    @AfterEach
    void end() throws Exception {
        for (Command c : commands) {
            c.process.destroyForcibly().waitFor();
        }
        if (host != null) {
            host.close();
        }
    }

    private Command headroom(String... args) throws IOException {
        List<String> line = new ArrayList<>(host.exec());
        line.add(Path.of(System.getProperty("headroom.root"), "headroom").toString());
        line.addAll(Arrays.asList(args));
        Command command = new Command(new ProcessBuilder(line).start());
        commands.add(command);
        return command;
    }

    /** Below the range, or its port would be missing from it: a listener's port is not given to clients. */
    private Command serve() throws Exception {
        Command server = headroom("serve", "--listen", "127.0.0.1:999", "--fd-tables", "auto", "--max-connections",
                "200k", "--json");
        server.await("listening");
        return server;
    }

    /** Connects until ports end, and half a hold later each connection has echoed once more. */
    private void assertHolds(int expected, String... options) throws Exception {
        List<String> args = new ArrayList<>(List.of("connect", "127.0.0.1:999", "--fd-tables", "auto", "--every", "15s",
                "--hold", "16s", "--json"));
        args.addAll(Arrays.asList(options));
        Command client = headroom(args.toArray(String[]::new));
        client.awaitEvent("limit");
        assertEquals(0, client.status(), client.toString());
        Map<String, Object> limit = client.event("limit");
        assertEquals("connect", limit.get("call"));
        assertEquals("EADDRNOTAVAIL", limit.get("errno"));
        assertEquals("Cannot assign requested address", limit.get("text"));
        Map<String, Object> summary = client.event("summary");
        assertEquals(expected, summary.get("connected"));
        assertEquals(expected, summary.get("connections"));
        assertEquals(0, summary.get("lost"));
        assertEquals(0, summary.get("mismatched"));
        assertTrue((Integer) summary.get("messages") >= 2 * expected, summary.toString());
    }

    @Test
    void shouldHoldOneConnectionForEachPortOfTheDefaultRange() throws Exception {
        host.set("ipv4/ip_local_port_range", "32768 60999");
        serve();
        assertHolds(60999 - 32768 + 1);
    }

    @Test
    void shouldHoldOneConnectionForEachPortOfTheWidestRange() throws Exception {
        host.set("ipv4/ip_local_port_range", "1024 65535");
        serve();
        assertHolds(65535 - 1024 + 1);
    }

    @Test
    void shouldHoldTwiceAsManyFromTwoAddresses() throws Exception {
        host.set("ipv4/ip_local_port_range", "32768 60999");
        serve();
        assertHolds(2 * (60999 - 32768 + 1), "--source", "127.0.0.1-127.0.0.2");
    }

    @Test
    void shouldHoldTwoHundredThousandAndBeAsBeforeAfterwards() throws Exception {
        Command server = serve();
        connectTwoHundredThousand(server);
        long rssAfterFirst = server.rss();
        long descriptors = allDescriptors(server);

        long peak = connectTwoHundredThousand(server);
        assertTrue(peak - rssAfterFirst < 32L * 200_000, "bytes more with 200,000: " + (peak - rssAfterFirst));
        assertEquals(descriptors, allDescriptors(server));
        assertTrue(server.rss() - rssAfterFirst < 4L << 20,
                "bytes more after a round: " + (server.rss() - rssAfterFirst));
        Map<String, Object> progress = server.lastEvent("progress");
        assertEquals(0, progress.get("connections"));
        assertEquals(400_000, progress.get("accepted"));
        assertEquals(400_000, progress.get("closed"));
        assertEquals(Map.of(), progress.get("errors"));
    }

    /** @return the server's memory while it holds them */
    private long connectTwoHundredThousand(Command server) throws Exception {
        Command client = headroom("connect", "127.0.0.1:999", "-n", "200k", "--fd-tables", "auto", "--source",
                "127.0.0.1-127.0.0.8", "--hold", "4s", "--json");
        awaitConnections(server, 200_000);
        long rss = server.rss();
        assertEquals(0, client.status(), client.toString());
        Map<String, Object> summary = client.event("summary");
        assertEquals(200_000, summary.get("connected"));
        assertEquals(200_000, summary.get("connections"));
        assertEquals(200_000, summary.get("messages"));
        assertEquals(0, summary.get("lost"));
        awaitConnections(server, 0);
        return rss;
    }

    private static void awaitConnections(Command server, int count) throws InterruptedException {
        for (int i = 0; i < 1200; i++) {
            if (server.out().contains("\"progress\"")
                    && server.lastEvent("progress").get("connections").equals(count)) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("never " + count + " connections: " + server.lastEvent("progress"));
    }

    /** Those of the main table and of the loops, each of which has a table of its own. */
    private static long allDescriptors(Command server) throws IOException {
        Path process = Path.of("/proc", Long.toString(server.process.pid()));
        long n = count(process.resolve("fd"));
        try (Stream<Path> tasks = Files.list(process.resolve("task"))) {
            for (Path task : tasks.toList()) {
                if (Files.readString(task.resolve("comm")).startsWith("echo-server")) {
                    n += count(task.resolve("fd"));
                }
            }
        }
        return n;
    }

    private static long count(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.count();
        }
    }
}
