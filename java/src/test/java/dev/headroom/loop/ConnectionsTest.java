package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Eventfd;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.Unistd;

@ParameterizedClass
@EnumSource(Engine.class)
class ConnectionsTest {
    /** More than the buffers between two sockets grow to: net.ipv4.tcp_rmem allows 32 MiB on large machines. */
    private static final int FLOOD = 48 << 20;

    @Parameter
    Engine engine;

    private Rig rig;

    @BeforeEach
    void start() throws Exception {
        rig = new Rig(engine);
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    /** Writes down what happens and does what a test overrides. */
    private static class Recorder implements ConnectionHandler {
        final List<String> events = new CopyOnWriteArrayList<>();
        volatile int fd = -1;

        @Override
        public void opened(Connections c, int number) throws IOException {
            fd = number;
            events.add("opened");
        }

        @Override
        public void received(Connections c, int number, ByteBuffer data) throws IOException {
            events.add("received " + text(data));
            data.position(data.limit());
        }

        @Override
        public void ended(Connections c, int number, ByteBuffer rest) throws IOException {
            events.add("ended" + (rest.hasRemaining() ? " " + text(rest) : ""));
            ConnectionHandler.super.ended(c, number, rest);
        }

        @Override
        public void drained(Connections c, int number) throws IOException {
            events.add("drained");
        }

        @Override
        public void closed(Connections c, int number, int errno) {
            events.add("closed" + (errno == 0 ? "" : " " + Errno.name(errno)));
        }

        static String text(ByteBuffer data) {
            return StandardCharsets.ISO_8859_1.decode(data.duplicate()).toString();
        }

        void await(String... expected) throws Exception {
            Rig.untilEqual(List.of(expected), () -> List.copyOf(events));
        }
    }

    /** Sends back what comes. */
    private static class Echo extends Recorder {
        @Override
        public void received(Connections c, int number, ByteBuffer data) throws IOException {
            c.send(number, data);
        }
    }

    private static byte[] random(int n) {
        byte[] bytes = new byte[n];
        new Random(n).nextBytes(bytes);
        return bytes;
    }

    /** Writes until nothing is taken any more, and says how much that was. */
    private static int fill(SocketChannel peer, byte[] bytes) throws Exception {
        peer.configureBlocking(false);
        ByteBuffer b = ByteBuffer.wrap(bytes);
        for (int refused = 0; refused < 40 && b.hasRemaining(); refused++) {
            if (peer.write(b) > 0) {
                refused = 0;
            } else {
                Thread.sleep(1);
            }
        }
        peer.configureBlocking(true);
        assertTrue(b.hasRemaining(), "everything went out: " + bytes.length);
        return b.position();
    }

    // ---- input ----

    @Test
    void shouldBringBackWhatAHandlerHasLeft() throws Exception {
        Recorder lines = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                String s = text(data);
                int end = s.lastIndexOf('\n') + 1;
                events.add("received " + s);
                data.position(end);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(lines));
        Rig.write(peer, "he");
        lines.await("opened", "received he");
        Rig.write(peer, "llo\nwor");
        lines.await("opened", "received he", "received hello\nwor");
        Rig.write(peer, "ld");
        lines.await("opened", "received he", "received hello\nwor", "received world");

        peer.shutdownOutput();

        lines.await("opened", "received he", "received hello\nwor", "received world", "ended world", "closed");
        Rig.assertEnds(peer);
    }

    @Test
    void shouldKeepWhatIsBehindALimitThatAHandlerHasSet() throws Exception {
        Recorder narrowing = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                data.limit(data.position() + 2);
                events.add("received " + text(data));
                data.position(data.limit());
            }
        };
        SocketChannel peer = rig.peer(rig.listen(narrowing));
        Rig.write(peer, "abcd");
        narrowing.await("opened", "received ab");
        Rig.write(peer, "ef");
        narrowing.await("opened", "received ab", "received cd");
        peer.shutdownOutput();
        narrowing.await("opened", "received ab", "received cd", "ended ef", "closed");
    }

    @Test
    void shouldEndAConnectionWhoseFullBufferNobodyTakes() throws Exception {
        Recorder idle = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) {
                fd = data.remaining();
            }
        };
        SocketChannel peer = rig.peer(rig.listen(idle));
        Rig.write(peer, random(Connections.BUFFER - 1));
        Rig.until("all but one have come", () -> idle.fd == Connections.BUFFER - 1);
        assertEquals(List.of("opened"), idle.events);

        Rig.write(peer, "x");

        idle.await("opened", "closed EMSGSIZE");
    }

    @Test
    void shouldTakeNothingWhilePausedAndEverythingAfterwards() throws Exception {
        Recorder paused = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                super.received(c, number, data);
                c.pause(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(paused));
        Rig.write(peer, "one");
        paused.await("opened", "received one");
        Rig.write(peer, "two");
        long turns = rig.turns();
        Rig.write(peer, "three");
        assertTrue(rig.turns() - turns < 5);
        paused.await("opened", "received one");

        rig.on(() -> {
            rig.loop.connections().resume(paused.fd);
            return null;
        });

        paused.await("opened", "received one", "received twothree");
    }

    @Test
    void shouldBringBackWhatWasLeftOnResumeWithoutNewBytes() throws Exception {
        Recorder paused = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                events.add("received " + text(data));
                data.position(data.position() + 1);
                c.pause(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(paused));
        Rig.write(peer, "abc");
        paused.await("opened", "received abc");
        rig.on(() -> {
            rig.loop.connections().resume(paused.fd);
            return null;
        });
        paused.await("opened", "received abc", "received bc");
        rig.on(() -> {
            rig.loop.connections().resume(paused.fd);
            return null;
        });
        paused.await("opened", "received abc", "received bc", "received c");
    }

    @Test
    void shouldCloseOnlyTheConnectionWhoseOpenedThrows() throws Exception {
        Listener other = rig.listener(16);
        Recorder newcomer = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                super.opened(c, number);
                throw new IOException("opened");
            }
        };
        Recorder accepting = new Echo() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                int fd = Socket.accept4(c.loop().callState(), other.fd(), 0, 0,
                        Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC);
                c.open(fd, newcomer);
                super.received(c, number, data);
            }
        };
        SocketChannel second = rig.peer(other.address());
        SocketChannel first = rig.peer(rig.listen(accepting));

        Rig.write(first, "x");

        assertEquals("x", Rig.readString(first, 1));
        Rig.assertEnds(second);
        newcomer.await("opened", "closed ECONNABORTED");
        accepting.await("opened");
        assertEquals(List.of("opened"), rig.errors.stream().map(Throwable::getMessage).toList());
    }

    // ---- output ----

    @Test
    void shouldHoldBackAPeerThatDoesNotReadAndServeTheOthers() throws Exception {
        Echo echo = new Echo();
        Sockaddr address = rig.listen(echo);
        byte[] bytes = random(FLOOD);
        SocketChannel deaf = rig.peer(address, 256 << 10);
        Rig.until("it is open", () -> echo.fd >= 0);
        int fd = echo.fd;

        int taken = fill(deaf, bytes);

        assertTrue(rig.on(() -> rig.loop.connections().isSending(fd)));
        long turns = rig.turns();
        SocketChannel other = rig.peer(address);
        for (int i = 0; i < 100; i++) {
            Rig.write(other, "ping");
            assertEquals("ping", Rig.readString(other, 4));
        }
        long used = rig.turns() - turns;
        assertTrue(used < 250, "turns for 100 messages beside a connection that waits: " + used);
        assertEquals(Connections.BUFFER, kept(fd), Connections.BUFFER - 1, "bytes kept for the peer");

        // Now it reads, and gets every byte in its order, also of what it writes from now on.
        Thread writer = new Thread(() -> {
            try {
                Rig.write(deaf, Arrays.copyOfRange(bytes, taken, bytes.length));
                deaf.shutdownOutput();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        writer.start();
        assertArrayEquals(bytes, Rig.readAll(deaf));
        writer.join();
    }

    private int kept(int fd) throws Exception {
        return rig.on(() -> rig.loop.connections().waiting(fd));
    }

    @Test
    void shouldTellWhenRoomIsThereAndBringBackWhatWasLeft() throws Exception {
        byte[] answer = random(Connections.BUFFER);
        // Answers each byte with 64 KiB, one byte at a time.
        Recorder generous = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                boolean more = true;
                while (data.hasRemaining() && more) {
                    data.get();
                    ByteBuffer b = ByteBuffer.wrap(answer);
                    more = c.send(number, b);
                    assertFalse(b.hasRemaining());
                }
            }
        };
        SocketChannel peer = rig.peer(rig.listen(generous), 16 << 10);
        int questions = 300;
        Rig.write(peer, new byte[questions]);
        for (int i = 0; i < questions; i++) {
            assertArrayEquals(answer, Rig.read(peer, answer.length), "answer " + i);
        }
        assertTrue(generous.events.contains("drained"));
    }

    @Test
    void shouldLeaveInTheBufferWhatItCannotKeep() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        byte[] much = random(8 << 20);
        int[] left = new int[2];
        Recorder sender = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                ByteBuffer b = ByteBuffer.wrap(much);
                assertFalse(c.send(number, b));
                left[0] = b.remaining();
                assertFalse(c.send(number, b));
                left[1] = b.remaining();
                c.finish(number);
                done.countDown();
            }
        };
        SocketChannel peer = rig.peer(rig.listen(sender), 16 << 10);
        done.await();
        assertTrue(left[0] > 0);
        assertEquals(left[0], left[1], "a second send finds no room either");

        byte[] all = Rig.readAll(peer);

        assertArrayEquals(Arrays.copyOf(much, much.length - left[0]), all);
        sender.await("closed");
    }

    @Test
    void shouldSendEverythingBeforeItFinishesAndTakeNoMoreInput() throws Exception {
        byte[] answer = random(Connections.BUFFER);
        Recorder last = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                events.add("received " + data.remaining());
                data.position(data.limit());
                // more than the small buffers of the peer take
                int answers = 1;
                while (c.send(number, ByteBuffer.wrap(answer))) {
                    answers++;
                }
                c.finish(number);
                fd = answers;
            }

            @Override
            public boolean readsWhileSending() {
                return true;
            }
        };
        SocketChannel peer = rig.peer(rig.listen(last), 16 << 10);
        Rig.write(peer, "x");
        byte[] all = Rig.readAll(peer);

        assertEquals(last.fd * answer.length, all.length);
        assertArrayEquals(answer, Arrays.copyOfRange(all, all.length - answer.length, all.length));
        last.await("opened", "received 1", "closed");
    }

    @Test
    void shouldNotDeliverInputAfterFinish() throws Exception {
        byte[] answer = random(Connections.BUFFER);
        Recorder last = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                super.received(c, number, data);
                while (c.send(number, ByteBuffer.wrap(answer))) {
                    fd = number;
                }
                c.finish(number);
            }

            @Override
            public boolean readsWhileSending() {
                return true;
            }
        };
        SocketChannel peer = rig.peer(rig.listen(last), 16 << 10);
        Rig.write(peer, "x");
        last.await("opened", "received x");
        long turns = rig.turns();
        Rig.write(peer, "more");
        Rig.write(peer, "and more");
        assertTrue(rig.on(() -> rig.loop.connections().isOpen(last.fd)));
        assertTrue(rig.turns() - turns < 10);
        last.await("opened", "received x");
    }

    @Test
    void shouldRefuseToSendAfterShutdown() throws Exception {
        Recorder shut = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                c.shutdownOutput(number);
                c.send(number, data);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(shut));
        Rig.write(peer, "x");
        shut.await("opened", "closed ECONNABORTED");
        assertEquals("send after finish or shutdownOutput on descriptor " + shut.fd,
                rig.errors.getFirst().getMessage());
    }

    // ---- ends ----

    @Test
    void shouldEchoEverythingToAPeerThatHalfCloses() throws Exception {
        Echo echo = new Echo();
        SocketChannel peer = rig.peer(rig.listen(echo), 16 << 10);
        byte[] bytes = random(3 << 20);
        Thread writer = new Thread(() -> {
            try {
                Rig.write(peer, bytes);
                peer.shutdownOutput();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        writer.start();

        assertArrayEquals(bytes, Rig.readAll(peer));

        writer.join();
        Rig.until("it is closed", () -> echo.events.getLast().equals("closed"));
        assertEquals(1, echo.events.stream().filter("ended"::equals).count());
    }

    @Test
    void shouldStillReceiveAfterItHasHalfClosed() throws Exception {
        Recorder speaker = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                super.opened(c, number);
                c.send(number, ByteBuffer.wrap("bye".getBytes(StandardCharsets.ISO_8859_1)));
                c.shutdownOutput(number);
                c.shutdownOutput(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(speaker));
        assertEquals("bye", new String(Rig.readAll(peer), StandardCharsets.ISO_8859_1));
        Rig.write(peer, "still here");
        speaker.await("opened", "received still here");

        peer.close();

        speaker.await("opened", "received still here", "ended", "closed");
    }

    @Test
    void shouldStaySendingToAPeerThatHasEndedIfTheHandlerWantsIt() throws Exception {
        Recorder late = new Recorder() {
            @Override
            public void ended(Connections c, int number, ByteBuffer rest) {
                events.add("ended");
            }
        };
        SocketChannel peer = rig.peer(rig.listen(late));
        peer.shutdownOutput();
        late.await("opened", "ended");
        long turns = rig.turns();
        rig.on(() -> rig.loop.connections().send(late.fd, ByteBuffer.wrap(new byte[] {'l', 'a', 't', 'e'})));
        assertEquals("late", Rig.readString(peer, 4));
        rig.on(() -> {
            rig.loop.connections().shutdownOutput(late.fd);
            return null;
        });
        Rig.assertEnds(peer);
        late.await("opened", "ended", "closed");
        assertTrue(rig.turns() - turns < 10);
    }

    @Test
    void shouldReportAResetWhenIdle() throws Exception {
        Recorder idle = new Recorder();
        SocketChannel peer = rig.peer(rig.listen(idle));
        idle.await("opened");
        Rig.reset(peer);
        idle.await("opened", "closed ECONNRESET");
    }

    @Test
    void shouldReportAResetWhileOutputWaits() throws Exception {
        Echo echo = new Echo();
        SocketChannel peer = rig.peer(rig.listen(echo), 256 << 10);
        fill(peer, random(FLOOD));
        assertTrue(rig.on(() -> rig.loop.connections().isSending(echo.fd)));
        echo.events.clear();
        Rig.reset(peer);
        echo.await("closed ECONNRESET");
        assertEquals(0, rig.on(rig.loop::registered));
    }

    @Test
    void shouldReportAResetWhilePaused() throws Exception {
        Recorder paused = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                super.opened(c, number);
                c.pause(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(paused));
        paused.await("opened");
        Rig.reset(peer);
        paused.await("opened", "closed ECONNRESET");
    }

    @Test
    void shouldAcceptAConnectionThatWasResetBeforehandAndFindOutThen() throws Exception {
        Recorder late = new Recorder();
        Listener listener = rig.listener(16);
        SocketChannel peer = rig.peer(listener.address());
        Rig.reset(peer);
        // It stays in the accept queue; accept does not say ECONNABORTED for it.
        Acceptor acceptor = rig.on(() -> rig.loop.listen(listener, late));
        late.await("opened", "closed ECONNRESET");
        assertEquals(1, rig.on(acceptor::accepted));
        assertEquals(0, rig.on(acceptor::aborted));
    }

    @Test
    void shouldNeitherSpinNorLoseDataWhenBothSidesHaveEndedWhilePaused() throws Exception {
        Recorder paused = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                super.opened(c, number);
                c.pause(number);
                c.shutdownOutput(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(paused));
        Rig.write(peer, "last words");
        peer.close();
        paused.await("opened");
        Rig.untilEqual(1, () -> rig.on(rig.loop::registered));
        long turns = rig.turns();
        // As many turns as there are questions: none of EPOLLHUP's
        for (int i = 0; i < 100; i++) {
            rig.on(() -> null);
        }
        assertTrue(rig.turns() - turns < 150, "turns: " + (rig.turns() - turns));
        paused.await("opened");

        rig.on(() -> {
            rig.loop.connections().resume(paused.fd);
            return null;
        });

        paused.await("opened", "received last words", "ended", "closed");
    }

    @Test
    void shouldBringBackWhatWasLeftBeforeTheEndThatCameMeanwhile() throws Exception {
        Recorder left = new Recorder() {
            @Override
            public void opened(Connections c, int number) throws IOException {
                super.opened(c, number);
                c.shutdownOutput(number);
            }

            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                if (!events.contains("resumed")) {
                    events.add("left");
                    c.pause(number);
                    return;
                }
                super.received(c, number, data);
            }
        };
        Recorder waker = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) throws IOException {
                super.received(c, number, data);
                left.events.add("resumed");
                c.resume(left.fd);
            }
        };
        SocketChannel first = rig.peer(rig.listen(left));
        SocketChannel second = rig.peer(rig.listen(waker));
        Rig.write(first, "words");
        left.await("opened", "left");
        waker.await("opened");
        // While the loop is busy the one becomes readable, then the other hangs up: one wait reports both, in that order.
        rig.on(() -> {
            Rig.write(second, "x");
            first.close();
            return null;
        });
        left.await("opened", "left", "resumed", "received words", "ended", "closed");
    }

    @Test
    void shouldResetThePeerWhenAsked() throws Exception {
        Recorder harsh = new Recorder() {
            @Override
            public void received(Connections c, int number, ByteBuffer data) {
                c.reset(number);
                c.reset(number);
            }
        };
        SocketChannel peer = rig.peer(rig.listen(harsh));
        Rig.write(peer, "x");
        SocketException e = assertThrows(SocketException.class, () -> Rig.readAll(peer));
        assertEquals("Connection reset", e.getMessage());
        harsh.await("opened", "closed");
    }

    @Test
    void shouldLetConnectionsCloseEachOther() throws Exception {
        List<Integer> closed = new ArrayList<>();
        Recorder pair = new Recorder() {
            @Override
            public void closed(Connections c, int number, int errno) {
                closed.add(number);
                c.close(number);
                c.finish(number);
                c.close(c.loop().table().user(number));
            }
        };
        Sockaddr address = rig.listen(pair);
        SocketChannel first = rig.peer(address);
        pair.await("opened");
        int a = pair.fd;
        SocketChannel second = rig.peer(address);
        pair.await("opened", "opened");
        int b = pair.fd;
        rig.on(() -> {
            rig.loop.table().setUser(a, b);
            rig.loop.table().setUser(b, a);
            return null;
        });

        first.shutdownOutput();

        Rig.assertEnds(second);
        Rig.assertEnds(first);
        assertEquals(List.of(a, b), rig.on(() -> List.copyOf(closed)));
        assertEquals(List.of(), rig.errors);
    }

    @Test
    void shouldLeaveNumbersAloneThatAreNotItsConnections() throws Exception {
        CallState state = new CallState();
        int stranger = Eventfd.eventfd(state, 0, Eventfd.EFD_NONBLOCK | Eventfd.EFD_CLOEXEC);
        rig.on(() -> {
            Connections c = rig.loop.connections();
            c.close(stranger);
            c.reset(stranger);
            c.finish(stranger);
            c.shutdownOutput(stranger);
            c.pause(stranger);
            c.resume(stranger);
            ByteBuffer data = ByteBuffer.wrap(new byte[8]);
            assertFalse(c.send(stranger, data));
            assertEquals(8, data.remaining());
            assertFalse(c.isOpen(stranger));
            return null;
        });
        assertEquals(0, Unistd.close(state, stranger));
        assertEquals(List.of(), rig.errors);
    }

    @Test
    void shouldKnowBothAddressesUntilItIsClosed() throws Exception {
        List<Object> addresses = new CopyOnWriteArrayList<>();
        Recorder named = new Recorder() {
            @Override
            public void closed(Connections c, int number, int errno) {
                try {
                    addresses.add(c.localAddress(number));
                    addresses.add(c.peerAddress(number));
                } catch (IOException e) {
                    addresses.add(e);
                }
                super.closed(c, number, errno);
            }
        };
        Sockaddr address = rig.listen(named);
        SocketChannel peer = rig.peer(address);
        Sockaddr self = Sockaddr.of((InetSocketAddress) peer.getLocalAddress());
        peer.shutdownOutput();
        named.await("opened", "ended", "closed");
        assertEquals(List.of(address, self), addresses);
    }

    @Test
    void shouldReuseItsBlocksOfMemory() throws Exception {
        Echo echo = new Echo();
        Sockaddr address = rig.listen(echo);
        byte[] bytes = random(FLOOD);
        for (int round = 0; round < 2; round++) {
            List<SocketChannel> peers = new ArrayList<>();
            int[] taken = new int[4];
            for (int i = 0; i < taken.length; i++) {
                peers.add(rig.peer(address, 256 << 10));
                taken[i] = fill(peers.get(i), bytes);
            }
            for (int i = 0; i < taken.length; i++) {
                peers.get(i).shutdownOutput();
                assertArrayEquals(Arrays.copyOf(bytes, taken[i]), Rig.readAll(peers.get(i)));
            }
        }
        assertEquals(Blocks.A_SLAB, rig.on(() -> rig.loop.connections().blocks()), "blocks made");
    }
}
