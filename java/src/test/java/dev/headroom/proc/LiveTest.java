package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The kernel this runs on, this process and pid 1, each fact compared with another way to know it. */
class LiveTest {
    private static final ProcFs PROC = new ProcFs();
    private static final ProcPid SELF = PROC.process(ProcessHandle.current().pid());

    @BeforeAll
    static void needLinux() {
        assumeTrue(Files.exists(Path.of("/proc/self/limits")));
    }

    @Test
    void shouldReport23MoreDescriptorsWhen23AreOpened() throws Exception {
        Process shell = new ProcessBuilder("bash", "-c", "echo begin; read x; "
                + "for i in {40..62}; do eval \"exec $i</dev/null\"; done; echo open; read x").start();
        try {
            ProcPid target = PROC.process(shell.pid());
            assertEquals("begin", shell.inputReader().readLine());
            DescriptorTable before = target.descriptors();
            OptionalLong statBefore = target.fdCount();
            shell.outputWriter().write("\n");
            shell.outputWriter().flush();
            assertEquals("open", shell.inputReader().readLine());
            DescriptorTable table = target.descriptors();
            assertEquals(before.count() + 23, table.count());
            assertEquals(before.count(FdKind.DEVICE) + 23, table.count(FdKind.DEVICE));
            assertEquals(before.usedBelow(40) + 23, table.usedBelow(63));
            assertEquals(before.usedBelow(40) + 22, table.usedBelow(62));
            assertEquals("/dev/null", table.topTargets(1).getFirst().target());
            if (statBefore.isPresent()) {
                assertEquals(statBefore.getAsLong() + 23, target.fdCount().orElseThrow());
                assertEquals(table.count(), target.fdCount().orElseThrow());
            }
        } finally {
            shell.destroyForcibly();
        }
    }

    @Test
    void shouldCostTwoDescriptorsToReadOnesOwnTable() throws Exception {
        eventually(() -> {
            long count = SELF.fdCount().orElse(SELF.fdNumbers().length - 2);
            assertEquals(count + 2, SELF.descriptors().count());
        });
    }

    @Test
    void shouldAgreeWithLsAndReadlink() throws Exception {
        Process sleep = new ProcessBuilder("sh", "-c", "exec 3</dev/null 7</proc/self/status 9<&3; read x").start();
        try {
            ProcPid target = PROC.process(sleep.pid());
            eventually(() -> assertTrue(target.descriptors().contains(9)));
            Process ls = new ProcessBuilder("sh", "-c", "cd /proc/" + sleep.pid()
                    + "/fd && for n in *; do echo $n $(readlink $n); done").start();
            var expected = ls.inputReader().lines().sorted().toList();
            var found = new ArrayList<String>();
            target.eachDescriptor(d -> found.add(d.fd() + " " + d.target()));
            found.sort(null);
            assertEquals(expected, found);
            eventually(() -> assertTrue(SELF.status().fdSize() > SELF.descriptors().highest()));
        } finally {
            sleep.destroyForcibly();
        }
    }

    @Test
    void shouldAgreeWithTheShellOnLimits() throws Exception {
        Process shell = new ProcessBuilder("sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Hs; read x").start();
        try {
            var out = shell.inputReader();
            Limits limits = PROC.process(shell.pid()).limits();
            var nofile = limits.get(Limits.Resource.RLIMIT_NOFILE);
            assertEquals(out.readLine(), Limits.format(nofile.soft()));
            assertEquals(out.readLine(), Limits.format(nofile.hard()));
            long stack = limits.get(Limits.Resource.RLIMIT_STACK).hard();
            assertEquals(out.readLine(), stack == Limits.RLIM_INFINITY ? "unlimited" : Long.toString(stack / 1024));
        } finally {
            shell.destroyForcibly();
        }
    }

    @Test
    void shouldAgreeWithSysconfOnMemory() throws Exception {
        Process getconf = new ProcessBuilder("sh", "-c", "getconf _PHYS_PAGES; getconf PAGE_SIZE").start();
        var out = getconf.inputReader();
        assertEquals(Long.parseLong(out.readLine()) * Long.parseLong(out.readLine()), PROC.meminfo().memTotal());
    }

    @Test
    void shouldKnowThisProcess() throws Exception {
        Status status = SELF.status();
        Stat stat = SELF.stat();
        assertEquals(ProcessHandle.current().pid(), status.pid());
        assertEquals(ProcessHandle.current().parent().orElseThrow().pid(), status.ppid());
        assertEquals(status.ppid(), stat.ppid());
        assertEquals(SELF.comm(), status.name());
        assertEquals(SELF.comm(), stat.comm());
        assertEquals(ProcessHandle.current().info().command().orElseThrow(), SELF.exe());
        eventually(() -> assertEquals(SELF.tids().length, SELF.status().threads()));
        assertTrue(SELF.maps().mapCount() > 50);
        assertEquals(System.getProperty("os.version"), PROC.kernelVersion().release());
        assertEquals(Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString(),
                SELF.namespaces().get("net").toString());
        assertTrue(Arrays.stream(PROC.pids()).anyMatch(pid -> pid == status.pid()));
        assertTrue(PROC.fdCounts().get(status.pid()).orElseThrow() >= 3);
        eventually(() -> assertTrue(PROC.loadavg().threads() >= SELF.status().threads()));
        assertTrue(PROC.fileNr().max() > 0);
    }

    @Test
    void shouldReadThreadsLikeTheProcess() throws Exception {
        int tid = SELF.tids()[1];
        ProcPid task = SELF.task(tid);
        assertEquals(SELF.status().pid(), task.status().tgid());
        assertEquals(tid, task.status().pid());
        eventually(() -> assertEquals(SELF.descriptors().count(), task.descriptors().count(), "one table for all"));
    }

    @Test
    void shouldReadACommandNamedToMislead() throws Exception {
        int[] tids = SELF.tids();
        int tid = tids[tids.length - 1];
        Path comm = Path.of("/proc/self/task/" + tid + "/comm");
        String before = SELF.task(tid).comm();
        try {
            for (String name : List.of("a\n) R 1 \\", ")", "a\rb: c", " x ", "\t(")) {
                Files.write(comm, name.getBytes());
                assertEquals(name, SELF.task(tid).comm());
                assertEquals(name, SELF.task(tid).stat().comm());
                assertEquals(name, SELF.task(tid).status().name());
                assertEquals(SELF.stat().ppid(), SELF.task(tid).stat().ppid());
            }
        } finally {
            Files.write(comm, before.getBytes());
        }
    }

    @Test
    void shouldCountWatchesOfASelector() throws Exception {
        try (var selector = Selector.open(); var server = ServerSocketChannel.open()) {
            server.bind(null).configureBlocking(false);
            server.register(selector, SelectionKey.OP_ACCEPT);
            selector.selectNow();
            var watches = new ArrayList<FdInfo>();
            var epolls = new ArrayList<Descriptor>();
            SELF.eachDescriptor(d -> {
                if (d.kind() == FdKind.EVENTPOLL) {
                    epolls.add(d);
                }
            });
            for (Descriptor epoll : epolls) {
                watches.add(SELF.fdInfo(epoll.fd(), 10));
            }
            assertTrue(watches.stream().anyMatch(w -> w.epollCount() == 2), "the socket and the wake-up eventfd");
        }
    }

    @Test
    void shouldCountConnectionsOfThisNetworkNamespace() throws Exception {
        ProcNet net = SELF.net();
        Counters before = net.snmp();
        long inuse = net.sockstat().tcpInuse().orElseThrow();
        var loopback = InetAddress.getLoopbackAddress();
        var sockets = new ArrayList<Socket>();
        try (var server = new ServerSocket(0, 64, loopback)) {
            for (int i = 0; i < 23; i++) {
                sockets.add(new Socket(loopback, server.getLocalPort()));
                sockets.add(server.accept());
            }
            long opened = net.snmp().delta(before).getOrZero("Tcp.ActiveOpens");
            assertTrue(opened >= 23 && opened < 23 + 100, "ActiveOpens rose by " + opened);
            long now = net.sockstat().tcpInuse().orElseThrow();
            long now6 = net.sockstat6().get("TCP6.inuse").orElse(0);
            assertTrue(now + now6 >= 47, "TCP in use: " + now + " after " + inuse);
            assertTrue(SELF.descriptors().count(FdKind.SOCKET) >= 47);
            assertTrue(net.netstat().values().size() > 50);
            assertTrue(net.protocols().stream().anyMatch(p -> p.name().equals("TCP") && p.size() > 1000));
            assertFalse(net.softnetStat().isEmpty());
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @Test
    void shouldReadWhatAnyoneMayOfPid1() throws Exception {
        ProcPid init = PROC.process(1);
        assertEquals(1, init.status().pid());
        assertEquals(0, init.status().ppid());
        assertEquals(init.comm(), init.stat().comm());
        assertEquals(16, init.limits().limits().size());
        assertTrue(init.net().netstat().get("TcpExt.ListenDrops").isPresent());
        assertTrue(init.uidMap().extents().size() > 0);
        if (PROC.kernelVersion().atLeast(6, 2)) {
            assertTrue(init.fdCount().orElseThrow() > 0);
        }
        try {
            init.fdNumbers();
            eventually(() -> assertEquals(init.fdNumbers().length, init.descriptors().count()));
        } catch (AccessDeniedException e) {
            assertEquals("/proc/1/fd", e.getFile());
        }
    }

    @Test
    void shouldSayAbsentForAProcessThatHasEnded() throws Exception {
        Process process = new ProcessBuilder("true").start();
        process.waitFor();
        ProcPid ended = PROC.process(process.pid());
        assertThrows(NoSuchFileException.class, ended::limits);
        assertThrows(NoSuchFileException.class, ended::fdCount);
        assertThrows(NoSuchFileException.class, ended::descriptors);
        assertThrows(NoSuchFileException.class, ended::namespaces);
        assertThrows(NoSuchFileException.class, ended::exe);
        assertThrows(NoSuchFileException.class, () -> ended.net().snmp());
        assertThrows(NoSuchFileException.class, ended::cgroupMemory);
    }

    /** Processes that end while they are read; whatever is not "absent" must be a reading. */
    @Test
    void shouldNeverCallAnEndingProcessBroken() throws Exception {
        int ended = 0;
        for (int i = 0; i < 60; i++) {
            Process process = new ProcessBuilder("true").start();
            ProcPid target = PROC.process(process.pid());
            try {
                while (true) {
                    target.limits();
                    target.status();
                    target.stat();
                    target.maps();
                    target.descriptors();
                    target.fdCount();
                    target.cgroups();
                    target.net().snmp();
                    target.namespaces();
                }
            } catch (NoSuchFileException e) {
                ended++;
            } catch (AccessDeniedException e) {
                // a zombie's namespaces and descriptors are not to be read, its other files are
            }
            process.waitFor();
        }
        assertTrue(ended > 0);
    }

    @Test
    void shouldKnowWhoSharesItsNamespaces() throws Exception {
        Process child = new ProcessBuilder("sh", "-c", "read x").start();
        try {
            assertEquals(Optional.of(true), PROC.process(child.pid()).sharesNamespace("net"));
            assertEquals(Optional.of(true), SELF.sharesNamespace("pid"));
        } finally {
            child.destroyForcibly();
        }
    }

    /** The handlers of /proc/sys answer the first read of a file only; Files.readString begins with one byte. */
    @Test
    void shouldReadASysctlInOneRead() throws Exception {
        var range = PROC.sysctl("net.ipv4.ip_local_port_range");
        Process cat = new ProcessBuilder("cat", "/proc/sys/net/ipv4/ip_local_port_range").start();
        assertEquals(cat.inputReader().readLine(), range.value());
        assertEquals(range.asLongs(), List.of(range.asRange().low(), range.asRange().high()));
        assertTrue(PROC.sysctl("fs.nr_open").asLong() >= 64);
        assertEquals("/proc/sys/net/ipv4/ip_local_port_range", range.file());
    }

    @Test
    void shouldWalkToTheRootOfTheCgroups() throws Exception {
        var memory = SELF.cgroupMemory();
        memory.ifPresent(walk -> {
            assertEquals(walk.path(), walk.levels().getFirst().path());
            assertTrue(walk.levels().stream().allMatch(level -> level.denied().isEmpty()));
        });
        SELF.cgroupPids().ifPresent(walk -> assertFalse(walk.levels().isEmpty()));
    }

    /** A child with 64 descriptors uses all of them up, then reads its own files. */
    @Test
    void shouldReadPreOpenedFilesWithoutADescriptorLeft() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        String path = location(PreOpened.class) + File.pathSeparator + location(Exhausted.class);
        Process child = new ProcessBuilder("sh", "-c", "ulimit -n 64; exec \"$@\"", "sh", java,
                "-XX:TieredStopAtLevel=1", "-cp", path, Exhausted.class.getName())
                .redirectErrorStream(true).start();
        String out = new String(child.getInputStream().readAllBytes());
        assertTrue(child.waitFor(60, TimeUnit.SECONDS));
        assertEquals("""
                /proc/self/limits: Too many open files
                64:64 files
                java
                files in use: true
                TcpExt: true
                TCP: true
                descriptors: 64
                """, out);
    }

    /** Other threads of the JVM open and close descriptors too; what holds must hold within a moment. */
    private static void eventually(Executable assertion) throws Exception {
        for (int i = 0; i < 50; i++) {
            try {
                assertion.execute();
                return;
            } catch (Error | Exception e) {
                Thread.sleep(20);
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        }
        assertDoesNotThrow(assertion);
    }

    private static String location(Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    }

    static final class Exhausted {
        public static void main(String[] args) throws IOException {
            var proc = new ProcFs();
            var open = new ArrayList<FileInputStream>();
            String refused = "";
            try (var held = new PreOpened(proc)) {
                try {
                    proc.process(0).limits();
                } catch (NoSuchFileException e) {
                    refused = "as expected: this only loads what the failure below needs";
                }
                try {
                    while (true) {
                        open.add(new FileInputStream("/dev/null"));
                    }
                } catch (IOException e) {
                    // the table is full
                }
                try {
                    proc.self().limits();
                } catch (FileSystemException e) {
                    refused = e.getMessage();
                }
                System.out.println(refused);
                System.out.println(held.limits().get(Limits.Resource.RLIMIT_NOFILE));
                System.out.println(held.status().name());
                System.out.println("files in use: " + (held.fileNr().allocated() > 0));
                System.out.println("TcpExt: " + held.netstat().get("TcpExt.ListenDrops").isPresent());
                System.out.println("TCP: " + held.sockstat().tcpInuse().isPresent());
                System.out.println("descriptors: " + (held.fdCount().isPresent() ? held.fdCount().getAsLong() : 64));
            }
        }
    }

    @Test
    void shouldSeeChangesThroughPreOpenedFiles() throws Exception {
        try (var held = new PreOpened(PROC)) {
            eventually(() -> assertEquals(SELF.fdCount(), held.fdCount()));
            eventually(() -> assertEquals(SELF.tids().length, held.status().threads()));
            var threads = new ArrayList<Thread>();
            for (int i = 0; i < 23; i++) {
                threads.add(Thread.ofPlatform().daemon().start(() -> LockSupport.parkNanos(20_000_000_000L)));
            }
            assertTrue(held.status().threads() > 23);
            eventually(() -> assertEquals(SELF.tids().length, held.status().threads()));
            threads.forEach(LockSupport::unpark);
            assertEquals(SELF.status().tgid(), held.status().tgid());
            assertEquals(SELF.limits(), held.limits());
            assertEquals(SELF.limits(), held.limits());
        }
    }
}
