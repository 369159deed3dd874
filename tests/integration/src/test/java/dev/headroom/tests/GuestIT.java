package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.jr.ob.JSON;

import dev.headroom.linux.Errno;

/**
 * Causes that this machine must not or cannot have: its kernel.threads-max is everybody's, cgroup v2 is the host's choice,
 * CAP_SYS_RESOURCE a container's. A guest has them all; there provoke.c is refused, and the built {@code headroom explain}
 * names that cause and no other. What {@code headroom snapshot} has read beside it says the same here, without the guest.
 * <p>
 * Not here: what NetworkCausesIT and ProvokedIT provoke on this machine, aarch64, and systemd, Docker or Kubernetes, whose
 * remedies are documentation only. With {@code -Dheadroom.record=diag/src/test/resources/recorded} the snapshots replace
 * those that RecordedTest explains.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class GuestIT {
    private static final Path ROOT = Path.of(System.getProperty("headroom.root"));
    private static final Path KERNEL = Path.of(System.getProperty("headroom.guest.kernel",
            ROOT.resolve("tests/integration/target/guest-kernel").toString()));
    private static final String RECORD = System.getProperty("headroom.record");
    private static final String NUMBER = "[\\d.]+( [KMGT]iB)?";
    private static final Set<String> PROVOKED = new TreeSet<>();

    @TempDir
    private static Path temp;
    private static Guest guest;
    private static Path records;

    /**
     * When a sysctl is set: before the refusal is looked for, when its process is there and waits, or when headroom is there
     * too, because nothing starts after it.
     */
    private enum When {
        BEFORE, WAITING, FULL
    }

    /**
     * A refusal.
     *
     * @param name of the snapshot: the cause that must be named, and what tells it from another of the same
     * @param words for provoke.c
     * @param sentence a part of what is to be said
     * @param setUp shell before it
     * @param tearDown shell after it
     * @param sysctls by the name of their file in /proc/sys, to be set {@code when}
     * @param watch the time between two readings, empty for one
     * @param question shell that prints what to ask; empty for errno and call
     */
    private record Refusal(String name, String words, String sentence, String setUp, String tearDown,
            Map<String, String> sysctls, When when, String watch, String question) {
        Refusal(String name, String words, String sentence) {
            this(name, words, sentence, ":", ":", Map.of(), When.BEFORE, "", "");
        }

        Refusal in(String set, String unset) {
            return new Refusal(name, words, sentence, set, unset, sysctls, when, watch, question);
        }

        Refusal with(String sysctl, Object value) {
            Map<String, String> more = new LinkedHashMap<>(sysctls);
            more.put(sysctl, value.toString());
            return new Refusal(name, words, sentence, setUp, tearDown, more, when, watch, question);
        }

        Refusal set(When moment) {
            return new Refusal(name, words, sentence, setUp, tearDown, sysctls, moment, watch, question);
        }

        Refusal watched() {
            return new Refusal(name, words, sentence, setUp, tearDown, sysctls, when, "1s", question);
        }

        Refusal asked(String shell) {
            return new Refusal(name, words, sentence, setUp, tearDown, sysctls, when, watch, shell);
        }

        String cause() {
            return name.replaceFirst("\\..*", "");
        }
    }

    @BeforeAll
    static void boot() throws Exception {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the guest is an x86-64");
        Requires.tool("qemu-system-x86_64");
        Requires.tool("busybox");
        Requires.that(Files.exists(KERNEL.resolve("vmlinuz")), "a Debian kernel in " + KERNEL
                + " (tests/guest-kernel brings it where apt offers one)");
        Path provoke = temp.resolve("provoke");
        run(Requires.tool("cc").toString(), "-O1", "-static", "-o", provoke.toString(),
                ROOT.resolve("tests/integration/src/test/c/provoke.c").toString(), "-lpthread", "-lrt");
        // Built, and with the cache for a fast start.
        run(ROOT.resolve("headroom").toString(), "--version");
        guest = Guest.boot(new Guest.Parts(KERNEL, ROOT.resolve("headroom"), provoke, temp));
        records = RECORD == null ? Files.createDirectory(temp.resolve("recorded"))
                : Files.createDirectories(ROOT.resolve(RECORD).resolve(guest.kernel()));
        Files.deleteIfExists(records.resolve("questions.txt"));
    }

    @AfterAll
    static void end() throws Exception {
        if (guest != null) {
            System.out.println("provoked in a guest with Linux " + guest.kernel() + ": " + PROVOKED.size() + " causes: "
                    + String.join(" ", PROVOKED));
            guest.close();
        }
    }

    /** First, while process numbers are small: those above kernel.pid_max do not come back. */
    @TestFactory
    @Order(1)
    Stream<DynamicTest> shouldNameTheCause() {
        return Stream.of(
                new Refusal("pid-max", "wait fork", "process numbers from 300 to 599 are in use")
                        .with("kernel/pid_max", 600).set(When.FULL),
                new Refusal("threads-max", "wait fork", "tasks of the machine are in use")
                        .with("kernel/threads-max", 300).set(When.FULL),
                new Refusal("above-nr-open", "hard 1048577",
                        "a hard limit of 1048577 descriptors is above fs.nr_open, 1048576"),
                new Refusal("above-nr-open.lowered", "nofile=1024:1048576 wait soft-only 1500",
                        "even a change of the soft").with("fs/nr_open", 2000).set(When.WAITING),
                new Refusal("raise-hard-no-cap", "nofile=1024:4096 userns hard 30000",
                        "has CAP_SYS_RESOURCE only in a user namespace of its own"),
                new Refusal("nr-open-cap", "nofile=5000 wait nofile-soft", "its table ends at 1984")
                        .with("fs/nr_open", 2000).set(When.WAITING),
                new Refusal("fdtable-int-max", "nofile=1073741816 dup2 268435455", "a table of more than 268435455")
                        .with("fs/nr_open", 1073741816),
                new Refusal("file-max", "uid=62005 nofile=4096 wait nofile-soft",
                        "file descriptions of the machine are in use").with("fs/file-max", 1000).set(When.WAITING),
                new Refusal("unix-socket-cap", "nofile=4096 unix-sockets", "unix sockets (2 × fs.file-max) are in use")
                        .with("fs/file-max", 60),
                new Refusal("pipe-pages-hard", "uid=62001 nofile=4096 pipes",
                        "2992 of 3000 pipe pages of user 62001 are in use").with("fs/pipe-user-pages-hard", 3000),
                new Refusal("overcommit-strict", "map 4294967296", "and 4 GiB more do not fit")
                        .with("vm/overcommit_memory", 2),
                new Refusal("overcommit-fork", "hold=700000000 fork", "of commit charge are in use")
                        .with("vm/overcommit_memory", 2).with("vm/overcommit_ratio", 60),
                new Refusal("pids-cgroup", "cgroup=/sys/fs/cgroup/a fork", "all 10 tasks of pids cgroup /a are in use")
                        .in("mkdir /sys/fs/cgroup/a && echo 10 >/sys/fs/cgroup/a/pids.max", "rmdir /sys/fs/cgroup/a"),
                new Refusal("pids-cgroup.above", "cgroup=/sys/fs/cgroup/a/b thread",
                        "all 10 tasks of pids cgroup /a are in use").in(
                                "mkdir -p /sys/fs/cgroup/a/b && "
                                        + "echo +pids >/sys/fs/cgroup/a/cgroup.subtree_control && "
                                        + "echo 10 >/sys/fs/cgroup/a/pids.max",
                                "rmdir /sys/fs/cgroup/a/b /sys/fs/cgroup/a"),
                new Refusal("nproc", "nproc=20 uid=62002 fork", "all 20 tasks of user 62002 are in use"),
                new Refusal("sigpending", "sigpending=5 uid=62003 sigpending", "signals and timers of user 62003"),
                new Refusal("unix-fds-in-flight", "uid=62004 nofile=60 in-flight",
                        "descriptors of user 62004 are on their way in unix sockets"),
                new Refusal("aio-max-nr", "aio-max-nr 65537", "of 65536 aio events are in use"),
                new Refusal("tcp-mem", "nofile=4096 tcp-memory", "pages of TCP memory are in use on the machine")
                        .with("net/ipv4/tcp_mem", "200 300 400"),
                new Refusal("orphan-limit", "nofile=4096 orphans", "reset for it between the two readings")
                        .with("net/ipv4/tcp_max_orphans", 5).watched(),
                new Refusal("neigh-table-overflow", "neighbours 10.9", "the neighbour table is full").watched()
                        .in("ip addr add 10.9.0.1/16 dev dummy0 && ip link set dummy0 arp on && ip link set dummy0 up",
                                "ip link set dummy0 down && ip addr del 10.9.0.1/16 dev dummy0")
                        .with("net/ipv4/neigh/default/gc_thresh1", 4).with("net/ipv4/neigh/default/gc_thresh2", 6)
                        .with("net/ipv4/neigh/default/gc_thresh3", 8).with("net/ipv4/tcp_syn_retries", 1),
                new Refusal("cgroup-oom-kill", "cgroup=/sys/fs/cgroup/m killed-for-memory",
                        "of memory cgroup /m").watched().in(
                                "mkdir /sys/fs/cgroup/m && echo 40M >/sys/fs/cgroup/m/memory.max",
                                "rmdir /sys/fs/cgroup/m")
                        .asked("echo 'exit status 137'"),
                new Refusal("cgroup-oom-kill.logged", "cgroup=/sys/fs/cgroup/m killed-for-memory",
                        "of memory cgroup /m").watched().in(
                                "mkdir /sys/fs/cgroup/m && echo 40M >/sys/fs/cgroup/m/memory.max",
                                "rmdir /sys/fs/cgroup/m")
                        .asked("dmesg | grep -o 'oom-kill:constraint=.*' | tail -n 1"))
                .map(r -> dynamicTest(r.name + ": " + r.words, () -> {
                    if (r.when == When.FULL) {
                        holdWhereNothingStarts(r);
                    } else {
                        hold(r);
                    }
                }));
    }

    /** Headroom has read once, and reads again when the machine is full. */
    private static void holdWhereNothingStarts(Refusal r) throws Exception {
        String question = "EAGAIN --call fork";
        guest.run("start " + r.words);
        assertEquals("waiting", guest.run("met"));
        Map<String, String> before = read(r.sysctls);
        try {
            begin("10s", question);
            guest.run("paused");
            set(r.sysctls);
            guest.run("go");
            assertEquals("fork " + Errno.EAGAIN.number() + " -1 -", guest.run("met"));
            int status = guest.ask("answered").status();
            set(before);
            check(r, question, status);
        } finally {
            set(before);
            guest.run("end");
        }
    }

    private static void hold(Refusal r) throws Exception {
        Map<String, String> before = read(r.sysctls);
        try {
            guest.run(r.setUp);
            if (r.when == When.BEFORE) {
                set(r.sysctls);
            }
            guest.run("start " + r.words);
            if (r.when == When.WAITING) {
                assertEquals("waiting", guest.run("met"));
                set(r.sysctls);
                guest.run("go");
            }
            String question = question(r, guest.run("met"));
            begin(r.watch, question);
            check(r, question, guest.ask("answered").status());
        } finally {
            set(before);
            guest.run("end");
            guest.run(r.tearDown);
        }
    }

    private static void begin(String watch, String question) throws Exception {
        String[] part = question.split(" --to ");
        // What was pasted may hold what the shell would take for its own.
        guest.run("begin" + (watch.isEmpty() ? "" : " --watch " + watch) + (part.length > 1 ? " --to " + part[1] : "")
                + " -- '" + part[0].replace(" ", "' '") + "'");
    }

    /** The question as a person would put it, from "CALL ERRNO REQUESTED DETAIL". */
    private static String question(Refusal r, String met) throws Exception {
        if (!r.question.isEmpty()) {
            return guest.run(r.question);
        }
        String[] part = met.split(" ", 4);
        Errno errno = Errno.of(Integer.parseInt(part[1])).orElseThrow(() -> new AssertionError(r.words + ": " + met));
        long requested = Long.parseLong(part[2]);
        return errno.name() + " --call " + part[0]
                + (requested < 0 ? "" : " --requested " + (part[0].equals("setrlimit") ? "20:" : "") + requested)
                + (part[0].equals("connect") ? " --to " + part[3] : "");
    }

    private static void check(Refusal r, String question, int status) throws Exception {
        String live = guest.run("cat /tmp/live");
        assertEquals(1, status, "a cause was found: " + live);
        Path snapshot = records.resolve(r.name + ".json");
        Files.writeString(snapshot, guest.run("cat /tmp/snapshot") + "\n");

        Map<String, String> verdicts = verdicts(live);
        List<String> confirmed = verdicts.entrySet().stream().filter(e -> e.getValue().equals("CONFIRMED"))
                .map(Map.Entry::getKey).toList();
        assertEquals(List.of(r.cause()), confirmed, () -> sentences(live));
        String sentence = sentence(live);
        assertTrue(sentence.contains(r.sentence), sentence + " has no " + r.sentence);

        List<String> words = new ArrayList<>(List.of(ROOT.resolve("headroom").toString(), "explain"));
        words.addAll(List.of(question.split(" ")));
        words.addAll(List.of("--from", snapshot.toString(), "--json"));
        Command from = new Command(process(words).start());
        assertEquals(1, from.status(), from::toString);
        Map<String, String> fromSnapshot = verdicts(from.out());
        if (!r.watch.isEmpty()) {
            // Counters were read at other moments: what they leave open may differ, not what they prove.
            Stream.of(verdicts, fromSnapshot).forEach(v -> v.values().removeIf(s -> !s.equals("CONFIRMED")));
        }
        assertEquals(verdicts, fromSnapshot, "the snapshot says what the live diagnosis does");
        // It was read beside the other, not at the same moment.
        assertEquals(sentence.replaceAll(NUMBER, "N"), sentence(from.out()).replaceAll(NUMBER, "N"));

        Files.writeString(records.resolve("questions.txt"), r.name + ": " + question + "\n", StandardOpenOption.CREATE,
                StandardOpenOption.APPEND);
        PROVOKED.add(r.cause());
    }

    /** What those sysctls are. */
    private static Map<String, String> read(Map<String, String> sysctls) throws Exception {
        Map<String, String> all = new LinkedHashMap<>();
        for (String name : sysctls.keySet()) {
            all.put(name, guest.run("cat /proc/sys/" + name));
        }
        return all;
    }

    /** The shell itself does it, which works where nothing can be started. */
    private static void set(Map<String, String> sysctls) throws Exception {
        for (var e : sysctls.entrySet()) {
            guest.run("echo '" + e.getValue() + "' >/proc/sys/" + e.getKey());
        }
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> causes(String json) throws IOException {
        return (List<Map<String, Object>>) JSON.std.mapFrom(json).get("causes");
    }

    private static Map<String, String> verdicts(String json) throws IOException {
        Map<String, String> all = new LinkedHashMap<>();
        causes(json).forEach(c -> all.put(c.get("id").toString(), c.get("verdict").toString()));
        return all;
    }

    private static String sentence(String json) throws IOException {
        return causes(json).getFirst().get("sentence").toString();
    }

    private static String sentences(String json) {
        try {
            return causes(json).stream().map(c -> c.get("verdict") + " " + c.get("id") + ": " + c.get("sentence"))
                    .collect(Collectors.joining("\n"));
        } catch (IOException e) {
            return json;
        }
    }

    /** With the JDK that is in the guest too, for there is one cache for each. */
    private static ProcessBuilder process(List<String> words) {
        ProcessBuilder process = new ProcessBuilder(words);
        process.environment().put("HEADROOM_JAVA_HOME", System.getProperty("java.home"));
        return process;
    }

    private static void run(String... command) throws Exception {
        Process p = process(List.of(command)).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), said);
    }
}
