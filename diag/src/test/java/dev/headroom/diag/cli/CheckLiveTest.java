package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.jr.ob.JSON;

/** The command as a process of its own, against processes and queues that are really full. */
@Timeout(60)
class CheckLiveTest {
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");

    private record Ran(int status, String out, String err) {
        List<Map<?, ?>> list(String name) throws IOException {
            List<Map<?, ?>> all = new ArrayList<>();
            for (Object o : (List<?>) JSON.std.mapFrom(out).get(name)) {
                all.add((Map<?, ?>) o);
            }
            return all;
        }

        Map<?, ?> limit(String id) throws IOException {
            return list("limits").stream().filter(l -> l.get("id").equals(id)).findFirst().orElseThrow();
        }
    }

    private static List<String> headroom(String... args) {
        List<String> command = new ArrayList<>(List.of(JAVA.toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                "dev.headroom.diag.cli.Main"));
        command.addAll(Arrays.asList(args));
        return command;
    }

    private static Ran run(List<String> command) throws IOException, InterruptedException {
        Path err = Files.createTempFile("headroom", "err");
        try {
            Process p = new ProcessBuilder(command).redirectError(err.toFile()).start();
            String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Ran(p.waitFor(), out, Files.readString(err));
        } finally {
            Files.delete(err);
        }
    }

    private static Ran check(String... args) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of("check"));
        all.addAll(Arrays.asList(args));
        return run(headroom(all.toArray(String[]::new)));
    }

    /** A shell that holds 0, 1, 2 and 23 more, and waits. */
    private static Process holding23(int soft) throws IOException {
        Process p = new ProcessBuilder("bash", "-c", "ulimit -Sn " + soft
                + "; for i in {3..25}; do eval \"exec $i</dev/null\"; done; echo ready; read -r")
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        var out = new InputStreamReader(p.getInputStream(), StandardCharsets.US_ASCII);
        assertEquals('r', out.read());
        return p;
    }

    @Test
    void shouldCountTheDescriptorsOfAnotherProcess() throws Exception {
        Process shell = holding23(64);
        try {
            Ran ran = check("--pid", Long.toString(shell.pid()), "--json");

            assertEquals(0, ran.status(), ran.err());
            assertEquals(26, ran.limit("nofile-soft").get("used"));
            assertEquals(64, ran.limit("nofile-soft").get("ceiling"));
            assertEquals(40.6, ran.limit("nofile-soft").get("percent"));
            assertEquals("process " + shell.pid() + " (bash)", ran.limit("nofile-soft").get("scope"));
        } finally {
            shell.destroy();
        }
    }

    @Test
    void shouldExitWithOneWhenATableIsFull() throws Exception {
        Process shell = holding23(26);
        try {
            Ran ran = check("--pid", Long.toString(shell.pid()));

            assertEquals(1, ran.status(), ran.err());
            assertTrue(ran.out().contains("  100             26             26  descriptors, this process\n"
                    + "          accept4, open, socket: EMFILE (Too many open files)."), ran.out());
            ran.out().lines().forEach(l -> assertTrue(l.length() <= 80, l));
            assertEquals(0, check("--pid", Long.toString(shell.pid()), "--warn", "100", "--json").status() & ~1);
        } finally {
            shell.destroy();
        }
    }

    /** In a network namespace of its own: other tests change the machine's. */
    private static Process isolated(String prepare, Class<?> program) throws IOException {
        return new ProcessBuilder("unshare", "-n", "sh", "-c", prepare + "; exec \"$@\"", "sh", JAVA.toString(), "-cp",
                System.getProperty("java.class.path"), program.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }

    @Test
    void shouldSay1025Of1025AndWhyItIsOneMore() throws Exception {
        Process inside = isolated("ip link set lo up; echo 4096 > /proc/sys/net/core/somaxconn", Overfull.class);
        try {
            String port = inside.inputReader().readLine();
            assumeTrue(port != null, "no right to make a network namespace");
            String pid = Long.toString(inside.pid());

            List<String> command = new ArrayList<>(List.of("nsenter", "-t", pid, "-n"));
            command.addAll(headroom("check", "--listen", port));
            Ran ran = run(command);

            assertEquals(1, ran.status(), ran.err());
            assertTrue(ran.out().contains("127.0.0.1:" + port + ": 1025 of 1025"), ran.out());
            assertTrue(ran.out().contains("sk_acceptq_is_full asks whether the\n  queue is longer (>)"), ran.out());
            assertTrue(ran.out().contains("the program's backlog binds: 1024 is below net.core.somaxconn"), ran.out());
            ran.out().lines().forEach(l -> assertTrue(l.length() <= 80, l));

            assertEquals(Map.of("address", "127.0.0.1:" + port, "queue", 1025, "capacity", 1025, "backlog", 1024,
                    "somaxconn", 4096, "pid", (int) inside.pid()),
                    check("--pid", pid, "--json").list("listeners").getFirst());
        } finally {
            inside.destroy();
        }
    }

    /** Listens with a backlog of 1024, accepts nobody, and is called by 1030. */
    static final class Overfull {
        private Overfull() {
        }

        public static void main(String[] args) throws IOException, InterruptedException {
            List<SocketChannel> clients = new ArrayList<>();
            try (ServerSocketChannel server = ServerSocketChannel.open()) {
                server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
                for (int i = 0; i < 1030; i++) {
                    SocketChannel c = SocketChannel.open();
                    c.configureBlocking(false);
                    c.connect(server.getLocalAddress());
                    clients.add(c);
                }
                System.out.println(((InetSocketAddress) server.getLocalAddress()).getPort());
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }

    @Test
    void shouldCountThePortsToOneDestination() throws Exception {
        Process inside = isolated("ip link set lo up; echo 40000 40029 > /proc/sys/net/ipv4/ip_local_port_range",
                Calling23.class);
        try {
            String port = inside.inputReader().readLine();
            assumeTrue(port != null, "no right to make a network namespace");

            Ran ran = check("--pid", Long.toString(inside.pid()), "--json", "--warn", "70");

            assertEquals(1, ran.status(), ran.err());
            Map<?, ?> ports = ran.limit("tuple-range-exhausted");
            assertEquals("127.0.0.1 to 127.0.0.1:" + port, ports.get("scope"));
            assertEquals(23, ports.get("used"));
            assertEquals(30, ports.get("ceiling"));
        } finally {
            inside.destroy();
        }
    }

    /** Has 23 connections to a port outside of the range. */
    static final class Calling23 {
        private Calling23() {
        }

        public static void main(String[] args) throws IOException, InterruptedException {
            List<SocketChannel> clients = new ArrayList<>();
            try (ServerSocketChannel server = ServerSocketChannel.open()) {
                server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 19993));
                for (int i = 0; i < 23; i++) {
                    clients.add(SocketChannel.open(server.getLocalAddress()));
                }
                System.out.println(clients.size() == 23 ? 19993 : 0);
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }

    @Test
    void shouldReadInTheNetworkNamespaceOfTheProcess() throws Exception {
        Process inside = isolated("echo 23 > /proc/sys/net/core/somaxconn;"
                + " echo 20 > /proc/sys/net/ipv4/tcp_max_tw_buckets", Listen.class);
        try {
            String line = inside.inputReader().readLine();
            assumeTrue(line != null, "no right to make a network namespace");

            Ran ran = check("--pid", Long.toString(inside.pid()), "--json");

            Map<?, ?> listener = ran.list("listeners").getFirst();
            assertEquals(24, listener.get("capacity"));
            assertEquals(23, listener.get("somaxconn"));
            assertEquals(20, ran.limit("time-wait-buckets").get("ceiling"));
            assertEquals(List.of(), check("--json").list("listeners").stream()
                    .filter(l -> l.get("address").equals(listener.get("address"))).toList());
        } finally {
            inside.destroy();
        }
    }

    /** Listens, asking for more than it gets, until it is stopped. */
    static final class Listen {
        private Listen() {
        }

        public static void main(String[] args) throws IOException, InterruptedException {
            try (ServerSocketChannel server = ServerSocketChannel.open()) {
                server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
                System.out.println(server.getLocalAddress());
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }

    @Test
    void shouldWatchUntilItIsStoppedAndCountReadings() throws Exception {
        Process shell = holding23(26);
        try {
            Process p = new ProcessBuilder(headroom("check", "--pid", Long.toString(shell.pid()), "--watch", "200ms"))
                    .start();
            var out = p.inputReader();
            int readings = 0;
            StringBuilder all = new StringBuilder();
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                all.append(line).append('\n');
                if (line.matches("\\d\\d:\\d\\d(:\\d\\d)?") && ++readings == 3) {
                    p.toHandle().destroy();
                }
            }

            assertTrue(p.waitFor(10, TimeUnit.SECONDS));
            assertEquals(1, p.exitValue(), all.toString());
            assertTrue(all.toString().matches("(?s).*\\n\\d+ readings, \\d+ with a limit at 80 % or above\\n"),
                    all.toString());
        } finally {
            shell.destroy();
        }
    }

    @Test
    void shouldLookAtTheMachineAndAtAllProcesses() throws Exception {
        Ran machine = check("--json", "--warn", "100");
        assertTrue(machine.list("limits").stream().anyMatch(l -> l.get("id").equals("file-max")), machine.out());

        Ran all = check("--all", "--json", "--warn", "100");
        String self = "process " + ProcessHandle.current().pid() + " (java)";
        assertTrue(all.list("limits").stream()
                .anyMatch(l -> l.get("id").equals("nofile-soft") && l.get("scope").equals(self)), all.out());
    }

    @Test
    void shouldSayWhatIsMissing() throws Exception {
        assertEquals(new Ran(3, "", "headroom check: there is no process 2147483646 here\n"),
                check("--pid", "2147483646"));
        assertEquals(2, check("--pid", "1", "--all").status());
        assertEquals(2, check("--warn", "0").status());
        assertEquals(2, check("--watch", "1ms").status());
        Ran none = check("--listen", "1");
        assertEquals(3, none.status());
        assertTrue(none.err().startsWith("headroom check: nobody listens on port 1 in this network namespace"),
                none.err());
    }

    @Test
    void shouldPlanForTheShellAndSayWhetherThisHostCan() throws Exception {
        Ran ran = run(headroom("plan", "10", "--check", "--json"));
        Object fits = JSON.std.mapFrom(ran.out()).get("fits");
        assertEquals(Boolean.TRUE.equals(fits) ? 0 : 1, ran.status(), ran.err());
        assertEquals(1, run(headroom("plan", "2000m", "--check")).status());
        assertEquals(2, run(headroom("plan", "0")).status());
        assertEquals(2, run(headroom("plan", "10", "--format", "xml")).status());
    }

    @Test
    void shouldAnswerWhenItsOwnUserHasFewDescriptors() throws Exception {
        Process shell = holding23(26);
        try {
            List<String> command = new ArrayList<>(List.of("bash", "-c", "ulimit -n 24; exec \"$@\"", "bash"));
            command.addAll(headroom("check", "--pid", Long.toString(shell.pid()), "--json"));
            Ran ran = run(command);

            assertEquals(1, ran.status(), ran.err());
            assertEquals(100.0, ran.limit("nofile-soft").get("percent"));
        } finally {
            shell.destroy();
        }
    }
}
