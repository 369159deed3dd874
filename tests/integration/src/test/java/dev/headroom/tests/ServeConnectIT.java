package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.jr.ob.JSON;

import dev.headroom.linux.Errno;
import dev.headroom.linux.IoUring;

/** {@code headroom serve} and {@code headroom connect} as processes of their own, on the loopback of this host. */
@Timeout(60)
class ServeConnectIT {
    private static final String MAIN = "dev.headroom.diag.cli.Main";
    /** What the launcher puts on the class path, and nothing of the tests. */
    private static final String CLASS_PATH = Stream
            .of(MAIN, "dev.headroom.loop.EventLoop", "org.HdrHistogram.Histogram", "picocli.CommandLine",
                    "tools.jackson.jr.ob.JSON", "tools.jackson.core.JsonParser")
            .map(ServeConnectIT::placeOf).collect(Collectors.joining(":"));

    @TempDir
    private Path temp;

    private final List<Command> commands = new ArrayList<>();

    @AfterEach
    void end() {
        commands.forEach(c -> c.process.destroyForcibly());
    }

    @Test
    void shouldEchoEveryMessageAndEndInOrder() throws Exception {
        Command server = serve("--json");
        Command client = headroom("connect", server.target(), "-n", "100", "--every", "200ms", "--hold", "1s",
                "--json");

        assertEquals(0, client.status(), client.toString());
        Map<String, Object> connected = client.event("summary");
        assertEquals(100, connected.get("connected"));
        assertEquals(100, connected.get("connections"));
        assertEquals(0, connected.get("lost"));
        assertEquals(0, connected.get("mismatched"));
        assertEquals(Map.of(), connected.get("errors"));
        assertTrue((Integer) connected.get("messages") >= 500, connected.toString());
        assertEquals(List.of("p50", "p90", "p99", "p999", "p9999", "p99999", "max"),
                List.copyOf(((Map<?, ?>) connected.get("latency_us")).keySet()));

        server.signal("INT");
        assertEquals(0, server.status(), server.toString());
        Map<String, Object> accepted = server.event("summary");
        assertEquals(100, accepted.get("accepted"));
        assertEquals(connected.get("bytes"), accepted.get("bytes"));
    }

    @Test
    void shouldSumUpForAPerson() throws Exception {
        Command server = serve("--verbose");
        Command client = headroom("connect", server.target(), "-n", "23", "--report", "100ms");
        client.await("23 established");
        client.signal("INT");
        assertEquals(0, client.status(), client.toString());
        assertTrue(client.out().contains("connected 23 in "), client.toString());
        assertTrue(client.out().contains("messages  23 sent, 23 echoed, 0 lost, 0 altered"), client.toString());

        server.signal("TERM");
        assertEquals(0, server.status(), server.toString());
        assertEquals(23, server.count("opened  local " + server.target() + "  peer 127.0.0.1:"));
        assertEquals(23, server.count("closed  local "));
        assertTrue(server.out().contains("accepted  23 in "), server.toString());
        assertEquals("", server.err() + client.err());
    }

    @Test
    void shouldFillBothTablesToTheLastDescriptor() throws Exception {
        Command server = serve("--json", "--nofile", "64");
        int own = server.descriptors("").size();
        Command client = headroom("connect", server.target(), "--json", "--nofile", "64", "--report", "100ms");
        Map<String, Object> clientLimit = client.awaitEvent("limit");
        Map<String, Object> serverLimit = server.awaitEvent("limit");
        assertEquals(List.of("socket", "EMFILE", "Too many open files", 10.0),
                Stream.of("call", "errno", "text", "retry_s")
                        .map(clientLimit::get).toList());
        assertEquals(List.of("accept4", "EMFILE", "Too many open files", 10.0),
                Stream.of("call", "errno", "text", "retry_s")
                        .map(serverLimit::get).toList());
        assertEquals(64 - own, serverLimit.get("connections"));
        for (Command full : List.of(client, server)) {
            Map<String, Object> limit = full.event("limit");
            assertEquals(List.of("nofile-soft", "CONFIRMED",
                    "all 64 descriptors of process " + full.process.pid() + " (java) are in use"),
                    Stream.of("cause", "verdict", "because").map(limit::get).toList(), full.toString());
        }

        int held = client.descriptors("socket:").size();
        assertEquals(64, client.descriptors("").size());
        assertEquals(64, server.descriptors("").size());
        assertEquals(held - (64 - own), acceptQueue(server.port()));

        long before = server.cpuTicks();
        Thread.sleep(1000);
        assertTrue(server.cpuTicks() - before <= 3, "a server that waits for room uses the processor");

        client.signal("INT");
        assertEquals(0, client.status(), client.toString());
        assertEquals(held, client.event("summary").get("connected"));
        Command next = headroom("connect", server.target(), "-n", "23", "--hold", "1ms", "--duration", "5s", "--json");
        assertEquals(0, next.status(), next.toString());
        server.signal("INT");
        assertEquals(0, server.status(), server.toString());
        assertEquals("", server.err() + client.err());
    }

    // A retry before the first reading is done could take what was set aside for it.
    @Test
    void shouldSayWhyOfItselfWithoutADescriptorLeft() throws Exception {
        Command server = serve("--nofile", "64", "--retry", "1s", "--report", "100ms");
        Command client = headroom("connect", server.target(), "--nofile", "64", "--retry", "1s", "--report",
                "100ms", "--every", "50ms");
        assertSaysOnce(client, "socket");
        assertSaysOnce(server, "accept4");
        assertEquals(64, client.descriptors("").size());
        assertEquals(64, server.descriptors("").size());

        client.signal("INT");
        assertEquals(0, client.status(), client.toString());
        assertTrue(client.out().contains(" 0 lost, 0 altered"), client.toString());
        server.signal("INT");
        assertEquals(0, server.status(), server.toString());
        assertEquals("", server.err() + client.err());
    }

    /** The reason below the first line about the limit, and below none of the next three. */
    private static void assertSaysOnce(Command command, String call) throws Exception {
        for (int i = 0; i < 500 && command.count("limit: ") < 4; i++) {
            Thread.sleep(20);
        }
        List<String> lines = command.out().lines().toList();
        int limit = lines.indexOf(lines.stream().filter(l -> l.startsWith("limit: ")).findFirst().orElseThrow());
        assertTrue(lines.get(limit).startsWith("limit: " + call), command.toString());
        long pid = command.process.pid();
        assertEquals(List.of("  because all 64 descriptors of process " + pid + " (java) are in use",
                "  headroom explain EMFILE --call " + call + " --pid " + pid), lines.subList(limit + 1, limit + 3),
                command.toString());
        assertTrue(command.count("limit: ") >= 4, command.toString());
        assertEquals(1, command.count("because "), command.toString());
        assertEquals(1, command.count("headroom explain "), command.toString());
    }

    @Test
    void shouldSayWhichTableIsFull() throws Exception {
        Command server = serve("--json", "--nofile", "80", "--fd-tables", "2");
        headroom("connect", server.target(), "-n", "300", "--report", "100ms");
        Map<String, Object> limit = server.awaitEvent("limit");
        assertEquals("nofile-soft", limit.get("cause"), server.toString());
        assertEquals("CONFIRMED", limit.get("verdict"), server.toString());
        assertEquals("all 80 descriptors of process " + server.process.pid() + " (java) are in use",
                limit.get("because"));
    }

    @Test
    void shouldNameThePortsThatAreUsedUp() throws Exception {
        Requires.root();
        try (Namespace host = Namespace.make(Requires.tool("ip"), null)) {
            host.set("ipv4/ip_local_port_range", "40000 40019");
            Command server = run(host.exec(), "serve", "--listen", "127.0.0.1:999", "--max-connections", "500",
                    "--json");
            server.await("listening");
            Command json = run(host.exec(), "connect", "127.0.0.1:999", "--hold", "1s", "--every", "100ms", "--json");
            Map<String, Object> limit = json.awaitEvent("limit");
            assertEquals("EADDRNOTAVAIL", limit.get("errno"));
            assertEquals("tuple-range-exhausted", limit.get("cause"), json.toString());
            assertTrue(limit.get("because").toString().contains("all 20 "), json.toString());
            assertEquals(0, json.status(), json.toString());
            Map<String, Object> summary = json.event("summary");
            assertEquals(20, summary.get("connected"));
            assertEquals(0, summary.get("lost"));
            assertTrue((Integer) summary.get("messages") > 100, json.toString());

            // Those connections are in TIME-WAIT now; from another address all ports are there.
            Command text = run(host.exec(), "connect", "127.0.0.1:999", "--source", "127.0.0.2-127.0.0.3", "--hold",
                    "1s");
            assertEquals(0, text.status(), text.toString());
            assertEquals(1, text.count("  because "), text.toString());
            assertEquals(1, text.count("  headroom explain EADDRNOTAVAIL --call connect --to 127.0.0.1:999 --at "),
                    text.toString());
            assertTrue(text.out().lines().filter(l -> !l.startsWith("limit")).allMatch(l -> l.length() <= 80),
                    text.toString());
            assertEquals(0, server.count("\"limit\""));
        }
    }

    @Test
    void shouldHoldMoreThanOneTableDoes() throws Exception {
        Command server = serve("--json", "--verbose", "--nofile", "80", "--fd-tables", "2");
        Command client = headroom("connect", server.target(), "-n", "90", "--nofile", "80", "--fd-tables", "auto",
                "--hold", "300ms", "--every", "100ms", "--json", "--verbose");
        assertEquals(0, client.status(), client.toString());
        assertEquals(2, server.event("listening").get("fd_tables"));
        assertEquals(2, client.event("connecting").get("fd_tables"));
        server.signal("INT");
        assertEquals(0, server.status(), server.toString());
        assertEquals(90, server.event("summary").get("accepted"));
        assertEquals(90, server.count("{\"event\":\"opened\""));
        assertEquals("", server.err() + client.err());
    }

    @Test
    void shouldTellEchoesThatDoNotComeBack() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"))) {
            Thread closing = Thread.startVirtualThread(() -> answer(listener, new byte[0]));
            Command client = headroom("connect", "127.0.0.1:" + listener.getLocalPort(), "-n", "1", "--duration",
                    "500ms",
                    "--json");
            assertEquals(1, client.status(), client.toString());
            assertEquals(1, client.event("summary").get("lost"));
            closing.join();
        }
    }

    @Test
    void shouldTellEchoesThatCameBackAltered() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 10, InetAddress.getByName("127.0.0.1"))) {
            Thread altering = Thread.startVirtualThread(() -> answer(listener, new byte[8]));
            Command client = headroom("connect", "127.0.0.1:" + listener.getLocalPort(), "-n", "1", "--size", "8",
                    "--duration", "500ms", "--json");
            assertEquals(1, client.status(), client.toString());
            assertEquals(1, client.event("summary").get("mismatched"));
            altering.join();
        }
    }

    private static void answer(ServerSocket listener, byte[] answer) {
        try (Socket s = listener.accept()) {
            s.getInputStream().readNBytes(1);
            s.getOutputStream().write(answer);
            s.getOutputStream().flush();
            Thread.sleep(answer.length == 0 ? 0 : 300);
        } catch (IOException | InterruptedException e) {
            // The client has what it needs.
        }
    }

    @Test
    void shouldSayThatNothingListens() throws Exception {
        // Below the range that source ports are from, or one of 512 attempts may connect to itself.
        int port = 1;
        Command client = headroom("connect", "127.0.0.1:" + port, "--hold", "1ms");
        assertEquals(3, client.status(), client.toString());
        assertTrue(client.out().contains("limit: connect 127.0.0.1:" + port + ": ECONNREFUSED (Connection refused); "),
                client.toString());
        assertTrue(client.err().endsWith("nothing listens there\n"), client.toString());
    }

    @Test
    void shouldSayWhoHasThePort() throws Exception {
        Command server = serve("--json");
        Command second = headroom("serve", "--listen", server.target());
        assertEquals(3, second.status());
        assertEquals(
                "headroom serve: cannot listen on " + server.target() + "\n  EADDRINUSE (Address already in use): pid "
                        + server.process.pid() + " (java) listens there already\n",
                second.err());
        assertEquals("", second.out());
    }

    @Test
    void shouldSayWhatAPrivilegedPortNeeds() throws Exception {
        Requires.root();
        String setpriv = Requires.tool("setpriv").toString();
        Requires.that(readSysctl("net/ipv4/ip_unprivileged_port_start") > 9, "privileged ports");
        Command server = run(List.of(setpriv, "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"),
                "serve", "--listen", "127.0.0.1:9");
        assertEquals(3, server.status(), server.toString());
        assertTrue(
                server.err().startsWith("headroom serve: cannot listen on 127.0.0.1:9\n  EACCES (Permission denied): "),
                server.err());
        assertTrue(server.err().contains("net.ipv4.ip_unprivileged_port_start")
                && server.err().contains("CAP_NET_BIND_SERVICE"), server.err());
    }

    @Test
    void shouldSayWhatBindsTheDescriptors() throws Exception {
        long nrOpen = readSysctl("fs/nr_open");
        Command server = headroom("serve", "--nofile", Long.toString(nrOpen + 1));
        assertEquals(3, server.status(), server.toString());
        assertTrue(server.err().startsWith("headroom serve: --nofile " + (nrOpen + 1) + ": setrlimit says EPERM"),
                server.err());
        assertTrue(server.err().contains("fs.nr_open " + nrOpen + ":"), server.err());
        Command cramped = headroom("serve", "--listen", "127.0.0.1:0", "--nofile", "5");
        assertEquals(3, cramped.status(), cramped.toString());
        assertTrue(cramped.err().contains("EMFILE (Too many open files)\n  the soft limit is 5 descriptors"),
                cramped.err());
    }

    @Test
    void shouldEndWhenNobodyReadsAnyMore() throws Exception {
        Command server = serve("--json", "--report", "100ms");
        server.process.getInputStream().close();
        assertEquals(0, server.status());
    }

    // ---- the stage ----

    private static String placeOf(String type) {
        try {
            return Path.of(Class.forName(type, false, ServeConnectIT.class.getClassLoader()).getProtectionDomain()
                    .getCodeSource().getLocation().toURI()).toString();
        } catch (ReflectiveOperationException | URISyntaxException e) {
            throw new IllegalStateException(type, e);
        }
    }

    @Test
    void shouldDoTheSameWithIoUring() throws Exception {
        Command server = serve("--engine", "io_uring", "--json", "--fd-tables", "2");
        Command client = headroom("connect", server.target(), "--engine", "io_uring", "-n", "100", "--every", "200ms",
                "--hold", "1s", "--json");
        assertEquals(0, client.status(), client::toString);
        Map<String, Object> summary = client.event("summary");
        assertEquals(0, ((Number) summary.get("lost")).intValue(), client::toString);
        assertEquals(0, ((Number) summary.get("mismatched")).intValue(), client::toString);
        assertTrue(((Number) summary.get("messages")).longValue() >= 500, client::toString);
        server.signal("TERM");
        assertEquals(0, server.status(), server::toString);
    }

    @Test
    void shouldSayWhichFilterForbidsIoUring() throws Exception {
        Path forbid = temp.resolve("forbid");
        Process cc = new ProcessBuilder(Requires.tool("cc").toString(), "-Wall", "-Wextra", "-Werror", "-o",
                forbid.toString(), "src/test/c/forbid.c").inheritIO().start();
        assertEquals(0, cc.waitFor());
        for (Errno errno : List.of(Errno.EPERM, Errno.ENOSYS)) {
            Command server = run(List.of(forbid.toString(), Integer.toString(IoUring.__NR_io_uring_setup),
                    Integer.toString(errno.number())), "serve", "--engine", "io_uring", "--listen", "127.0.0.1:0");
            assertEquals(3, server.status(), server::toString);
            assertEquals("headroom serve: --engine io_uring: io_uring_setup says " + errno + " (" + errno.text() + ")\n"
                    + "  a filter of system calls (Seccomp: 2 in /proc/self/status) forbids it,\n"
                    + "  as container runtimes set one up\n  --engine epoll, the default, does without",
                    server.err().replace(" (Operation not\n  permitted)", " (Operation not permitted)")
                            .replace(" (Function not\n  implemented)", " (Function not implemented)").strip());
        }
    }

    @Test
    void shouldSayThatLockedMemoryDoesNotSufficeForIoUring() throws Exception {
        Requires.root();
        String[] version = System.getProperty("os.version").split("[.-]");
        Requires.that(Integer.parseInt(version[0]) * 100 + Integer.parseInt(version[1]) >= 614,
                "Linux 6.14, which charges the rings to RLIMIT_MEMLOCK");
        Command server = run(List.of(Requires.tool("setpriv").toString(), "--bounding-set=-ipc_lock",
                "--inh-caps=-ipc_lock", "prlimit", "--memlock=0:0"), "serve", "--engine", "io_uring", "--listen",
                "127.0.0.1:0");
        assertEquals(3, server.status(), server::toString);
        assertTrue(server.err().contains("RLIMIT_MEMLOCK is 0 bytes for all of this user's processes"),
                server::toString);
    }

    private Command serve(String... options) throws Exception {
        List<String> args = new ArrayList<>(List.of("serve", "--listen", "127.0.0.1:0"));
        args.addAll(Arrays.asList(options));
        Command server = headroom(args.toArray(String[]::new));
        server.await("listening");
        return server;
    }

    private Command headroom(String... args) throws IOException {
        return run(List.of(), args);
    }

    private Command run(List<String> before, String... args) throws IOException {
        List<String> line = new ArrayList<>(before);
        line.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp", CLASS_PATH, MAIN));
        line.addAll(Arrays.asList(args));
        Command command = new Command(new ProcessBuilder(line).start());
        commands.add(command);
        return command;
    }

    private static long readSysctl(String path) throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc/sys", path))) {
            return Long.parseLong(reader.readLine().strip());
        }
    }

    /** rx_queue of the listener. */
    private static int acceptQueue(int port) throws IOException {
        String local = String.format(":%04X", port);
        try (Stream<String> lines = Files.lines(Path.of("/proc/net/tcp"))) {
            return lines.map(l -> l.strip().split("\\s+")).filter(f -> f[1].endsWith(local) && f[3].equals("0A"))
                    .mapToInt(f -> Integer.parseInt(f[4].substring(f[4].indexOf(':') + 1), 16)).findFirst()
                    .orElseThrow();
        }
    }
}
