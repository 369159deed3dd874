package dev.headroom.linux;

import static dev.headroom.linux.Rig.ok;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.SaveError;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;
import jnr.posix.RLimit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A second opinion about the C library: jnr-posix and jnr-ffi, which share no code with us. */
class JnrOracleTest {
    private static final POSIX POSIX_LIBRARY = POSIXFactory.getNativePOSIX();
    private static final Libc LIBC = LibraryLoader.create(Libc.class).load("c");
    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    /** The C prototypes, as jnr-ffi wants them. */
    public interface Libc {
        @SaveError
        int socket(int domain, int type, int protocol);

        @SaveError
        int bind(int sockfd, byte[] addr, int addrlen);

        @SaveError
        int connect(int sockfd, byte[] addr, int addrlen);

        @SaveError
        int listen(int sockfd, int backlog);

        @SaveError
        int close(int fd);

        @SaveError
        int unshare(int flags);
    }

    @Test
    void shouldBeTheNativeLibrary() {
        assertTrue(POSIX_LIBRARY.isNative());
        assertEquals(ProcessHandle.current().pid(), POSIX_LIBRARY.getpid());
    }

    @Test
    void shouldAgreeOnTheTextOfEveryErrno() {
        Map<Integer, String> jnr = new TreeMap<>();
        Map<Integer, String> ours = new TreeMap<>();
        for (int number = 1; number < 200; number++) {
            jnr.put(number, POSIX_LIBRARY.strerror(number));
            ours.put(number, Errno.text(number));
        }
        assertEquals(jnr, ours);
    }

    @Test
    void shouldAgreeOnEveryLimit() {
        Map<Integer, String> jnr = new TreeMap<>();
        Map<Integer, String> ours = new TreeMap<>();
        for (int resource = Resource.RLIMIT_CPU; resource <= Resource.RLIMIT_RTTIME; resource++) {
            RLimit limit = POSIX_LIBRARY.getrlimit(resource);
            jnr.put(resource, limit.rlimCur() + " " + limit.rlimMax());
            ok(Resource.getrlimit(rig.state, resource, rig.memory.address()));
            ours.put(resource,
                    rig.memory.getLong(Rlimit64.rlim_cur) + " " + rig.memory.getLong(Rlimit64.rlim_max));
        }
        assertEquals(jnr, ours);
    }

    /** A call that must fail, made by both. */
    record Both(String description, java.util.function.ToIntFunction<Rig> ours,
            java.util.function.ToIntFunction<Rig> jnr) {
        @Override
        public String toString() {
            return description;
        }
    }

    static Stream<Both> failures() {
        return Stream.of(
                new Both("socket of an unknown family", r -> Socket.socket(r.state, 1000, Socket.SOCK_STREAM, 0),
                        r -> LIBC.socket(1000, Socket.SOCK_STREAM, 0)),
                new Both("socket of an unknown protocol",
                        r -> Socket.socket(r.state, Socket.AF_INET, Socket.SOCK_STREAM, Socket.IPPROTO_UDP),
                        r -> LIBC.socket(Socket.AF_INET, Socket.SOCK_STREAM, Socket.IPPROTO_UDP)),
                new Both("bind to a foreign address", r -> r.bind(r.tcp(), Sockaddr.of("192.0.2.1", 0)),
                        r -> LIBC.bind(r.tcp(), HexFormat.of().parseHex("02000000c00002010000000000000000"), 16)),
                new Both("bind twice", r -> r.bind(r.bound(r.tcp()), r.loopback()),
                        r -> LIBC.bind(r.bound(r.tcp()), bytes(r, r.loopback()), 16)),
                new Both("connect where nobody listens", r -> r.connect(r.tcp(), r.refusing()),
                        r -> LIBC.connect(r.tcp(), bytes(r, r.refusing()), 16)),
                new Both("listen on UDP", r -> Socket.listen(r.state, r.bound(r.udp()), 1),
                        r -> LIBC.listen(r.bound(r.udp()), 1)),
                new Both("close of no descriptor", r -> Unistd.close(r.state, -1), r -> LIBC.close(-1)),
                new Both("unshare of an unknown flag", r -> Sched.unshare(r.state, 1), r -> LIBC.unshare(1)));
    }

    private static byte[] bytes(Rig r, Sockaddr address) {
        address.write(r.memory, 0);
        return r.memory.getBytes(0, SockaddrIn.SIZEOF);
    }

    @ParameterizedTest
    @MethodSource("failures")
    void shouldAgreeOnTheErrnoOf(Both call) {
        assertEquals(-1, call.jnr().applyAsInt(rig));
        int errno = RUNTIME.getLastError();
        assertEquals(Errno.name(errno), Rig.outcome(call.ours().applyAsInt(rig)));
    }

    @Test
    void shouldAgreeOnASuccess() {
        int listener = rig.fd(LIBC.socket(Socket.AF_INET, Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC, 0));
        assertEquals(0, LIBC.bind(listener, bytes(rig, rig.loopback()), SockaddrIn.SIZEOF));
        assertEquals(0, LIBC.listen(listener, 1));
        assertEquals(0, rig.connect(rig.tcp(), rig.name(listener)));
    }
}
