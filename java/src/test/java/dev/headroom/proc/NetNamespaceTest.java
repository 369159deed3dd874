package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The network namespace of another process, with and without the right to enter it. */
class NetNamespaceTest {
    private static final ProcFs PROC = new ProcFs();
    private static final String RANGE = "net.ipv4.ip_local_port_range";

    @Test
    void shouldReadSysctlsAndSocketsOfTheTarget() throws Exception {
        try (Netns netns = new Netns()) {
            netns.exec("sysctl", "-w", RANGE + "=50000 50001");
            netns.open(whose -> ServerSocketChannel.open()
                    .bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 7777), 23));
            String ours = PROC.sysctl(RANGE).value();
            Path link = Path.of("/proc/thread-self/ns/net");
            Path before = Files.readSymbolicLink(link);
            Thread caller = Thread.currentThread();

            Reading<String> range = NetNamespace.read(PROC, netns.target(), whose -> {
                assertEquals(Scope.TARGET_NET_NAMESPACE, whose);
                assertNotSame(caller, Thread.currentThread());
                assertEquals(netns.target().namespace("net").toString(), Files.readSymbolicLink(link).toString());
                return PROC.sysctl(RANGE).value();
            });

            assertEquals(new Reading<>("50000\t50001", Scope.TARGET_NET_NAMESPACE, Optional.empty()), range);
            assertFalse(ours.startsWith("50000"));
            assertEquals(ours, PROC.sysctl(RANGE).value());
            assertEquals(before, Files.readSymbolicLink(link));
            Reading<List<InetSock>> listeners = NetNamespace.read(PROC, netns.target(), whose -> {
                try (SockDiag diag = SockDiag.open()) {
                    return diag.listeners();
                }
            });
            assertEquals("[LISTEN 127.0.0.1:7777]", listeners.value().toString());
            assertEquals(23, listeners.value().getFirst().wqueue());
            try (SockDiag here = SockDiag.open()) {
                long inode = listeners.value().getFirst().inode();
                assertTrue(here.listeners().stream().noneMatch(s -> s.inode() == inode));
            }
        }
    }

    @Test
    void shouldStayOnTheThreadForAProcessOfTheSameNamespace() throws Exception {
        Thread caller = Thread.currentThread();
        ProcPid self = PROC.process(ProcessHandle.current().pid());
        Reading<Thread> thread = NetNamespace.read(PROC, self, whose -> Thread.currentThread());
        assertEquals(new Reading<>(caller, Scope.TARGET_NET_NAMESPACE, Optional.empty()), thread);
    }

    @Test
    void shouldFindTheWayFromOneNamespaceToAnother() throws Exception {
        try (Netns one = new Netns(); Netns other = new Netns()) {
            ProcPid home = PROC.process(ProcessHandle.current().pid());
            Path link = Path.of("/proc/thread-self/ns/net");
            String seen = one.in(whose -> NetNamespace.read(PROC, other.target(),
                    again -> Files.readSymbolicLink(link).toString()).value());
            assertEquals(other.target().namespace("net").toString(), seen);
            assertEquals(home.namespace("net").toString(), one.in(whose -> NetNamespace.read(PROC, home,
                    again -> Files.readSymbolicLink(link).toString()).value()));
        }
    }

    @Test
    void shouldPassOnWhatTheTaskThrows() throws Exception {
        try (Netns netns = new Netns()) {
            var broken = new IOException("broken");
            assertSame(broken, assertThrows(IOException.class, () -> netns.in(whose -> {
                throw broken;
            })));
            var wrong = new IllegalStateException("wrong");
            assertSame(wrong, assertThrows(IllegalStateException.class, () -> netns.in(whose -> {
                throw wrong;
            })));
        }
    }

    @Test
    void shouldFinishAndStayInterrupted() throws Exception {
        try (Netns netns = new Netns()) {
            Thread.currentThread().interrupt();
            assertEquals("done", netns.in(whose -> "done"));
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void shouldSayThatTheTargetHasEnded() throws Exception {
        Process process = new ProcessBuilder("true").start();
        process.waitFor();
        assertThrows(NoSuchFileException.class,
                () -> NetNamespace.read(PROC, PROC.process(process.pid()), whose -> 1));
    }

    @Test
    void shouldCompareNamespacesByFilesToo() throws Exception {
        try (Netns netns = new Netns()) {
            assertFalse(NetNamespace.isShared(PROC, netns.target()));
            assertFalse(nobody("shared", netns.pid()).startsWith("true"));
            assertEquals("true\n", nobody("shared", ProcessHandle.current().pid()));
        }
    }

    @Test
    void shouldTellAnUnprivilegedUserWhyItIsOnlyTheReadersNamespace() throws Exception {
        try (Netns netns = new Netns()) {
            netns.exec("sysctl", "-w", RANGE + "=50000 50001");
            String link = "/proc/" + netns.pid() + "/ns/net";
            assertEquals(PROC.sysctl(RANGE).value() + "\nREADER_NET_NAMESPACE\nopen(\"" + link
                    + "\", O_RDONLY) failed: EACCES (13, Permission denied); it needs the same user ID or"
                    + " CAP_SYS_PTRACE\n", nobody("range", netns.pid()));
            assertEquals(PROC.sysctl(RANGE).value() + "\nTARGET_NET_NAMESPACE\n",
                    nobody("range", ProcessHandle.current().pid()));
        }
    }

    @Test
    void shouldTellRootWithoutTheCapabilityWhichOneItIs() throws Exception {
        try (Netns netns = new Netns()) {
            String said = child(List.of("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"), "range",
                    netns.pid());
            assertTrue(said.contains("READER_NET_NAMESPACE\nsetns("), said);
            assertTrue(said.endsWith("CLONE_NEWNET) failed: EPERM (1, Operation not permitted); it needs"
                    + " CAP_SYS_ADMIN\n"), said);
        }
    }

    @Test
    void shouldReadSocketsUnprivileged() throws Exception {
        Netns.needRoot();
        try (var listener = ServerSocketChannel.open().bind(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                29)) {
            String said = nobody("sockets", ((InetSocketAddress) listener.getLocalAddress()).getPort());
            assertTrue(said.startsWith("1 sockets, limit 29, owners [], unreadable: "), said);
            assertTrue(Integer.parseInt(said.strip().replaceAll(".* ", "")) > 0, said);
        }
    }

    @Test
    void shouldReadFilesWithoutAnyClassOfTheGroundFloor() throws Exception {
        String said = run(javaCommand(List.of("-Xlog:class+load"), classes(), "files",
                ProcessHandle.current().pid()));
        assertTrue(said.contains("dev.headroom.proc.SocketOwners"), said);
        List<String> wrong = said.lines()
                .filter(l -> l.contains("dev.headroom.linux") || l.contains("java.lang.foreign.Linker ")).toList();
        assertEquals(List.of(), wrong);
    }

    // A JVM of another user.

    private static String nobody(String what, long number) throws Exception {
        return child(List.of("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"), what, number);
    }

    private static String child(List<String> prefix, String what, long number) throws Exception {
        Netns.needRoot();
        Netns.need(Files.isExecutable(Path.of("/usr/bin/setpriv")), "setpriv(1)");
        Path folder = Files.createTempDirectory("headroom-classes");
        try {
            // The build's own folder may be closed to other users.
            for (String from : classes().split(":")) {
                copy(Path.of(from).resolve("dev"), folder.resolve("dev"));
            }
            new ProcessBuilder("chmod", "-R", "a+rX", folder.toString()).start().waitFor();
            var command = new ArrayList<>(prefix);
            command.addAll(javaCommand(List.of(), folder.toString(), what, number));
            return run(command);
        } finally {
            Fixtures.delete(folder);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (var files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path copy = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
    }

    private static String classes() throws Exception {
        return Path.of(NetNamespace.class.getProtectionDomain().getCodeSource().getLocation().toURI()) + ":"
                + Path.of(Child.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private static List<String> javaCommand(List<String> options, String path, String what, long number) {
        var command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(List.of("-cp", path, Child.class.getName(), what, Long.toString(number)));
        return command;
    }

    private static String run(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).directory(Path.of("/").toFile()).redirectErrorStream(true)
                .start();
        String out = new String(process.getInputStream().readAllBytes());
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), out);
        return out;
    }

    static final class Child {
        public static void main(String[] args) throws IOException {
            long number = Long.parseLong(args[1]);
            switch (args[0]) {
                case "shared" -> System.out.println(NetNamespace.isShared(PROC, PROC.process(number)));
                case "range" -> {
                    Reading<String> range = NetNamespace.read(PROC, PROC.process(number),
                            whose -> PROC.sysctl(RANGE).value());
                    System.out.println(range.value() + "\n" + range.scope());
                    range.reason().ifPresent(System.out::println);
                }
                case "sockets" -> {
                    try (SockDiag diag = SockDiag.open()) {
                        PortUse use = diag.tcpPort((int) number);
                        InetSock socket = use.examples().getFirst();
                        var owners = SocketOwners.find(PROC, Set.of(socket.inode()));
                        System.out.println(use.sockets() + " sockets, limit " + socket.wqueue() + ", owners "
                                + owners.of(socket.inode()) + ", unreadable: " + owners.unreadable().size());
                    }
                }
                case "files" -> {
                    ProcPid process = PROC.process(number);
                    process.limits();
                    process.status();
                    process.descriptors();
                    process.namespaces();
                    process.net().netstat();
                    process.net().sockstat();
                    process.cgroupMemory();
                    PROC.fdCounts();
                    PROC.sysctl(RANGE).asRange();
                    SocketOwners.find(PROC, Set.of(1L));
                }
                default -> throw new IllegalArgumentException(Arrays.toString(args));
            }
        }
    }
}
