package dev.headroom.benchmark;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.jr.ob.JSON;

/** The yardsticks themselves: that the server echoes, and that the judge counts what there is and sees what is wrong. */
class ReferenceTest {
    private static final Path BIN = Path.of(System.getProperty("headroom.native.bin"));

    /** How a program ended and what it said. */
    private record Ended(int status, String out, String err) {
        Map<String, Object> json() {
            try {
                return JSON.std.mapFrom(out);
            } catch (RuntimeException e) {
                throw new AssertionError(this.toString(), e);
            }
        }
    }

    private static final class Server implements AutoCloseable {
        final Process process;
        final int port;

        Server(String... options) throws IOException {
            process = new ProcessBuilder(command("reference-server", options)).redirectErrorStream(true).start();
            BufferedReader out = process.inputReader();
            Map<String, Object> listening = JSON.std.mapFrom(out.readLine());
            port = ((Number) listening.get("port")).intValue();
            assertEquals(process.pid(), ((Number) listening.get("pid")).longValue());
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    private static List<String> command(String program, String... options) {
        List<String> command = new ArrayList<>(List.of(BIN.resolve(program).toString()));
        command.addAll(List.of(options));
        return command;
    }

    private static Ended run(String program, String... options) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command(program, options)).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), out, err);
    }

    private static Ended load(int port, String options) throws IOException, InterruptedException {
        return run("reference-load", ("--target 127.0.0.1:" + port + " " + options).split(" "));
    }

    private static long number(Ended ended, String field) {
        return ((Number) ended.json().get(field)).longValue();
    }

    @Test
    void shouldEchoWhateverIsSentAndClose() throws Exception {
        byte[] sent = new byte[3_000_000];
        new Random(23).nextBytes(sent);
        try (Server server = new Server("--listen", "127.0.0.1:0");
                Socket socket = new Socket("127.0.0.1", server.port)) {
            // It does not read meanwhile: the server has to keep a rest and go on with it.
            Thread sender = Thread.ofPlatform().start(() -> {
                try {
                    socket.getOutputStream().write(sent);
                    socket.shutdownOutput();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            Thread.sleep(100);
            byte[] received = socket.getInputStream().readAllBytes();
            sender.join();

            assertEquals(sent.length, received.length);
            assertTrue(Arrays.equals(sent, received));
        }
    }

    @ParameterizedTest
    @CsvSource({"23, 16, 1, 7, 0", "23, 4096, 1, 3, 0", "5, 16, 16, 100, 0", "3, 200000, 2, 5, 0", "23, 16, 1, 7, 3"})
    void shouldCountEveryMessage(int connections, int size, int depth, int messages, int tables) throws Exception {
        try (Server server = new Server("--listen", "127.0.0.1:0", "--tables", Integer.toString(tables))) {
            Ended e = load(server.port, "--connections " + connections + " --size " + size + " --depth " + depth
                    + " --messages " + messages + " --tables " + tables + " --watch " + server.process.pid());

            assertEquals(0, e.status, e::toString);
            assertAll(() -> assertEquals(connections, number(e, "opened")),
                    () -> assertEquals((long) connections * messages, number(e, "messages")),
                    () -> assertEquals((long) connections * messages * size, number(e, "verified_bytes")),
                    () -> assertEquals(0, number(e, "lost_bytes")),
                    () -> assertTrue(number(e, "server_cpu_ns") > 0));
        }
    }

    @Test
    void shouldSendAtTheRateAskedFor() throws Exception {
        try (Server server = new Server("--listen", "127.0.0.1:0")) {
            Ended e = load(server.port, "--connections 7 --rate 1000 --warm-up 0 --seconds 0.5");

            assertEquals(0, e.status, e::toString);
            double seconds = ((Number) e.json().get("seconds")).doubleValue();
            assertTrue(seconds >= 0.5 && number(e, "messages") > 0
                    && number(e, "messages") <= seconds * 1000 + 1, e::toString);
            Map<?, ?> latency = (Map<?, ?>) e.json().get("latency_us");
            double p50 = ((Number) latency.get("p50")).doubleValue();
            double max = ((Number) latency.get("max")).doubleValue();
            assertTrue(0 < p50 && p50 <= ((Number) latency.get("p99.9")).doubleValue()
                    && ((Number) latency.get("p99.9")).doubleValue() <= max, latency::toString);
        }
    }

    @Test
    void shouldSendOnceAnInterval() throws Exception {
        try (Server server = new Server("--listen", "127.0.0.1:0")) {
            Ended e = load(server.port, "--connections 7 --every 0.1 --warm-up 0 --seconds 0.55");

            assertEquals(0, e.status, e::toString);
            // The first of each, and one for each interval since, all of them.
            long each = number(e, "verified_bytes") / (7 * 16);
            assertEquals(each * 7 * 16, number(e, "verified_bytes"), 6 * 16, e::toString);
            assertTrue(each >= 2 && each <= 7, e::toString);
        }
    }

    @Test
    void shouldCountLatencyFromTheMomentAMessageWasDue() throws Exception {
        // A server that stands still for 300 ms: an honest client has some 300 messages that waited, not 7.
        try (Bad server = new Bad(Bad.Way.PAUSE)) {
            Ended e = load(server.port(), "--connections 1 --rate 1000 --warm-up 0 --seconds 1");

            assertEquals(0, e.status, e::toString);
            double p90 = ((Number) ((Map<?, ?>) e.json().get("latency_us")).get("p90")).doubleValue();
            assertTrue(p90 > 100_000, e::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({"ALTER, with other bytes than sent", "DROP, that did not come back", "CLOSE, closed by the server"})
    void shouldSeeWhatIsWrong(Bad.Way way, String said) throws Exception {
        try (Bad server = new Bad(way)) {
            Ended e = load(server.port(), "--connections 3 --messages 50 --timeout 1");

            assertEquals(1, e.status, e::toString);
            assertEquals(false, e.json().get("sound"));
            assertTrue(e.err.contains(said), e::toString);
            assertTrue(number(e, "lost_bytes") > 0, e::toString);
        }
    }

    @Test
    void shouldHoldConnectionsThatSendNothing() throws Exception {
        try (Server server = new Server("--listen", "127.0.0.1:0")) {
            Ended e = load(server.port, "--connections 23 --connect-only");

            assertEquals(0, e.status, e::toString);
            assertEquals(23, number(e, "opened"));
            assertEquals(0, number(e, "verified_bytes"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "reference-load|--connections 0|accepted are whole numbers from 1 to 100000000",
            "reference-load|--rate 1.5|accepted are whole numbers", "reference-load|--seconds -1|accepted are seconds",
            "reference-load|--target localhost:1|accepted are IPv4 addresses",
            "reference-load|--target 127.0.0.1|accepted is ADDR:PORT",
            "reference-load|--once --rate 7|exclude each other", "reference-load|--tables 2|goes with",
            "reference-load|--source-ports 9-8|accepted are whole numbers from 9 to 65535",
            "reference-load|--source-ports 8-9 --connections 3|make 2", "reference-load|--size|needs a value",
            "reference-load|--sizes 4|is no option here", "reference-load|16|nothing but options",
            "reference-server|--listen 1.2.3:9|accepted are IPv4 addresses", "reference-server|--tables x|accepted are",
            "reference-server|--port 9|is no option here", "reference-server|9999|nothing but options"})
    void shouldSayWhatIsAccepted(String program, String options, String said) throws Exception {
        Ended e = run(program, options.split(" "));

        assertEquals(2, e.status, e::toString);
        assertTrue(e.err.contains(said) && e.err.lines().count() == 1, e::toString);
    }

    @Test
    void shouldSayWhyItCannot() throws Exception {
        int port;
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = taken.getLocalPort();
            Ended server = run("reference-server", "--listen", "127.0.0.1:" + port);
            assertEquals(3, server.status, server::toString);
            assertTrue(server.err.contains("Address already in use"), server::toString);
        }
        Ended client = load(port, "--messages 1");
        assertEquals(3, client.status, client::toString);
        assertTrue(client.err.contains("with 0 connections: Connection refused"), client::toString);
    }

    @ParameterizedTest
    @CsvSource({"reference-server", "reference-load"})
    void shouldHelpIn80Columns(String program) throws Exception {
        Ended e = run(program, "--help");

        assertEquals(0, e.status);
        assertTrue(e.out.startsWith("Usage: " + program));
        assertTrue(e.out.lines().allMatch(l -> l.length() <= 80), e.out);
    }

    /** A server that is not right in one way, after some messages that are. */
    private static final class Bad implements AutoCloseable {
        enum Way {
            ALTER, DROP, CLOSE, PAUSE
        }

        private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final Way way;

        Bad(Way way) throws IOException {
            this.way = way;
            Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        Socket socket = listener.accept();
                        Thread.ofVirtual().start(() -> serve(socket));
                    }
                } catch (IOException e) {
                    // closed by the test
                }
            });
        }

        int port() {
            return listener.getLocalPort();
        }

        private void serve(Socket socket) {
            byte[] buffer = new byte[4096];
            try (socket; InputStream in = socket.getInputStream(); OutputStream out = socket.getOutputStream()) {
                for (int i = 0, n = in.read(buffer); n > 0; n = in.read(buffer), i++) {
                    if (i == 10) {
                        switch (way) {
                            case ALTER -> buffer[n - 1] ^= 1;
                            case DROP -> n--;
                            case PAUSE -> Thread.sleep(300);
                            default -> {
                                return;
                            }
                        }
                    }
                    out.write(buffer, 0, n);
                }
            } catch (IOException e) {
                // the judge has gone
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void close() throws IOException {
            listener.close();
        }
    }
}
