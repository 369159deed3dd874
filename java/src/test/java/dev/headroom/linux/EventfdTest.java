package dev.headroom.linux;

import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** eventfd against the kernel. */
class EventfdTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("eventfd with an unknown flag", Errno.EINVAL, r -> Eventfd.eventfd(r.state, 0, 2)),
                new ErrnoCase("eventfd with every flag", Errno.EINVAL, r -> Eventfd.eventfd(r.state, 0, -1)));
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldAddUpAndReadTheSum() {
        int fd = rig.eventfd();
        assertEquals(8, Unistd.write(rig.state, fd, rig.dataLong(3), 8));
        assertEquals(8, Unistd.write(rig.state, fd, rig.dataLong(4), 8));
        assertEquals(8, Unistd.read(rig.state, fd, rig.data(), 8));
        assertEquals(7, rig.dataLong());
        assertEquals("EAGAIN", outcome(Unistd.read(rig.state, fd, rig.data(), 8)));
    }

    @Test
    void shouldCountDownAsASemaphore() {
        int fd = rig.fd(Eventfd.eventfd(rig.state, 2, Eventfd.EFD_SEMAPHORE | Eventfd.EFD_NONBLOCK));
        for (int i = 0; i < 2; i++) {
            assertEquals(8, Unistd.read(rig.state, fd, rig.data(), 8));
            assertEquals(1, rig.dataLong());
        }
        assertEquals("EAGAIN", outcome(Unistd.read(rig.state, fd, rig.data(), 8)));
    }

    @Test
    void shouldTakeTheInitialValueForUnsigned() {
        int fd = rig.fd(Eventfd.eventfd(rig.state, -1, Eventfd.EFD_NONBLOCK));
        assertEquals(8, Unistd.read(rig.state, fd, rig.data(), 8));
        assertEquals(0xffff_ffffL, rig.dataLong());
    }

    @Test
    void shouldHaveTheFlagsAskedFor() {
        int fd = rig.fd(Eventfd.eventfd(rig.state, 0, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.O_RDWR, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFL, 0));
        int flags = rig.eventfd();
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, flags, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.O_RDWR | Fcntl.O_NONBLOCK, Fcntl.fcntl(rig.state, flags, Fcntl.F_GETFL, 0));
    }

    @Test
    void shouldWakeAThreadThatWaitsInEpoll() throws Exception {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(epoll, fd, Epoll.EPOLLIN));
        Thread waker = Thread.ofPlatform().start(() -> {
            try (Rig own = new Rig()) {
                ok(Unistd.write(own.state, fd, own.dataLong(1), 8));
            }
        });
        assertEquals("EPOLLIN", rig.next(epoll, 5000));
        waker.join();
        assertEquals(8, Unistd.read(rig.state, fd, rig.data(), 8));
        assertEquals("none", rig.next(epoll));
    }
}
