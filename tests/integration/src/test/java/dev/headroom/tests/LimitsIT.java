package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.headroom.echo.EchoObserver;
import dev.headroom.echo.EchoServer;
import dev.headroom.linux.Sockaddr;

/** RLIMIT_NOFILE for real: one half of the pair has few descriptors, on one table or on several. */
@Timeout(60)
class LimitsIT {
    @TempDir
    private Path temp;

    private final List<Socket> clients = new ArrayList<>();

    private Socket connect(EchoChild server) throws IOException {
        String address = server.addresses();
        Socket s = new Socket("127.0.0.1", Integer.parseInt(address.substring(address.indexOf(':') + 1)));
        s.setSoTimeout(20_000);
        clients.add(s);
        return s;
    }

    private void connect(EchoChild server, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            connect(server);
        }
    }

    private static void assertEchoes(Socket s) throws IOException {
        s.getOutputStream().write('x');
        assertEquals('x', s.getInputStream().read());
    }

    private static EchoServer server() throws IOException {
        return EchoServer.start(EchoServer.Options.of(Sockaddr.of("127.0.0.1", 0)), EchoObserver.NONE);
    }

    @Test
    void shouldAcceptUpToTheLastDescriptorAndServeTheNextAtOnce() throws Exception {
        try (EchoChild server = EchoChild.start("server", "nofile=100", "retry_ms=3600000")) {
            int room = 100 - server.descriptors();
            connect(server, room + 13);
            server.await("the limit is reported", s -> EchoChild.number(s, "limits") == 1);
            assertEquals("accept4/EMFILE/" + room, server.ask("stats").get("limit").replaceFirst("/\\d+$", ""));
            assertEquals(room, server.get("connections"));
            assertEquals(100, server.descriptors());
            long cpu = server.get("cpu_ms");
            Thread.sleep(500);
            assertTrue(server.get("cpu_ms") - cpu < 100, "it spins while clients wait");
            for (Socket held : clients.subList(0, room)) {
                assertEchoes(held);
            }

            clients.getFirst().close();

            assertEchoes(clients.get(room));
            assertEquals(room + 1, server.get("opened"));
            for (Socket held : clients) {
                held.close();
            }
            server.await("closed", room + 13);
            assertEquals(100 - room, server.descriptors());
            server.stop();
        }
    }

    @Test
    void shouldShedWithItsSpareDescriptor() throws Exception {
        try (EchoChild server = EchoChild.start("server", "nofile=100", "retry_ms=3600000", "on_limit=SHED")) {
            // The spare one is open when the loop has begun.
            assertEchoes(connect(server));
            int room = 100 - server.descriptors();
            connect(server, room);
            for (Socket held : clients) {
                assertEchoes(held);
            }
            for (int i = 0; i < 7; i++) {
                Socket shed = connect(server);
                assertThrows(SocketException.class, () -> shed.getInputStream().read());
            }
            server.await("shed", 7);
            Map<String, String> last = server.ask("stats");
            assertEquals(1, EchoChild.number(last, "limits"));
            assertEquals(room + 1, EchoChild.number(last, "connections"));
            for (Socket held : clients.subList(0, room + 1)) {
                assertEchoes(held);
            }
            server.stop();
        }
    }

    @Test
    void shouldHoldWhatTheClientHasAndTryAgain() throws Exception {
        try (EchoServer server = server();
                EchoChild client = EchoChild.start("client", "targets=" + server.addresses().getFirst(), "nofile=100",
                        "n=150", "retry_ms=200", "in_flight=1")) {
            client.await("the limit is reported twice",
                    s -> EchoChild.number(s, "limits") >= 2 && EchoChild.number(s, "in_flight") == 0);
            // The limit may have come when there were more already: it counts the numbers below it only.
            Map<String, String> stats = client.ask("stats");
            assertTrue(stats.get("limit").startsWith("socket/EMFILE/"), stats::toString);
            assertTrue(client.descriptors() >= 100, "descriptors " + client.descriptors());
            long messages = EchoChild.number(stats, "messages");
            client.await("those that it holds are echoed on", s -> EchoChild.number(s, "messages") > messages + 500);

            client.ask("nofile 400");

            client.await("connections", 150);
            client.ask("quiesce");
            client.await("outstanding", 0);
            Map<String, String> last = client.stop();
            assertEquals(0, EchoChild.number(last, "lost") + EchoChild.number(last, "mismatched"), last::toString);
        }
    }

    @Test
    void shouldHoldMoreThanTheLimitOnPrivateTables() throws Exception {
        try (EchoChild server = EchoChild.start("server", "private=true", "loops=3", "retry_ms=3600000")) {
            List<Long> threads = server.loopThreads();
            assertEquals(3, threads.size());
            int room = 0;
            server.ask("nofile 100");
            for (long thread : threads) {
                room += 100 - server.descriptors(thread);
            }
            assertTrue(room > 150, "room " + room);
            int before = server.descriptors();

            connect(server, room + 5);

            // Each fills to its last descriptor, although the clients wake now this one, now that one.
            server.await("connections", room);
            server.await("the limit is reported", s -> s.get("limit").startsWith("accept4/EMFILE/"));
            for (long thread : threads) {
                assertEquals(100, server.descriptors(thread));
            }
            assertEquals(before, server.descriptors(), "the main table holds none of them");
            for (Socket held : clients.subList(0, room)) {
                assertEchoes(held);
            }
            // stop wakes loops on other tables
            assertEquals(room, EchoChild.number(server.stop(), "closed"));
            for (Socket held : clients.subList(0, room)) {
                assertEquals(-1, held.getInputStream().read());
            }
        }
    }

    @Test
    void shouldFillTheTablesOfAClient() throws Exception {
        try (EchoServer server = server();
                EchoChild client = EchoChild.start("client", "targets=" + server.addresses().getFirst(), "n=150",
                        "private=true", "loops=2", "retry_ms=100", "nofile=100")) {
            client.await("connections", 150);
            List<Long> threads = client.loopThreads();
            assertTrue(client.descriptors(threads.get(0)) <= 100 && client.descriptors(threads.get(1)) <= 100);
            client.ask("quiesce");
            client.await("outstanding", 0);
            Map<String, String> last = client.stop();
            assertEquals(0, EchoChild.number(last, "lost") + EchoChild.number(last, "mismatched"), last::toString);
        }
    }

    /** Classes that those threads have loaded from jars or folders; those of the JDK itself come from its one image. */
    private static List<String> loadedFromFiles(Path log, Set<Long> threads) throws IOException {
        Pattern line = Pattern.compile("\\[(\\d+)\\] (\\S+) source: (file:|jar:|/)(\\S+)");
        List<String> classes = new ArrayList<>();
        for (String l : Files.readAllLines(log)) {
            Matcher m = line.matcher(l);
            if (m.find() && threads.contains(Long.valueOf(m.group(1)))) {
                classes.add(m.group(2));
            }
        }
        return classes;
    }

    @Test
    void shouldLoadNoClassFromAFileOnAPrivateTable() throws Exception {
        Path log = temp.resolve("classes");
        List<String> options = List.of("-Xlog:class+load=info:file=" + log + ":tid");
        Path clientLog = temp.resolve("client-classes");
        List<String> clientOptions = List.of("-Xlog:class+load=info:file=" + clientLog + ":tid");
        try (EchoChild server = EchoChild.start(List.of(), options, "server", "private=true", "loops=2", "retry_ms=20",
                "on_limit=SHED");
                EchoChild client = EchoChild.start(List.of(), clientOptions, "client", "targets=" + server.addresses(),
                        "private=true", "loops=2", "n=200", "retry_ms=20", "every_ms=1")) {
            Set<Long> serving = Set.copyOf(server.loopThreads());
            Set<Long> calling = Set.copyOf(client.loopThreads());
            assertEquals(2, serving.size());
            assertEquals(2, calling.size());
            client.await("messages are back", s -> EchoChild.number(s, "messages") > 1000);
            Socket halfClosed = connect(server);
            assertEchoes(halfClosed);
            halfClosed.shutdownOutput();
            assertEquals(-1, halfClosed.getInputStream().read());
            Socket reset = connect(server);
            assertEchoes(reset);
            reset.setSoLinger(true, 0);
            reset.close();
            server.await("the reset has come", s -> EchoChild.number(s, "ECONNRESET") > 0);
            server.ask("nofile 60");
            client.ask("nofile 60");
            connect(server, 5);
            server.await("it sheds", s -> EchoChild.number(s, "limits") > 0 || EchoChild.number(s, "shed") > 0);
            server.stop();
            client.await("it finds nobody", s -> EchoChild.number(s, "ECONNREFUSED") > 0);
            client.stop();
            assertEquals(List.of(), loadedFromFiles(log, serving));
            assertEquals(List.of(), loadedFromFiles(clientLog, calling));
            // The log is read rightly: other threads did load from files.
            Set<Long> all = Files.readAllLines(log).stream().map(l -> l.replaceFirst("^\\[(\\d+)\\].*", "$1"))
                    .filter(n -> n.matches("\\d+")).map(Long::valueOf).collect(Collectors.toSet());
            assertTrue(loadedFromFiles(log, all).contains("dev.headroom.loop.EventLoop"));
        }
    }
}
