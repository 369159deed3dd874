package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** io_uring against the kernel: its errors, and the rings. */
class IoUringTest {
    private static final int DEFERRED = IoUring.IORING_SETUP_SINGLE_ISSUER | IoUring.IORING_SETUP_DEFER_TASKRUN;

    private final Rig rig = new Rig();
    private IoUringRing ring;

    @BeforeEach
    void open() {
        try {
            ring = new IoUringRing(8, 16, DEFERRED | IoUring.IORING_SETUP_SUBMIT_ALL);
        } catch (SyscallException e) {
            if ("true".equals(System.getenv("CI"))) {
                fail(e.getMessage());
            }
            abort("no io_uring here: " + e.getMessage());
        }
    }

    @AfterEach
    void close() {
        if (ring != null) {
            ring.close();
        }
        rig.close();
    }

    private static long params(Rig r, int flags) {
        r.memory.putInt(r.data() - r.memory.address() + IoUringParams.flags, flags);
        return r.data();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("setup with parameters nowhere", Errno.EFAULT,
                        r -> IoUring.ioUringSetup(r.state, 8, UNMAPPED)),
                new ErrnoCase("setup without entries", Errno.EINVAL,
                        r -> IoUring.ioUringSetup(r.state, 0, params(r, 0))),
                new ErrnoCase("setup with more entries than 32768", Errno.EINVAL,
                        r -> IoUring.ioUringSetup(r.state, 32769, params(r, 0))),
                new ErrnoCase("setup with a flag that nobody knows", Errno.EINVAL,
                        r -> IoUring.ioUringSetup(r.state, 8, params(r, 1 << 31))),
                new ErrnoCase("deferred work without a single issuer", Errno.EINVAL,
                        r -> IoUring.ioUringSetup(r.state, 8, params(r, IoUring.IORING_SETUP_DEFER_TASKRUN))),
                new ErrnoCase("enter of no descriptor", Errno.EBADF,
                        r -> IoUring.ioUringEnter(r.state, -1, 0, 0, 0, 0, 0)),
                new ErrnoCase("enter of what is no ring", Errno.EOPNOTSUPP,
                        r -> IoUring.ioUringEnter(r.state, r.eventfd(), 0, 0, 0, 0, 0)),
                new ErrnoCase("enter of a ring that is disabled", Errno.EBADFD, r -> {
                    int fd = r.fd(IoUring.ioUringSetup(r.state, 8, params(r, IoUring.IORING_SETUP_R_DISABLED)));
                    return IoUring.ioUringEnter(r.state, fd, 0, 0, 0, 0, 0);
                }),
                new ErrnoCase("enabling twice", Errno.EBADFD, r -> {
                    int fd = r.fd(IoUring.ioUringSetup(r.state, 8, params(r, IoUring.IORING_SETUP_R_DISABLED)));
                    ok(IoUring.ioUringRegister(r.state, fd, IoUring.IORING_REGISTER_ENABLE_RINGS, 0, 0));
                    return IoUring.ioUringRegister(r.state, fd, IoUring.IORING_REGISTER_ENABLE_RINGS, 0, 0);
                }),
                new ErrnoCase("register with an operation that nobody knows", Errno.EINVAL, r -> {
                    int fd = r.fd(IoUring.ioUringSetup(r.state, 8, params(r, 0)));
                    return IoUring.ioUringRegister(r.state, fd, 9999, 0, 0);
                }));
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    private int enter(int minComplete) {
        return ring.enter(minComplete, IoUring.IORING_ENTER_GETEVENTS, 0, 0);
    }

    @Test
    void shouldWaitUntilADescriptorIsReady() {
        int fd = rig.eventfd();
        ring.prepare(IoUring.IORING_OP_POLL_ADD, 0, 0, fd, 0, 0, 0, Epoll.EPOLLIN, 77);
        assertEquals(1, ring.unsubmitted());
        assertEquals(1, enter(0));
        assertEquals(0, ring.unsubmitted());
        assertEquals(ring.head(), ring.tail());

        ok(Unistd.write(rig.state, fd, rig.dataLong(1), 8));
        enter(1);

        assertEquals(1, ring.tail() - ring.head());
        assertEquals(77, ring.userData(ring.head()));
        assertEquals(Epoll.EPOLLIN, ring.res(ring.head()));
        assertEquals(0, ring.flags(ring.head()) & IoUring.IORING_CQE_F_MORE);
        ring.advance();
        assertEquals(ring.head(), ring.tail());
    }

    @Test
    void shouldGoRoundItsRings() {
        int fd = rig.eventfd();
        for (int round = 0; round < 100; round++) {
            for (int i = 0; i < 8; i++) {
                assertEquals(8 - i, ring.room());
                ring.prepare(IoUring.IORING_OP_POLL_ADD, 0, 0, fd, 0, 0, 0, Epoll.EPOLLOUT, round * 8L + i);
            }
            assertEquals(0, ring.room());
            assertEquals(8, enter(8));
            for (int i = 0; i < 8; i++) {
                assertEquals(round * 8L + i, ring.userData(ring.head()));
                assertEquals(Epoll.EPOLLOUT, ring.res(ring.head()));
                ring.advance();
            }
        }
    }

    @Test
    void shouldReceiveIntoBuffersThatItWasLent() throws Exception {
        Rig.Pair pair = rig.pair();
        try (Memory memory = Memory.map(2 * 4096); IoUringBuffers buffers = new IoUringBuffers(ring, memory, 2, 4096)) {
            ring.prepare(IoUring.IORING_OP_RECV, IoUring.IOSQE_BUFFER_SELECT,
                    IoUring.IORING_RECV_MULTISHOT | IoUring.IORING_RECVSEND_POLL_FIRST, pair.server(), 0, 0, 0, 0, 5);
            assertEquals(1, enter(0));
            int last = -1;
            for (int i = 0; i < 10; i++) {
                ok(Socket.send(rig.state, pair.client(), rig.data("ping" + i), 5, 0));
                enter(1);
                int number = ring.head();
                assertEquals(5, ring.userData(number));
                assertEquals(5, ring.res(number));
                int flags = ring.flags(number);
                assertEquals(IoUring.IORING_CQE_F_BUFFER | IoUring.IORING_CQE_F_MORE,
                        flags & (IoUring.IORING_CQE_F_BUFFER | IoUring.IORING_CQE_F_MORE));
                int id = flags >>> IoUring.IORING_CQE_BUFFER_SHIFT;
                assertNotEquals(last, id, "it goes round");
                last = id;
                assertEquals("ping" + i, new String(memory.getBytes(buffers.offset(id), 5)));
                ring.advance();
                buffers.give(id);
                buffers.publish();
            }
            // Neither is given back: the third message finds none, which ends the request and loses nothing.
            for (int i = 0; i < 3; i++) {
                ok(Socket.send(rig.state, pair.client(), rig.data("x"), 1, 0));
                enter(1);
                if (i < 2) {
                    assertEquals(1, ring.res(ring.head()));
                    ring.advance();
                }
            }
            assertEquals(-Errno.ENOBUFS.number(), ring.res(ring.head()));
            assertEquals(0, ring.flags(ring.head()) & IoUring.IORING_CQE_F_MORE);
            assertEquals(1, Socket.recv(rig.state, pair.server(), rig.data(), 8, Socket.MSG_DONTWAIT));
        }
    }

    /** What the loop relies on: a send has a completion if and only if bytes are left, and the call returns with it. */
    @Test
    void shouldTellOfASendOnlyWhenBytesAreLeft() {
        Rig.Pair pair = rig.pair();
        int flags = Socket.MSG_NOSIGNAL | Socket.MSG_DONTWAIT | Socket.MSG_WAITALL;
        long sent = 0;
        int before;
        do {
            before = ring.tail();
            ring.prepare(IoUring.IORING_OP_SEND, IoUring.IOSQE_CQE_SKIP_SUCCESS, 0, pair.client(), 0, rig.data(),
                    Rig.DATA_BYTES, flags, 9);
            assertEquals(1, ring.enter(0, 0, 0, 0));
            sent += Rig.DATA_BYTES;
        } while (ring.tail() == before && sent < 100L * Rig.DATA_BYTES);
        assertEquals(1, ring.tail() - ring.head());
        int last = ring.res(ring.head());
        sent -= last > 0 ? Rig.DATA_BYTES - last : Rig.DATA_BYTES;
        assertEquals(9, ring.userData(ring.head()));
        long received = 0;
        for (long n = 1; n > 0;) {
            n = Socket.recv(rig.state, pair.server(), rig.data(), Rig.DATA_BYTES, Socket.MSG_DONTWAIT);
            received += Math.max(0, n);
            if (received < sent && n < 0) {
                n = 1;
            }
        }
        assertEquals(sent, received);
    }
}
