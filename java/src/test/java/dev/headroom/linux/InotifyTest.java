package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** inotify_init1 against the kernel. */
class InotifyTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("inotify_init1 with an unknown flag", Errno.EINVAL,
                        r -> Inotify.inotifyInit1(r.state, 2)),
                new ErrnoCase("inotify_init1 with every flag", Errno.EINVAL, r -> Inotify.inotifyInit1(r.state, -1)));
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldMakeAnInstance() throws IOException {
        int fd = rig.fd(Inotify.inotifyInit1(rig.state, Inotify.IN_CLOEXEC));
        assertEquals("anon_inode:inotify", Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString());
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFD, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFL, 0) & Fcntl.O_NONBLOCK);
    }

    @Test
    void shouldNotBlockWhereAsked() {
        int fd = rig.fd(Inotify.inotifyInit1(rig.state, Inotify.IN_NONBLOCK));
        assertEquals(Fcntl.O_NONBLOCK, Fcntl.fcntl(rig.state, fd, Fcntl.F_GETFL, 0) & Fcntl.O_NONBLOCK);
        assertEquals(-Errno.EAGAIN.number(), Unistd.read(rig.state, fd, rig.data(), 8));
    }
}
