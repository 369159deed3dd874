package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** fcntl and open against the kernel. */
class FcntlTest {
    @TempDir
    static Path scratch;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() throws IOException {
        Path loop = scratch.resolve("loop");
        if (!Files.isSymbolicLink(loop)) {
            Files.createSymbolicLink(loop, loop);
        }
        return Stream.of(
                new ErrnoCase("fcntl of no descriptor", Errno.EBADF,
                        r -> Fcntl.fcntl(r.state, -1, Fcntl.F_GETFD, 0)),
                new ErrnoCase("fcntl with an unknown operation", Errno.EINVAL,
                        r -> Fcntl.fcntl(r.state, r.eventfd(), 9999, 0)),
                new ErrnoCase("F_DUPFD to -1", Errno.EINVAL,
                        r -> Fcntl.fcntl(r.state, r.eventfd(), Fcntl.F_DUPFD, -1)),
                new ErrnoCase("F_DUPFD to the soft limit, which is not EMFILE", Errno.EINVAL,
                        r -> Fcntl.fcntl(r.state, r.eventfd(), Fcntl.F_DUPFD, softLimit(r))),
                new ErrnoCase("F_DUPFD_CLOEXEC to the soft limit", Errno.EINVAL,
                        r -> Fcntl.fcntl(r.state, r.eventfd(), Fcntl.F_DUPFD_CLOEXEC, softLimit(r))),

                new ErrnoCase("open of a path nowhere", Errno.EFAULT,
                        r -> Fcntl.open(r.state, UNMAPPED, Fcntl.O_RDONLY, 0)),
                new ErrnoCase("open of an empty path", Errno.ENOENT, r -> open(r, "", Fcntl.O_RDONLY)),
                new ErrnoCase("open of what is not there", Errno.ENOENT,
                        r -> open(r, scratch + "/missing", Fcntl.O_RDONLY)),
                new ErrnoCase("open below a file", Errno.ENOTDIR, r -> open(r, "/dev/null/below", Fcntl.O_RDONLY)),
                new ErrnoCase("open of a directory to write", Errno.EISDIR,
                        r -> open(r, scratch.toString(), Fcntl.O_WRONLY)),
                new ErrnoCase("open of a link to itself", Errno.ELOOP, r -> open(r, loop.toString(), Fcntl.O_RDONLY)),
                new ErrnoCase("open of a name of 256 characters", Errno.ENAMETOOLONG,
                        r -> open(r, scratch + "/" + "n".repeat(256), Fcntl.O_RDONLY)));
    }

    private static int open(Rig r, String path, int flags) {
        return Fcntl.open(r.state, r.path(path), flags, 0);
    }

    private static long softLimit(Rig r) {
        ok(Resource.getrlimit(r.state, Resource.RLIMIT_NOFILE, r.memory.address()));
        return r.memory.getLong(Rlimit64.rlim_cur);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldDuplicateToTheLowestFreeNumberFromAGivenOne() {
        int fd = rig.eventfd();
        assertEquals(760, rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD, 760)));
        assertEquals(761, rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD, 760)));
        assertEquals(762, rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD_CLOEXEC, 760)));
        assertEquals(0, Fcntl.fcntl(rig.state, 761, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, 762, Fcntl.F_GETFD, 0));
        rig.close(760);
        assertEquals(760, rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD, 760)));
    }

    @Test
    void shouldDuplicateToTheLastNumberBelowTheSoftLimit() {
        long last = softLimit(rig) - 1;
        if (last > 1 << 20) {
            last = 1 << 20; // the table would take 8 bytes for each number below
        }
        assertEquals(last, rig.fd(Fcntl.fcntl(rig.state, rig.eventfd(), Fcntl.F_DUPFD_CLOEXEC, last)));
    }

    @Test
    void shouldChangeCloseOnExec() {
        int fd = rig.eventfd();
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_SETFD, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_SETFD, Fcntl.FD_CLOEXEC));
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
    }

    @Test
    void shouldShareStatusFlagsAmongDuplicatesButNotCloseOnExec() {
        int fd = rig.tcp();
        int duplicate = rig.fd(Fcntl.fcntl(rig.state, fd, Fcntl.F_DUPFD, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_SETFL, Fcntl.O_NONBLOCK));
        assertEquals(Fcntl.O_RDWR | Fcntl.O_NONBLOCK, Fcntl.fcntl(rig.state, duplicate, Fcntl.F_GETFL, 0));
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, duplicate, Fcntl.F_GETFD, 0));
    }

    @Test
    void shouldOpenWithTheFlagsAskedFor() {
        int fd = rig.fd(open(rig, "/dev/null", Fcntl.O_RDWR | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK));
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
        int flags = Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFL, 0);
        assertEquals(Fcntl.O_RDWR | Fcntl.O_NONBLOCK, flags & (3 | Fcntl.O_NONBLOCK));
        assertEquals("ok", outcome(Unistd.write(rig.state, fd, rig.data(), 8)));
    }
}
