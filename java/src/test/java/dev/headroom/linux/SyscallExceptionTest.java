package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class SyscallExceptionTest {
    private static String message(int rc, String call, Object... args) {
        return assertThrows(SyscallException.class, () -> Errno.check(rc, call, args)).getMessage();
    }

    @Test
    void shouldReadLikeStrace() {
        assertEquals("bind(3, 127.0.0.1:80) failed: EACCES (13, Permission denied)",
                message(-13, "bind", 3, Sockaddr.of("127.0.0.1", 80)));
    }

    @Test
    void shouldReadWellWithoutArguments() {
        assertEquals("getpid() failed: ENOSYS (38, Function not implemented)", message(-38, "getpid"));
    }

    @Test
    void shouldNameTheNumberOfAnErrnoThatHasNoName() {
        assertEquals("ioctl(3, 1) failed: errno 524 (524, Unknown error 524)", message(-524, "ioctl", 3, 1));
    }

    @Test
    void shouldTellTheCallAndTheErrno() {
        SyscallException e = new SyscallException(24, "accept4", 5);
        assertEquals("accept4", e.call());
        assertEquals(24, e.errno());
        assertEquals("accept4(5) failed: EMFILE (24, Too many open files)", e.getMessage());
    }
}
