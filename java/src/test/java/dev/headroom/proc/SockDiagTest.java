package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sched;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Sockets of a real kernel, in a network namespace where nobody else has any. */
class SockDiagTest {
    private static final StandardProtocolFamily INET = StandardProtocolFamily.INET;

    private Netns netns;
    private SockDiag diag;

    @BeforeEach
    void makeNamespace() throws Exception {
        netns = new Netns();
        diag = netns.sockDiag();
    }

    @AfterEach
    void removeNamespace() throws Exception {
        if (netns != null) {
            netns.close();
        }
    }

    private static InetSocketAddress at(String literal, int port) {
        return new InetSocketAddress(InetAddress.ofLiteral(literal), port);
    }

    private ServerSocketChannel listen(String literal, int port, int backlog) throws IOException {
        boolean v6 = literal.contains(":");
        return netns.open(whose -> ServerSocketChannel.open(v6 ? StandardProtocolFamily.INET6 : INET)
                .bind(at(literal, port), backlog));
    }

    private SocketChannel connect(StandardProtocolFamily family, String literal, int port) throws IOException {
        SocketChannel channel = netns.open(whose -> SocketChannel.open(family));
        channel.connect(at(literal, port));
        return channel;
    }

    private static void eventually(Executable assertion) throws Exception {
        for (int i = 0; i < 100; i++) {
            try {
                assertion.execute();
                return;
            } catch (Throwable e) {
                Thread.sleep(20);
            }
        }
        assertDoesNotThrow(assertion);
    }

    private static void connectAll(SockDiagTest test, List<SocketChannel> to, int n, int port) throws IOException {
        for (int i = 0; i < n; i++) {
            to.add(test.connect(INET, "127.0.0.1", port));
        }
    }

    @Test
    void shouldReport23RowsFor23Connections() throws Exception {
        ServerSocketChannel listener = listen("127.0.0.1", 7777, 50);
        var clients = new ArrayList<SocketChannel>();
        connectAll(this, clients, 23, 7777);
        for (int i = 0; i < 23; i++) {
            netns.open(whose -> listener.accept());
        }
        var inodes = new ArrayList<Long>();
        SockDiag.Dump dump = diag.tcp(SockFilter.states(TcpState.TCP_ESTABLISHED).remotePort(7777), row -> {
            assertEquals(TcpState.TCP_ESTABLISHED, row.state());
            assertEquals("127.0.0.1:7777", row.remote().toString());
            assertEquals(0, row.uid());
            inodes.add(row.inode());
        });
        assertEquals(new SockDiag.Dump(23, 1, false), dump);
        assertEquals(23, inodes.stream().distinct().count());
        assertEquals(47, diag.tcp(SockFilter.all(), row -> {
        }).rows());
        assertEquals(23, diag.tcp(SockFilter.connected().localPort(7777), row -> {
        }).rows());
        if (Files.isExecutable(Path.of("/usr/bin/ss"))) {
            assertEquals(47, netns.exec("ss", "-tanH").lines().count(), "ss(8) says");
        }
        for (SocketChannel client : clients) {
            Sockaddr local = Sockaddr.of((InetSocketAddress) client.getLocalAddress());
            InetSock found = diag.find(local, Sockaddr.of("127.0.0.1", 7777)).orElseThrow();
            assertTrue(inodes.contains(found.inode()));
            assertEquals(local, found.local());
        }
    }

    @Test
    void shouldSayWhoHasTheSocket() throws Exception {
        listen("127.0.0.1", 7777, 50);
        long inode = diag.listeners().getFirst().inode();
        SocketOwners owners = SocketOwners.find(netns.proc, Set.of(inode, 0L, 4_000_000_000L));
        assertEquals(Map.of(inode, Set.of((int) ProcessHandle.current().pid())), owners.pids());
        assertEquals(Set.of(), owners.of(4_000_000_000L));
    }

    @Test
    void shouldSayWhoHasTheSocketInATableOfItsOwn() throws Exception {
        Netns.need(netns.target().fdCount().isPresent(), "Linux 6.2, which counts descriptors");
        var state = new CallState();
        var opened = new CountDownLatch(1);
        var seen = new CountDownLatch(1);
        netns.open(whose -> SocketChannel.open(INET)).close();
        try (Memory address = Memory.map(Sockaddr.MAX_LENGTH)) {
            int length = Sockaddr.of("127.7.7.7", 7777).write(address, 0);
            Thread thread = Thread.ofPlatform().start(() -> {
                Sched.unshare(state, Sched.CLONE_FILES);
                for (int i = 0; i < 7; i++) {
                    int fd = Socket.socket(state, Socket.AF_INET, Socket.SOCK_STREAM, 0);
                    Socket.bind(state, fd, address.address(), length);
                    Socket.listen(state, fd, 1);
                }
                opened.countDown();
                try {
                    seen.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            opened.await();
            // The thread is in this namespace, not in the private one.
            try (SockDiag here = SockDiag.open()) {
                InetSock socket = here.tcpPort(7777).examples().getFirst();
                eventually(() -> assertEquals(Set.of((int) ProcessHandle.current().pid()),
                        SocketOwners.find(netns.proc, Set.of(socket.inode())).of(socket.inode())));
            } finally {
                seen.countDown();
                thread.join();
            }
        }
    }

    @Test
    void shouldFillAQueueOf5With6() throws Exception {
        listen("127.0.0.1", 7777, 5);
        InetSock empty = diag.listeners().getFirst();
        assertEquals("LISTEN 127.0.0.1:7777", empty.toString());
        assertEquals("0 of 5", empty.rqueue() + " of " + empty.wqueue());
        connectAll(this, new ArrayList<>(), 6, 7777);
        eventually(() -> {
            InetSock full = diag.listeners().getFirst();
            assertEquals("6 of 5", full.rqueue() + " of " + full.wqueue());
        });
        List<InetSock> waiting = new ArrayList<>();
        diag.tcp(SockFilter.connected().localPort(7777), row -> waiting.add(row.copy()));
        assertEquals(6, waiting.size());
        assertTrue(waiting.stream().allMatch(s -> s.inode() == 0 && s.state() == TcpState.TCP_ESTABLISHED));
    }

    @Test
    void shouldCutTheBacklogToSomaxconn() throws Exception {
        netns.exec("sysctl", "-w", "net.core.somaxconn=37");
        listen("127.0.0.1", 7777, 100);
        assertEquals(37, diag.listeners().getFirst().wqueue());
    }

    @Test
    void shouldSeeSocketsThatAreOnlyBound() throws Exception {
        Netns.need(SockDiag.showsBoundInactive(netns.proc.kernelVersion()), "Linux 6.8, which shows bound sockets");
        for (int i = 0; i < 5; i++) {
            int port = 40000 + i;
            netns.open(whose -> SocketChannel.open(INET).bind(at("127.0.0.2", port)));
        }
        netns.open(whose -> SocketChannel.open(INET).bind(at("127.0.0.3", 40000)));
        netns.open(whose -> SocketChannel.open().bind(at("::1", 40009)));
        netns.open(whose -> SocketChannel.open(INET).bind(at("127.0.0.2", 39999)));
        listen("127.0.0.7", 40005, 1);
        listen("127.0.0.7", 40020, 1);
        connect(INET, "127.0.0.7", 40005);
        PortUse bound = diag.boundPorts(40000, 40019);
        assertEquals("{40000, 40001, 40002, 40003, 40004, 40005, 40009}", bound.ports().toString());
        assertEquals(7, bound.count());
        assertEquals(Map.of(TcpState.TCP_LISTEN, 1L, TcpState.TCP_BOUND_INACTIVE, 7L), bound.states());
        assertEquals(8, bound.examples().size());
        assertTrue(bound.examples().stream().allMatch(s -> s.inode() != 0 && s.local().port() >= 40000), "" + bound);
        assertEquals(2, diag.boundPorts(40000, 40000).sockets());
        assertFalse(bound.interrupted());
    }

    @Test
    void shouldCountTimeWaitAtTheSideThatClosedFirst() throws Exception {
        ServerSocketChannel listener = listen("127.0.0.1", 7777, 50);
        var clients = new ArrayList<SocketChannel>();
        connectAll(this, clients, 11, 7777);
        var accepted = new ArrayList<SocketChannel>();
        for (int i = 0; i < 11; i++) {
            accepted.add(netns.open(whose -> listener.accept()));
        }
        Sockaddr source = Sockaddr.of((InetSocketAddress) clients.getFirst().getLocalAddress());
        for (int i = 0; i < 7; i++) {
            netns.closeNow(clients.get(i));
        }
        eventually(() -> assertEquals(7, diag.flows(1024, 65535).flows().getFirst().count(TcpState.TCP_FIN_WAIT2)));
        for (SocketChannel channel : accepted) {
            netns.closeNow(channel);
        }
        eventually(() -> {
            Flows flows = diag.flows(Sockaddr.of("127.0.0.1", 7777), 1024, 65535);
            Flow flow = flows.flows().getFirst();
            assertEquals(7, flow.count(TcpState.TCP_TIME_WAIT));
            assertEquals(4, flow.count(TcpState.TCP_CLOSE_WAIT));
            assertEquals(11, flow.connections());
            assertEquals(11, flow.ports());
            assertEquals(InetAddress.ofLiteral("127.0.0.1"), flow.source());
            assertEquals("127.0.0.1:7777", flow.target().toString());
            assertEquals(1, flows.flows().size());
            assertEquals(0, flows.others());
        });
        InetSock held = diag.find(source, Sockaddr.of("127.0.0.1", 7777)).orElseThrow();
        assertEquals(TcpState.TCP_TIME_WAIT, held.state());
        assertTrue(held.timewait());
        assertEquals(0, held.inode());
    }

    @Test
    void shouldSumUpByAddressesAndPort() throws Exception {
        listen("0.0.0.0", 7777, 50);
        listen("0.0.0.0", 40500, 50);
        netns.exec("sysctl", "-w", "net.ipv4.ip_local_port_range=40000 40999");
        for (int i = 0; i < 3; i++) {
            connect(INET, "127.0.0.1", 7777);
        }
        for (int i = 0; i < 5; i++) {
            connect(INET, "127.0.0.2", 7777);
        }
        // An IPv6 socket talks IPv4: the same flow. And a listener's port is in the range: no port was taken for it.
        connect(StandardProtocolFamily.INET6, "127.0.0.1", 7777);
        connect(INET, "127.0.0.2", 40500);
        var seen = new ArrayList<String>();
        for (Flow flow : diag.flows(40000, 40999).flows()) {
            seen.add(flow.source().getHostAddress() + " " + flow.target() + " " + flow.ports() + " " + flow.states());
        }
        assertEquals(List.of("127.0.0.1 127.0.0.2:7777 5 {TCP_ESTABLISHED=5}",
                "127.0.0.1 127.0.0.1:7777 4 {TCP_ESTABLISHED=4}",
                "127.0.0.1 127.0.0.2:40500 1 {TCP_ESTABLISHED=1}"), seen);
        Flows one = diag.flows(Sockaddr.of("127.0.0.1", 7777), 40000, 40999);
        assertEquals(1, one.flows().size());
        assertEquals(4, one.connections());
        assertEquals(0, diag.flows(1024, 1025).connections());
    }

    @Test
    void shouldTellByOneWalkWhatSeparateOnesTell() throws Exception {
        netns.exec("sysctl", "-w", "net.ipv4.ip_local_port_range=40000 40999");
        ServerSocketChannel listener = listen("127.0.0.1", 7777, 50);
        listen("127.0.0.3", 40001, 50);
        netns.open(whose -> ServerSocketChannel.open().bind(at("::", 40003), 50));
        for (int i = 0; i < 5; i++) {
            int port = 40100 + i;
            netns.open(whose -> SocketChannel.open(INET).bind(at("127.0.0.2", port)));
        }
        netns.open(whose -> SocketChannel.open().bind(at("::1", 40007)));
        var clients = new ArrayList<SocketChannel>();
        connectAll(this, clients, 23, 7777);
        for (int i = 0; i < 23; i++) {
            netns.open(whose -> listener.accept());
        }
        for (int i = 0; i < 7; i++) {
            clients.add(connect(StandardProtocolFamily.INET6, "::1", 40003));
        }
        for (int i = 0; i < 11; i++) {
            clients.add(connect(StandardProtocolFamily.INET6, "127.0.0.1", 7777));
        }
        for (int i = 0; i < 3; i++) {
            netns.closeNow(clients.get(i));
        }
        eventually(() -> assertEquals(3, diag.flows(40000, 40999).flows().getFirst().count(TcpState.TCP_FIN_WAIT2)));

        Sockaddr target = Sockaddr.of("127.0.0.1", 7777);
        SockFilter range = SockFilter.all().localPorts(40000, 40999);
        var all = ports(range);
        var of2 = ports(range.local(InetAddress.ofLiteral("127.0.0.2")));
        of2.or(ports(range.local(InetAddress.ofLiteral("0.0.0.0"))));
        of2.or(ports(range.local(InetAddress.ofLiteral("::"))));
        assertEquals(2 + 6 + 41 + 7, diag.walk(range, row -> {
        }).rows());
        assertEquals(6, of2.cardinality());

        TcpPorts ports = diag.ports(40000, 40999, Optional.empty(), Optional.of(InetAddress.ofLiteral("127.0.0.2")));
        assertEquals(all, ports.inUse());
        assertEquals(of2, ports.inUseOfLocal());
        assertEquals(diag.flows(40000, 40999), ports.flows());
        assertEquals(41, ports.flows().connections());
        assertEquals(8, ports.bound().count());
        assertEquals(diag.boundPorts(40000, 40999).ports(), ports.bound().ports());
        assertEquals(diag.boundPorts(40000, 40999).states(), ports.bound().states());

        TcpPorts one = diag.ports(40000, 40999, Optional.of(target), Optional.of(InetAddress.ofLiteral("::")));
        assertEquals(diag.flows(target, 40000, 40999), one.flows());
        assertEquals(34, one.flows().connections());
        assertEquals(all, one.inUse());
        assertEquals(all, one.inUseOfLocal());
        assertEquals(0, diag.ports(40000, 40999, Optional.empty(), Optional.empty()).inUseOfLocal().cardinality());
    }

    /** Asked for each family, as {@code tcp} does. */
    private BitSet ports(SockFilter filter) throws IOException {
        var ports = new BitSet();
        SockDiag.Dump dump = diag.tcp(filter, row -> ports.set(row.localPort()));
        assertEquals(dump, diag.walk(filter, row -> assertTrue(ports.get(row.localPort()))));
        return ports;
    }

    @Test
    void shouldReadIpv6() throws Exception {
        ServerSocketChannel listener = listen("::1", 7777, 3);
        SocketChannel client = connect(StandardProtocolFamily.INET6, "::1", 7777);
        eventually(() -> assertEquals("1 of 3 LISTEN [::1]:7777", diag.listeners().getFirst().rqueue() + " of "
                + diag.listeners().getFirst().wqueue() + " " + diag.listeners().getFirst()));
        netns.open(whose -> listener.accept());
        Sockaddr local = Sockaddr.of((InetSocketAddress) client.getLocalAddress());
        InetSock found = diag.find(local, Sockaddr.of("::1", 7777)).orElseThrow();
        assertEquals(local, found.local());
        assertEquals("[::1]:7777", found.remote().toString());
        assertEquals(1, diag.tcp(SockFilter.connected().remote(InetAddress.ofLiteral("::1")).remotePort(7777), row -> {
        }).rows());
        assertEquals(0, diag.tcp(SockFilter.connected().remote(InetAddress.ofLiteral("::2")), row -> {
        }).rows());
        Flow flow = diag.flows(1024, 65535).flows().getFirst();
        assertEquals("[::1]:7777 1", flow.target() + " " + flow.ports());
    }

    @Test
    void shouldFilterByAddressAlsoWhereItIsMapped() throws Exception {
        ServerSocketChannel listener = netns.open(whose -> ServerSocketChannel.open().bind(at("::", 7777), 9));
        InetSock listening = diag.listeners().getFirst();
        assertEquals("LISTEN [::]:7777", listening.toString());
        assertFalse(listening.v6Only());
        SocketChannel client = connect(INET, "127.0.0.1", 7777);
        connect(INET, "127.0.0.2", 7777);
        netns.open(whose -> listener.accept());
        netns.open(whose -> listener.accept());
        InetAddress one = InetAddress.ofLiteral("127.0.0.1");
        var seen = new ArrayList<InetSock>();
        diag.tcp(SockFilter.connected().local(one).localPort(7777), row -> seen.add(row.copy()));
        assertEquals(1, seen.size());
        assertEquals(10, seen.getFirst().family());
        Sockaddr peer = Sockaddr.of((InetSocketAddress) client.getLocalAddress());
        assertEquals(peer, seen.getFirst().remote());
        assertEquals(10, diag.find(Sockaddr.of("127.0.0.1", 7777), peer).orElseThrow().family());
        assertEquals(2, diag.tcp(SockFilter.all().remotePort(7777), row -> {
        }).rows());
    }

    @Test
    void shouldFindNothingForOneTupleButAnother() throws Exception {
        listen("127.0.0.1", 7777, 50);
        connect(INET, "127.0.0.1", 7777);
        Sockaddr listening = Sockaddr.of("127.0.0.1", 7777);
        assertTrue(diag.find(Sockaddr.of("127.0.0.1", 1), listening).isEmpty());
        assertTrue(diag.find(listening, Sockaddr.of("127.0.0.1", 1)).isEmpty(), "the listener is not a connection");
        assertTrue(diag.find(Sockaddr.of("::1", 1), listening).isEmpty());
    }

    @Test
    void shouldSayWhatUsesAPort() throws Exception {
        listen("127.0.0.1", 7777, 50);
        connectAll(this, new ArrayList<>(), 13, 7777);
        PortUse use = diag.tcpPort(7777);
        assertEquals(Map.of(TcpState.TCP_LISTEN, 1L, TcpState.TCP_ESTABLISHED, 13L), use.states());
        assertEquals(9, use.examples().size());
        assertEquals(1, use.count());
        assertEquals(14, use.sockets());
        SocketChannel client = connect(INET, "127.0.0.1", 7777);
        int ephemeral = ((InetSocketAddress) client.getLocalAddress()).getPort();
        assertEquals("[ESTAB 127.0.0.1:" + ephemeral + " 127.0.0.1:7777]",
                diag.tcpPort(ephemeral).examples().toString());
        assertEquals(0, diag.tcpPort(7778).sockets());
        assertEquals(0, diag.udpPort(7777).sockets());
    }

    @Test
    void shouldReadUdp() throws Exception {
        DatagramChannel unconnected = netns.open(whose -> DatagramChannel.open(INET).bind(at("127.0.0.1", 5353)));
        unconnected.setOption(StandardSocketOptions.SO_RCVBUF, 1);
        DatagramChannel sender = netns.open(whose -> DatagramChannel.open(INET).bind(at("127.0.0.1", 6000)));
        sender.connect(at("127.0.0.1", 5353));
        for (int i = 0; i < 100; i++) {
            sender.write(ByteBuffer.allocate(1000));
        }
        PortUse use = diag.udpPort(5353);
        assertEquals(Map.of(TcpState.TCP_CLOSE, 1L), use.states());
        InetSock socket = use.examples().getFirst();
        assertTrue(socket.rqueue() > 0);
        assertTrue(socket.drops().orElseThrow() > 90, "dropped " + socket.drops());
        assertEquals("[ESTAB 127.0.0.1:6000 127.0.0.1:5353]", diag.udpPort(6000).examples().toString());
    }

    @Test
    void shouldReadQueuesOfUnixListeners() throws Exception {
        Path path = Files.createTempDirectory("headroom").resolve("socket");
        try {
            var address = UnixDomainSocketAddress.of(path);
            netns.open(whose -> ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address, 3));
            for (int i = 0; i < 4; i++) {
                SocketChannel client = netns.open(whose -> SocketChannel.open(StandardProtocolFamily.UNIX));
                client.connect(address);
            }
            UnixSock listener = diag.unixListeners().getFirst();
            assertEquals(path.toString(), listener.name());
            assertEquals("4 of 3", listener.rqueue() + " of " + listener.wqueue());
            assertEquals(0, listener.uid().orElseThrow());
            assertEquals(Set.of((int) ProcessHandle.current().pid()),
                    SocketOwners.find(netns.proc, Set.of(listener.inode())).of(listener.inode()));
            var connected = new ArrayList<UnixSock>();
            diag.unix(row -> connected.add(row.copy()), TcpState.TCP_ESTABLISHED);
            assertEquals(4, connected.size(), "the other ends are not shown before somebody accepts them");
            assertTrue(connected.stream().allMatch(s -> s.type() == 1));
        } finally {
            Files.deleteIfExists(path);
            Files.delete(path.getParent());
        }
    }

    @Test
    void shouldTellAMissingModuleFromNoSockets() throws Exception {
        assertEquals(0, diag.tcp(SockFilter.all(), row -> {
        }).rows());
        var absent = assertThrows(SockDiagAbsentException.class, () -> diag.inet(253, SockFilter.all(), row -> {
        }));
        assertEquals("the kernel has no inet_diag, or may not load it: "
                + "sock_diag(AF_INET, 253) failed: ENOENT (2, No such file or directory)", absent.getMessage());
        assertEquals(0, diag.tcp(SockFilter.all(), row -> {
        }).rows());
    }

    @Test
    void shouldGoOnAfterAConsumerGaveUp() throws Exception {
        var held = new ArrayList<SocketChannel>();
        for (int i = 0; i < 700; i++) {
            int port = 20000 + i;
            held.add(netns.open(whose -> SocketChannel.open(INET).bind(at("127.0.0.1", port))));
        }
        Netns.need(SockDiag.showsBoundInactive(netns.proc.kernelVersion()), "Linux 6.8, which shows bound sockets");
        for (int i = 0; i < 3; i++) {
            var enough = assertThrows(IOException.class, () -> diag.tcp(SockFilter.all(), row -> {
                throw new IOException("enough");
            }));
            assertEquals("enough", enough.getMessage());
        }
        assertEquals(700, diag.tcp(SockFilter.all(), row -> {
        }).rows());
        assertEquals(IntStream.range(20100, 20150).boxed().toList(),
                diag.boundPorts(20100, 20149).ports().stream().boxed().toList());
    }
}
