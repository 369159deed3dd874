package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Acceptor.OnLimit;

@ParameterizedClass
@EnumSource(Engine.class)
class AcceptorTest {
    @Parameter
    Engine engine;

    private static final long LONG = TimeUnit.HOURS.toNanos(1);

    private final List<String> limits = new CopyOnWriteArrayList<>();

    /** Echoes, and gives back to the quota. */
    private static final class Held implements ConnectionHandler {
        final Quota quota;
        final AtomicInteger open = new AtomicInteger();

        Held(Quota quota) {
            this.quota = quota;
        }

        @Override
        public void opened(Connections c, int fd) {
            open.incrementAndGet();
        }

        @Override
        public void received(Connections c, int fd, ByteBuffer data) throws IOException {
            c.send(fd, data);
        }

        @Override
        public void closed(Connections c, int fd, int errno) {
            open.decrementAndGet();
            quota.release();
        }
    }

    private Acceptor.Options options(boolean exclusive, Quota quota, OnLimit onLimit, long retry) {
        return new Acceptor.Options(exclusive, quota, onLimit, retry,
                (acceptor, call, errno, queued) -> limits.add(call + " " + errno + " " + queued));
    }

    private static void assertEchoes(SocketChannel peer) throws Exception {
        Rig.write(peer, "ping");
        assertEquals("ping", Rig.readString(peer, 4));
    }

    @Test
    void shouldLeaveFurtherClientsInTheQueueWithoutSpinning() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Quota quota = new Quota(2);
            Held held = new Held(quota);
            Listener listener = rig.listener(16);
            Acceptor acceptor = rig
                    .on(() -> rig.loop.listen(listener, held, options(false, quota, OnLimit.PAUSE, LONG)));
            List<SocketChannel> peers = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                peers.add(rig.peer(listener.address()));
                assertEchoes(peers.get(i));
            }
            assertEquals(List.of(), limits, "nobody has been refused yet");
            assertTrue(acceptor.isArmed());

            for (int i = 2; i < 5; i++) {
                peers.add(rig.peer(listener.address()));
                Rig.write(peers.get(i), "ping");
                // Before the next one comes, so that exactly one waits when it is said.
                Rig.until("the limit is reported", () -> !limits.isEmpty());
            }
            long turns = rig.turns();
            for (int i = 0; i < 50; i++) {
                assertEchoes(peers.get(i % 2));
            }
            assertTrue(rig.turns() - turns < 150, "turns: " + (rig.turns() - turns));
            assertEquals(List.of("accept4 0 1"), limits);
            assertFalse(acceptor.isArmed());
            assertEquals(2, held.open.get());
            assertEquals(3, rig.on(() -> listener.queued(rig.loop.callState(), rig.loop.scratch())));
            assertEquals(16, rig.on(() -> listener.queueLimit(rig.loop.callState(), rig.loop.scratch())));
            assertEquals(0, rig.on(acceptor::shed));

            // Room for one: the first of the queue is served at once, long before the hour is over.
            peers.get(0).close();
            assertEquals("ping", Rig.readString(peers.get(2), 4));
            Rig.until("the next limit is reported", () -> limits.size() == 2);
            assertEquals("accept4 0 2", limits.get(1));
        }
    }

    @Test
    void shouldTryAgainAfterThePauseWhereNothingIsClosed() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Quota quota = new Quota(1);
            Held held = new Held(quota);
            Listener listener = rig.listener(16);
            assertTrue(quota.tryAcquire());
            rig.on(() -> rig.loop.listen(listener, held, options(false, quota, OnLimit.PAUSE, 30_000_000)));
            SocketChannel peer = rig.peer(listener.address());
            Rig.write(peer, "ping");
            Rig.until("it has tried again", () -> limits.size() >= 3);
            assertEquals(List.of("accept4 0 1"), limits.stream().distinct().toList());
            quota.release();
            assertEquals("ping", Rig.readString(peer, 4));
        }
    }

    @Test
    void shouldResetWhomItShedsAndCountThem() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Quota quota = new Quota(1);
            Held held = new Held(quota);
            Listener listener = rig.listener(16);
            Acceptor acceptor = rig
                    .on(() -> rig.loop.listen(listener, held, options(false, quota, OnLimit.SHED, LONG)));
            SocketChannel first = rig.peer(listener.address());
            assertEchoes(first);
            for (int i = 0; i < 7; i++) {
                SocketChannel shed = rig.peer(listener.address());
                SocketException e = assertThrows(SocketException.class, () -> Rig.readAll(shed));
                assertEquals("Connection reset", e.getMessage());
            }
            assertEquals(7, acceptor.shed());
            assertTrue(acceptor.isArmed());
            assertEquals(1, rig.on(acceptor::accepted));
            assertEquals(7, limits.size());
            assertEchoes(first);

            first.shutdownOutput();
            Rig.assertEnds(first);
            assertEchoes(rig.peer(listener.address()));
        }
    }

    @Test
    void shouldPassOnAClientToTheLoopThatHasRoom() throws Exception {
        // Two loops, each with room for 5, and clients that come one by one, each only when the one before is served:
        // no later one wakes a loop for those before it.
        try (Rig one = new Rig(engine, "one"); Rig two = new Rig(engine, "two")) {
            Listener listener = one.listener(16);
            Quota first = new Quota(5);
            Quota second = new Quota(5);
            Held held = new Held(first);
            Held heldToo = new Held(second);
            Acceptor a = one.on(() -> one.loop.listen(listener, held, options(true, first, OnLimit.PAUSE, LONG)));
            Acceptor b = two.on(() -> two.loop.listen(listener, heldToo, options(true, second, OnLimit.PAUSE, LONG)));
            for (int i = 0; i < 10; i++) {
                assertEchoes(one.peer(listener.address()));
            }
            assertEquals(5, held.open.get());
            assertEquals(5, heldToo.open.get());

            one.peer(listener.address());
            Rig.until("both rest", () -> !a.isArmed() && !b.isArmed());
        }
    }

    @Test
    void shouldShedOnlyWhenNoLoopHasRoom() throws Exception {
        try (Rig one = new Rig(engine, "one"); Rig two = new Rig(engine, "two")) {
            Listener listener = one.listener(16);
            Quota first = new Quota(5);
            Quota second = new Quota(5);
            Held held = new Held(first);
            Held heldToo = new Held(second);
            Acceptor a = one.on(() -> one.loop.listen(listener, held, options(true, first, OnLimit.SHED, LONG)));
            Acceptor b = two.on(() -> two.loop.listen(listener, heldToo, options(true, second, OnLimit.SHED, LONG)));
            List<SocketChannel> peers = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                peers.add(one.peer(listener.address()));
                assertEchoes(peers.get(i));
            }
            assertEquals(0, a.shed() + b.shed());

            for (int i = 0; i < 3; i++) {
                SocketChannel shed = one.peer(listener.address());
                assertThrows(SocketException.class, () -> Rig.readAll(shed));
            }

            assertEquals(3, a.shed() + b.shed());
            assertEquals(10, held.open.get() + heldToo.open.get());
            for (SocketChannel peer : peers) {
                assertEchoes(peer);
            }
        }
    }

    @Test
    void shouldServeOneListenerFromSeveralLoops() throws Exception {
        try (Rig one = new Rig(engine, "one");
                Rig two = new Rig(engine, "two");
                Rig three = new Rig(engine, "three")) {
            Listener listener = one.listener(512);
            Quota quota = new Quota(400);
            List<Held> helds = new ArrayList<>();
            for (Rig rig : List.of(one, two, three)) {
                Held held = new Held(quota);
                helds.add(held);
                rig.on(() -> rig.loop.listen(listener, held, options(true, quota, OnLimit.PAUSE, LONG)));
            }
            List<SocketChannel> peers = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                peers.add(one.peer(listener.address()));
            }
            for (SocketChannel peer : peers) {
                assertEchoes(peer);
            }
            assertEquals(400, helds.stream().mapToInt(h -> h.open.get()).sum());
            assertEquals(List.of(), limits);
        }
    }

    @Test
    void shouldStopAcceptingWhenClosedAndLeaveTheRest() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Quota quota = new Quota(Integer.MAX_VALUE);
            Held held = new Held(quota);
            Listener listener = rig.listener(16);
            Acceptor acceptor = rig
                    .on(() -> rig.loop.listen(listener, held, options(false, quota, OnLimit.SHED, LONG)));
            SocketChannel peer = rig.peer(listener.address());
            assertEchoes(peer);

            rig.on(() -> {
                acceptor.close();
                acceptor.close();
                return null;
            });

            rig.peer(listener.address());
            rig.peer(listener.address());
            assertEchoes(peer);
            assertEquals(2, rig.on(() -> listener.queued(rig.loop.callState(), rig.loop.scratch())));
            // It can be taken up again.
            rig.on(() -> rig.loop.listen(listener, held, options(false, quota, OnLimit.PAUSE, LONG)));
            Rig.until("the others are accepted", () -> held.open.get() == 3);
        }
    }

    @Test
    void shouldForgetAListenerThatCannotBeRegistered() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Held held = new Held(new Quota(Integer.MAX_VALUE));
            Listener listener = rig.listener(16);
            rig.on(() -> rig.loop.listen(listener, held));
            SyscallException e = assertThrows(SyscallException.class,
                    () -> rig.on(() -> rig.loop.listen(listener, held)));
            assertEquals(Errno.EEXIST.number(), e.errno());
            SocketChannel peer = rig.peer(listener.address());
            assertEchoes(peer);
            peer.close();
            Rig.until("it is closed", () -> held.open.get() == 0);
            assertEchoes(rig.peer(listener.address()));
            assertEquals(List.of(), rig.errors);
        }
    }

    @Test
    void shouldQueueOneMoreThanTheBacklog() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Listener listener = rig.listener(3);
            for (int i = 0; i < 4; i++) {
                rig.peer(listener.address());
            }
            assertEquals(4, rig.on(() -> listener.queued(rig.loop.callState(), rig.loop.scratch())));
            assertEquals(3, rig.on(() -> listener.queueLimit(rig.loop.callState(), rig.loop.scratch())));
        }
    }

    @Test
    void shouldSayWhyItCannotListen() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Listener listener = rig.listener(3);
            SyscallException inUse = assertThrows(SyscallException.class, () -> Listener.open(listener.address(), 3));
            assertTrue(inUse.getMessage().matches("(bind|listen)\\(\\d+, (" + listener.address()
                    + "|3)\\) failed: EADDRINUSE \\(98, Address already in use\\)"), inUse.getMessage());
            int before = Rig.openDescriptors();
            SyscallException absent = assertThrows(SyscallException.class,
                    () -> Listener.open(Sockaddr.of("192.0.2.1", 0), 3));
            assertTrue(absent.getMessage().matches("bind\\(\\d+, 192.0.2.1:0\\) failed: EADDRNOTAVAIL .*"),
                    absent.getMessage());
            assertEquals(before, Rig.openDescriptors());
        }
    }

    @Test
    void shouldShareAQuotaExactly() throws Exception {
        Quota quota = new Quota(1000);
        AtomicInteger taken = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Thread t = new Thread(() -> {
                while (quota.tryAcquire()) {
                    taken.incrementAndGet();
                }
            });
            threads.add(t);
            t.start();
        }
        for (Thread t : threads) {
            t.join();
        }
        assertEquals(1000, taken.get());
        assertFalse(quota.tryAcquire());
        quota.release();
        assertTrue(quota.tryAcquire());
        assertEquals(1000, quota.limit());
    }
}
