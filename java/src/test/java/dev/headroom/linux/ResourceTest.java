package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.firstLine;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** getrlimit, setrlimit and prlimit64 against the kernel. No limit stays changed. */
class ResourceTest {
    private static final int NO_RESOURCE = 99;
    /** Above the highest pid_max that the kernel allows, 4194304. */
    private static final int NO_PID = 0x7fff_fffe;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("getrlimit of an unknown resource", Errno.EINVAL,
                        r -> Resource.getrlimit(r.state, NO_RESOURCE, r.memory.address())),
                new ErrnoCase("getrlimit to nowhere", Errno.EFAULT,
                        r -> Resource.getrlimit(r.state, Resource.RLIMIT_NOFILE, UNMAPPED)),
                new ErrnoCase("setrlimit of an unknown resource", Errno.EINVAL, r -> setrlimit(r, NO_RESOURCE, 1, 1)),
                new ErrnoCase("setrlimit from nowhere", Errno.EFAULT,
                        r -> Resource.setrlimit(r.state, Resource.RLIMIT_NOFILE, UNMAPPED)),
                new ErrnoCase("a soft limit above the hard one", Errno.EINVAL,
                        r -> setrlimit(r, Resource.RLIMIT_NOFILE, 101, 100)),
                new ErrnoCase("an unlimited soft limit above a hard one: limits are unsigned", Errno.EINVAL,
                        r -> setrlimit(r, Resource.RLIMIT_NOFILE, Resource.RLIM_INFINITY, 100)),
                new ErrnoCase("descriptors above fs.nr_open", Errno.EPERM,
                        r -> setrlimit(r, Resource.RLIMIT_NOFILE, 10, nrOpen() + 1)),
                new ErrnoCase("descriptors without limit", Errno.EPERM,
                        r -> setrlimit(r, Resource.RLIMIT_NOFILE, 10, Resource.RLIM_INFINITY)),
                new ErrnoCase("soft above hard above fs.nr_open: soft above hard is looked at first", Errno.EINVAL,
                        r -> setrlimit(r, Resource.RLIMIT_NOFILE, nrOpen() + 2, nrOpen() + 1)),
                new ErrnoCase("prlimit64 of no process", Errno.ESRCH,
                        r -> Resource.prlimit64(r.state, NO_PID, Resource.RLIMIT_NOFILE, 0, r.memory.address())),
                new ErrnoCase("prlimit64 of process -1", Errno.ESRCH,
                        r -> Resource.prlimit64(r.state, -1, Resource.RLIMIT_NOFILE, 0, r.memory.address())),
                new ErrnoCase("prlimit64 of an unknown resource", Errno.EINVAL,
                        r -> Resource.prlimit64(r.state, 0, NO_RESOURCE, 0, r.memory.address())),
                new ErrnoCase("prlimit64 from nowhere", Errno.EFAULT,
                        r -> Resource.prlimit64(r.state, 0, Resource.RLIMIT_NOFILE, UNMAPPED, 0)),
                new ErrnoCase("prlimit64 to nowhere", Errno.EFAULT,
                        r -> Resource.prlimit64(r.state, 0, Resource.RLIMIT_NOFILE, 0, UNMAPPED)),
                new ErrnoCase("prlimit64 with soft above hard", Errno.EINVAL, r -> {
                    write(r, 101, 100);
                    return Resource.prlimit64(r.state, 0, Resource.RLIMIT_NOFILE, r.memory.address(), 0);
                }),
                new ErrnoCase("prlimit64 above fs.nr_open", Errno.EPERM, r -> {
                    write(r, 10, nrOpen() + 1);
                    return Resource.prlimit64(r.state, 0, Resource.RLIMIT_NOFILE, r.memory.address(), 0);
                }));
    }

    private static long nrOpen() {
        try {
            return Long.parseLong(firstLine("/proc/sys/fs/nr_open"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void write(Rig r, long soft, long hard) {
        r.memory.putLong(Rlimit64.rlim_cur, soft);
        r.memory.putLong(Rlimit64.rlim_max, hard);
    }

    private static int setrlimit(Rig r, int resource, long soft, long hard) {
        write(r, soft, hard);
        return Resource.setrlimit(r.state, resource, r.memory.address());
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    private long[] getrlimit(int resource) {
        ok(Resource.getrlimit(rig.state, resource, rig.memory.address()));
        return new long[] {rig.memory.getLong(Rlimit64.rlim_cur), rig.memory.getLong(Rlimit64.rlim_max)};
    }

    private long[] prlimit(long pid, int resource) {
        ok(Resource.prlimit64(rig.state, (int) pid, resource, 0, rig.memory.address()));
        return new long[] {rig.memory.getLong(Rlimit64.rlim_cur), rig.memory.getLong(Rlimit64.rlim_max)};
    }

    @Test
    void shouldReadEveryLimitAsProcShowsIt() throws Exception {
        Map<String, Integer> resources = Map.ofEntries(Map.entry("Max cpu time", Resource.RLIMIT_CPU),
                Map.entry("Max file size", Resource.RLIMIT_FSIZE), Map.entry("Max data size", Resource.RLIMIT_DATA),
                Map.entry("Max stack size", Resource.RLIMIT_STACK),
                Map.entry("Max core file size", Resource.RLIMIT_CORE),
                Map.entry("Max resident set", Resource.RLIMIT_RSS), Map.entry("Max processes", Resource.RLIMIT_NPROC),
                Map.entry("Max open files", Resource.RLIMIT_NOFILE),
                Map.entry("Max locked memory", Resource.RLIMIT_MEMLOCK),
                Map.entry("Max address space", Resource.RLIMIT_AS), Map.entry("Max file locks", Resource.RLIMIT_LOCKS),
                Map.entry("Max pending signals", Resource.RLIMIT_SIGPENDING),
                Map.entry("Max msgqueue size", Resource.RLIMIT_MSGQUEUE),
                Map.entry("Max nice priority", Resource.RLIMIT_NICE),
                Map.entry("Max realtime priority", Resource.RLIMIT_RTPRIO),
                Map.entry("Max realtime timeout", Resource.RLIMIT_RTTIME));
        Map<String, String> proc = new TreeMap<>();
        Map<String, String> ours = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/limits")).stream().skip(1).toList()) {
            String name = line.substring(0, 26).strip();
            String[] values = line.substring(26).strip().split(" +");
            proc.put(name, values[0] + " " + values[1]);
            long[] limit = getrlimit(resources.get(name));
            ours.put(name, text(limit[0]) + " " + text(limit[1]));
        }
        assertEquals(16, proc.size());
        assertEquals(proc, ours);
    }

    private static String text(long limit) {
        return limit == Resource.RLIM_INFINITY ? "unlimited" : Long.toUnsignedString(limit);
    }

    @Test
    void shouldReadTheSameWithEveryCall() {
        String limit = String.join(" ", text(getrlimit(Resource.RLIMIT_NOFILE)[0]),
                text(getrlimit(Resource.RLIMIT_NOFILE)[1]));
        long[] self = prlimit(0, Resource.RLIMIT_NOFILE);
        long[] pid = prlimit(ProcessHandle.current().pid(), Resource.RLIMIT_NOFILE);
        assertEquals(limit, text(self[0]) + " " + text(self[1]));
        assertEquals(limit, text(pid[0]) + " " + text(pid[1]));
    }

    @Test
    void shouldLowerAndRaiseASoftLimit() {
        long[] before = getrlimit(Resource.RLIMIT_CORE);
        try {
            assertEquals(0, setrlimit(rig, Resource.RLIMIT_CORE, 0, before[1]));
            assertEquals(0, getrlimit(Resource.RLIMIT_CORE)[0]);
            assertEquals(0, setrlimit(rig, Resource.RLIMIT_CORE, before[1], before[1]));
            assertEquals(before[1], getrlimit(Resource.RLIMIT_CORE)[0]);
        } finally {
            ok(setrlimit(rig, Resource.RLIMIT_CORE, before[0], before[1]));
        }
    }

    @Test
    void shouldSetALimitAndReadTheOldOneInOneCall() {
        long[] before = getrlimit(Resource.RLIMIT_CORE);
        try {
            write(rig, 0, before[1]);
            assertEquals(0, Resource.prlimit64(rig.state, 0, Resource.RLIMIT_CORE, rig.memory.address(),
                    rig.memory.address() + 64));
            assertEquals(before[0], rig.memory.getLong(64 + Rlimit64.rlim_cur));
            assertEquals(before[1], rig.memory.getLong(64 + Rlimit64.rlim_max));
            assertEquals(0, getrlimit(Resource.RLIMIT_CORE)[0]);
        } finally {
            ok(setrlimit(rig, Resource.RLIMIT_CORE, before[0], before[1]));
        }
    }

    @Test
    void shouldRefuseToRaiseTheHardLimitWithoutTheCapability() throws Exception {
        assumeFalse(Rig.hasCapability(Rig.CAP_SYS_RESOURCE), "this process has CAP_SYS_RESOURCE");
        long[] limit = getrlimit(Resource.RLIMIT_NOFILE);
        assumeFalse(limit[1] >= nrOpen(), "the hard limit is fs.nr_open already");
        assertEquals("EPERM", outcome(setrlimit(rig, Resource.RLIMIT_NOFILE, limit[0], limit[1] + 1)));
    }

    @Test
    void shouldSetTheLimitOfAnotherProcess() throws Exception {
        Process child = new ProcessBuilder("sleep", "60").start();
        try {
            long hard = prlimit(child.pid(), Resource.RLIMIT_NOFILE)[1];
            write(rig, 23, hard);
            assertEquals(0, Resource.prlimit64(rig.state, (int) child.pid(), Resource.RLIMIT_NOFILE,
                    rig.memory.address(), 0));
            String limits = Files.readAllLines(Path.of("/proc/" + child.pid() + "/limits")).stream()
                    .filter(line -> line.startsWith("Max open files")).findFirst().orElseThrow();
            assertEquals("Max open files 23 " + text(hard) + " files", limits.strip().replaceAll(" +", " "));
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldChangeNothingWhenALimitIsRefused() {
        long[] before = getrlimit(Resource.RLIMIT_NOFILE);
        assertEquals("EPERM", outcome(setrlimit(rig, Resource.RLIMIT_NOFILE, 10, nrOpen() + 1)));
        assertEquals(before[0], getrlimit(Resource.RLIMIT_NOFILE)[0]);
        assertEquals(before[1], getrlimit(Resource.RLIMIT_NOFILE)[1]);
    }
}
