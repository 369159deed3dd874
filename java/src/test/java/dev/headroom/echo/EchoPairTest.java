package dev.headroom.echo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.Acceptor.OnLimit;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.Engine;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.Listener;

/** The pair on loopback, and each half of it against a partner that misbehaves. */
@Timeout(60)
@ParameterizedClass
@EnumSource(Engine.class)
class EchoPairTest {
    @Parameter
    Engine engine;

    private static final Sockaddr ANY_PORT = Sockaddr.of("127.0.0.1", 0);
    private static final long MS = 1_000_000;

    /** Writes down limits with the time, and failures. */
    private static class Watch implements EchoObserver {
        final List<Limit> limits = new CopyOnWriteArrayList<>();
        final List<Long> times = new CopyOnWriteArrayList<>();
        final List<Throwable> failures = new CopyOnWriteArrayList<>();

        @Override
        public void limit(Limit limit) {
            times.add(System.nanoTime());
            limits.add(limit);
        }

        @Override
        public void failed(Throwable t) {
            failures.add(t);
        }
    }

    /** A handler on a loop of its own, in the place of the server. */
    private final class Faulty implements AutoCloseable {
        final EventLoop loop = EventLoop.open("faulty", engine);
        final Listener listener = Listener.open(ANY_PORT, 128);
        final Thread thread;

        Faulty(ConnectionHandler handler) throws IOException {
            loop.listen(listener, handler);
            thread = new Thread(() -> {
                try {
                    loop.run();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            thread.start();
        }

        Sockaddr address() {
            return listener.address();
        }

        @Override
        public void close() {
            loop.stop();
            while (thread.isAlive()) {
                Thread.onSpinWait();
            }
            loop.close();
            listener.close();
        }
    }

    private final class Settings {
        List<Sockaddr> targets = List.of();
        List<Sockaddr> sources = List.of();
        int low;
        int high;
        int connections = 1;
        int inFlight = 256;
        long every = 5 * MS;
        int size = 100;
        long timeout = 10_000 * MS;
        long retry = 10_000 * MS;
        int loops = 1;
        boolean privateTables;
        boolean paired;

        EchoClient start(EchoObserver observer) throws IOException {
            return EchoClient.start(new EchoClient.Options(targets, sources, low, high, connections, inFlight, 0, every,
                    size, timeout, retry, loops, privateTables, paired, engine), observer);
        }
    }

    private Settings to(Sockaddr... targets) {
        Settings s = new Settings();
        s.targets = List.of(targets);
        return s;
    }

    private static <T> void untilEqual(T expected, Callable<T> actual) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!Objects.equals(expected, actual.call()) && System.nanoTime() - deadline < 0) {
            Thread.sleep(1);
        }
        assertEquals(expected, actual.call());
    }

    private static void until(Callable<Boolean> condition) throws Exception {
        untilEqual(true, condition);
    }

    private static int openDescriptors() {
        return new java.io.File("/proc/self/fd").list().length - 1;
    }

    private EchoServer server() throws IOException {
        return server(1, false, Integer.MAX_VALUE, OnLimit.PAUSE, 1000 * MS, EchoObserver.NONE);
    }

    private EchoServer server(int loops, boolean privateTables, int max, OnLimit onLimit, long retry,
            EchoObserver observer) throws IOException {
        return EchoServer.start(
                new EchoServer.Options(List.of(ANY_PORT), 128, loops, privateTables, max, onLimit, retry, engine),
                observer);
    }

    private static void assertSound(EchoCounters c) {
        assertEquals(0, c.lost(), c::toString);
        assertEquals(0, c.mismatched(), c::toString);
        assertEquals(0, c.outstanding(), c::toString);
    }

    // ---- the pair ----

    @Test
    void shouldEchoEveryMessageOfEveryConnection() throws Exception {
        for (boolean privateTables : new boolean[] {false, true}) {
            try (EchoServer server = server(2, privateTables, Integer.MAX_VALUE, OnLimit.PAUSE, MS,
                    EchoObserver.NONE)) {
                Settings settings = to(server.addresses().getFirst());
                settings.connections = 211;
                settings.loops = 2;
                settings.privateTables = privateTables;
                settings.size = 1000;
                EchoClient client = settings.start(EchoObserver.NONE);
                until(() -> client.isFull() && client.counters().messages() > 5 * 211);
                client.quiesce();
                untilEqual(0L, () -> client.counters().outstanding());
                untilEqual(211L, () -> server.counters().connections());
                client.close();
                assertSound(client.counters());
                assertEquals(client.counters().messages() * 1000, client.counters().bytes());
                assertEquals(211, client.counters().opened());
                assertEquals(211, client.counters().closed());
                assertEquals(client.counters().messages(), client.latencyMicros().getTotalCount());
                assertEquals(Map.of(), client.counters().errors());
                untilEqual(0L, () -> server.counters().connections());
                assertEquals(client.counters().bytes(), server.counters().bytes());
            }
        }
    }

    @Test
    void shouldEchoTheLargestMessageBackToBack() throws Exception {
        try (EchoServer server = server()) {
            Settings settings = to(server.addresses().getFirst());
            settings.connections = 7;
            settings.every = 0;
            settings.size = 65536;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(() -> client.counters().messages() > 500);
            client.quiesce();
            untilEqual(0L, () -> client.counters().outstanding());
            client.close();
            assertSound(client.counters());
        }
    }

    @Test
    void shouldLeaveNoDescriptorBehind() throws Exception {
        for (int round = 0; round < 2; round++) {
            int before = openDescriptors();
            for (boolean privateTables : new boolean[] {false, true}) {
                try (EchoServer server = server(3, privateTables, 50, OnLimit.SHED, MS, EchoObserver.NONE)) {
                    Settings settings = to(server.addresses().getFirst());
                    settings.connections = 50;
                    settings.loops = 2;
                    settings.privateTables = privateTables;
                    try (EchoClient client = settings.start(EchoObserver.NONE)) {
                        until(client::isFull);
                    }
                }
            }
            // the first round may open what the JDK keeps
            assertTrue(round == 0 || openDescriptors() == before, before + " before, " + openDescriptors() + " after");
        }
    }

    @Test
    void shouldLeaveThePortFreeWhenItHasClosed() throws Exception {
        for (int i = 0; i < 20; i++) {
            Sockaddr address;
            try (EchoServer server = server(4, true, Integer.MAX_VALUE, OnLimit.PAUSE, MS, EchoObserver.NONE)) {
                address = server.addresses().getFirst();
            }
            Listener.open(address, 1).close();
        }
    }

    @Test
    void shouldStartNothingWhereAnAddressCannotBeListenedOn() throws Exception {
        try (EchoServer server = server()) {
            int before = openDescriptors();
            assertThrows(IOException.class, () -> EchoServer.start(new EchoServer.Options(
                    List.of(ANY_PORT, server.addresses().getFirst()), 128, 2, false, 1, OnLimit.PAUSE, MS, engine),
                    EchoObserver.NONE));
            assertEquals(before, openDescriptors());
        }
    }

    @Test
    void shouldEndAConnectionOfWhichAPrivateTableHasACopy() throws Exception {
        try (EchoServer server = server();
                Socket early = new Socket("127.0.0.1", server.addresses().getFirst().port());
                EchoServer splitting = server(1, true, 10, OnLimit.PAUSE, MS, EchoObserver.NONE);
                Socket other = new Socket("127.0.0.1", splitting.addresses().getFirst().port())) {
            early.setSoTimeout(20_000);
            early.getOutputStream().write('x');
            assertEquals('x', early.getInputStream().read());
            other.getOutputStream().write('y');
            assertEquals('y', other.getInputStream().read());

            early.shutdownOutput();

            assertEquals(-1, early.getInputStream().read());
            untilEqual(0L, () -> server.counters().connections());
        }
    }

    @Test
    void shouldTellTheObserverOfEachConnection() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        EchoObserver observer = new EchoObserver() {
            @Override
            public boolean wantsConnections() {
                return true;
            }

            @Override
            public void opened(Sockaddr local, Sockaddr peer) {
                seen.add("opened " + local + " " + peer);
            }

            @Override
            public void closed(Sockaddr local, Sockaddr peer, int errno) {
                seen.add("closed " + local + " " + peer + " " + errno);
            }
        };
        try (EchoServer server = server(1, false, 10, OnLimit.PAUSE, MS, observer)) {
            Sockaddr address = server.addresses().getFirst();
            try (Socket s = new Socket()) {
                s.bind(new InetSocketAddress("127.0.0.29", 0));
                s.connect(new InetSocketAddress(address.address(), address.port()));
                String pair = address + " 127.0.0.29:" + s.getLocalPort();
                untilEqual(List.of("opened " + pair), () -> List.copyOf(seen));
                s.shutdownOutput();
                untilEqual(List.of("opened " + pair, "closed " + pair + " 0"), () -> List.copyOf(seen));
            }
        }
    }

    // ---- the server at its limit ----

    @Test
    void shouldReportALimitOnceAnIntervalAndServeTheNextAtOnce() throws Exception {
        Watch watch = new Watch();
        try (EchoServer server = server(2, false, 3, OnLimit.PAUSE, 100 * MS, watch)) {
            Sockaddr address = server.addresses().getFirst();
            List<Socket> clients = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                clients.add(new Socket(address.address(), address.port()));
            }
            until(() -> watch.limits.size() >= 4);
            assertEquals(3, server.counters().connections());
            for (int i = 0; i < watch.limits.size(); i++) {
                EchoObserver.Limit limit = watch.limits.get(i);
                assertEquals(new EchoObserver.Limit("accept4", 0, "max-connections 3 reached on " + address, 3,
                        limit.queued(), 100 * MS), limit);
                assertTrue(limit.queued() >= 1 && limit.queued() <= 5, limit::toString);
                assertTrue(i == 0 || watch.times.get(i) - watch.times.get(i - 1) >= 89 * MS, watch.times::toString);
            }
            for (Socket client : clients) {
                client.setSoTimeout(20_000);
                client.getOutputStream().write('x');
                assertEquals('x', client.getInputStream().read());
                client.close();
            }
            untilEqual(8L, () -> server.counters().closed());
            assertEquals(List.of(), watch.failures);
        }
    }

    @Test
    void shouldReportThatItSheds() throws Exception {
        Watch watch = new Watch();
        try (EchoServer server = server(1, false, 1, OnLimit.SHED, 60_000 * MS, watch)) {
            Sockaddr address = server.addresses().getFirst();
            try (Socket held = new Socket(address.address(), address.port())) {
                untilEqual(1L, () -> server.counters().connections());
                for (int i = 0; i < 5; i++) {
                    try (Socket shed = new Socket(address.address(), address.port())) {
                        assertThrows(SocketException.class, () -> shed.getInputStream().read());
                    }
                }
                untilEqual(5L, () -> server.counters().shed());
                assertEquals(1, watch.limits.size());
                held.getOutputStream().write('x');
                assertEquals('x', held.getInputStream().read());
            }
        }
    }

    // ---- the client and faulty servers ----

    @Test
    void shouldCountAlteredBytesAsMismatched() throws Exception {
        AtomicBoolean once = new AtomicBoolean(true);
        try (Faulty server = new Faulty((c, fd, data) -> {
            if (once.getAndSet(false)) {
                data.put(data.limit() - 1, (byte) (data.get(data.limit() - 1) ^ 1));
            }
            c.send(fd, data);
        })) {
            assertOneMismatch(server);
        }
    }

    @Test
    void shouldCountDoubledBytesAsMismatched() throws Exception {
        AtomicBoolean once = new AtomicBoolean(true);
        try (Faulty server = new Faulty((c, fd, data) -> {
            if (once.getAndSet(false)) {
                c.send(fd, data.duplicate());
            }
            c.send(fd, data);
        })) {
            assertOneMismatch(server);
        }
    }

    private void assertOneMismatch(Faulty server) throws Exception {
        Settings settings = to(server.address());
        settings.connections = 5;
        settings.retry = 20 * MS;
        EchoClient client = settings.start(EchoObserver.NONE);
        until(() -> client.counters().mismatched() == 1 && client.isFull() && client.counters().messages() > 50);
        client.quiesce();
        untilEqual(0L, () -> client.counters().outstanding());
        client.close();
        assertEquals(1, client.counters().mismatched(), client.counters()::toString);
        assertEquals(0, client.counters().lost(), client.counters()::toString);
        assertEquals(6, client.counters().opened(), client.counters()::toString);
    }

    @Test
    void shouldCountMessagesThatNeverComeBackAsLost() throws Exception {
        for (long every : new long[] {0, 5 * MS}) {
            AtomicBoolean once = new AtomicBoolean(true);
            try (Faulty server = new Faulty((c, fd, data) -> {
                if (once.getAndSet(false)) {
                    c.send(fd, data.duplicate().limit(data.limit() - 1));
                } else {
                    c.send(fd, data);
                }
                data.position(data.limit());
            })) {
                Settings settings = to(server.address());
                settings.connections = 3;
                settings.every = every;
                settings.timeout = 100 * MS;
                EchoClient client = settings.start(EchoObserver.NONE);
                until(() -> client.isFull() && client.counters().messages() > 100);
                long sent = System.nanoTime();
                until(() -> System.nanoTime() - sent > 150 * MS);
                client.quiesce();
                untilEqual(1L, () -> client.counters().outstanding());
                client.close();
                assertEquals(1, client.counters().lost(), every + " " + client.counters());
                assertEquals(0, client.counters().mismatched(), client.counters()::toString);
            }
        }
    }

    @Test
    void shouldCountAMessageAsLostWhoseConnectionEnds() throws Exception {
        AtomicBoolean once = new AtomicBoolean(true);
        try (Faulty server = new Faulty((c, fd, data) -> {
            if (once.getAndSet(false)) {
                c.reset(fd);
            } else {
                c.send(fd, data);
            }
        })) {
            Settings settings = to(server.address());
            settings.connections = 3;
            settings.retry = 20 * MS;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(() -> client.counters().opened() == 4 && client.counters().messages() > 50);
            client.quiesce();
            untilEqual(0L, () -> client.counters().outstanding());
            client.close();
            assertEquals(1, client.counters().lost());
            assertEquals(Map.of("ECONNRESET", 1L), client.counters().errors());
        }
    }

    @Test
    void shouldMeasureFromTheIntendedTimeWhenTheServerStalls() throws Exception {
        long stall = 300 * MS;
        long[] count = new long[1];
        try (Faulty server = new Faulty((c, fd, data) -> {
            if (++count[0] == 20) {
                long until = System.nanoTime() + stall;
                while (System.nanoTime() - until < 0) {
                    java.util.concurrent.locks.LockSupport.parkNanos(until - System.nanoTime());
                }
            }
            c.send(fd, data);
        })) {
            Settings settings = to(server.address());
            settings.every = 10 * MS;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(() -> client.counters().messages() > 100);
            client.quiesce();
            untilEqual(0L, () -> client.counters().outstanding());
            client.close();
            assertSound(client.counters());
            Histogram latency = client.latencyMicros();
            assertTrue(latency.getMaxValue() >= 295_000, "max " + latency.getMaxValue());
            // The messages of those 300 ms were due every 10: about 20 of them waited for 100 ms or more.
            long late = latency.getCountBetweenValues(100_000, latency.getMaxValue());
            assertTrue(late >= 15, "messages that took 100 ms or more: " + late);
        }
    }

    // ---- the client at its limits ----

    @Test
    void shouldWaitForAServerThatRefusesAndComeBackAfterARestart() throws Exception {
        Sockaddr address;
        try (EchoServer reserving = server()) {
            address = reserving.addresses().getFirst();
        }
        Watch watch = new Watch();
        Settings settings = to(address);
        settings.connections = 10;
        settings.retry = 50 * MS;
        EchoClient client = settings.start(watch);
        until(() -> watch.limits.size() >= 3);
        assertEquals(new EchoObserver.Limit("connect", Errno.ECONNREFUSED.number(), address.toString(), 0, -1, 50 * MS),
                watch.limits.getFirst());
        for (int i = 1; i < watch.limits.size(); i++) {
            assertTrue(watch.times.get(i) - watch.times.get(i - 1) >= 44 * MS, watch.times::toString);
        }
        for (int restart = 0; restart < 2; restart++) {
            try (EchoServer server = EchoServer.start(new EchoServer.Options(List.of(address), 128, 1,
                    false, Integer.MAX_VALUE, OnLimit.PAUSE, MS, engine), EchoObserver.NONE)) {
                long before = client.counters().messages();
                until(() -> client.isFull() && client.counters().messages() > before + 50);
                assertEquals(10, server.counters().connections());
            }
            untilEqual(0L, () -> client.counters().connections());
        }
        client.close();
        assertEquals(20, client.counters().opened());
        assertEquals(0, client.counters().mismatched());
        assertEquals(List.of(), watch.failures);
    }

    @Test
    void shouldGiveUpAConnectionThatNobodyAnswers() throws Exception {
        Watch watch = new Watch();
        // Nobody accepts: the queue of backlog 0 holds one, further SYNs are dropped.
        try (Listener full = Listener.open(ANY_PORT, 0)) {
            Settings settings = to(full.address());
            settings.connections = 4;
            settings.timeout = 50 * MS;
            settings.retry = 50 * MS;
            EchoClient client = settings.start(watch);
            until(() -> client.counters().errors().getOrDefault("ETIMEDOUT", 0L) >= 6);
            assertEquals(1, client.counters().opened());
            assertEquals(Errno.ETIMEDOUT.number(), watch.limits.getFirst().errno());
            assertTrue(client.inFlight() <= 3);
            client.quiesce();
            untilEqual(0, client::inFlight);
            client.close();
            assertEquals(1, client.counters().closed());
        }
    }

    @Test
    void shouldGoOnWithTheOtherPairWhereOneHasNoAddress() throws Exception {
        try (EchoServer server = server()) {
            Settings settings = to(server.addresses().getFirst());
            settings.sources = List.of(Sockaddr.of("192.0.2.1", 0), Sockaddr.of("127.0.0.31", 0));
            settings.connections = 20;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(client::isFull);
            client.close();
            assertEquals(20, client.counters().opened());
        }
    }

    /** Ports that nobody uses at the moment, from an explicit range far from the kernel's. */
    private static int freePorts(InetAddress source, int count) throws IOException {
        for (int low = 20_000; low < 30_000; low += count) {
            List<Listener> held = new ArrayList<>();
            try {
                for (int port = low; port < low + count; port++) {
                    held.add(Listener.open(new Sockaddr(source, port), 1));
                }
                return low;
            } catch (IOException e) {
                continue;
            } finally {
                held.forEach(Listener::close);
            }
        }
        throw new IOException("no " + count + " free ports");
    }

    @Test
    void shouldUseEachTupleOfExplicitPortsOnce() throws Exception {
        Set<String> tuples = java.util.Collections.synchronizedSet(new HashSet<>());
        Watch watch = new Watch() {
            @Override
            public boolean wantsConnections() {
                return true;
            }

            @Override
            public void opened(Sockaddr local, Sockaddr peer) {
                tuples.add(local + " " + peer);
            }
        };
        try (EchoServer one = server(); EchoServer two = server()) {
            Sockaddr a = one.addresses().getFirst();
            Sockaddr b = two.addresses().getFirst();
            Settings settings = to(a, b);
            Sockaddr source = Sockaddr.of("127.0.0.37", 0);
            settings.sources = List.of(source);
            settings.low = freePorts(source.address(), 10);
            settings.high = settings.low + 9;
            settings.connections = Integer.MAX_VALUE;
            settings.loops = 2;
            settings.retry = 30 * MS;
            EchoClient client = settings.start(watch);
            until(() -> client.counters().connections() == 20 && watch.limits.size() >= 2);
            client.close();
            assertEquals(20, client.counters().opened());
            Set<String> expected = new HashSet<>();
            for (int port = settings.low; port <= settings.high; port++) {
                expected.add(source.withPort(port) + " " + a);
                expected.add(source.withPort(port) + " " + b);
            }
            assertEquals(expected, tuples);
            EchoObserver.Limit last = watch.limits.getLast();
            assertEquals(Errno.EADDRNOTAVAIL.number(), last.errno());
            assertEquals("127.0.0.37:" + settings.low + "-" + settings.high + " → 2 targets", last.detail());
        }
    }

    @Test
    void shouldConnectEachSourceWithItsOwnTargetWherePaired() throws Exception {
        Set<String> tuples = ConcurrentHashMap.newKeySet();
        EchoObserver watch = new EchoObserver() {
            @Override
            public boolean wantsConnections() {
                return true;
            }

            @Override
            public void opened(Sockaddr local, Sockaddr peer) {
                tuples.add(local.address().getHostAddress() + " " + peer);
            }
        };
        try (EchoServer one = server(); EchoServer two = server()) {
            Sockaddr a = one.addresses().getFirst();
            Sockaddr b = two.addresses().getFirst();
            Settings settings = to(a, b);
            settings.sources = List.of(Sockaddr.of("127.0.0.43", 0), Sockaddr.of("127.0.0.44", 0));
            settings.paired = true;
            settings.connections = 22;
            settings.every = 0;
            try (EchoClient client = settings.start(watch)) {
                untilEqual(22L, () -> client.counters().connections());
                untilEqual(11L, () -> one.counters().connections());
                untilEqual(11L, () -> two.counters().connections());
            }
            assertEquals(Set.of("127.0.0.43 " + a, "127.0.0.44 " + b), tuples);
            settings.sources = List.of(Sockaddr.of("127.0.0.43", 0));
            assertThrows(IllegalArgumentException.class, () -> settings.start(EchoObserver.NONE));
        }
    }

    @Test
    void shouldEchoOnceOnEveryConnectionWhenAsked() throws Exception {
        try (EchoServer server = server()) {
            Settings settings = to(server.addresses().getFirst());
            settings.connections = 101;
            settings.every = 3_600_000 * MS;
            settings.loops = 2;
            settings.size = 3;
            EchoClient client = settings.start(EchoObserver.NONE);
            untilEqual(101L, () -> client.counters().messages());
            for (int round = 1; round <= 3; round++) {
                client.echoAll(50 * MS);
                long expected = 101L + 101 * round;
                untilEqual(expected, () -> client.counters().messages());
            }
            client.close();
            assertSound(client.counters());
            assertEquals(4 * 101 * 3, server.counters().bytes());
            assertEquals(101, client.latencyMicros().getTotalCount());
            assertTrue(client.latencyMicros().getMaxValue() < TimeUnit.HOURS.toMicros(1) / 2);
        }
    }

    @Test
    void shouldComeBackToTuplesWhoseConnectionWasNotMade() throws Exception {
        try (Listener full = Listener.open(ANY_PORT, 0)) {
            Settings settings = to(full.address());
            Sockaddr source = Sockaddr.of("127.0.0.41", 0);
            settings.sources = List.of(source);
            settings.low = freePorts(source.address(), 6);
            settings.high = settings.low + 5;
            settings.connections = Integer.MAX_VALUE;
            settings.timeout = 50 * MS;
            settings.retry = 30 * MS;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(() -> client.counters().errors().getOrDefault("ETIMEDOUT", 0L) >= 5);
            try (EventLoop loop = EventLoop.open("late", engine)) {
                loop.listen(full, (c, fd, data) -> c.send(fd, data));
                Thread thread = new Thread(() -> {
                    try {
                        loop.run();
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                });
                thread.start();
                untilEqual(6L, () -> client.counters().connections());
                client.close();
                loop.stop();
                thread.join();
            }
        }
    }

    @Test
    void shouldKeepToTheNumberOfConnectionsInFlight() throws Exception {
        try (Listener full = Listener.open(ANY_PORT, 0)) {
            Settings settings = to(full.address());
            settings.connections = 100;
            settings.inFlight = 7;
            EchoClient client = settings.start(EchoObserver.NONE);
            until(() -> client.counters().opened() == 1 && client.inFlight() == 7);
            client.quiesce();
            untilEqual(0, client::inFlight);
            client.close();
        }
    }

    @Test
    void shouldNotFailAfterClose() throws Exception {
        try (EchoServer server = server()) {
            EchoClient client = to(server.addresses().getFirst()).start(EchoObserver.NONE);
            assertThrows(IllegalStateException.class, client::latencyMicros);
            until(client::isFull);
            client.close();
            EchoCounters last = client.counters();
            client.close();
            client.quiesce();
            assertEquals(last, client.counters());
            assertEquals(1, last.opened());
        }
    }

    @Test
    void shouldNeedSixteenBytesForAConnectionOfItsOwn() {
        assertEquals(16, Caller.ENTRY);
    }

    @Test
    void shouldRefuseOptionsThatMakeNoSense() {
        assertThrows(IllegalArgumentException.class, () -> to().start(EchoObserver.NONE));
        Settings tooLarge = to(ANY_PORT);
        tooLarge.size = 65537;
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
                () -> tooLarge.start(EchoObserver.NONE));
        assertTrue(e.getMessage().endsWith("size=65537 (1 to 65536)"), e.getMessage());
    }

    @Test
    void shouldSumCountersOfSeveralLoops() {
        Counters a = new Counters();
        Counters b = new Counters();
        Counters.add(a.opened, 5);
        Counters.add(b.opened, 7);
        Counters.add(b.closed, 2);
        a.error(Errno.EMFILE.number());
        b.error(Errno.EMFILE.number());
        b.error(524);
        EchoCounters sum = Counters.sum(List.of(a, b), 3);
        assertEquals(10, sum.connections());
        assertEquals(3, sum.shed());
        assertEquals(Map.of("EMFILE", 2L, "other", 1L), sum.errors());
    }
}
