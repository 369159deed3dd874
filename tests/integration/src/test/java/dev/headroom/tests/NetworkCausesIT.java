package dev.headroom.tests;

import static dev.headroom.linux.Errno.EACCES;
import static dev.headroom.linux.Errno.EADDRINUSE;
import static dev.headroom.linux.Errno.EADDRNOTAVAIL;
import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNREFUSED;
import static dev.headroom.linux.Errno.ECONNRESET;
import static dev.headroom.linux.Errno.EHOSTUNREACH;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.EMSGSIZE;
import static dev.headroom.linux.Errno.ENETUNREACH;
import static dev.headroom.linux.Errno.ENOBUFS;
import static dev.headroom.linux.Errno.EPERM;
import static dev.headroom.linux.Errno.EPIPE;
import static dev.headroom.linux.Errno.ETIMEDOUT;
import static dev.headroom.linux.Socket.AF_INET;
import static dev.headroom.linux.Socket.AF_INET6;
import static dev.headroom.linux.Socket.AF_UNIX;
import static dev.headroom.linux.Socket.SOCK_DGRAM;
import static dev.headroom.linux.Socket.SOCK_NONBLOCK;
import static dev.headroom.linux.Socket.SOCK_STREAM;
import static dev.headroom.linux.Socket.SOL_SOCKET;
import static dev.headroom.linux.Socket.SO_REUSEADDR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Socket;

/** The causes of the network, each provoked in a network namespace of its own and then asked for. */
@Timeout(60)
class NetworkCausesIT {
    private static final String SERVER = "127.0.0.1:9999";
    private static final String[] PORTS = {"tuple-range-exhausted", "time-wait-holds-tuple", "ports-bound-by-others",
            "explicit-tuple-in-use", "odd-range-miss", "reserved-ports", "no-source-address",
            "socket-local-port-range"};
    private static final String[] SILENCE = {"accept-queue-full", "firewall-drop", "peer-blackhole",
            "syn-queue-full-nocookies", "syn-backlog-last-quarter", "conntrack-full-local", "nat-ports-exhausted",
            "conntrack-chain-too-long", "neigh-table-overflow", "loopback-down"};

    private NetRoom room;

    @BeforeEach
    void enter() {
        room = new NetRoom();
    }

    @AfterEach
    void leave() {
        if (room != null) {
            room.close();
        }
    }

    @AfterAll
    static void count() {
        System.out.println(Asked.summary());
    }

    private static String[] but(String[] all, String... some) {
        return List.of(all).stream().filter(s -> !List.of(some).contains(s)).toArray(String[]::new);
    }

    private static Question connect(Errno errno, String peer) {
        return Question.of(errno, "connect").withPeer(peer);
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void fails(Errno errno, int rc) {
        assertEquals(errno.name(), rc < 0 ? Errno.name(-rc) : "success");
    }

    @Nested
    class EaddrnotavailOfConnect {
        private void range(int low, int high) {
            room.sysctl("net.ipv4.ip_local_port_range", low + " " + high);
        }

        private Diagnosis asked() {
            return Asked.ask(room.tid(), connect(EADDRNOTAVAIL, SERVER));
        }

        @Test
        void shouldNameTheRangeThatIsExhaustedForOneDestination() {
            range(40000, 40019);
            room.listener("127.0.0.1", 9999, 64);
            room.listener("127.0.0.1", 9998, 64);
            NetRoom.Calls calls = room.callUntilItFails("127.0.0.1", 9999, 100);
            fails(EADDRNOTAVAIL, calls.rc());
            assertEquals(20, calls.fds().size());
            NetRoom.ok(room.call("127.0.0.1", 9998));

            var found = Asked.confirmed(asked(), "tuple-range-exhausted", but(PORTS, "tuple-range-exhausted"));

            assertEquals("all 20 ports that may be chosen from range 40000-40019 already serve connections from "
                    + "127.0.0.1 to 127.0.0.1:9999", found.finding().sentence());
        }

        @Test
        void shouldNameTimeWait() {
            range(40000, 40019);
            room.sysctl("net.ipv4.tcp_tw_reuse", "0");
            int server = room.listener("127.0.0.1", 9999, 64);
            NetRoom.Calls calls = room.callUntilItFails("127.0.0.1", 9999, 20);
            for (int fd : calls.fds()) {
                int accepted = NetRoom.ok(room.accept(server));
                room.close(fd);
                room.close(accepted);
            }
            fails(EADDRNOTAVAIL, room.call("127.0.0.1", 9999));

            var found = Asked.confirmed(asked(), "time-wait-holds-tuple", but(PORTS, "time-wait-holds-tuple"));

            assertEquals("20 of the 20 ports of range 40000-40019 are held by closed connections from 127.0.0.1 to "
                    + "127.0.0.1:9999 in TIME_WAIT, for 60 s each", found.finding().sentence());
        }

        @Test
        void shouldSeeIdleBoundSocketsOfAnotherAddress() {
            range(40000, 40019);
            room.listener("127.0.0.1", 9999, 64);
            for (int port = 40000; port < 40020; port++) {
                NetRoom.ok(room.bind(room.tcp(), "127.0.0.2", port));
            }
            fails(EADDRNOTAVAIL, room.call("127.0.0.1", 9999));

            Asked.confirmed(asked(), "ports-bound-by-others", but(PORTS, "ports-bound-by-others"));
        }

        @Test
        void shouldNameTheLargerShareWhenListenersTakeSome() {
            range(40000, 40019);
            room.listener("127.0.0.1", 9999, 64);
            for (int port = 40000; port < 40012; port++) {
                room.listener("127.0.0.7", port, 1);
            }
            NetRoom.Calls calls = room.callUntilItFails("127.0.0.1", 9999, 100);
            assertEquals(8, calls.fds().size());

            var found = Asked.confirmed(asked(), "ports-bound-by-others", "time-wait-holds-tuple", "reserved-ports");

            assertTrue(found.finding().sentence().startsWith("12 of the 20 ports"), found.finding().sentence());
        }

        @Test
        void shouldNameTheExactPair() {
            room.listener("127.0.0.1", 9999, 64);
            for (int i = 0; i < 2; i++) {
                int fd = room.tcp();
                room.option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
                NetRoom.ok(room.bind(fd, "127.0.0.1", 40005));
                int rc = room.connect(fd, "127.0.0.1", 9999);
                if (i == 1) {
                    fails(EADDRNOTAVAIL, rc);
                }
            }
            var found = Asked.confirmed(
                    Asked.ask(room.tid(), connect(EADDRNOTAVAIL, SERVER).withLocal("127.0.0.1:40005")),
                    "explicit-tuple-in-use", but(PORTS, "explicit-tuple-in-use"));

            assertEquals("the connection from 127.0.0.1:40005 to 127.0.0.1:9999 exists already, in ESTAB",
                    found.finding().sentence());
        }

        @Test
        void shouldKnowThatTheLastPortOfAnOddRangeIsNeverTried() {
            range(40000, 40002);
            room.listener("127.0.0.1", 9999, 64);
            assertEquals(2, room.callUntilItFails("127.0.0.1", 9999, 100).fds().size());

            Asked.confirmed(asked(), "odd-range-miss", but(PORTS, "odd-range-miss"));
        }

        @Test
        void shouldNameReservedPorts() {
            range(40000, 40019);
            room.sysctl("net.ipv4.ip_local_reserved_ports", "40000-40014");
            room.listener("127.0.0.1", 9999, 64);
            assertEquals(5, room.callUntilItFails("127.0.0.1", 9999, 100).fds().size());

            Asked.confirmed(asked(), "reserved-ports", but(PORTS, "reserved-ports", "tuple-range-exhausted"));
        }

        @Test
        void shouldNameIpv6ThatIsDisabled() {
            room.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
            int fd = room.socket(AF_INET6, SOCK_STREAM);
            fails(EADDRNOTAVAIL, room.connect(fd, "::1", 9999));

            Asked.confirmed(Asked.ask(room.tid(), connect(EADDRNOTAVAIL, "[::1]:9999")), "no-source-address",
                    but(PORTS, "no-source-address", "socket-local-port-range"));
        }

        @Test
        void shouldAskTheSocketForARangeOfItsOwn() {
            range(40000, 40019);
            room.listener("127.0.0.1", 9999, 64);
            int rc = 0;
            for (int i = 0; i < 6; i++) {
                int fd = room.tcp();
                room.option(fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE, 40009 << 16 | 40005);
                rc = room.connect(fd, "127.0.0.1", 9999);
            }
            fails(EADDRNOTAVAIL, rc);

            var found = Asked.confirmed(asked(), "socket-local-port-range", but(PORTS, "socket-local-port-range"));

            assertTrue(
                    found.finding().sentence().matches("descriptor \\d+\\S* ?\\w* may be given ports 40005-40009 only "
                            + "\\(IP_LOCAL_PORT_RANGE\\), of which 5 of 5 are taken"),
                    found.finding().sentence());
        }
    }

    @Nested
    class EagainOfConnect {
        @Test
        void shouldCountTheQueueOfAUnixListener() {
            String name = "@headroom-" + ProcessHandle.current().pid();
            int server = room.socket(AF_UNIX, SOCK_STREAM);
            NetRoom.ok(room.bind(server, name, 0));
            NetRoom.ok(room.listen(server, 1));
            int rc = 0;
            int connected = 0;
            while (rc == 0) {
                rc = room.connect(room.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK), name, 0);
                connected += rc == 0 ? 1 : 0;
            }
            fails(EAGAIN, rc);
            assertEquals(2, connected);

            var found = Asked.confirmed(Asked.ask(room.tid(), connect(EAGAIN, name)), "unix-backlog");

            assertEquals("2 of 2 connections wait in the queue of " + name + " (its backlog is 1, and one more fits)",
                    found.finding().sentence());
        }

        @Test
        void shouldNameUdpPorts() {
            room.sysctl("net.ipv4.ip_local_port_range", "40000 40019");
            int rc = 0;
            for (int i = 0; i < 21; i++) {
                rc = room.connect(room.udp(), "127.0.0.1", 53);
            }
            fails(EAGAIN, rc);

            Asked.confirmed(Asked.ask(room.tid(), connect(EAGAIN, "127.0.0.1:53")), "udp-autobind",
                    "unix-backlog");
        }
    }

    @Nested
    class EtimedoutOfConnect {
        private Diagnosis while_(NetRoom reader, String peer, Runnable during) {
            Question q = connect(ETIMEDOUT, peer);
            Snapshot earlier = Asked.read(reader.tid(), q);
            during.run();
            return Asked.ask(reader.tid(), q, earlier);
        }

        @Test
        void shouldNameAFullAcceptQueueAndWhyItIsOneMore() {
            room.listener("127.0.0.1", 9999, 4);
            for (int i = 0; i < 5; i++) {
                NetRoom.ok(room.call("127.0.0.1", 9999));
            }
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(50);
            });

            var found = Asked.confirmed(d, "accept-queue-full", but(SILENCE, "accept-queue-full"));

            assertTrue(found.finding().sentence().matches("5 of 5 connections wait in the accept queue of "
                    + "127.0.0.1:9999 of process \\d+ \\(.*\\) \\(the program's backlog is 4, and one more fits\\); "
                    + "ListenOverflows grew by 1 between the two readings"), found.finding().sentence());
        }

        @Test
        void shouldNameAnOutputRuleByRetransmissionsThatCannotLeave() {
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0;", "tcp dport 9999 drop", "}",
                    "}");
            room.listener("127.0.0.1", 9999, 4);
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(1150);
            });

            var found = Asked.confirmed(d, "firewall-drop", but(SILENCE, "firewall-drop"));

            ruledOut(d, "cgroup-bpf-egress");
            assertTrue(found.finding().sentence().matches("nftables drops the packet on its way out: chain inet t o "
                    + "handle \\d+"), found.finding().sentence());
        }

        @Test
        void shouldNameThePolicyOfAChain() {
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0; policy drop;",
                    "tcp dport 9998 accept", "ip daddr 127.0.0.2 accept", "}", "}");
            room.listener("127.0.0.1", 9999, 4);
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(50);
            });

            assertEquals("nftables drops the packet on its way out: chain inet t o policy drop",
                    Asked.confirmed(d, "firewall-drop", but(SILENCE, "firewall-drop")).finding().sentence());
        }

        /** What a rule asks beyond addresses and ports is not followed: then its counter tells, if it has one. */
        @Test
        void shouldTrustTheCounterOfARuleThatItCannotFollow() {
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0;",
                    "ct state new tcp dport 9999 counter drop", "}", "}");
            room.listener("127.0.0.1", 9999, 4);
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(1150);
            });

            Asked.confirmed(d, "firewall-drop", "peer-blackhole", "conntrack-full-local", "accept-queue-full");
        }

        private void ruledOut(Diagnosis d, String id) {
            assertTrue(d.with(dev.headroom.diag.Verdict.RULED_OUT).stream().anyMatch(j -> j.cause().id().equals(id)),
                    () -> Asked.table(d));
        }

        @Test
        void shouldFindAnInputRuleByEliminationWhenThePeerIsThisHost() {
            room.nft("table inet t {", "chain i {", "type filter hook input priority 0;", "tcp dport 9999 drop", "}",
                    "}");
            room.listener("127.0.0.1", 9999, 4);
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(50);
            });

            Asked.confirmed(d, "firewall-drop", but(SILENCE, "firewall-drop"));
        }

        @Test
        void shouldSayThatNothingLocalSpeaksForAnything() {
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                other.nft("table inet t {", "chain i {", "type filter hook input priority 0;", "tcp dport 9999 drop",
                        "}", "}");
                Diagnosis d = while_(room, "10.77.0.2:9999", () -> {
                    room.begin("10.77.0.2", 9999);
                    pause(1150);
                });

                var found = Asked.possible(d, "peer-blackhole", "conntrack-full-local", "nat-ports-exhausted",
                        "neigh-table-overflow", "loopback-down", "bound-to-wrong-device", "cgroup-bpf-egress");

                assertEquals("peer-blackhole", d.with(dev.headroom.diag.Verdict.POSSIBLE).getFirst().cause().id());
                assertEquals(
                        "nothing on this host speaks for a local cause: the SYN to 10.77.0.2:9999 leaves by va and "
                                + "nobody answers",
                        found.finding().sentence());
            }
        }

        /** Half-open connections need a client that does not hear the answer. */
        private Diagnosis halfOpen(NetRoom server, int backlog) {
            NetRoom.cable(room, server);
            room.nft("table inet t {", "chain i {", "type filter hook input priority 0;", "tcp sport 9999 drop", "}",
                    "}");
            server.listener("10.77.0.2", 9999, backlog);
            room.begin("10.77.0.2", 9999);
            pause(100);
            return while_(server, "10.77.0.2:9999", () -> {
                for (int i = 0; i < 15; i++) {
                    room.begin("10.77.0.2", 9999);
                }
                pause(100);
            });
        }

        @Test
        void shouldNameAFullQueueOfHalfOpenConnections() {
            try (NetRoom server = new NetRoom()) {
                server.sysctl("net.ipv4.tcp_syncookies", "0");
                server.sysctl("net.ipv4.tcp_max_syn_backlog", "1024");

                Asked.confirmed(halfOpen(server, 4), "syn-queue-full-nocookies", "accept-queue-full",
                        "syn-backlog-last-quarter", "loopback-down", "peer-blackhole", "conntrack-full-local");
            }
        }

        @Test
        void shouldNameTheLastQuarterOfTheSynBacklog() {
            try (NetRoom server = new NetRoom()) {
                server.sysctl("net.ipv4.tcp_syncookies", "0");
                server.sysctl("net.ipv4.tcp_max_syn_backlog", "8");

                Asked.confirmed(halfOpen(server, 100), "syn-backlog-last-quarter", "accept-queue-full",
                        "syn-queue-full-nocookies", "loopback-down", "peer-blackhole", "conntrack-full-local");
            }
        }

        @Test
        void shouldCountCookiesThatABacklogWasTooSmallFor() {
            try (NetRoom server = new NetRoom()) {
                server.sysctl("net.ipv4.tcp_syncookies", "1");
                halfOpen(server, 4);
                Question q = new Question(java.util.Optional.empty(), "", java.util.OptionalLong.empty(),
                        java.util.Optional.empty(), java.util.Optional.empty(), java.util.OptionalLong.empty(),
                        java.util.Optional.empty());
                Snapshot earlier = Asked.read(server.tid(), q);
                room.begin("10.77.0.2", 9999);
                pause(50);

                Asked.confirmed(Asked.ask(server.tid(), q, earlier), "syn-cookies", "syn-queue-full-nocookies");
            }
        }

        @Test
        void shouldNameAFullConntrackTable() throws IOException {
            Path file = Path.of("/proc/sys/net/netfilter/nf_conntrack_max");
            Requires.that(Files.isWritable(file), "connection tracking: " + file + " to be writable");
            String before = number(file);
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0;", "ct state new accept", "}",
                    "}");
            room.listener("127.0.0.1", 9999, 64);
            for (int i = 0; i < 20; i++) {
                NetRoom.ok(room.call("127.0.0.1", 9999));
            }
            Thread back = new Thread(() -> write(file, before));
            Runtime.getRuntime().addShutdownHook(back);
            try {
                Files.writeString(file, "20");
                Diagnosis d = while_(room, SERVER, () -> {
                    room.begin("127.0.0.1", 9999);
                    int udp = room.udp();
                    room.connect(udp, "127.0.0.1", 9999);
                    fails(EPERM, room.send(udp, 1));
                    pause(1150);
                });

                Asked.confirmed(d, "conntrack-full-local", but(SILENCE, "conntrack-full-local"));
            } finally {
                write(file, before);
                Runtime.getRuntime().removeShutdownHook(back);
            }
            assertEquals(before, number(file));
        }

        /** A sysctl answers one read only, and Files.readString asks for one byte first. */
        private static String number(Path file) throws IOException {
            try (var in = Files.newBufferedReader(file)) {
                return in.readLine();
            }
        }

        private static void write(Path file, String text) {
            try {
                Files.writeString(file, text);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        @Test
        void shouldNameNatWithoutAFreePort() {
            try (NetRoom server = new NetRoom()) {
                NetRoom.cable(room, server);
                server.listener("10.77.0.2", 9999, 64);
                room.nft("table ip t {", "chain p {", "type nat hook postrouting priority 100;",
                        "tcp dport 9999 snat to 10.77.0.1:40000-40009", "}", "}");
                for (int i = 0; i < 10; i++) {
                    NetRoom.ok(room.call("10.77.0.2", 9999));
                }
                Diagnosis d = while_(room, "10.77.0.2:9999", () -> {
                    room.begin("10.77.0.2", 9999);
                    pause(1150);
                });

                Asked.confirmed(d, "nat-ports-exhausted", "conntrack-full-local", "firewall-drop", "peer-blackhole",
                        "neigh-table-overflow", "loopback-down");
            }
        }

        @Test
        void shouldNameTheDeviceThatTheSocketIsBoundTo() {
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                room.listener("127.0.0.1", 9999, 64);
                int fd = room.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
                room.device(fd, "va");
                Diagnosis d = while_(room, SERVER, () -> {
                    room.connect(fd, "127.0.0.1", 9999);
                    pause(50);
                });

                Asked.confirmed(d, "bound-to-wrong-device", but(SILENCE));
            }
        }

        @Test
        void shouldNoticeThatLoopbackIsDown() {
            room.listener("127.0.0.1", 9999, 64);
            room.run("ip", "link", "set", "lo", "down");
            Diagnosis d = while_(room, SERVER, () -> {
                room.begin("127.0.0.1", 9999);
                pause(50);
            });

            Asked.confirmed(d, "loopback-down", but(SILENCE, "loopback-down"));
        }
    }

    @Nested
    class Answers {
        @Test
        void shouldSayThatNobodyListensAndWhoDoesElsewhere() {
            room.listener("127.0.0.2", 9999, 4);
            fails(ECONNREFUSED, room.call("127.0.0.1", 9999));

            var found = Asked.confirmed(Asked.ask(room.tid(), connect(ECONNREFUSED, SERVER)), "no-listener",
                    "reject-rst", "unix-no-listener");

            assertEquals("nobody listens on 127.0.0.1:9999; there is one on 127.0.0.2:9999, which is another address",
                    found.finding().sentence());
        }

        @ParameterizedTest
        @CsvSource({"icmp type port-unreachable, ECONNREFUSED, reject-icmp-port",
                "icmp type host-unreachable, EHOSTUNREACH, reject-icmp-host",
                "icmp type net-unreachable, ENETUNREACH, reject-icmp-net",
                "icmp type prot-unreachable, ENOPROTOOPT, reject-icmp-proto"})
        void shouldKnowALocalRejectByTheTimeOfOneRetransmission(String with, Errno errno, String id) {
            room.listener("127.0.0.1", 9999, 4);
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0;",
                    "tcp dport 9999 reject with " + with, "}", "}");
            Snapshot earlier = Asked.read(room.tid(), connect(errno, SERVER));
            long start = System.nanoTime();
            fails(errno, room.call("127.0.0.1", 9999));
            double seconds = (System.nanoTime() - start) / 1e9;

            Asked.confirmed(
                    Asked.ask(room.tid(), connect(errno, SERVER).withSeconds(seconds), earlier), id);
        }

        @Test
        void shouldNameARejectWithReset() {
            room.listener("127.0.0.1", 9999, 4);
            room.nft("table inet t {", "chain o {", "type filter hook output priority 0;",
                    "tcp dport 9999 reject with tcp reset", "}", "}");
            fails(ECONNREFUSED, room.call("127.0.0.1", 9999));

            var found = Asked.confirmed(Asked.ask(room.tid(), connect(ECONNREFUSED, SERVER)), "reject-rst",
                    "no-listener", "reject-icmp-port", "unix-no-listener");

            assertTrue(found.finding().sentence().matches("nftables answers the packet with a reset on its way out: "
                    + "chain inet t o handle \\d+"), found.finding().sentence());
        }

        @Test
        void shouldSayThatNobodyListensOnAnAbstractName() {
            String name = "@headroom-nobody-" + ProcessHandle.current().pid();
            fails(ECONNREFUSED, room.connect(room.socket(AF_UNIX, SOCK_STREAM), name, 0));

            Asked.confirmed(Asked.ask(room.tid(), connect(ECONNREFUSED, name)), "unix-no-listener",
                    "no-listener");
        }

        @Test
        void shouldNameAbortOnOverflow() {
            room.sysctl("net.ipv4.tcp_abort_on_overflow", "1");
            int server = room.listener("127.0.0.1", 9999, 1);
            room.option(server, Socket.IPPROTO_TCP, Socket.TCP_DEFER_ACCEPT, 30);
            Question q = connect(ECONNRESET, SERVER);
            Snapshot earlier = Asked.read(room.tid(), q);
            List<Integer> fds = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                fds.add(room.begin("127.0.0.1", 9999));
            }
            pause(50);
            fds.reversed().forEach(fd -> room.send(fd, 1));
            pause(50);
            assertTrue(fds.stream().anyMatch(fd -> room.recv(fd) == -ECONNRESET.number()));

            Asked.confirmed(Asked.ask(room.tid(), q, earlier), "abort-on-overflow",
                    "peer-closed-with-unread-data");
        }

        @Test
        void shouldNameACloseWithDataUnread() {
            int server = room.listener("127.0.0.1", 9999, 1);
            int fd = NetRoom.ok(room.call("127.0.0.1", 9999));
            int accepted = NetRoom.ok(room.accept(server));
            Question q = Question.of(ECONNRESET, "recv").withPeer(SERVER);
            Snapshot earlier = Asked.read(room.tid(), q);
            room.send(fd, 1);
            room.close(accepted);
            fails(ECONNRESET, room.recv(fd));

            Asked.confirmed(Asked.ask(room.tid(), q, earlier), "peer-closed-with-unread-data",
                    "abort-on-overflow", "listener-closed");
        }
    }

    @Nested
    class Routes {
        @ParameterizedTest
        @CsvSource({"'', ENETUNREACH, no-route", "unreachable, EHOSTUNREACH, unreachable-route",
                "prohibit, EACCES, prohibit-route", "blackhole, EINVAL, blackhole-route"})
        void shouldNameTheRoute(String type, Errno errno, String id) {
            if (!type.isEmpty()) {
                room.run("ip", "route", "add", type, "10.99.0.0/16");
            }
            fails(errno, room.call("10.99.0.1", 80));

            Asked.confirmed(Asked.ask(room.tid(), connect(errno, "10.99.0.1:80")), id);
        }

        @Test
        void shouldNameANeighbourThatDoesNotAnswer() {
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                Question q = connect(EHOSTUNREACH, "10.77.0.9:80");
                Snapshot earlier = Asked.read(room.tid(), q);
                fails(EHOSTUNREACH, room.call("10.77.0.9", 80));

                Asked.confirmed(Asked.ask(room.tid(), q, earlier), "neighbour-failed", "unreachable-route",
                        "reject-icmp-host");
            }
        }

        @Test
        void shouldNameAnAddressThatTcpDoesNotCall() {
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                fails(ENETUNREACH, room.call("10.77.0.255", 80));

                Asked.confirmed(Asked.ask(room.tid(), connect(ENETUNREACH, "10.77.0.255:80")), "address-kind",
                        "no-route");
            }
        }

        @Test
        void shouldNameALoopbackSourceThatIsToLeave() {
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                int fd = room.tcp();
                NetRoom.ok(room.bind(fd, "127.0.0.1", 0));
                fails(EINVAL, room.connect(fd, "10.77.0.2", 80));

                Asked.confirmed(
                        Asked.ask(room.tid(), connect(EINVAL, "10.77.0.2:80").withLocal("127.0.0.1:0")),
                        "loopback-source", "link-local-without-scope");
            }
        }

        @Test
        void shouldNameALinkLocalAddressWithoutDevice() {
            fails(EINVAL, room.connect(room.socket(AF_INET6, SOCK_STREAM), "fe80::1", 80));

            Asked.confirmed(Asked.ask(room.tid(), connect(EINVAL, "[fe80::1]:80")), "link-local-without-scope",
                    "loopback-source");
        }
    }

    @Nested
    class BindAndListen {
        private static final String[] IN_USE = {"listener-present", "time-wait-no-reuseaddr",
                "client-ephemeral-collision", "bound-not-listening", "bind0-exhausted", "bind0-steals-range",
                "reuseport-mismatch"};

        private Diagnosis bind(Errno errno, String local) {
            return Asked.ask(room.tid(), Question.of(errno, "bind").withLocal(local));
        }

        @Test
        void shouldNameTheListenerOnAllAddresses() {
            room.listener("0.0.0.0", 9999, 4);
            int fd = room.tcp();
            room.option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
            fails(EADDRINUSE, room.bind(fd, "127.0.0.1", 9999));

            Asked.confirmed(bind(EADDRINUSE, SERVER), "listener-present", but(IN_USE, "listener-present"));
        }

        @Test
        void shouldNameConnectionsThatAFormerListenerLeft() {
            int server = room.listener("127.0.0.1", 9999, 4);
            int fd = NetRoom.ok(room.call("127.0.0.1", 9999));
            int accepted = NetRoom.ok(room.accept(server));
            room.close(server);
            room.close(accepted);
            room.close(fd);
            int again = room.tcp();
            room.option(again, SOL_SOCKET, SO_REUSEADDR, 1);
            fails(EADDRINUSE, room.bind(again, "127.0.0.1", 9999));

            Asked.confirmed(bind(EADDRINUSE, SERVER), "time-wait-no-reuseaddr",
                    but(IN_USE, "time-wait-no-reuseaddr"));
        }

        @Test
        void shouldNameAClientThatWasGivenTheServersPort() {
            room.sysctl("net.ipv4.ip_local_port_range", "40000 40000");
            room.listener("127.0.0.1", 9999, 4);
            NetRoom.ok(room.call("127.0.0.1", 9999));
            int fd = room.tcp();
            room.option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
            fails(EADDRINUSE, room.bind(fd, "0.0.0.0", 40000));

            Asked.confirmed(bind(EADDRINUSE, "0.0.0.0:40000"), "client-ephemeral-collision",
                    but(IN_USE, "client-ephemeral-collision"));
        }

        @Test
        void shouldSeeASocketThatIsBoundAndNothingElse() {
            NetRoom.ok(room.bind(room.tcp(), "127.0.0.1", 9999));
            fails(EADDRINUSE, room.bind(room.tcp(), "127.0.0.1", 9999));

            Asked.confirmed(bind(EADDRINUSE, SERVER), "bound-not-listening", but(IN_USE, "bound-not-listening"));
        }

        @Test
        void shouldNameBoundSocketsThatUseUpTheRangeOfAnAddress() {
            room.sysctl("net.ipv4.ip_local_port_range", "40000 40019");
            int rc = 0;
            for (int i = 0; i < 21; i++) {
                rc = room.bind(room.tcp(), "127.0.0.3", 0);
            }
            fails(EADDRINUSE, rc);
            NetRoom.ok(room.bind(room.tcp(), "127.0.0.4", 0));

            Asked.confirmed(bind(EADDRINUSE, "127.0.0.3:0"), "bind0-exhausted",
                    but(IN_USE, "bind0-exhausted"));
        }

        @Test
        void shouldNameClientsThatBindBeforeTheyConnect() {
            room.sysctl("net.ipv4.ip_local_port_range", "40000 40019");
            room.listener("127.0.0.1", 9999, 64);
            int rc = 0;
            for (int i = 0; i < 21; i++) {
                int fd = room.tcp();
                rc = room.bind(fd, "127.0.0.3", 0);
                if (rc == 0) {
                    NetRoom.ok(room.connect(fd, "127.0.0.1", 9999));
                }
            }
            fails(EADDRINUSE, rc);

            Asked.confirmed(bind(EADDRINUSE, "127.0.0.3:0"), "bind0-steals-range",
                    but(IN_USE, "bind0-steals-range"));
        }

        @Test
        void shouldNameAnotherUsersListenerThatDoesNotShareItsPort() throws Exception {
            Requires.tool("setpriv");
            Requires.tool("socat");
            int shared = room.tcp();
            room.option(shared, SOL_SOCKET, Socket.SO_REUSEPORT, 1);
            NetRoom.ok(room.bind(shared, "127.0.0.1", 9998));
            NetRoom.ok(room.listen(shared, 4));
            int own = room.tcp();
            room.option(own, SOL_SOCKET, Socket.SO_REUSEPORT, 1);
            NetRoom.ok(room.bind(own, "127.0.0.1", 9998));
            Process nobody = new ProcessBuilder("nsenter", "--net=/proc/" + room.tid() + "/ns/net", "--", "setpriv",
                    "--reuid=65534", "--regid=65534", "--clear-groups", "socat",
                    "TCP4-LISTEN:9999,bind=127.0.0.1,reuseport", "/dev/null").redirectErrorStream(true).start();
            try {
                Question q = Question.of(EADDRINUSE, "bind").withLocal(SERVER);
                while (Asked.read(room.tid(), q).listeners().stream().noneMatch(l -> l.address().equals(SERVER))) {
                    assertTrue(nobody.isAlive(), "socat ended");
                    pause(20);
                }
                int fd = room.tcp();
                room.option(fd, SOL_SOCKET, Socket.SO_REUSEPORT, 1);
                fails(EADDRINUSE, room.bind(fd, "127.0.0.1", 9999));

                var found = Asked.confirmed(Asked.ask(room.tid(), q.withFd(fd)), "reuseport-mismatch",
                        but(IN_USE, "reuseport-mismatch"));

                assertEquals("the listener is user 65534's and the call was user 0's: SO_REUSEPORT shares a port "
                        + "among one user's sockets only", found.finding().sentence());
            } finally {
                nobody.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
            }
        }

        @Test
        void shouldNameIpv6ThatIsDisabled() {
            NetRoom.ok(room.bind(room.socket(AF_INET6, SOCK_STREAM), "::1", 9998));
            room.sysctl("net.ipv6.conf.all.disable_ipv6", "1");
            fails(EADDRNOTAVAIL, room.bind(room.socket(AF_INET6, SOCK_STREAM), "::1", 9999));

            var found = Asked.confirmed(bind(EADDRNOTAVAIL, "[::1]:9999"), "bind-ipv6-disabled", "not-local",
                    "ipv6-tentative");

            assertEquals("this network namespace has no IPv6 address", found.finding().sentence());
        }

        @Test
        void shouldNameAnAddressThatIsNotHere() {
            fails(EADDRNOTAVAIL, room.bind(room.tcp(), "10.88.0.1", 9999));

            var found = Asked.confirmed(bind(EADDRNOTAVAIL, "10.88.0.1:9999"), "not-local", "ipv6-tentative",
                    "bind-ipv6-disabled");

            assertEquals("10.88.0.1 is not an address of this network namespace", found.finding().sentence());
        }

        @Test
        void shouldNameAPortBelowTheUnprivilegedOnes() throws Exception {
            Requires.tool("setpriv");
            Requires.tool("socat");
            room.sysctl("net.ipv4.ip_unprivileged_port_start", "80");
            Process nobody = new ProcessBuilder("nsenter", "--net=/proc/" + room.tid() + "/ns/net", "--", "setpriv",
                    "--reuid=65534", "--regid=65534", "--clear-groups", "sleep", "30").start();
            Process socat = new ProcessBuilder("nsenter", "--net=/proc/" + room.tid() + "/ns/net", "--", "setpriv",
                    "--reuid=65534", "--regid=65534", "--clear-groups", "socat", "TCP4-LISTEN:79", "/dev/null")
                    .redirectErrorStream(true).start();
            try {
                String said = new String(socat.getInputStream().readAllBytes());
                assertTrue(said.contains("Permission denied"), said);

                Asked.confirmed(
                        Asked.ask(nobody.pid(), Question.of(EACCES, "bind").withLocal("0.0.0.0:79")),
                        "privileged-port");
            } finally {
                nobody.destroyForcibly().waitFor(5, TimeUnit.SECONDS);
                socat.destroyForcibly();
            }
        }

        @Test
        void shouldNameASecondBind() {
            int fd = room.tcp();
            NetRoom.ok(room.bind(fd, "127.0.0.1", 9999));
            fails(EINVAL, room.bind(fd, "127.0.0.1", 9998));

            Question q = Question.of(EINVAL, "bind").withLocal("127.0.0.1:9998");
            Asked.possible(Asked.ask(room.tid(), q), "already-bound", "link-local-without-scope");
            var found = Asked.confirmed(Asked.ask(room.tid(), q.withFd(fd)), "already-bound",
                    "link-local-without-scope");

            assertEquals("descriptor " + fd + "<127.0.0.1:9999> is bound already, and a socket is bound once",
                    found.finding().sentence());
        }

        @Test
        void shouldSayWhichTermCutTheBacklog() {
            room.sysctl("net.core.somaxconn", "3");
            room.listener("127.0.0.1", 9999, 100);
            Question q = new Question(java.util.Optional.empty(), "listen", java.util.OptionalLong.empty(),
                    java.util.Optional.of(SERVER), java.util.Optional.empty(), java.util.OptionalLong.of(100),
                    java.util.Optional.empty());

            var found = Asked.confirmed(Asked.ask(room.tid(), q), "backlog-truncated");

            assertEquals("a backlog of 100 was cut to net.core.somaxconn, 3: 4 connections wait at most",
                    found.finding().sentence());
        }

        @Test
        void shouldNameTheOneThatListensAlready() {
            int first = room.tcp();
            int second = room.tcp();
            for (int fd : new int[] {first, second}) {
                room.option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
                NetRoom.ok(room.bind(fd, "127.0.0.1", 9999));
            }
            NetRoom.ok(room.listen(first, 4));
            fails(EADDRINUSE, room.listen(second, 4));

            Diagnosis d = Asked.ask(room.tid(), Question.of(EADDRINUSE, "listen").withLocal(SERVER));

            Asked.confirmed(d, "already-listening");
        }

        @Test
        void shouldSayThatNoConnectionWaits() {
            int fd = room.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
            NetRoom.ok(room.bind(fd, "127.0.0.1", 9999));
            NetRoom.ok(room.listen(fd, 4));
            fails(EAGAIN, room.accept(fd));

            Asked.confirmed(Asked.ask(room.tid(), Question.of(EAGAIN, "accept4").withLocal(SERVER)),
                    "accept-queue-empty");
        }

        @Test
        void shouldSayThatTheSocketDoesNotListen() {
            int fd = room.tcp();
            NetRoom.ok(room.bind(fd, "127.0.0.1", 9999));
            fails(EINVAL, room.accept(fd));

            Asked.confirmed(Asked.ask(room.tid(), Question.of(EINVAL, "accept4").withLocal(SERVER)),
                    "not-listening");
        }
    }

    @Nested
    class SendAndLosses {
        private static final Question LOST = new Question(java.util.Optional.empty(), "",
                java.util.OptionalLong.empty(), java.util.Optional.empty(), java.util.Optional.empty(),
                java.util.OptionalLong.empty(), java.util.Optional.empty());

        @Test
        void shouldNameAPeerThatDoesNotRead() {
            room.listener("127.0.0.1", 9999, 4);
            int fd = room.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
            NetRoom.ok(room.bind(fd, "127.0.0.1", 40001));
            room.connect(fd, "127.0.0.1", 9999);
            pause(20);
            int rc;
            do {
                rc = room.send(fd, 1 << 16);
            } while (rc > 0);
            fails(EAGAIN, rc);

            Diagnosis d = Asked.ask(room.tid(),
                    Question.of(EAGAIN, "send").withLocal("127.0.0.1:40001").withPeer(SERVER));

            Asked.confirmed(d, "sndbuf-full", "tcp-mem", "unix-dgram-qlen", "unix-stream-sndbuf");
        }

        /** A connection with nothing to send, so that TCP is seen to be well. */
        private void idleConnection() {
            room.listener("127.0.0.1", 9999, 4);
            NetRoom.ok(room.call("127.0.0.1", 9999));
        }

        @Test
        void shouldNameAPipeThatNobodyReads(@TempDir Path dir) {
            idleConnection();
            int fd = room.pipe(dir.resolve("pipe"));
            int written = 0;
            int rc;
            while ((rc = room.write(fd, 4096)) > 0) {
                written += rc;
            }
            fails(EAGAIN, rc);
            assertEquals(65536, written);

            var found = Asked.confirmed(Asked.ask(room.tid(), Question.of(EAGAIN, "write")), "pipe-full", "sndbuf-full",
                    "tcp-mem", "udp-sndbuf", "unix-stream-sndbuf", "unix-dgram-qlen");

            assertEquals("descriptor " + fd + " (65536 of 65536 bytes), a pipe, takes nothing more: the reader of the "
                    + "pipe is slow", found.finding().sentence());
        }

        @Test
        void shouldNameAReaderOfAUnixStream() {
            idleConnection();
            String name = "@headroom-stream-" + ProcessHandle.current().pid();
            int server = room.socket(AF_UNIX, SOCK_STREAM);
            NetRoom.ok(room.bind(server, name, 0));
            NetRoom.ok(room.listen(server, 4));
            int fd = room.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
            // The kernel doubles it: 212,992 bytes, overhead included.
            room.option(fd, SOL_SOCKET, Socket.SO_SNDBUF, 106496);
            NetRoom.ok(room.connect(fd, name, 0));
            int sent = 0;
            int rc;
            while ((rc = room.send(fd, 4096)) > 0) {
                sent += rc;
            }
            fails(EAGAIN, rc);
            assertTrue(sent > 100_000 && sent < 212_992, sent + " bytes");

            Asked.confirmed(Asked.ask(room.tid(), Question.of(EAGAIN, "send").withPeer(name)), "unix-stream-sndbuf",
                    "sndbuf-full", "tcp-mem", "pipe-full", "udp-sndbuf", "unix-dgram-qlen");
        }

        @Test
        void shouldNameDatagramsThatWaitForASlowDevice() {
            Requires.tool("tc");
            idleConnection();
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                room.run("tc", "qdisc", "add", "dev", "va", "root", "tbf", "rate", "8kbit", "burst", "1600", "limit",
                        "1000000");
                int fd = room.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK);
                room.option(fd, SOL_SOCKET, Socket.SO_SNDBUF, 16384);
                NetRoom.ok(room.connect(fd, "10.77.0.2", 9));
                Question q = Question.of(EAGAIN, "send").withPeer("10.77.0.2:9");
                int rc = 0;
                for (int i = 0; i < 200 && rc != -EAGAIN.number(); i++) {
                    rc = room.send(fd, 1000);
                }
                fails(EAGAIN, rc);

                Asked.confirmed(Asked.ask(room.tid(), q), "udp-sndbuf", "sndbuf-full", "tcp-mem", "pipe-full",
                        "unix-stream-sndbuf", "unix-dgram-qlen");
            }
        }

        @Test
        void shouldCountMessagesThatANetlinkSocketLost() {
            int fd = room.rtnetlink(1 /* RTMGRP_LINK */);
            room.option(fd, SOL_SOCKET, Socket.SO_RCVBUF, 2048);
            Question q = Question.of(ENOBUFS, "recv");
            for (int i = 0; i < 20; i++) {
                room.run("ip", "link", "set", "lo", i % 2 == 0 ? "down" : "up");
            }
            fails(ENOBUFS, room.recv(fd));

            var found = Asked.confirmed(Asked.ask(room.tid(), q), "netlink-overrun");

            assertTrue(found.finding().sentence().matches("netlink sockets of the process lost \\d+ messages?"),
                    found.finding().sentence());
        }

        @Test
        void shouldNameAPeerThatReset() {
            int server = room.listener("127.0.0.1", 9999, 4);
            int fd = NetRoom.ok(room.call("127.0.0.1", 9999));
            int accepted = NetRoom.ok(room.accept(server));
            Question q = Question.of(ECONNRESET, "send").withPeer(SERVER);
            Snapshot earlier = Asked.read(room.tid(), q);
            room.reset(accepted);
            fails(ECONNRESET, room.send(fd, 1));
            fails(EPIPE, room.send(fd, 1));

            Asked.confirmed(Asked.ask(room.tid(), q, earlier), "peer-reset", "peer-closed-with-unread-data",
                    "abort-on-overflow", "listener-closed", "orphan-limit", "tcp-mem");
        }

        @Test
        void shouldNameAReceiverOfUnixDatagrams() {
            String name = "@headroom-log-" + ProcessHandle.current().pid();
            room.sysctl("net.unix.max_dgram_qlen", "10");
            int receiver = room.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
            NetRoom.ok(room.bind(receiver, name, 0));
            int fd = room.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
            NetRoom.ok(room.connect(fd, name, 0));
            int sent = 0;
            int rc;
            while ((rc = room.send(fd, 1)) > 0) {
                sent++;
            }
            fails(EAGAIN, rc);
            assertEquals(11, sent);

            Asked.confirmed(Asked.ask(room.tid(), Question.of(EAGAIN, "send").withPeer(name)), "unix-dgram-qlen",
                    "unix-stream-sndbuf", "sndbuf-full", "pipe-full", "udp-sndbuf");
            // Asking took no room, and left nothing behind: the receiver reads what was sent, no more and no less.
            int read = 0;
            while (room.recv(receiver) > 0) {
                read++;
            }
            assertEquals(11, read);
            Asked.possible(Asked.ask(room.tid(), Question.of(EAGAIN, "send").withPeer(name)), "unix-dgram-qlen");
        }

        @Test
        void shouldNameOwnShutdown() {
            room.listener("127.0.0.1", 9999, 4);
            int fd = NetRoom.ok(room.call("127.0.0.1", 9999));
            NetRoom.ok(room.shutdown(fd));
            fails(EPIPE, room.send(fd, 1));

            var found = Asked.confirmed(Asked.ask(room.tid(), Question.of(EPIPE, "send").withFd(fd)), "own-shutdown");

            assertTrue(found.finding().sentence().matches("descriptor " + fd
                    + "<127.0.0.1:\\d+->127.0.0.1:9999> FIN-WAIT-[12] was shut down for writing by its own side"),
                    found.finding().sentence());
            int fresh = room.tcp();
            fails(EPIPE, room.send(fresh, 1));
            assertEquals("descriptor " + fresh + " has never been connected", Asked.confirmed(
                    Asked.ask(room.tid(), Question.of(EPIPE, "send").withFd(fresh)), "own-shutdown").finding()
                    .sentence());
        }

        @Test
        void shouldNameADatagramThatIsTooLong() {
            int fd = room.udp();
            NetRoom.ok(room.connect(fd, "127.0.0.1", 9999));
            fails(EMSGSIZE, room.send(fd, 65508));

            Asked.confirmed(
                    Asked.ask(room.tid(), Question.of(EMSGSIZE, "send").withRequested(65508)), "datagram-too-long");
        }

        @Test
        void shouldNameAnIcmpAnswerToADatagram() {
            int fd = room.udp();
            NetRoom.ok(room.connect(fd, "127.0.0.1", 9999));
            NetRoom.ok(room.send(fd, 1));
            fails(ECONNREFUSED, room.send(fd, 1));

            Asked.confirmed(Asked.ask(room.tid(), Question.of(ECONNREFUSED, "send").withPeer(SERVER)),
                    "udp-port-unreachable");
            // The error of the socket is still its own: asking has not taken it.
            NetRoom.ok(room.send(fd, 1));
            Asked.read(room.tid(), Question.of(ECONNREFUSED, "send").withPeer(SERVER));
            fails(ECONNREFUSED, room.send(fd, 1));
        }

        @Test
        void shouldNameAQueueOfADeviceThatDrops() {
            Requires.tool("tc");
            try (NetRoom other = new NetRoom()) {
                NetRoom.cable(room, other);
                room.run("tc", "qdisc", "add", "dev", "va", "root", "tbf", "rate", "8kbit", "burst", "1600", "limit",
                        "1600");
                int fd = room.udp();
                room.option(fd, Socket.IPPROTO_IP, 11 /* IP_RECVERR */, 1);
                NetRoom.ok(room.connect(fd, "10.77.0.2", 9));
                Question q = Question.of(ENOBUFS, "send").withPeer("10.77.0.2:9");
                Snapshot earlier = Asked.read(room.tid(), q);
                int rc = 0;
                for (int i = 0; i < 50 && rc != -ENOBUFS.number(); i++) {
                    rc = room.send(fd, 1000);
                }
                fails(ENOBUFS, rc);

                Asked.confirmed(Asked.ask(room.tid(), q, earlier), "qdisc-or-nic-drop");
            }
        }

        @Test
        void shouldCountClosedConnectionsThatWereForgotten() {
            room.sysctl("net.ipv4.tcp_max_tw_buckets", "2");
            int server = room.listener("127.0.0.1", 9999, 64);
            Snapshot earlier = Asked.read(room.tid(), LOST);
            for (int i = 0; i < 8; i++) {
                int fd = NetRoom.ok(room.call("127.0.0.1", 9999));
                int accepted = NetRoom.ok(room.accept(server));
                room.close(fd);
                room.close(accepted);
            }

            Asked.confirmed(Asked.ask(room.tid(), LOST, earlier), "time-wait-overflow");
        }

        @Test
        void shouldCountDatagramsThatAReaderWasTooSlowFor() {
            int reader = room.udp();
            room.option(reader, SOL_SOCKET, Socket.SO_RCVBUF, 4096);
            NetRoom.ok(room.bind(reader, "127.0.0.1", 9999));
            Snapshot earlier = Asked.read(room.tid(), LOST);
            int fd = room.udp();
            NetRoom.ok(room.connect(fd, "127.0.0.1", 9999));
            for (int i = 0; i < 50; i++) {
                room.send(fd, 1000);
            }

            Asked.confirmed(Asked.ask(room.tid(), LOST, earlier), "udp-rcvbuf", "udp-mem");
        }
    }
}
