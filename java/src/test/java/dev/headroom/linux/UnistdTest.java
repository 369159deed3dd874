package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** read, write and close against the kernel. */
class UnistdTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("read of no descriptor", Errno.EBADF, r -> Unistd.read(r.state, -1, r.data(), 8)),
                new ErrnoCase("read of what is open to write", Errno.EBADF, r -> {
                    int fd = r.fd(Fcntl.open(r.state, r.path("/dev/null"), Fcntl.O_WRONLY, 0));
                    return Unistd.read(r.state, fd, r.data(), 8);
                }),
                new ErrnoCase("read of an empty counter", Errno.EAGAIN,
                        r -> Unistd.read(r.state, r.eventfd(), r.data(), 8)),
                new ErrnoCase("read of half a counter", Errno.EINVAL,
                        r -> Unistd.read(r.state, r.eventfd(), r.data(), 4)),
                new ErrnoCase("read of an epoll", Errno.EINVAL, r -> Unistd.read(r.state, r.epoll(), r.data(), 8)),
                new ErrnoCase("read to nowhere", Errno.EFAULT,
                        r -> Unistd.read(r.state, r.regularFile(), UNMAPPED, 8)),
                new ErrnoCase("read of a directory", Errno.EISDIR,
                        r -> Unistd.read(r.state, r.directory(), r.data(), 8)),
                new ErrnoCase("read of an unconnected socket", Errno.ENOTCONN,
                        r -> Unistd.read(r.state, r.tcp(), r.data(), 8)),

                new ErrnoCase("write to no descriptor", Errno.EBADF, r -> Unistd.write(r.state, -1, r.data(), 8)),
                new ErrnoCase("write to what is open to read", Errno.EBADF,
                        r -> Unistd.write(r.state, r.regularFile(), r.data(), 8)),
                new ErrnoCase("write from nowhere", Errno.EFAULT,
                        r -> Unistd.write(r.state, r.pair().client(), UNMAPPED, 8)),
                new ErrnoCase("write of half a counter", Errno.EINVAL,
                        r -> Unistd.write(r.state, r.eventfd(), r.data(), 4)),
                new ErrnoCase("write of more than a counter holds", Errno.EINVAL,
                        r -> Unistd.write(r.state, r.eventfd(), r.dataLong(-1), 8)),
                new ErrnoCase("write to a counter that would overflow", Errno.EAGAIN, r -> {
                    int fd = r.eventfd();
                    ok(Unistd.write(r.state, fd, r.dataLong(-2), 8));
                    return Unistd.write(r.state, fd, r.dataLong(1), 8);
                }),
                new ErrnoCase("write to a full device", Errno.ENOSPC, r -> {
                    int fd = r.fd(Fcntl.open(r.state, r.path("/dev/full"), Fcntl.O_WRONLY, 0));
                    return Unistd.write(r.state, fd, r.data(), 8);
                }),
                new ErrnoCase("write after shutdown; the virtual machine ignores SIGPIPE", Errno.EPIPE, r -> {
                    int client = r.pair().client();
                    ok(Socket.shutdown(r.state, client, Socket.SHUT_WR));
                    return Unistd.write(r.state, client, r.data(), 8);
                }),

                new ErrnoCase("close of no descriptor", Errno.EBADF, r -> Unistd.close(r.state, -1)),
                new ErrnoCase("close twice", Errno.EBADF, r -> {
                    // A number far above those in use, so that no other thread gets it between the two.
                    int fd = r.fd(Fcntl.fcntl(r.state, r.eventfd(), Fcntl.F_DUPFD_CLOEXEC, 740));
                    r.close(fd);
                    return Unistd.close(r.state, fd);
                }));
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldReadToTheEndOfAFile() throws Exception {
        int fd = rig.regularFile();
        long length = Unistd.read(rig.state, fd, rig.data(), Rig.DATA_BYTES);
        assertEquals(Files.readString(Rig.REGULAR_FILE), rig.text((int) length));
        assertEquals(0, Unistd.read(rig.state, fd, rig.data(), Rig.DATA_BYTES));
    }

    @Test
    void shouldMoveBytesOverASocket() {
        Rig.Pair pair = rig.pair();
        assertEquals(4, Unistd.write(rig.state, pair.client(), rig.data("ping"), 4));
        assertEquals(4, Unistd.read(rig.state, pair.server(), rig.data("----"), 100));
        assertEquals("ping", rig.text(4));
    }

    @Test
    void shouldWriteLessThanAskedForWhenThePeerDoesNotRead() {
        int client = rig.pair().client();
        int flags = Fcntl.fcntl(rig.state, client, Fcntl.F_GETFL, 0);
        ok(Fcntl.fcntl(rig.state, client, Fcntl.F_SETFL, flags | Fcntl.O_NONBLOCK));
        long last = Rig.DATA_BYTES;
        while (last == Rig.DATA_BYTES) {
            last = Unistd.write(rig.state, client, rig.data(), Rig.DATA_BYTES);
        }
        assertEquals("ok", outcome(last));
        assertEquals("EAGAIN", outcome(Unistd.write(rig.state, client, rig.data(), Rig.DATA_BYTES)));
    }

    @Test
    void shouldFreeTheNumberOnClose() {
        int fd = rig.fd(Fcntl.fcntl(rig.state, rig.eventfd(), Fcntl.F_DUPFD_CLOEXEC, 750));
        rig.close(fd);
        assertEquals(fd, rig.fd(Fcntl.fcntl(rig.state, rig.eventfd(), Fcntl.F_DUPFD_CLOEXEC, 750)));
    }
}
