package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.headroom.echo.EchoClient;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.echo.EchoServer;
import dev.headroom.linux.Sockaddr;

/**
 * The kernel says no where it is told to: one half of the pair runs under strace, which makes some of its calls fail;
 * the other half is in this process. After each fault everything is echoed, and nothing spins.
 */
@Timeout(60)
class FaultsIT {
    private static final int CONNECTIONS = 30;
    private static final long MS = 1_000_000;

    @TempDir
    private Path temp;

    /** A half of the pair in which the calls fail as {@code inject} says it: strace(1), option -e inject. */
    private EchoChild start(String inject, String... arguments) throws IOException {
        String call = inject.substring(0, inject.indexOf(':'));
        return EchoChild.start(List.of(Requires.tool("strace").toString(), "-f", "--seccomp-bpf", "-o",
                temp.resolve("calls").toString(), "-e", "trace=" + call, "-e", "inject=" + inject), List.of(),
                arguments);
    }

    private long injected() throws IOException {
        try (var lines = Files.lines(temp.resolve("calls"))) {
            return lines.filter(line -> line.contains("(INJECTED)")).count();
        }
    }

    private static EchoClient client(String address, int connections, int size) throws IOException {
        Sockaddr target = Sockaddr.of("127.0.0.1", Integer.parseInt(address.substring(address.indexOf(':') + 1)));
        return EchoClient.start(new EchoClient.Options(List.of(target), List.of(), 0, 0, connections, 64, 0, 10 * MS,
                size, 10_000 * MS, 50 * MS, 1, false), EchoObserver.NONE);
    }

    private static void until(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - deadline < 0, "not within 30 s: " + what);
            Thread.sleep(5);
        }
    }

    /** Lets a client have everything echoed and checks that nothing was lost on the way. */
    private static EchoCounters assertEverythingIsEchoed(EchoClient client, int connections) throws Exception {
        try (client) {
            until("all connections are echoed on",
                    () -> client.isFull() && client.counters().messages() > 5L * connections);
            client.quiesce();
            until("nothing is on its way", () -> client.counters().outstanding() == 0);
        }
        EchoCounters c = client.counters();
        assertEquals(0, c.lost(), c::toString);
        assertEquals(0, c.mismatched(), c::toString);
        return c;
    }

    private static void assertRestsWhenIdle(EchoChild child) throws Exception {
        long cpu = child.get("cpu_ms");
        Thread.sleep(300);
        long used = child.get("cpu_ms") - cpu;
        assertTrue(used < 100, "ms of CPU in 300 idle ones: " + used);
    }

    @ParameterizedTest
    @CsvSource({"EMFILE,true", "ENFILE,true", "ENOBUFS,true", "ENOMEM,true", "ECONNABORTED,false", "EINTR,false",
            "EPERM,false"})
    void shouldAcceptEverybodyAfterErrorsOfAccept(String errno, boolean isLimit) throws Exception {
        try (EchoChild server = start("accept4:error=" + errno + ":when=3..8", "server")) {
            EchoCounters c = assertEverythingIsEchoed(client(server.addresses(), CONNECTIONS, 100), CONNECTIONS);
            assertEquals(CONNECTIONS, c.opened());
            assertRestsWhenIdle(server);
            Map<String, String> last = server.stop();
            assertEquals(isLimit, last.get("limit").startsWith("accept4/" + errno), last::toString);
            assertEquals(CONNECTIONS, EchoChild.number(last, "opened"));
        }
        assertEquals(6, injected());
    }

    @Test
    void shouldNotSpinWhileAcceptKeepsFailing() throws Exception {
        try (EchoChild server = start("accept4:error=EMFILE:when=3+", "server");
                EchoClient client = client(server.addresses(), CONNECTIONS, 100)) {
            server.await("the limit is reported four times", s -> EchoChild.number(s, "limits") >= 4);
            long calls = injected();
            long start = System.nanoTime();
            server.await("the limit is reported twenty times", s -> EchoChild.number(s, "limits") >= 20);
            long retries = (System.nanoTime() - start) / (50 * MS) + 2;
            assertTrue(injected() - calls <= retries, injected() - calls + " calls in " + retries + " intervals");
            assertEquals(2, server.get("connections"));
            assertTrue(client.counters().messages() > 0);
        }
    }

    @Test
    void shouldGoOnWhenEpollHasNoRoomForAWhile() throws Exception {
        // strace counts in each thread: the sixth call of the loop's registers its sixth connection.
        try (EchoChild server = start("epoll_ctl:error=ENOSPC:when=6", "server")) {
            EchoClient client = client(server.addresses(), CONNECTIONS, 100);
            try (client) {
                until("all connections are echoed on",
                        () -> client.isFull() && client.counters().messages() > 5L * CONNECTIONS);
                client.quiesce();
                until("nothing is on its way", () -> client.counters().outstanding() == 0);
            }
            assertEquals(0, client.counters().mismatched());
            // The one that epoll had no room for was accepted and closed; no other was.
            assertEquals(1, client.counters().lost(), client.counters()::toString);
            assertEquals(CONNECTIONS + 1, client.counters().opened());
            Map<String, String> last = server.stop();
            assertTrue(last.get("limit").startsWith("epoll_ctl/ENOSPC/"), last::toString);
        }
        assertEquals(1, injected());
    }

    @Test
    void shouldReportThatEpollHasNoRoomWhenNobodyElseWaits() throws Exception {
        try (EchoChild server = start("epoll_ctl:error=ENOSPC:when=3", "server");
                EchoClient client = client(server.addresses(), 3, 100)) {
            server.await("the limit is reported", s -> s.get("limit").equals("epoll_ctl/ENOSPC/2/0"));
            until("it has come back", client::isFull);
            assertEquals(4, client.counters().opened());
        }
    }

    @ParameterizedTest
    @CsvSource({"epoll_wait:error=EINTR:when=2+3", "sendto:error=EAGAIN:when=5+3", "sendto:error=EINTR:when=5+3",
            "recvfrom:error=EINTR:when=4+3", "recvfrom:error=EAGAIN:when=4+3"})
    void shouldEchoEverythingInSpiteOf(String inject) throws Exception {
        try (EchoChild server = start(inject, "server")) {
            EchoCounters c = assertEverythingIsEchoed(client(server.addresses(), CONNECTIONS, 20_000), CONNECTIONS);
            assertEquals(CONNECTIONS, c.opened());
            assertEquals(Map.of(), c.errors());
            assertRestsWhenIdle(server);
            server.stop();
        }
        assertTrue(injected() > 0, "no call failed");
    }

    @ParameterizedTest
    // The client asks for a port of each part of the range before it believes that there is none: some 450 calls.
    @CsvSource({"connect:error=EADDRNOTAVAIL:when=6..600,EADDRNOTAVAIL", "socket:error=EMFILE:when=8..10,EMFILE",
            "socket:error=ENOBUFS:when=8..10,ENOBUFS", "epoll_ctl:error=ENOSPC:when=6..8,ENOSPC",
            "epoll_pwait2:error=EINTR:when=2+2,", "sendto:error=EAGAIN:when=5+3,", "recvfrom:error=EINTR:when=5+3,"})
    void shouldOpenEverythingInSpiteOf(String inject, String errno) throws Exception {
        try (EchoServer server = EchoServer.start(EchoServer.Options.of(Sockaddr.of("127.0.0.1", 0)),
                EchoObserver.NONE);
                EchoChild client = start(inject, "client", "targets=" + server.addresses().getFirst(),
                        "n=" + CONNECTIONS, "size=20000")) {
            client.await("all are echoed on", s -> EchoChild.number(s, "connections") == CONNECTIONS
                    && EchoChild.number(s, "messages") > 5 * CONNECTIONS);
            client.ask("quiesce");
            client.await("outstanding", 0);
            assertRestsWhenIdle(client);
            Map<String, String> last = client.stop();
            assertEquals(0, EchoChild.number(last, "lost"), last::toString);
            assertEquals(0, EchoChild.number(last, "mismatched"), last::toString);
            assertEquals(CONNECTIONS, EchoChild.number(last, "opened"));
            if (errno != null) {
                assertTrue(EchoChild.number(last, errno) > 0, last::toString);
                assertTrue(last.get("limit").contains("/" + errno + "/"), last::toString);
            }
        }
        assertTrue(injected() > 0, "no call failed");
    }

    @Test
    void shouldEchoEveryByteWhenTheKernelTakesFew() throws Exception {
        Path ip = Requires.tool("ip");
        Requires.root();
        // Buffers of a page: genuine short writes on both sides.
        try (Namespace host = Namespace.make(ip, "4096 4096 4096")) {
            try (EchoChild server = EchoChild.start(host.exec(), List.of(), "server");
                    EchoChild client = EchoChild.start(host.exec(), List.of(), "client",
                            "targets=" + server.addresses(), "n=2", "size=65536", "every_ms=0")) {
                client.await("messages are back", s -> EchoChild.number(s, "messages") > 6);
                client.ask("quiesce");
                client.await("outstanding", 0);
                Map<String, String> last = client.stop();
                assertEquals(0, EchoChild.number(last, "mismatched"), last::toString);
                assertEquals(0, EchoChild.number(last, "lost"), last::toString);
            }
        }
    }
}
