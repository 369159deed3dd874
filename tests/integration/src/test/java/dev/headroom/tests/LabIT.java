package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.jr.ob.JSON;

import dev.headroom.proc.FdKind;
import dev.headroom.proc.Limits;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;

/**
 * The lab by its launcher: with settings of our own the predictions are those worked out here, they are met, and nothing
 * is left of a run, however it ends.
 */
@Timeout(120)
class LabIT {
    private static final Path REPOSITORY = Path.of(System.getProperty("headroom.root"));
    private static final ProcFs PROC = new ProcFs();
    /** What an experiment changes on a host, and must not change here; what it changes here, and must put back. */
    private static final List<String> SYSCTLS = List.of("fs.nr_open", "fs.file-max", "fs.epoll.max_user_watches",
            "fs.inotify.max_user_instances", "net.netfilter.nf_conntrack_max", "net.core.somaxconn",
            "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_syncookies",
            "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_tw_reuse", "net.ipv4.tcp_timestamps");
    /** Every process of a run inherits it. */
    private static final String MARK = "HEADROOM_LAB_TEST";

    private final String mark = Long.toHexString(ThreadLocalRandom.current().nextLong());
    private final List<Command> commands = new ArrayList<>();
    private final Map<String, String> before = new TreeMap<>();

    /** What an experiment must predict and see. */
    private record Case(String name, List<String> settings, Map<String, Object> values, String cause) {
        Case(String name, String settings, Map<String, Object> values, String cause) {
            this(name, settings.isEmpty() ? List.of() : List.of(settings.split(" ")), values, cause);
        }
    }

    @BeforeAll
    static void prepare() throws Exception {
        Requires.root();
        Requires.tool("ip");
        // The first start after a build takes its time.
        assertEquals(0, new ProcessBuilder(REPOSITORY.resolve("headroom").toString(), "lab", "list")
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor());
    }

    @BeforeEach
    void read() throws IOException {
        before.putAll(sysctls());
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        for (Command c : List.copyOf(commands)) {
            boolean ended = !c.process.isAlive();
            c.process.destroyForcibly().waitFor();
            try {
                assertTrue(ended, c::toString);
                leavesNothing(c.process.pid());
            } catch (AssertionError e) {
                headroom("lab", "clean").status();
                throw e;
            }
        }
        Map<String, String> after = sysctls();
        after.keySet().retainAll(before.keySet());
        assertEquals(before, after);
    }

    private static Map<String, String> sysctls() throws IOException {
        Map<String, String> all = new TreeMap<>();
        for (String name : SYSCTLS) {
            if (Files.exists(Path.of("/proc/sys", name.split("\\.")))) {
                all.put(name, PROC.sysctl(name).value());
            }
        }
        return all;
    }

    private void leavesNothing(long pid) throws IOException {
        assertEquals(List.of(), hosts(pid), "hosts");
        assertEquals(List.of(), files("/run/headroom-lab", pid + "-"), "notes");
        assertEquals(List.of(), processes(), "processes");
    }

    private static List<String> hosts(long pid) throws IOException {
        return files("/run/netns", "headroom-lab-" + pid + "-");
    }

    private static List<String> files(String folder, String prefix) throws IOException {
        if (!Files.isDirectory(Path.of(folder))) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(Path.of(folder))) {
            return all.map(p -> p.getFileName().toString()).filter(n -> n.startsWith(prefix)).sorted().toList();
        }
    }

    /** Those of this test, without the lab itself. */
    private List<String> processes() throws IOException {
        List<String> found = new ArrayList<>();
        for (int pid : PROC.pids()) {
            try {
                Path folder = PROC.process(pid).directory();
                if (Files.readString(folder.resolve("environ"), StandardCharsets.ISO_8859_1).contains(MARK + "=" + mark)
                        && commands.stream().noneMatch(c -> c.process.pid() == pid && c.process.isAlive())) {
                    found.add(pid + " " + Files.readString(folder.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                            .replace('\0', ' '));
                }
            } catch (IOException e) {
                // It has ended, or is none of ours.
                continue;
            }
        }
        return found;
    }

    private Command headroom(String... args) throws IOException {
        List<String> line = new ArrayList<>(List.of(REPOSITORY.resolve("headroom").toString()));
        line.addAll(Arrays.asList(args));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put(MARK, mark);
        Command command = new Command(builder.start());
        commands.add(command);
        return command;
    }

    private Command run(Case c) throws IOException {
        List<String> line = new ArrayList<>(List.of("lab", "run", c.name, "--json"));
        c.settings.forEach(s -> line.addAll(List.of("--set", s)));
        return headroom(line.toArray(String[]::new));
    }

    private Map<String, Object> met(Case c) throws Exception {
        Command command = run(c);
        assertEquals(0, command.status(), command.toString());
        Map<String, Object> outcome = JSON.std.mapFrom(command.out().lines().findFirst().orElseThrow());
        assertEquals(c.name, outcome.get("experiment"));
        Object lacking = outcome.get("skipped");
        Requires.that(lacking == null, String.valueOf(lacking));
        assertEquals(true, outcome.get("ok"), command.toString());
        c.values.forEach((name, value) -> {
            assertEquals(numeric(value), numeric(((Map<?, ?>) outcome.get("predicted")).get(name)), name);
            assertEquals(numeric(value), numeric(((Map<?, ?>) outcome.get("observed")).get(name)), name);
        });
        assertEquals(c.cause, outcome.get("cause"), command.toString());
        Map<?, ?> settings = (Map<?, ?>) outcome.get("settings");
        c.settings.forEach(s -> assertEquals(s.substring(s.indexOf('=') + 1),
                settings.get(s.substring(0, s.indexOf('=')))));
        return outcome;
    }

    private static Object numeric(Object value) {
        return value instanceof Number n ? (Object) n.longValue() : value;
    }

    // ---- predictions that can be worked out from the settings alone

    @TestFactory
    Stream<DynamicTest> shouldPredictWhatFollowsFromTheSettings() {
        return Stream.of(
                new Case("four-tuple", "addresses=3", Map.of("local ports", "9999", "peer ports", 6, "local addresses",
                        "198.18.0.1 198.18.0.2 198.18.0.3"), null),
                new Case("accept-queue", "backlog=7 somaxconn=4", Map.of("backlog 7", 5), "accept-queue-full"),
                new Case("accept-queue", "backlog=0,1,16,1024,above somaxconn=97",
                        Map.of("backlog 0", 1, "backlog 1", 2,
                                "backlog 16", 17, "backlog 1024", 98, "backlog 98", 98),
                        "accept-queue-full"),
                new Case("syn-queue", "backlog=7 somaxconn=4", Map.of("half-open", 5, "half-open, cookies", 5,
                        "dropped, cookies", 0), "syn-queue-full-nocookies"),
                new Case("syn-queue", "backlog=100 max_syn_backlog=16", Map.of("half-open", 13,
                        "half-open, cookies", 101), "syn-backlog-last-quarter"),
                new Case("ports", "range=40000-40999 reserved=40000-40009", Map.of("connections", 990, "echoed", 990),
                        "tuple-range-exhausted"),
                new Case("more-addresses", "range=40000-40053 reserved=40000", Map.of("connections", 106, "echoed",
                        106), "tuple-range-exhausted"),
                new Case("reserved-ports", "range=40000-40019 reserved=40000-40008,40010-40013", Map.of("connections",
                        7, "echoed", 7), "reserved-ports"),
                new Case("bind-before-connect", "range=40000-40013 reserved=40003 destinations=3",
                        Map.of("bound first", 13, "bound without port", 39, "refused then", "EADDRINUSE of bind",
                                "refused at last", "EADDRNOTAVAIL of connect"),
                        "bind0-steals-range"),
                new Case("odd-range", "", Map.of("connections", 2, "with the port named", 3), "odd-range-miss"),
                new Case("time-wait", "range=40000-40017 reserved=40001", Map.of("in TIME_WAIT", 17,
                        "tcp_tw_reuse=2", 0, "tcp_tw_reuse=1", 17), "time-wait-holds-tuple"),
                new Case("time-wait", "timestamps=0", Map.of("in TIME_WAIT", 20, "tcp_tw_reuse=1", 0),
                        "time-wait-holds-tuple"),
                new Case("client-steals-server-port", "range=40000-40013 port=40007", Map.of("outgoing connections", 14,
                        "bind to 40007", "EADDRINUSE", "listeners on 40007", 0, "outgoing, reserved", 13,
                        "bind, reserved", "it listens"), "client-ephemeral-collision"),
                new Case("emfile-spin", "nofile=211", Map.of(), "nofile-soft"))
                .map(c -> dynamicTest(c.name + " " + String.join(" ", c.settings), () -> met(c)));
    }

    @TestFactory
    Stream<DynamicTest> shouldPredictWithASettingOfTheMachineChanged() {
        return Stream.of(
                new Case("epoll-watches", "margin=97", Map.of("more watches", 97, "refused then", "ENOSPC"),
                        "epoll-user-watches"),
                new Case("conntrack-full", "flows=89", Map.of("connections", 89, "connect then", "ETIMEDOUT",
                        "sendto then", "EPERM", "still carry data", 89), "conntrack-full-local"))
                .map(c -> dynamicTest(c.name, () -> met(c)));
    }

    // ---- predictions that hang on the machine or on a process

    @Test
    void shouldFillAServerAndItsQueue() throws Exception {
        Map<?, ?> seen = (Map<?, ?>) met(new Case("descriptors", "nofile=101 backlog=7", Map.of(), "nofile-soft"))
                .get("observed");
        long accepted = ((Number) seen.get("accepted")).longValue();
        assertTrue(accepted > 50 && accepted < 101, seen.toString());
        assertEquals(accepted + 8, ((Number) seen.get("held and waiting")).longValue());
    }

    @Test
    void shouldFillTheTableOfEachLoop() throws Exception {
        Map<?, ?> seen = (Map<?, ?>) met(new Case("fd-tables", "tables=2 nofile=151", Map.of(), "nofile-soft"))
                .get("observed");
        long connections = ((Number) seen.get("connections")).longValue();
        assertTrue(connections > 151 && connections < 2 * 151 && connections % 2 == 0, seen.toString());
    }

    @ParameterizedTest
    @CsvSource({"''", "2000000"})
    void shouldKnowWhoMayRaiseAHardLimit(String setting) throws Exception {
        long nrOpen = PROC.sysctl("fs.nr_open").asLong();
        long hard = PROC.self().limits().get(Limits.Resource.RLIMIT_NOFILE).hard();
        boolean mayRaise = PROC.self().status().hasEffective(24) && PROC.self().uidMap().isIdentity();
        Map<String, Object> values = new LinkedHashMap<>();
        String cause = null;
        for (long asked : new long[] {setting.isEmpty() ? nrOpen + 1 : Long.parseLong(setting), hard + 1}) {
            boolean granted = asked <= nrOpen && (asked <= hard || mayRaise);
            values.put(String.format("hard limit %,d", asked), granted ? "granted" : "EPERM");
            cause = granted || cause != null ? cause : asked > nrOpen ? "above-nr-open" : "raise-hard-no-cap";
        }
        met(new Case("nr-open", setting.isEmpty() ? "" : "hard=" + setting, values, cause));
        assertEquals(hard, PROC.self().limits().get(Limits.Resource.RLIMIT_NOFILE).hard());
    }

    @Test
    void shouldCountTheInotifyInstancesOfAllProcesses() throws Exception {
        long limit = PROC.sysctl("fs.inotify.max_user_instances").asLong();
        long has = 0;
        for (int pid : PROC.pids()) {
            ProcPid p = PROC.process(pid);
            try {
                has += p.status().uid().effective() == 0 ? p.descriptors().count(FdKind.INOTIFY) : 0;
            } catch (IOException e) {
                // It has ended, or may not be looked into.
                continue;
            }
        }
        met(new Case("inotify-is-not-nofile", "", Map.of("instances", limit - has), "inotify-instances"));
    }

    /** Of more than three ports it hangs on where the walk begins whether the last one is found. */
    @Test
    void shouldAllowForTheStartOfTheWalk() throws Exception {
        Command command = run(new Case("odd-range", "range=40000-40018", Map.of(), null));
        assertEquals(0, command.status(), command.toString());
        Map<String, Object> outcome = JSON.std.mapFrom(command.out().strip());
        assertEquals("18 to 19", ((Map<?, ?>) outcome.get("predicted")).get("connections"));
        long seen = ((Number) ((Map<?, ?>) outcome.get("observed")).get("connections")).longValue();
        assertEquals(seen == 18 ? "odd-range-miss" : "tuple-range-exhausted", outcome.get("cause"));
    }

    // ---- the command line

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            textBlock = """
                    accept-queue        | backlog=many       | backlog=many: give numbers
                    syn-queue           | backlog=-1         | backlog=-1: give a whole number, 0 to 1,024
                    nr-open             | hard=none          | hard=none: give a whole number
                    ports               | range=5-3          | range=5-3: give LOW-HIGH, within 1024-65535
                    reserved-ports      | reserved=all       | reserved=all: give ports
                    bind-before-connect | range=2000-60000   | range=2000-60000: give one that leaves 1 to 2,000 ports
                    time-wait           | range=40000-40002  | range=40000-40002: give an even number of ports
                    client-steals-server-port | port=80      | port=80: give a whole number, 40,000 to 40,003
                    conntrack-full      | flows=0            | flows=0: give a whole number, 1 to 4,000
                    four-tuple          | backlog=4          | --set backlog=4: give KEY=VALUE with a KEY of four-tuple
                    no-such             | a=b                | there is no experiment no-such; there are four-tuple,
                    """)
    void shouldSayWhatIsAccepted(String name, String setting, String said) throws Exception {
        Command command = headroom("lab", "run", name, "--set", setting);
        assertEquals(2, command.status(), command.toString());
        assertTrue(command.err().contains(said), command.toString());
        assertEquals("", command.out());
    }

    @Test
    void shouldListAllAndTellThemToAPerson() throws Exception {
        Command list = headroom("lab", "list");
        assertEquals(0, list.status(), list.toString());
        for (String name : List.of("four-tuple", "time-wait", "emfile-spin", "epoll-watches (not in the tour)",
                "changes for its time, of the whole machine: net.netfilter.nf_conntrack_max")) {
            assertTrue(list.out().contains(name), list.toString());
        }
        Command run = headroom("lab", "run", "syn-queue", "client-steals-server-port");
        assertEquals(0, run.status(), run.toString());
        assertTrue(run.out().contains("2 experiments in "), run.toString());
        assertTrue(run.out().contains(": every prediction met, every wall named"), run.toString());
        assertEquals(List.of(),
                Stream.concat(list.out().lines(), run.out().lines()).filter(l -> l.length() > 80).toList());
    }

    // ---- ends that nobody has planned

    @RepeatedTest(4)
    void shouldLeaveNothingWhenItIsInterrupted() throws Exception {
        Command tour = headroom("lab");
        long millis = ThreadLocalRandom.current().nextLong(200, 6000);
        Thread.sleep(millis);
        tour.signal("INT");
        assertTrue(tour.process.waitFor(20, TimeUnit.SECONDS), tour.toString());
        assertTrue(List.of(0, 130).contains(tour.process.exitValue()), "after " + millis + " ms: " + tour);
        leavesNothing(tour.process.pid());
    }

    @Test
    void shouldLeaveNothingWhenItIsKilledAndCleanedAfter() throws Exception {
        Command lab = headroom("lab", "run", "descriptors", "ports");
        long pid = lab.process.pid();
        for (int i = 0; i < 1000 && processes().stream().noneMatch(p -> p.contains(" serve ")); i++) {
            Thread.sleep(20);
        }
        lab.signal("KILL");
        lab.process.waitFor();
        assertEquals(3, hosts(pid).size());
        assertNotEquals(List.of(), processes());

        Command clean = headroom("lab", "clean");
        assertEquals(0, clean.status(), clean.toString());
        assertTrue(clean.out().contains("removed the host headroom-lab-" + pid + "-1"), clean.toString());
        assertTrue(clean.out().contains("ended process"), clean.toString());
        leavesNothing(pid);
    }

    @Test
    void shouldPutASettingOfTheMachineBackAfterItIsKilled() throws Exception {
        Requires.tool("nft");
        String name = "net.netfilter.nf_conntrack_max";
        Command lab = headroom("lab", "run", "conntrack-full", "--set", "flows=89");
        Path notes = Path.of("/run/headroom-lab");
        for (int i = 0; i < 1000 && lab.process.isAlive() && !noted(notes, lab.process.pid(), name); i++) {
            Thread.sleep(5);
        }
        lab.signal("KILL");
        lab.process.waitFor();
        Requires.that(noted(notes, lab.process.pid(), name), "connection tracking that may be set");

        Command clean = headroom("lab", "clean");
        assertEquals(0, clean.status(), clean.toString());
        leavesNothing(lab.process.pid());
    }

    private static boolean noted(Path notes, long pid, String name) throws IOException {
        for (String file : files(notes.toString(), pid + "-")) {
            if (Files.readString(notes.resolve(file)).contains("sysctl " + name + " ")) {
                return true;
            }
        }
        return false;
    }
}
