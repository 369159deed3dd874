package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import com.sun.management.ThreadMXBean;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Eventfd;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;

@ParameterizedClass
@EnumSource(Engine.class)
class EventLoopTest {
    @Parameter
    Engine engine;

    private static final ConnectionHandler ECHO = (c, fd, data) -> c.send(fd, data);

    private final CallState state = new CallState();

    private int eventfd(int initial) {
        int fd = Eventfd.eventfd(state, initial, Eventfd.EFD_NONBLOCK | Eventfd.EFD_CLOEXEC);
        assertTrue(fd >= 0);
        return fd;
    }

    private void set(int fd) throws SyscallException {
        try (Memory one = Memory.map(8)) {
            one.putLong(0, 1);
            assertEquals(8, Unistd.write(state, fd, one.address(), 8));
        }
    }

    @Test
    void shouldRunTasksOfOtherThreadsInTheirOrder() throws Exception {
        try (Rig rig = new Rig(engine)) {
            int threads = 4;
            int each = 20_000;
            int[] last = new int[threads];
            AtomicInteger ran = new AtomicInteger();
            AtomicInteger outOfOrder = new AtomicInteger();
            List<Thread> posters = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                int me = t;
                Thread poster = new Thread(() -> {
                    for (int i = 1; i <= each; i++) {
                        int number = i;
                        rig.loop.execute(() -> {
                            if (last[me] != number - 1 || Thread.currentThread() != rig.thread()) {
                                outOfOrder.incrementAndGet();
                            }
                            last[me] = number;
                            ran.incrementAndGet();
                        });
                    }
                });
                posters.add(poster);
                poster.start();
            }
            for (Thread poster : posters) {
                poster.join();
            }
            Rig.until("all tasks have run", () -> ran.get() == threads * each);
            assertEquals(0, outOfOrder.get());
        }
    }

    @Test
    void shouldStopFromAnotherThreadWhileItSleeps() throws Exception {
        EventLoop loop = Rig.open(engine, "sleeper");
        Thread thread = new Thread(() -> assertDoesNotFail(loop));
        thread.start();
        Rig.until("it runs", loop::isRunning);

        loop.stop();
        loop.stop();

        thread.join(TimeUnit.SECONDS.toMillis(Rig.PATIENCE_SECONDS));
        assertFalse(thread.isAlive());
        assertFalse(loop.isRunning());
        loop.close();
    }

    private static void assertDoesNotFail(EventLoop loop) {
        try {
            loop.run();
        } catch (SyscallException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void shouldReturnAtOnceWhenStoppedBeforeItRuns() throws Exception {
        try (EventLoop loop = Rig.open(engine, "stopped")) {
            loop.stop();
            loop.run();
            assertEquals(0, loop.turns());
        }
    }

    @Test
    void shouldRefuseToCloseWhileItRuns() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Rig.until("it runs", rig.loop::isRunning);
            IllegalStateException e = assertThrows(IllegalStateException.class, rig.loop::close);
            assertEquals("the loop rig is still running: stop it and wait for its thread", e.getMessage());
        }
    }

    @Test
    void shouldServeConnectionsWhileATaskKeepsPostingItself() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Sockaddr address = rig.listen(ECHO);
            SocketChannel peer = rig.peer(address);
            AtomicInteger posts = new AtomicInteger();
            Runnable[] again = new Runnable[1];
            again[0] = () -> {
                posts.incrementAndGet();
                rig.loop.execute(again[0]);
            };
            rig.loop.execute(again[0]);
            Rig.until("it posts itself", () -> posts.get() > 10);

            Rig.write(peer, "still there?");

            assertEquals("still there?", Rig.readString(peer, 12));
            again[0] = () -> {
            };
        }
    }

    @Test
    void shouldSurviveATaskAndATimerThatThrow() throws Exception {
        try (Rig rig = new Rig(engine)) {
            rig.loop.execute(() -> {
                throw new IllegalStateException("task");
            });
            rig.on(() -> {
                rig.loop.timer(() -> {
                    throw new IllegalStateException("timer");
                }).arm(0);
                return null;
            });
            Rig.untilEqual(List.of("task", "timer"), () -> rig.errors.stream().map(Throwable::getMessage).toList());
            assertSame(rig.thread(), rig.on(Thread::currentThread));
        }
    }

    @Test
    void shouldRunTimersOnTimeAndNotBefore() throws Exception {
        try (Rig rig = new Rig(engine)) {
            CountDownLatch ran = new CountDownLatch(3);
            List<Long> late = new ArrayList<>();
            rig.on(() -> {
                for (long nanos : new long[] {3_000_000, 700_000, 20_000_000}) {
                    long due = System.nanoTime() + nanos;
                    rig.loop.timer(() -> {
                        late.add(System.nanoTime() - due);
                        ran.countDown();
                    }).armAt(due);
                }
                return null;
            });
            assertTrue(ran.await(Rig.PATIENCE_SECONDS, TimeUnit.SECONDS));
            assertTrue(late.stream().allMatch(n -> n >= 0), "nanoseconds late: " + late);
        }
    }

    @Test
    void shouldSleepBetweenTimers() throws Exception {
        try (Rig rig = new Rig(engine)) {
            CountDownLatch ran = new CountDownLatch(20);
            long before = rig.turns();
            rig.on(() -> {
                Timer[] tick = new Timer[1];
                tick[0] = rig.loop.timer(() -> {
                    ran.countDown();
                    if (ran.getCount() > 0) {
                        tick[0].arm(5_300_000);
                    }
                });
                tick[0].arm(5_300_000);
                return null;
            });
            assertTrue(ran.await(Rig.PATIENCE_SECONDS, TimeUnit.SECONDS));
            long turns = rig.turns() - before;
            assertTrue(turns < 100, "turns for 20 timers: " + turns);
        }
    }

    @Test
    void shouldDropAnEventThatWasMeantForTheEarlierOwnerOfANumber() throws Exception {
        try (Rig rig = new Rig(engine)) {
            int first = eventfd(0);
            int second = eventfd(0);
            List<String> served = new ArrayList<>();
            AtomicReference<String> reused = new AtomicReference<>();
            Handler newOwner = (loop, fd, events) -> served.add("new owner");
            Handler oldOwner = (loop, fd, events) -> {
                served.add("old owner");
                int other = fd == first ? second : first;
                loop.close(other);
                int again = Eventfd.eventfd(loop.callState(), 0, Eventfd.EFD_NONBLOCK | Eventfd.EFD_CLOEXEC);
                reused.set(again == other ? "reused" : again + " instead of " + other);
                loop.add(again, Epoll.EPOLLIN, newOwner);
                loop.close(fd);
            };
            rig.on(() -> {
                // Both become ready while the loop is here, so that one wait reports both.
                rig.loop.add(first, Epoll.EPOLLIN, oldOwner);
                rig.loop.add(second, Epoll.EPOLLIN, oldOwner);
                set(first);
                set(second);
                return null;
            });
            Rig.until("one handler has run", () -> reused.get() != null);
            long turns = rig.turns();

            assertEquals("reused", reused.get());
            assertEquals(List.of("old owner"), rig.on(() -> List.copyOf(served)));
            assertTrue(rig.turns() - turns < 10);
            assertEquals(1, rig.on(rig.loop::registered));
        }
    }

    @Test
    void shouldTellOneOwnerOfANumberFromTheNext() throws Exception {
        try (Rig rig = new Rig(engine)) {
            rig.on(() -> {
                Handler nothing = (loop, fd, events) -> {
                };
                int fd = eventfd(0);
                rig.loop.add(fd, Epoll.EPOLLIN, nothing);
                int generation = rig.loop.generation(fd);
                rig.loop.close(fd);
                assertFalse(rig.loop.isRegistered(fd));
                int again = eventfd(0);
                assertEquals(fd, again);
                rig.loop.add(again, Epoll.EPOLLIN, nothing);
                assertNotEquals(generation, rig.loop.generation(again));
                return null;
            });
        }
    }

    @Test
    void shouldCloseOnlyTheDescriptorWhoseHandlerThrows() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Sockaddr address = rig.listen((c, fd, data) -> {
                if (data.get(0) == '!') {
                    throw new IllegalStateException("handler");
                }
                c.send(fd, data);
            });
            SocketChannel good = rig.peer(address);
            SocketChannel bad = rig.peer(address);
            Rig.write(good, "one");
            assertEquals("one", Rig.readString(good, 3));

            Rig.write(bad, "!");

            Rig.assertEnds(bad);
            Rig.write(good, "two");
            assertEquals("two", Rig.readString(good, 3));
            assertEquals(List.of("handler"), rig.errors.stream().map(Throwable::getMessage).toList());
        }
    }

    @Test
    void shouldLeaveADescriptorOpenThatIsRemoved() throws Exception {
        try (Rig rig = new Rig(engine)) {
            int fd = eventfd(1);
            AtomicInteger served = new AtomicInteger();
            rig.on(() -> {
                rig.loop.add(fd, Epoll.EPOLLIN, (loop, n, events) -> {
                    served.incrementAndGet();
                    loop.remove(n);
                });
                return null;
            });
            Rig.until("it was served", () -> served.get() > 0);
            assertEquals(0, rig.on(rig.loop::registered));
            assertEquals(1, served.get());
            assertEquals(0, Unistd.close(state, fd));
        }
    }

    @Test
    void shouldSayWhatTheKernelRefuses() throws Exception {
        try (Rig rig = new Rig(engine)) {
            int fd = eventfd(0);
            Handler nothing = (loop, n, events) -> {
            };
            rig.on(() -> {
                rig.loop.add(fd, Epoll.EPOLLIN, nothing);
                return null;
            });
            SyscallException twice = assertThrows(SyscallException.class, () -> rig.on(() -> {
                rig.loop.add(fd, Epoll.EPOLLIN, nothing);
                return null;
            }));
            assertEquals(Errno.EEXIST.number(), twice.errno());
            String call = engine == Engine.EPOLL ? "epoll_ctl\\(\\d+, EPOLL_CTL_ADD"
                    : "io_uring_enter\\(\\d+, IORING_OP_POLL_ADD";
            assertTrue(twice.getMessage().matches(
                    call + ", " + fd + ", EPOLLIN\\) failed: EEXIST \\(17, File exists\\)"), twice.getMessage());
            assertEquals(1, rig.on(rig.loop::registered));
        }
    }

    @Test
    void shouldExplainThatATableKnows255Handlers() throws Exception {
        try (EventLoop loop = Rig.open(engine, "handlers")) {
            int fd = eventfd(0);
            for (int i = 0; i < FdTable.MAX_HANDLERS; i++) {
                int number = i;
                loop.handlerIndex((l, n, events) -> assertEquals(number, n));
            }
            IllegalStateException e = assertThrows(IllegalStateException.class,
                    () -> loop.add(fd, Epoll.EPOLLIN, (l, n, events) -> assertEquals(-1, n)));
            assertEquals("a descriptor table knows at most 255 handlers: make one for a kind of descriptor, "
                    + "not for each descriptor", e.getMessage());
            assertEquals(0, loop.registered());
            assertEquals(0, Unistd.close(state, fd));
        }
    }

    @Test
    void shouldCloseEverythingWhenItStops() throws Exception {
        try (Rig warm = new Rig(engine)) {
            // whatever the JDK opens once
            SocketChannel peer = warm.peer(warm.listen(ECHO));
            Rig.write(peer, "x");
            assertEquals("x", Rig.readString(peer, 1));
        }
        int before = Rig.openDescriptors();
        Rig rig = new Rig(engine);
        Sockaddr address = rig.listen(ECHO);
        List<SocketChannel> peers = new ArrayList<>();
        for (int i = 0; i < 23; i++) {
            peers.add(rig.peer(address));
            Rig.write(peers.get(i), "x");
            assertEquals("x", Rig.readString(peers.get(i), 1));
        }
        assertEquals(23, rig.on(rig.loop::registered));

        rig.stop();

        for (SocketChannel peer : peers) {
            Rig.assertEnds(peer);
        }
        rig.close();
        assertEquals(before, Rig.openDescriptors());
    }

    @Test
    void shouldCloseTheOthersWhenOneHandlerThrowsInClosed() throws Exception {
        AtomicInteger closed = new AtomicInteger();
        Rig rig = new Rig(engine);
        Sockaddr address = rig.listen(new ConnectionHandler() {
            @Override
            public void received(Connections c, int fd, ByteBuffer data) throws SyscallException {
                c.send(fd, data);
            }

            @Override
            public void closed(Connections c, int fd, int errno) {
                closed.incrementAndGet();
                throw new IllegalStateException("closed");
            }
        });
        List<SocketChannel> peers = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            peers.add(rig.peer(address));
            Rig.write(peers.get(i), "x");
            assertEquals("x", Rig.readString(peers.get(i), 1));
        }
        rig.stop();
        assertEquals(5, closed.get());
        assertEquals(5, rig.errors.size());
        for (SocketChannel peer : peers) {
            Rig.assertEnds(peer);
        }
        rig.close();
    }

    @Test
    void shouldNotWriteToTheNextOwnerOfItsWakeUpAfterClose() throws Exception {
        EventLoop loop = Rig.open(engine, "gone");
        loop.close();
        // The numbers that were the loop's are the lowest free ones now.
        int[] strangers = {eventfd(0), eventfd(0), eventfd(0), eventfd(0)};

        loop.execute(() -> {
        });
        loop.stop();
        loop.close();

        try (Memory place = Memory.map(8)) {
            for (int fd : strangers) {
                assertEquals(-Errno.EAGAIN.number(), Unistd.read(state, fd, place.address(), 8),
                        "somebody wrote to descriptor " + fd);
            }
        }
        for (int fd : strangers) {
            assertEquals(0, Unistd.close(state, fd), "somebody closed descriptor " + fd);
        }
    }

    @Test
    void shouldReuseTheMemoryOfManyDescriptorsWhenTheLastHasGone() throws Exception {
        try (Rig rig = new Rig(engine)) {
            Handler nothing = (loop, n, events) -> {
            };
            for (int round = 0; round < 3; round++) {
                rig.on(() -> {
                    List<Integer> fds = new ArrayList<>();
                    for (int i = 0; i < 5000; i++) {
                        int fd = eventfd(0);
                        rig.loop.add(fd, Epoll.EPOLLIN, nothing);
                        rig.loop.table().setUser(fd, i);
                        fds.add(fd);
                    }
                    for (int i = 0; i < fds.size(); i++) {
                        assertEquals(i, rig.loop.table().user(fds.get(i)));
                        rig.loop.close(fds.get(i));
                    }
                    return null;
                });
                assertEquals(0, rig.on(rig.loop::registered));
            }
        }
    }

    @Test
    void shouldChangeTheInterestInADescriptorWithoutAllocating() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Rig rig = new Rig(engine)) {
            int fd = eventfd(0);
            long allocated = rig.on(() -> {
                rig.loop.add(fd, Epoll.EPOLLIN, (loop, n, events) -> {
                });
                long bytes = -1;
                for (int warm = 0; warm < 5 && bytes != 0; warm++) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    for (int i = 0; i < 100_000; i++) {
                        rig.loop.modify(fd, i % 2 == 0 ? Epoll.EPOLLIN | Epoll.EPOLLRDHUP : Epoll.EPOLLIN);
                    }
                    bytes = threads.getCurrentThreadAllocatedBytes() - before;
                }
                return bytes;
            });
            assertEquals(0, allocated, "bytes allocated in 100,000 changes");
        }
    }

    @Test
    void shouldNeedSixteenBytesForADescriptor() {
        assertEquals(16, FdTable.ENTRY);
    }
}
