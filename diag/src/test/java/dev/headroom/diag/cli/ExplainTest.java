package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.Children;

/** The commands explain and snapshot, against a child that is out of descriptors. */
class ExplainTest {
    private static final int LIMIT = 83;
    private static Process full;
    private static String pid;

    @TempDir
    Path folder;

    /** Opens sockets until it may not, and stays so. */
    static final class Full {
        public static void main(String[] args) throws Exception {
            List<Object> held = new ArrayList<>();
            ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
            held.add(server);
            try {
                while (true) {
                    held.add(new Socket());
                    ((Socket) held.getLast()).bind(null);
                }
            } catch (IOException e) {
                System.out.println(e);
            }
            Thread.sleep(600_000);
            System.out.println(held.size());
        }
    }

    @BeforeAll
    static void fill() throws IOException {
        full = Children.ready(Children.after("ulimit -n " + LIMIT, Children.java(Full.class)));
        pid = Long.toString(full.pid());
    }

    @AfterAll
    static void end() {
        full.destroyForcibly();
    }

    /** What a command printed, and its status. */
    private record Result(int status, String out, String err) {
    }

    private static Result run(String... args) {
        CommandLine line = Headroom.commandLine(args);
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(args);
        return new Result(status, out.toString(), err.toString());
    }

    @Test
    void shouldNameTheLimitOfTheProcess() {
        Result r = run("explain", "accept4: too many open files", "--pid", pid);

        assertEquals(1, r.status(), r.err());
        assertTrue(
                r.out().startsWith("accept4 failed: EMFILE, because all " + LIMIT + " descriptors of process " + pid),
                r.out());
        assertTrue(r.out().contains("its listener 127.0.0.1:"), r.out());
        assertTrue(r.out().contains("prlimit --pid " + pid), r.out());
    }

    @Test
    void shouldBlameInotifyOnNothingElse() {
        assertTrue(run("explain", "EMFILE", "--call", "inotify_init1", "--pid", pid, "--all").out()
                .contains("inotify-instances: "));
    }

    @Test
    @SuppressWarnings("unchecked")
    void shouldSayTheSameAsJson() throws IOException {
        Result r = run("explain", "EMFILE", "--call", "accept", "--pid", pid, "--json");

        assertEquals(1, r.status(), r.err());
        Map<String, Object> json = JSON.std.mapFrom(r.out());
        assertEquals(List.of("errno", "call", "pid", "kernel", "causes", "next"), List.copyOf(json.keySet()));
        assertEquals("EMFILE", json.get("errno"));
        assertEquals("accept4", json.get("call"));
        assertEquals(full.pid(), ((Number) json.get("pid")).longValue());
        Map<String, Object> first = ((List<Map<String, Object>>) json.get("causes")).getFirst();
        assertEquals(Set.of("id", "verdict", "sentence", "evidence", "remedies", "dont"), first.keySet());
        assertEquals("nofile-soft", first.get("id"));
        assertEquals("CONFIRMED", first.get("verdict"));
        assertEquals(Set.of("name", "value", "source"),
                ((List<Map<String, Object>>) first.get("evidence")).getFirst().keySet());
        Map<String, Object> remedy = ((List<Map<String, Object>>) first.get("remedies")).getFirst();
        assertEquals(Set.of("scope", "text", "commands"), remedy.keySet());
        assertTrue(Set.of("now", "persistent", "systemd", "container").contains(remedy.get("scope")));
        assertTrue(!((List<?>) json.get("next")).isEmpty());
    }

    @Test
    void shouldSayTheSameFromASnapshot() throws IOException {
        Path file = folder.resolve("s.json");
        Files.writeString(file, run("snapshot", "--pid", pid).out());

        Result live = run("explain", "EMFILE", "--call", "accept4", "--pid", pid);
        Result later = run("explain", "EMFILE", "--call", "accept4", "--from", file.toString());
        assertEquals(live.out(), later.out());
        assertEquals(live.status(), later.status());
    }

    @Test
    void shouldReadTwiceForCounters() throws IOException {
        Path file = folder.resolve("two.json");
        Files.writeString(file, run("snapshot", "--interval", "50ms").out());

        assertTrue(Files.readString(file).contains("\"earlier\""));
        assertEquals(0, run("explain", "EMFILE", "--watch", "50ms", "--call", "accept").status());
        Result r = run("explain", "ECONNRESET", "--from", file.toString());
        assertTrue(!r.out().contains("--watch 2s: two readings"), r.out());
    }

    @Test
    void shouldSayWhatWouldMakeItCertain() {
        Result r = run("explain", "EMFILE");

        assertEquals(0, r.status());
        assertTrue(r.out().contains("--pid PID"), r.out());
        assertTrue(r.out().contains("--call CALL"), r.out());
    }

    @Test
    void shouldTakeTheProcessFromTheLine() {
        Result r = run("explain", "2024/05/01 12:00:00 [crit] " + pid + "#0: accept4() failed (24: Too many open "
                + "files)");

        assertEquals(1, r.status());
        assertTrue(r.out().contains("is the one the line names"), r.out());
        Result gone = run("explain",
                "2024/05/01 12:00:00 [crit] 999999999#0: accept4() failed (24: Too many open files)");
        assertEquals(0, gone.status());
        assertTrue(gone.out().contains("which is not here now"), gone.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            2 | not an error that headroom knows | explain nonsense
            3 | there is no process | explain EMFILE --pid 999999999
            2 | either --pid or --from | explain EMFILE --pid 1 --from x
            2 | not a duration | explain EMFILE --watch 2
            2 | is not ADDR:PORT | explain ETIMEDOUT --to nowhere
            2 | SOFT:HARD | explain EPERM --requested much
            2 | --pid abc | explain EMFILE --pid abc
            3 | no such file | explain EMFILE --from /no/such/file
            3 | not JSON | explain EMFILE --from /proc/self/status
            3 | there is no process | snapshot --pid 999999999
            """)
    void shouldAnswerABadValue(int status, String says, String line) {
        Result r = run(line.split(" "));

        assertEquals(status, r.status(), r.err());
        assertEquals("", r.out());
        assertTrue(r.err().contains(says), r.err());
    }

    @Test
    void shouldTakeTheComplaintOfALoginShell() {
        Result r = run("explain", "-bash: fork: retry: Resource temporarily unavailable");

        assertEquals("", r.err());
        assertTrue(r.out().startsWith("clone failed: EAGAIN"), r.out());
    }

    @Test
    void shouldRefuseAnOptionThatItDoesNotKnow() {
        Result r = run("explain", "EMFILE", "--pdi", "1");

        assertEquals(2, r.status());
        assertTrue(r.err().contains("--pdi"), r.err());
    }

    @Test
    void shouldWorkAsNobody() throws IOException, InterruptedException {
        assumeTrue(System.getProperty("user.name").equals("root"), "only root can become nobody");
        Children.Said said = Children
                .run(Children.asNobody(folder, Main.class, "explain", "EMFILE", "--call", "accept4",
                        "--pid", pid));

        assertEquals(0, said.status(), said.out());
        assertTrue(said.out().contains("CAP_SYS_PTRACE"), said.out());
        assertTrue(said.out().contains(LIMIT + " descriptors"), said.out());
    }

    @Test
    void shouldAnswerWithFewDescriptorsOfItsOwn() throws IOException, InterruptedException {
        Children.Said said = Children.run(Children.after("ulimit -n 24",
                Children.java(Main.class, "explain", "EMFILE", "--call", "accept4", "--pid", pid)));

        assertEquals(1, said.status(), said.out());
        assertTrue(said.out().contains("all " + LIMIT + " descriptors"), said.out());
    }
}
