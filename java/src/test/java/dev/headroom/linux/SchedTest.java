package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** unshare, setns and sched_setaffinity against the kernel. What changes a thread happens on one that ends. */
class SchedTest {
    private static final int NO_PID = 0x7fff_fffe;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("unshare of an unknown flag", Errno.EINVAL, r -> Sched.unshare(r.state, 1)),
                new ErrnoCase("unshare of the user namespace in a process with threads", Errno.EINVAL,
                        r -> Sched.unshare(r.state, Sched.CLONE_NEWUSER)),
                new ErrnoCase("setns to no descriptor", Errno.EBADF,
                        r -> Sched.setns(r.state, -1, Sched.CLONE_NEWNET)),
                new ErrnoCase("setns to what is no namespace", Errno.EINVAL,
                        r -> Sched.setns(r.state, r.eventfd(), Sched.CLONE_NEWNET)),
                new ErrnoCase("setns to a regular file", Errno.EINVAL, r -> Sched.setns(r.state, r.regularFile(), 0)),
                new ErrnoCase("setns to a namespace of another kind", Errno.EINVAL,
                        r -> Sched.setns(r.state, namespace(r, "net"), Sched.CLONE_NEWUTS)),
                new ErrnoCase("setns to the user namespace one is in", Errno.EINVAL,
                        r -> Sched.setns(r.state, namespace(r, "user"), Sched.CLONE_NEWUSER)),
                new ErrnoCase("sched_setaffinity to no processor", Errno.EINVAL,
                        r -> Sched.schedSetaffinity(r.state, 0, 8, r.dataLong(0))),
                new ErrnoCase("sched_setaffinity with no bytes", Errno.EINVAL,
                        r -> Sched.schedSetaffinity(r.state, 0, 0, r.dataLong(-1))),
                new ErrnoCase("sched_setaffinity from nowhere", Errno.EFAULT,
                        r -> Sched.schedSetaffinity(r.state, 0, 8, UNMAPPED)),
                new ErrnoCase("sched_setaffinity of no thread", Errno.ESRCH,
                        r -> Sched.schedSetaffinity(r.state, NO_PID, 8, r.dataLong(-1))));
    }

    private static int namespace(Rig r, String name) {
        return r.fd(Fcntl.open(r.state, r.path("/proc/self/ns/" + name), Fcntl.O_RDONLY, 0));
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    /** Runs it on a thread of its own, which then ends. */
    private static <T> T onThread(Callable<T> body) throws Exception {
        FutureTask<T> task = new FutureTask<>(body);
        Thread thread = Thread.ofPlatform().start(task);
        thread.join();
        return task.get();
    }

    @Test
    void shouldGiveAThreadItsOwnDescriptorTable() throws Exception {
        // A number far above those in use, so that no other thread gets it.
        int shared = rig.fd(Fcntl.fcntl(rig.state, rig.eventfd(), Fcntl.F_DUPFD_CLOEXEC, 710));
        ok(Unistd.write(rig.state, shared, rig.dataLong(7), 8));
        String inside = onThread(() -> {
            CallState state = new CallState();
            String unshared = outcome(Sched.unshare(state, Sched.CLONE_FILES));
            // The copy refers to the same counter; closing it here leaves the other table alone.
            String read = outcome(Unistd.read(state, shared, rig.data(), 8));
            String closed = outcome(Unistd.close(state, shared));
            String again = outcome(Fcntl.fcntl(state, shared, Fcntl.F_GETFD, 0));
            int own = Fcntl.fcntl(state, 0, Fcntl.F_DUPFD_CLOEXEC, 720);
            return unshared + " " + read + " " + closed + " " + again + " " + own;
        });
        assertEquals("ok ok ok EBADF 720", inside);
        assertEquals(7, rig.dataLong());
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, shared, Fcntl.F_GETFD, 0));
        assertEquals("EBADF", outcome(Fcntl.fcntl(rig.state, 720, Fcntl.F_GETFD, 0)));
    }

    @Test
    void shouldShareTheDescriptorTableWithoutUnshare() throws Exception {
        int own = rig.fd(onThread(() -> Fcntl.fcntl(new CallState(), 0, Fcntl.F_DUPFD_CLOEXEC, 730)));
        assertEquals(730, own);
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, own, Fcntl.F_GETFD, 0));
    }

    @Test
    void shouldAllowAnUnshareOfNothing() {
        assertEquals(0, Sched.unshare(rig.state, 0));
    }

    @Test
    void shouldMoveAThreadToANetworkNamespaceAndBack() throws Exception {
        assumeTrue(Rig.hasCapability(Rig.CAP_SYS_ADMIN), "no CAP_SYS_ADMIN");
        Path link = Path.of("/proc/thread-self/ns/net");
        String outside = Files.readSymbolicLink(link).toString();
        int home = namespace(rig, "net");
        String[] seen = onThread(() -> {
            CallState state = new CallState();
            ok(Sched.unshare(state, Sched.CLONE_NEWNET));
            String inside = Files.readSymbolicLink(link).toString();
            return new String[] {inside, outcome(Sched.setns(state, home, Sched.CLONE_NEWNET)),
                    Files.readSymbolicLink(link).toString()};
        });
        assertNotEquals(outside, seen[0]);
        assertEquals("ok", seen[1]);
        assertEquals(outside, seen[2]);
        assertEquals(outside, Files.readSymbolicLink(link).toString());
    }

    @Test
    void shouldFindTheLoopbackOfANewNetworkNamespaceDown() throws Exception {
        assumeTrue(Rig.hasCapability(Rig.CAP_SYS_ADMIN), "no CAP_SYS_ADMIN");
        String inside = onThread(() -> {
            try (Rig own = new Rig()) {
                ok(Sched.unshare(own.state, Sched.CLONE_NEWNET));
                // The file shows the namespace of the thread that opens it.
                String range = Rig.firstLine("/proc/sys/net/ipv4/ip_local_port_range");
                return range + " " + outcome(own.bind(own.tcp(), Sockaddr.of("127.0.0.1", 0))) + " "
                        + outcome(own.connect(own.udp(), Sockaddr.of("127.0.0.1", 9)));
            }
        });
        assertEquals("32768\t60999 ok ENETUNREACH", inside);
    }

    @Test
    void shouldBindAThreadToOneProcessor() throws Exception {
        String before = allowed();
        int cpu = Integer.parseInt(before.split("[-,]")[0]);
        String[] seen = onThread(() -> {
            try (Rig own = new Rig(); Memory mask = Memory.map(128)) {
                mask.putByte(cpu / 8, (byte) (1 << cpu % 8));
                String set = outcome(Sched.schedSetaffinity(own.state, 0, mask.size(), mask.address()));
                return new String[] {set, allowed()};
            }
        });
        assertEquals("ok", seen[0]);
        assertEquals(Integer.toString(cpu), seen[1]);
        assertEquals(before, allowed());
    }

    private static String allowed() throws IOException {
        return Rig.status("/proc/thread-self/status", "Cpus_allowed_list");
    }
}
