package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Diagnosis.Judged;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Verdict;
import dev.headroom.diag.causes.Catalogue;
import dev.headroom.linux.Errno;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;

/**
 * The running kernel says no, and the diagnosis names why: that cause alone is certain, and those that share its error
 * are ruled out. provoke.c makes the refusals; each user id is used by one row only, for most quotas are counted by user.
 */
class ProvokedIT {
    private static final Path HERE = Path.of(System.getProperty("headroom.root"), "tests/integration");
    private static final ProcFs PROC = new ProcFs();
    private static final Set<String> PROVOKED = new TreeSet<>();

    @TempDir
    private static Path temp;
    private static Path provoke;

    /**
     * A refusal.
     *
     * @param cause what must be named
     * @param words for provoke.c
     * @param asked arguments of the call that the error does not tell
     * @param maybe causes that no reading can rule out here
     */
    private record Refusal(String cause, String words, Map<String, String> asked, Set<String> maybe, String sentence) {
        Refusal(String cause, String words, String sentence) {
            this(cause, words, Map.of(), Set.of(), sentence);
        }

        Refusal asked(String name, String value) {
            return new Refusal(cause, words, Map.of(name, value), maybe, sentence);
        }

        Refusal maybe(String... causes) {
            return new Refusal(cause, words, asked, Set.of(causes), sentence);
        }
    }

    @BeforeAll
    static void compile() throws Exception {
        Requires.root();
        Files.setPosixFilePermissions(temp, PosixFilePermissions.fromString("rwxr-xr-x"));
        provoke = temp.resolve("provoke");
        run(Requires.tool("cc").toString(), "-O1", "-Wall", "-Wextra", "-Werror", "-o", provoke.toString(),
                HERE.resolve("src/test/c/provoke.c").toString(), "-lpthread", "-lrt");
    }

    @AfterAll
    static void tell() {
        System.out.println("provoked on Linux " + System.getProperty("os.version") + ": " + PROVOKED.size()
                + " causes of descriptors, limits, watches, tasks and memory: " + String.join(" ", PROVOKED));
    }

    @TestFactory
    Stream<DynamicTest> shouldNameTheCause() throws IOException {
        long nrOpen = sysctl("fs.nr_open");
        return Stream.of(
                new Refusal("nofile-soft", "nofile=32 nofile-soft",
                        "all 32 descriptors of process PID (provoke) are in use"),
                new Refusal("nofile-soft", "nofile=32 accept",
                        "all 32 descriptors of process PID (provoke) are in use"),
                new Refusal("nofile-soft", "nofile=32 pipe", "31 of 32 descriptors of process PID (provoke) are in use,"
                        + " and pipe2 needs two"),
                new Refusal("nofile-soft", "lowered",
                        "all 4 descriptors of process PID (provoke) are in use, and 12 more"
                                + " have numbers above a limit that was lowered"),
                new Refusal("fd-number-over-soft", "nofile=64 dup2 64", "descriptor number 64 is too much"),
                new Refusal("inotify-instances", "nofile=2000 uid=61001 inotify-instances",
                        "inotify instances of user 61001 are in use"),
                new Refusal("inotify-instances", "nofile=2000 userns inotify-nested",
                        "the limit of its own user namespace is reached"),
                new Refusal("fanotify-groups", "nofile=2000 uid=61002 fanotify-groups",
                        "fanotify groups of user 61002 are in use"),
                new Refusal("mq-bytes", "uid=61003 mq-bytes", "RLIMIT_MSGQUEUE"),
                new Refusal("mq-attr", "uid=61003 mq-attr " + (sysctl("fs.mqueue.msg_max") + 1),
                        "fs.mqueue.msg_max is"),
                new Refusal("io-uring-reg-files", "nofile=64 io-uring-reg-files 65",
                        "a table of 65 registered files is too much"),
                new Refusal("above-nr-open", "hard " + (nrOpen + 1), "above fs.nr_open, " + nrOpen),
                new Refusal("raise-hard-no-cap", "nofile=1000 dropcap=24 hard 1001",
                        "process PID (provoke) is root but lacks CAP_SYS_RESOURCE"),
                new Refusal("raise-hard-no-cap", "nofile=1000 userns hard 1001",
                        "only in a user namespace of its own"),
                new Refusal("prlimit-other-user", "uid=61004 prlimit 1", "the caller is 61004:61004 and lacks")
                        .asked(Facts.ASKED_PID, "1"),
                new Refusal("soft-above-hard", "soft-above-hard", "soft 100, hard 50").asked(Facts.ASKED_SOFT, "100")
                        .maybe("bad-resource"),
                new Refusal("bad-resource", "bad-resource", "99 is not a resource").asked(Facts.ASKED_RESOURCE, "99")
                        .maybe("soft-above-hard"),
                new Refusal("no-such-pid", "prlimit 4194303", "process 4194303 did not exist")
                        .asked(Facts.ASKED_PID, "4194303"),
                new Refusal("not-pollable", "not-pollable", "can not be polled"),
                new Refusal("epoll-already-added", "epoll-already-added", "already watches"),
                new Refusal("epoll-not-added", "epoll-not-added", "does not watch"),
                new Refusal("epoll-bad-fd", "epoll-bad-fd", "is not open"),
                new Refusal("epoll-not-allowed", "epoll-not-allowed", "added to itself"),
                new Refusal("epoll-nesting", "epoll-nesting", "more than 4 links"),
                new Refusal("nproc", "nproc=20 uid=61005 fork", "all 20 tasks of user 61005 are in use"),
                new Refusal("nproc", "nproc=20 uid=61006 thread", "all 20 tasks of user 61006 are in use"),
                new Refusal("nproc", "exec-over-limit 61017", "9 tasks of user 61017 are in use and the limit is 5"),
                new Refusal("user-ns-rlimit", "uid=61007 nproc=20:1000 userns user-ns-rlimit",
                        "tasks of user 61007 count against it, and each other reason is ruled out"),
                new Refusal("pidns-init-gone", "pidns-init-gone", "forks into has ended"),
                new Refusal("arg-too-long", "arg-too-long", "a single string 128 KiB"),
                new Refusal("namespaces-max", "userns namespaces-max", "user.max_*_namespaces"),
                new Refusal("max-map-count", "max-map-count", "mappings and vm.max_map_count is"),
                new Refusal("max-map-count", "max-map-count-thread", "mappings and vm.max_map_count is"),
                new Refusal("rlimit-as", "as=67108864 map 134217728", "of 64 MiB of address space"),
                new Refusal("rlimit-as", "as=67108864 thread", "of 64 MiB of address space"),
                new Refusal("rlimit-data", "data=16777216 map 33554432", "of 16 MiB of private memory"),
                new Refusal("address-space", "map-none 281474976710656", "256 TiB more do not fit"),
                new Refusal("memlock-map", "uid=61008 memlock=65536 map-locked 131072", "of 64 KiB of locked memory"),
                new Refusal("memlock-mlock", "uid=61008 memlock=65536 mlock 131072", "of 64 KiB of locked memory"),
                new Refusal("memlock-zero", "uid=61008 memlock=0 mlock 131072", "RLIMIT_MEMLOCK is 0"),
                new Refusal("io-uring-entries", "io-uring-entries 32769", "a ring of 32769 entries"),
                new Refusal("aio-max-nr", "aio-max-nr " + (sysctl("fs.aio-max-nr") + 1), "more do not fit"),
                new Refusal("sigpending", "sigpending=5 uid=61009 sigpending",
                        "all 5 queued signals and timers of user 61009 are in use"),
                new Refusal("unix-fds-in-flight", "nofile=60 uid=61018 in-flight",
                        "61 descriptors of user 61018 are on their way in unix sockets, and RLIMIT_NOFILE is 60"),
                new Refusal("pipe-size", "uid=61010 pipe-size " + 2 * sysctl("fs.pipe-max-size"),
                        "fs.pipe-max-size is"),
                new Refusal("pipe-size", "nofile=4096 uid=61011 pipe-pages 1025", "pipe pages of user 61011"),
                new Refusal("keys-quota", "uid=61012 keys-quota", "keys of user 61012 are in use"))
                .map(r -> dynamicTest(r.cause + ": " + r.words, () -> hold(r)));
    }

    @TestFactory
    Stream<DynamicTest> shouldNameTheCauseThatHangsOnAKernelOrASetting() {
        return Stream.of(dynamicTest("overcommit-heuristic", () -> {
            Requires.that(sysctl("vm.overcommit_memory") == 0, "vm.overcommit_memory = 0");
            hold(new Refusal("overcommit-heuristic", "map 1099511627776", "1 TiB at once is more than"));
        }), dynamicTest("hugetlb-pool", () -> {
            Requires.that(PROC.meminfo().get("HugePages_Free").orElse(0) == 0, "an empty pool of huge pages");
            hold(new Refusal("hugetlb-pool", "map-huge 2097152", "no huge page is free"));
        }), dynamicTest("io-uring-memlock", () -> {
            Requires.that(PROC.kernelVersion().atLeast(6, 14), "Linux 6.14, which charges rings to RLIMIT_MEMLOCK");
            hold(new Refusal("io-uring-memlock", "memlock=262144 uid=61013 io-uring-memlock",
                    "the io_uring memory of user 61013 would exceed RLIMIT_MEMLOCK, 256 KiB"));
        }));
    }

    /** Watches of files are counted by user: all that it may have, over a few instances. */
    @TestFactory
    Stream<DynamicTest> shouldNameTheQuotaOfWatches() {
        return Stream.of(dynamicTest("inotify-watches", () -> {
            Path folder = files("watched", sysctl("fs.inotify.max_user_watches") / 100 + 1);
            hold(new Refusal("inotify-watches", "nofile=1000 uid=61014 inotify-watches " + folder,
                    "inotify watches of user 61014 are in use"));
        }), dynamicTest("fanotify-marks", () -> {
            Path folder = files("marked", sysctl("fs.fanotify.max_user_marks") / 100 + 1);
            hold(new Refusal("fanotify-marks", "nofile=1000 uid=61015 fanotify-marks " + folder,
                    "fanotify marks of user 61015 are in use"));
        }), dynamicTest("epoll-user-watches", () -> {
            Path file = Path.of("/proc/sys/fs/epoll/max_user_watches");
            long before = sysctl("fs.epoll.max_user_watches");
            Requires.that(PROC.self().net().sockstat().values().get("TCP.inuse").orElse(0) < 50_000,
                    "a machine without another test of many connections");
            Files.writeString(file, "100000");
            try {
                hold(new Refusal("epoll-user-watches", "nofile=12000 uid=61016 epoll-user-watches",
                        "all 100000 epoll watches of user 61016 are in use"));
            } finally {
                Files.writeString(file, Long.toString(before));
            }
        }));
    }

    @TestFactory
    Stream<DynamicTest> shouldNameTheCgroup() {
        return Stream.of(dynamicTest("pids-cgroup", () -> {
            Path pids = Path.of("/sys/fs/cgroup/pids");
            Path top = Files.isDirectory(pids) ? pids : Path.of("/sys/fs/cgroup");
            Path cgroup = top.resolve("headroom-" + ProcessHandle.current().pid());
            Files.createDirectory(cgroup);
            try {
                Requires.that(Files.exists(cgroup.resolve("pids.max")), "the pids controller in " + top);
                Files.writeString(cgroup.resolve("pids.max"), "10");
                hold(new Refusal("pids-cgroup", "cgroup=" + cgroup + " fork",
                        "all 10 tasks of pids cgroup /headroom-"));
                hold(new Refusal("pids-cgroup", "cgroup=" + cgroup + " thread",
                        "all 10 tasks of pids cgroup /headroom-"));
            } finally {
                for (int i = 0; i < 100 && !deleted(cgroup); i++) {
                    Thread.sleep(20);
                }
            }
        }));
    }

    private static boolean deleted(Path cgroup) {
        try {
            Files.delete(cgroup);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** A PID namespace has a kernel.pid_max of its own; who looks from outside sees the numbers inside, and no free one. */
    @TestFactory
    Stream<DynamicTest> shouldNameTheEndOfProcessNumbers() {
        return Stream.of(dynamicTest("pid-max", () -> {
            Requires.that(PROC.kernelVersion().atLeast(6, 14), "Linux 6.14, where a PID namespace has its own pid_max");
            long before = sysctl("kernel.pid_max");
            try (var child = new Provoker("pid-max 320")) {
                String inside = child.process.toHandle().children().findFirst().orElseThrow().pid() + "";
                Question question = child.question.withPid(Long.parseLong(inside));
                Snapshot seen = new Capture().process(Long.parseLong(inside), question, Capture.Topic.of(question));
                assertEquals(before, sysctl("kernel.pid_max"), "the host's kernel.pid_max");
                check(new Refusal("pid-max", "pid-max 320",
                        "all 20 process numbers from 300 to 319 are in use in its PID "
                                + "namespace, and each other reason is ruled out: so its kernel.pid_max is 320"),
                        diagnose(question, seen), inside);
            } finally {
                if (sysctl("kernel.pid_max") != before) {
                    Files.writeString(Path.of("/proc/sys/kernel/pid_max"), Long.toString(before));
                }
            }
        }));
    }

    private static void hold(Refusal refusal) throws Exception {
        try (var child = new Provoker(refusal.words)) {
            long pid = child.process.pid();
            Snapshot seen = new Capture().process(pid, child.question, Capture.Topic.of(child.question));
            var asked = new java.util.HashMap<>(refusal.asked);
            if (!child.detail.equals("-")) {
                asked.put(Facts.ASKED_FLAGS, child.detail);
            }
            if (refusal.asked.containsKey(Facts.ASKED_PID)) {
                target(Long.parseLong(refusal.asked.get(Facts.ASKED_PID)), asked);
            }
            check(refusal, diagnose(child.question.withPid(pid), with(seen, asked)), Long.toString(pid));
        }
    }

    /** What the command line would read of the process whose limits were asked for. */
    private static void target(long pid, Map<String, String> asked) throws IOException {
        try {
            var status = PROC.process(pid).status();
            asked.put(Facts.TARGET_UIDS, ids(status.uid()));
            asked.put(Facts.TARGET_GIDS, ids(status.gid()));
        } catch (java.nio.file.NoSuchFileException e) {
            // that is the point
        }
    }

    private static String ids(dev.headroom.proc.Status.Ids ids) {
        return ids.real() + " " + ids.effective() + " " + ids.saved();
    }

    private static void check(Refusal refusal, Diagnosis diagnosis, String pid) {
        Judged named = finding(diagnosis, refusal.cause);
        assertEquals(Verdict.CONFIRMED, named.finding().verdict(), () -> named.finding().sentence());
        String expected = refusal.sentence.replace("process PID", "process " + pid);
        assertTrue(named.finding().sentence().contains(expected), named.finding().sentence() + " has no " + expected);
        List<String> others = new ArrayList<>();
        for (Judged j : diagnosis.judged()) {
            Verdict v = j.finding().verdict();
            boolean told = v == Verdict.RULED_OUT || refusal.maybe.contains(j.cause().id()) && v != Verdict.CONFIRMED;
            if (j != named && !told) {
                others.add(j.cause().id() + " is " + v + ": " + j.finding().sentence());
            }
        }
        assertEquals(List.of(), others, "causes of the same error that are not ruled out");
        PROVOKED.add(refusal.cause);
    }

    private static Judged finding(Diagnosis diagnosis, String id) {
        return diagnosis.judged().stream().filter(j -> j.cause().id().equals(id)).findFirst()
                .orElseThrow(() -> new AssertionError(id + " was not asked about " + diagnosis.question()));
    }

    private static Diagnosis diagnose(Question question, Snapshot seen) {
        return Diagnosis.of(new Case(question, seen, Optional.empty()), Catalogue.all());
    }

    private static Snapshot with(Snapshot seen, Map<String, String> more) {
        var builder = new Snapshot.Builder(seen.takenMillis());
        for (Fact fact : seen.facts().values()) {
            builder.put(fact.name(), fact.value(), fact.source());
        }
        more.forEach((name, value) -> builder.put(name, value, "the call"));
        seen.unread().forEach(builder::unread);
        return builder.build();
    }

    private static Path files(String name, long count) throws IOException {
        Path folder = Files.createDirectory(temp.resolve(name));
        for (long i = 0; i < count; i++) {
            Files.createFile(folder.resolve(Long.toString(i)));
            if (i % 500 == 0) {
                Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
        }
        return folder;
    }

    private static long sysctl(String name) throws IOException {
        return PROC.sysctl(name).asLong();
    }

    private static void run(String... command) throws Exception {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes());
        assertEquals(0, p.waitFor(), said);
    }

    /** A process that met a refusal and stays to be looked at. */
    private static final class Provoker implements AutoCloseable {
        final Process process;
        final Question question;
        final String detail;

        Provoker(String words) throws IOException {
            List<String> command = new ArrayList<>(List.of(provoke.toString()));
            command.addAll(List.of(words.split(" ")));
            process = new ProcessBuilder(command).start();
            BufferedReader out = process.inputReader();
            String line = out.readLine();
            if (line == null) {
                throw new AssertionError(
                        "provoke " + words + ": " + new String(process.getErrorStream().readAllBytes()));
            }
            String[] part = line.split(" ", 4);
            int errno = Integer.parseInt(part[1]);
            Question q = Question.of(Errno.of(errno).orElseThrow(() -> new AssertionError(words + ": " + line)),
                    part[0]);
            long requested = Long.parseLong(part[2]);
            question = requested < 0 ? q : q.withRequested(requested);
            detail = part[3];
        }

        @Override
        public void close() throws IOException {
            process.getOutputStream().close();
            try {
                if (!process.waitFor(2, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }
}
