package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** epoll_create1, epoll_ctl, epoll_wait and epoll_pwait2 against the kernel. */
class EpollTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("epoll_create1 with an unknown flag", Errno.EINVAL, r -> Epoll.epollCreate1(r.state, 1)),

                new ErrnoCase("epoll_ctl on no descriptor", Errno.EBADF, r -> r.add(-1, r.eventfd(), Epoll.EPOLLIN)),
                new ErrnoCase("epoll_ctl of no descriptor", Errno.EBADF, r -> r.add(r.epoll(), -1, Epoll.EPOLLIN)),
                new ErrnoCase("epoll_ctl on what is no epoll", Errno.EINVAL,
                        r -> r.add(r.eventfd(), r.eventfd(), Epoll.EPOLLIN)),
                new ErrnoCase("epoll_ctl of an epoll to itself", Errno.EINVAL, r -> {
                    int epoll = r.epoll();
                    return r.add(epoll, epoll, Epoll.EPOLLIN);
                }),
                new ErrnoCase("epoll_ctl with an unknown operation", Errno.EINVAL,
                        r -> Epoll.epollCtl(r.state, r.epoll(), 99, r.eventfd(), r.event(Epoll.EPOLLIN, 0))),
                new ErrnoCase("EPOLL_CTL_ADD twice", Errno.EEXIST, r -> {
                    int epoll = r.epoll();
                    int fd = r.eventfd();
                    ok(r.add(epoll, fd, Epoll.EPOLLIN));
                    return r.add(epoll, fd, Epoll.EPOLLIN);
                }),
                new ErrnoCase("EPOLL_CTL_MOD of what was not added", Errno.ENOENT,
                        r -> r.modify(r.epoll(), r.eventfd(), Epoll.EPOLLIN)),
                new ErrnoCase("EPOLL_CTL_DEL of what was not added", Errno.ENOENT,
                        r -> r.remove(r.epoll(), r.eventfd())),
                new ErrnoCase("EPOLL_CTL_ADD of a regular file", Errno.EPERM,
                        r -> r.add(r.epoll(), r.regularFile(), Epoll.EPOLLIN)),
                new ErrnoCase("EPOLL_CTL_ADD of a directory", Errno.EPERM,
                        r -> r.add(r.epoll(), r.directory(), Epoll.EPOLLIN)),
                new ErrnoCase("EPOLL_CTL_ADD with an event nowhere", Errno.EFAULT,
                        r -> Epoll.epollCtl(r.state, r.epoll(), Epoll.EPOLL_CTL_ADD, r.eventfd(), UNMAPPED)),
                new ErrnoCase("two epolls that watch each other", Errno.ELOOP, r -> {
                    int a = r.epoll();
                    int b = r.epoll();
                    ok(r.add(a, b, Epoll.EPOLLIN));
                    return r.add(b, a, Epoll.EPOLLIN);
                }),
                new ErrnoCase("a sixth epoll around five", Errno.ELOOP, r -> {
                    int inner = r.epoll();
                    for (int i = 0; i < 4; i++) {
                        int outer = r.epoll();
                        ok(r.add(outer, inner, Epoll.EPOLLIN));
                        inner = outer;
                    }
                    return r.add(r.epoll(), inner, Epoll.EPOLLIN);
                }),
                new ErrnoCase("EPOLL_CTL_MOD to EPOLLEXCLUSIVE", Errno.EINVAL, r -> {
                    int epoll = r.epoll();
                    int fd = r.eventfd();
                    ok(r.add(epoll, fd, Epoll.EPOLLIN));
                    return r.modify(epoll, fd, Epoll.EPOLLIN | Epoll.EPOLLEXCLUSIVE);
                }),
                new ErrnoCase("EPOLL_CTL_MOD of an exclusive entry", Errno.EINVAL, r -> {
                    int epoll = r.epoll();
                    int fd = r.eventfd();
                    ok(r.add(epoll, fd, Epoll.EPOLLIN | Epoll.EPOLLEXCLUSIVE));
                    return r.modify(epoll, fd, Epoll.EPOLLIN);
                }),
                new ErrnoCase("EPOLLEXCLUSIVE with EPOLLONESHOT", Errno.EINVAL,
                        r -> r.add(r.epoll(), r.eventfd(),
                                Epoll.EPOLLIN | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLONESHOT)),
                new ErrnoCase("EPOLLEXCLUSIVE with EPOLLRDHUP", Errno.EINVAL,
                        r -> r.add(r.epoll(), r.tcp(), Epoll.EPOLLIN | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLRDHUP)),
                new ErrnoCase("EPOLLEXCLUSIVE for an epoll", Errno.EINVAL,
                        r -> r.add(r.epoll(), r.epoll(), Epoll.EPOLLIN | Epoll.EPOLLEXCLUSIVE)),

                new ErrnoCase("epoll_wait on no descriptor", Errno.EBADF,
                        r -> Epoll.epollWait(r.state, -1, r.event(), 1, 0)),
                new ErrnoCase("epoll_wait on what is no epoll", Errno.EINVAL,
                        r -> Epoll.epollWait(r.state, r.eventfd(), r.event(), 1, 0)),
                new ErrnoCase("epoll_wait for no event", Errno.EINVAL,
                        r -> Epoll.epollWait(r.state, r.epoll(), r.event(), 0, 0)),
                new ErrnoCase("epoll_wait for -1 events", Errno.EINVAL,
                        r -> Epoll.epollWait(r.state, r.epoll(), r.event(), -1, 0)),
                new ErrnoCase("epoll_wait for more than INT_MAX bytes of events", Errno.EINVAL,
                        r -> Epoll.epollWait(r.state, r.epoll(), r.event(),
                                Integer.MAX_VALUE / EpollEvent.SIZEOF + 1, 0)),
                new ErrnoCase("epoll_wait to an array nowhere", Errno.EFAULT, r -> {
                    int epoll = r.epoll();
                    ok(r.add(epoll, r.eventfd(), Epoll.EPOLLOUT));
                    return Epoll.epollWait(r.state, epoll, UNMAPPED, 1, 0);
                }),

                new ErrnoCase("epoll_pwait2 on no descriptor", Errno.EBADF, r -> pwait2(r, -1, 1, 0, 0)),
                new ErrnoCase("epoll_pwait2 on what is no epoll", Errno.EINVAL, r -> pwait2(r, r.eventfd(), 1, 0, 0)),
                new ErrnoCase("epoll_pwait2 for no event", Errno.EINVAL, r -> pwait2(r, r.epoll(), 0, 0, 0)),
                new ErrnoCase("epoll_pwait2 with a billion nanoseconds", Errno.EINVAL,
                        r -> pwait2(r, r.epoll(), 1, 0, 1_000_000_000)),
                new ErrnoCase("epoll_pwait2 with -1 seconds", Errno.EINVAL, r -> pwait2(r, r.epoll(), 1, -1, 0)),
                new ErrnoCase("epoll_pwait2 with a timeout nowhere", Errno.EFAULT,
                        r -> Epoll.epollPwait2(r.state, r.epoll(), r.event(), 1, UNMAPPED, 0)));
    }

    private static int pwait2(Rig r, int epoll, int maxevents, long seconds, long nanos) {
        r.memory.putLong(Timespec.tv_sec, seconds);
        r.memory.putLong(Timespec.tv_nsec, nanos);
        return Epoll.epollPwait2(r.state, epoll, r.event(), maxevents, r.memory.address(), 0);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldCreateWithAndWithoutCloseOnExec() {
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, rig.epoll(), Fcntl.F_GETFD, 0));
        int plain = rig.fd(Epoll.epollCreate1(rig.state, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, plain, Fcntl.F_GETFD, 0));
    }

    @Test
    void shouldGiveBackAll64BitsOfData() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        assertEquals(0, Epoll.epollCtl(rig.state, epoll, Epoll.EPOLL_CTL_ADD, fd,
                rig.event(Epoll.EPOLLOUT, 0x8123_4567_89ab_cdefL)));
        assertEquals(1, Epoll.epollWait(rig.state, epoll, rig.event(0, 0), 1, 0));
        assertEquals(0x8123_4567_89ab_cdefL, rig.eventData());
        assertEquals(Epoll.EPOLLOUT, rig.events());
    }

    @Test
    void shouldWriteSeveralEventsIntoAnArray() throws Exception {
        int epoll = rig.epoll();
        List<Long> registered = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int fd = rig.eventfd();
            ok(rig.add(epoll, fd, Epoll.EPOLLOUT));
            registered.add((long) fd);
        }
        try (EpollEvents events = new EpollEvents(5)) {
            events.set(3, 77, 88);
            assertEquals(3, Epoll.epollWait(rig.state, epoll, events.address(), events.capacity(), 0));
            List<Long> seen = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                assertEquals(Epoll.EPOLLOUT, events.events(i));
                seen.add(events.data(i));
            }
            assertEquals(registered, seen);
            assertEquals(77, events.events(3));
            assertEquals(88, events.data(3));
        }
    }

    @Test
    void shouldReturnZeroAtTheTimeout() {
        int epoll = rig.epoll();
        assertEquals(0, Epoll.epollWait(rig.state, epoll, rig.event(), 1, 0));
        long start = System.nanoTime();
        assertEquals(0, Epoll.epollWait(rig.state, epoll, rig.event(), 1, 20));
        long elapsed = System.nanoTime() - start;
        assertTrue(elapsed >= 20_000_000, "waited " + elapsed + " ns");
    }

    @Test
    void shouldWaitForLessThanAMillisecondWithPwait2() {
        int epoll = rig.epoll();
        long start = System.nanoTime();
        assertEquals(0, pwait2(rig, epoll, 1, 0, 200_000));
        long elapsed = System.nanoTime() - start;
        assertTrue(elapsed >= 200_000, "waited " + elapsed + " ns");
        ok(rig.add(epoll, rig.eventfd(), Epoll.EPOLLOUT));
        assertEquals(1, pwait2(rig, epoll, 1, 10, 0));
        assertEquals(Epoll.EPOLLOUT, rig.events());
    }

    @Test
    void shouldChangeAndRemoveAnEntry() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        assertEquals(0, rig.add(epoll, fd, Epoll.EPOLLOUT));
        assertEquals("EPOLLOUT", rig.next(epoll));
        assertEquals(0, rig.modify(epoll, fd, Epoll.EPOLLIN));
        assertEquals("none", rig.next(epoll));
        assertEquals(0, rig.modify(epoll, fd, Epoll.EPOLLOUT));
        assertEquals("EPOLLOUT", rig.next(epoll));
        assertEquals(0, rig.remove(epoll, fd));
        assertEquals("none", rig.next(epoll));
    }

    @Test
    void shouldNestFiveEpolls() {
        int inner = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(inner, fd, Epoll.EPOLLOUT));
        for (int i = 0; i < 4; i++) {
            int outer = rig.epoll();
            assertEquals("ok", outcome(rig.add(outer, inner, Epoll.EPOLLIN)));
            inner = outer;
        }
        assertEquals("EPOLLIN", rig.next(inner));
    }

    @Test
    void shouldReportALevelAgainAndAnEdgeOnce() {
        int level = rig.epoll();
        int edge = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(level, fd, Epoll.EPOLLIN));
        ok(rig.add(edge, fd, Epoll.EPOLLIN | Epoll.EPOLLET));
        ok(Unistd.write(rig.state, fd, rig.dataLong(1), 8));
        assertEquals("EPOLLIN", rig.next(level));
        assertEquals("EPOLLIN", rig.next(level));
        assertEquals("EPOLLIN", rig.next(edge));
        assertEquals("none", rig.next(edge));
        ok(Unistd.write(rig.state, fd, rig.dataLong(1), 8));
        assertEquals("EPOLLIN", rig.next(edge));
    }

    @Test
    void shouldDisarmAOneShotUntilItIsModified() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(epoll, fd, Epoll.EPOLLOUT | Epoll.EPOLLONESHOT));
        assertEquals("EPOLLOUT", rig.next(epoll));
        assertEquals("none", rig.next(epoll));
        ok(rig.modify(epoll, fd, Epoll.EPOLLOUT | Epoll.EPOLLONESHOT));
        assertEquals("EPOLLOUT", rig.next(epoll));
    }

    @Test
    void shouldReportErrorAndHangUpWithMaskZero() {
        int epoll = rig.epoll();
        Rig.Pair pair = rig.pair();
        ok(rig.add(epoll, pair.client(), 0));
        assertEquals("none", rig.next(epoll));
        rig.reset(pair.server());
        assertEquals("EPOLLERR|EPOLLHUP", rig.next(epoll, 5000));
    }

    @Test
    void shouldNotReportAHalfCloseWithMaskZero() {
        int epoll = rig.epoll();
        Rig.Pair pair = rig.pair();
        ok(rig.add(epoll, pair.client(), 0));
        ok(Socket.shutdown(rig.state, pair.server(), Socket.SHUT_WR));
        assertEquals("EPOLLIN|EPOLLRDHUP", rig.await(pair.client(), Epoll.EPOLLIN | Epoll.EPOLLRDHUP));
        assertEquals("none", rig.next(epoll));
    }

    @Test
    void shouldReportAHangUpOfASocketThatWasNeverConnected() {
        int epoll = rig.epoll();
        ok(rig.add(epoll, rig.tcp(), Epoll.EPOLLIN | Epoll.EPOLLOUT));
        assertEquals("EPOLLOUT|EPOLLHUP", rig.next(epoll));
    }

    @Test
    void shouldForgetAnEntryWhenItsOnlyDescriptorIsClosed() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(epoll, fd, Epoll.EPOLLOUT));
        assertEquals("EPOLLOUT", rig.next(epoll));
        rig.close(fd);
        assertEquals("none", rig.next(epoll));
    }

    @Test
    void shouldKeepARegistrationAliveAfterCloseWhileADuplicateIsOpen() {
        int epoll = rig.epoll();
        // A number far above those in use, so that nobody else gets it after the close.
        int fd = rig.fd(Fcntl.fcntl(rig.state, rig.eventfd(), Fcntl.F_DUPFD_CLOEXEC, 700));
        ok(rig.add(epoll, fd, Epoll.EPOLLOUT));
        int duplicate = rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD_CLOEXEC, 0));
        rig.close(fd);
        assertEquals("EPOLLOUT", rig.next(epoll));
        assertEquals(fd, rig.eventData());
        // And it can no longer be removed: the number is free, and the duplicate has no entry of its own.
        assertEquals("EBADF", outcome(rig.remove(epoll, fd)));
        assertEquals("ENOENT", outcome(rig.remove(epoll, duplicate)));
    }

    @Test
    void shouldRegisterADuplicateAsAnEntryOfItsOwn() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        int duplicate = rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD_CLOEXEC, 0));
        ok(rig.add(epoll, fd, Epoll.EPOLLOUT));
        assertEquals(0, rig.add(epoll, duplicate, Epoll.EPOLLOUT));
        try (Memory events = map(2 * EpollEvent.SIZEOF)) {
            assertEquals(2, Epoll.epollWait(rig.state, epoll, events.address(), 2, 0));
        }
    }

    private static Memory map(int bytes) {
        try {
            return Memory.map(bytes);
        } catch (SyscallException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void shouldBeReadableToAnotherEpollWhenAnEventWaits() {
        int inner = rig.epoll();
        int outer = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(inner, fd, Epoll.EPOLLIN));
        ok(rig.add(outer, inner, Epoll.EPOLLIN));
        assertEquals("none", rig.next(outer));
        ok(Unistd.write(rig.state, fd, rig.dataLong(1), 8));
        assertEquals("EPOLLIN", rig.next(outer));
    }

    @Test
    void shouldIgnoreTheEventOfADeletion() {
        int epoll = rig.epoll();
        int fd = rig.eventfd();
        ok(rig.add(epoll, fd, Epoll.EPOLLOUT));
        assertEquals(0, Epoll.epollCtl(rig.state, epoll, Epoll.EPOLL_CTL_DEL, fd, UNMAPPED));
    }

    @Test
    void shouldNameFlags() {
        assertEquals("0", Epoll.flagsToString(0));
        assertEquals("EPOLLIN|EPOLLRDHUP", Epoll.flagsToString(Epoll.EPOLLIN | Epoll.EPOLLRDHUP));
        assertEquals("EPOLLERR|EPOLLHUP|EPOLLET",
                Epoll.flagsToString(Epoll.EPOLLET | Epoll.EPOLLHUP | Epoll.EPOLLERR));
        assertEquals("EPOLLPRI|EPOLLOUT|EPOLLEXCLUSIVE|EPOLLWAKEUP|EPOLLONESHOT", Epoll.flagsToString(Epoll.EPOLLPRI
                | Epoll.EPOLLOUT | Epoll.EPOLLEXCLUSIVE | Epoll.EPOLLWAKEUP | Epoll.EPOLLONESHOT));
        assertEquals("EPOLLIN|0x400", Epoll.flagsToString(Epoll.EPOLLIN | 0x400));
        assertEquals("0x400", Epoll.flagsToString(0x400));
    }
}
