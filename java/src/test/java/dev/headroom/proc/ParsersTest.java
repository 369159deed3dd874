package dev.headroom.proc;

import static dev.headroom.proc.Fixtures.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Reader;
import java.io.StringReader;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What single lines mean; whole files are in {@link HostsTest}. */
class ParsersTest {
    @ParameterizedTest
    @CsvSource({
            "6.18.44-fc-v657, 6, 18, 44",
            "6.1.0-18-amd64, 6, 1, 0",
            "5.14.0-427.el9.x86_64, 5, 14, 0",
            "6.12.0-55.9.1.el10_0.x86_64, 6, 12, 0",
            "6.19-rc3, 6, 19, 0",
            "5.10.233, 5, 10, 233",
            "6.8.0-1021-aws, 6, 8, 0",
            "4.19+, 4, 19, 0",
    })
    void shouldReadAKernelRelease(String release, int major, int minor, int patch) throws Exception {
        assertEquals(new KernelVersion(major, minor, patch, release), KernelVersion.parse("osrelease", release + "\n"));
    }

    @Test
    void shouldCompareKernelVersionsByNumber() throws Exception {
        var old = KernelVersion.parse("", "6.9.12");
        var recent = KernelVersion.parse("", "6.11.0-rc1");
        assertTrue(old.compareTo(recent) < 0);
        assertEquals(0, recent.compareTo(KernelVersion.parse("", "6.11.0-29-generic")));
        assertTrue(recent.atLeast(6, 11));
        assertTrue(recent.atLeast(5, 19));
        assertFalse(recent.atLeast(6, 12));
        assertFalse(old.atLeast(7, 0));
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', value = {
            "socket:[26510], SOCKET", "pipe:[5392], PIPE", "anon_inode:[eventpoll], EVENTPOLL",
            "anon_inode:[eventfd], EVENTFD", "anon_inode:inotify, INOTIFY", "anon_inode:[fanotify], FANOTIFY",
            "anon_inode:[timerfd], TIMERFD", "anon_inode:[signalfd], SIGNALFD", "anon_inode:[io_uring], IO_URING",
            "anon_inode:bpf-map, BPF", "anon_inode:bpf_link, BPF", "anon_inode:[perf_event], PERF_EVENT",
            "anon_inode:[pidfd], PIDFD", "pidfd:[1204], PIDFD", "/memfd:ring (deleted), MEMFD",
            "net:[4026531833], NAMESPACE", "anon_inode:[userfaultfd], ANON_INODE", "/dev/null, DEVICE",
            "/dev/shm/x, FILE", "/var/log/a b, FILE", "/tmp/x (deleted), FILE", "(unreachable)/x, OTHER", "odd, OTHER",
    })
    void shouldTellWhatADescriptorIs(String target, FdKind kind) {
        assertEquals(kind, Descriptor.of(3, target).kind());
    }

    @Test
    void shouldTakeTheInodeOfASocketAndWhetherAFileIsDeleted() {
        assertEquals(OptionalLong.of(26510), Descriptor.of(4, "socket:[26510]").inode());
        assertEquals(OptionalLong.empty(), Descriptor.of(4, "anon_inode:[eventpoll]").inode());
        assertEquals(OptionalLong.empty(), Descriptor.of(4, "/dev/null").inode());
        assertTrue(Descriptor.of(4, "/tmp/x (deleted)").deleted());
        assertFalse(Descriptor.of(4, "/tmp/x").deleted());
    }

    @Test
    void shouldCountNumbersBelowALimitNotAllNumbers() {
        var table = DescriptorTable.of(List.of(Descriptor.of(0, "/dev/null"), Descriptor.of(1, "/dev/null"),
                Descriptor.of(3, "socket:[1]"), Descriptor.of(5, "socket:[2]"), Descriptor.of(15, "/tmp/a")));
        assertEquals(5, table.count());
        assertEquals(15, table.highest());
        assertEquals(3, table.usedBelow(4));
        assertEquals(5, table.usedBelow(Limits.RLIM_INFINITY));
        assertEquals(0, table.usedBelow(0));
        assertEquals(2, table.lowestFree());
        assertEquals(Map.of(FdKind.SOCKET, 2, FdKind.DEVICE, 2, FdKind.FILE, 1), table.kinds());
        assertEquals(List.of(new DescriptorTable.Target("/dev/null", 2)), table.topTargets(1));
        assertEquals(-1, DescriptorTable.of(List.of()).highest());
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', value = {
            "17 (a b) S 1 17 16, a b", "17 (x) R 1) S 1 17 16, x) R 1", "17 (((() S 1 17 16, (((",
            "17 () S 1 17 16, ``",
    })
    void shouldEndACommandAtTheLastParenthesis(String begin, String comm) throws Exception {
        Stat stat = Stat.parse("stat",
                text(begin + " 0 -1 4194560 0 0 0 0 12 34 0 0 20 0 3 0 208170 99 18446744073709551615"));
        assertEquals(new Stat(17, comm, 'S', 1, 17, 16, 12, 34, 3, 208170), stat);
    }

    @Test
    void shouldReadACommandWithANewline() throws Exception {
        Stat stat = Stat.parse("stat", text("17 (a", "b) S 1 17 16 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7 0"));
        assertEquals("a\nb", stat.comm());
    }

    @Test
    void shouldSplitLinesAtNewlinesOnly() throws Exception {
        var lines = new Lines("x", new StringReader("a\rb\n\nlast"));
        assertEquals("a\rb", lines.next());
        assertEquals("", lines.next());
        assertEquals("last", lines.next());
        assertEquals(null, lines.next());
        assertEquals(3, lines.number());
    }

    @Test
    void shouldReadALineLongerThanTheBuffer() throws Exception {
        String longLine = "x".repeat(20_001);
        var lines = new Lines("x", new StringReader("one\n" + longLine + "\nthree"));
        lines.next();
        assertEquals(longLine, lines.next());
        assertEquals("three", lines.next());
    }

    @Test
    void shouldPrintUnlimitedAndUnsignedLimits() throws Exception {
        var file = new StringBuilder("Limit                     Soft Limit           Hard Limit           Units\n");
        for (Limits.Resource resource : Limits.Resource.values()) {
            file.append(String.format("%-25s %-20s %-20s %-10s\n", resource.label(), switch (resource) {
                case RLIMIT_NOFILE -> "18446744073709551614";
                case RLIMIT_NICE -> "0";
                default -> "unlimited";
            }, resource == Limits.Resource.RLIMIT_NICE ? "0" : "unlimited",
                    resource == Limits.Resource.RLIMIT_NICE ? "" : "files"));
        }
        file.append(String.format("%-25s %-20s %-20s %-10s\n", "Max something new", "1", "2", "things"));
        Limits limits = Limits.parse("limits", new StringReader(file.toString()));
        var nofile = limits.get(Limits.Resource.RLIMIT_NOFILE);
        assertEquals(new Limits.Limit(-2L, Limits.RLIM_INFINITY, "files"), nofile);
        assertEquals("18446744073709551614:unlimited files", nofile.toString());
        assertEquals("0:0", limits.get(Limits.Resource.RLIMIT_NICE).toString());
        assertEquals("unlimited:unlimited files", limits.get(Limits.Resource.RLIMIT_AS).toString());
        assertEquals(16, limits.limits().size());
    }

    @Test
    void shouldNumberResourcesAsTheKernelDoes() {
        assertEquals(7, Limits.Resource.RLIMIT_NOFILE.ordinal());
        assertEquals(8, Limits.Resource.RLIMIT_MEMLOCK.ordinal());
        assertEquals(15, Limits.Resource.RLIMIT_RTTIME.ordinal());
    }

    @Test
    void shouldUndoTheEscapesOfAName() throws Exception {
        String rest = "\nState:\tS (sleeping)\nTgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\nUid:\t0 4294967295 65534 0\n"
                + "Gid:\t0 0 0 0\nFDSize:\t64\nThreads:\t1\nSigQ:\t0/1\nCapInh:\t0\nCapPrm:\t0\n"
                + "CapEff:\tffffffffffffffff\nCapBnd:\t0\n";
        Status status = Status.parse("status", new StringReader("Name:\t a\\nb\\\\c: " + rest));
        assertEquals(" a\nb\\c: ", status.name());
        assertEquals(new Status.Ids(0, 4294967295L, 65534, 0), status.uid());
        assertEquals(-1L, status.capEff());
        assertEquals(OptionalLong.empty(), status.vmSize());
        assertEquals(OptionalLong.empty(), status.capAmb());
        assertEquals(OptionalInt.empty(), status.seccomp());
        assertEquals(List.of(), status.nsPid());
    }

    @Test
    void shouldCountFromZeroWhatAppearedMeanwhile() throws Exception {
        Counters then = Counters.parsePairs("snmp", text("Tcp: A B", "Tcp: 10 20"));
        Counters now = Counters.parsePairs("snmp", text("Tcp: A B", "Tcp: 17 20", "IcmpMsg: InType3", "IcmpMsg: 2"));
        assertEquals(Map.of("Tcp.A", 7L, "Tcp.B", 0L, "IcmpMsg.InType3", 2L), now.delta(then).values());
        assertEquals(OptionalLong.empty(), now.delta(then).get("Tcp.C"));
    }

    @Test
    void shouldSubtractCountersAboveTheLargestLong() {
        var then = new Counters(Map.of("IpExt.OutOctets", Long.parseUnsignedLong("18446744073709551615")));
        var now = new Counters(Map.of("IpExt.OutOctets", 4L));
        assertEquals(5, now.delta(then).getOrZero("IpExt.OutOctets"));
    }

    @Test
    void shouldAllowForTheWrapOfEachCpu() throws Exception {
        PerCpuStats then = PerCpuStats.parse("stat", text("entries drop", "00000005 fffffffe", "00000005 00000010"));
        PerCpuStats now = PerCpuStats.parse("stat", text("entries drop", "00000007 00000003", "00000007 00000011"));
        assertEquals(OptionalLong.of(6), now.delta("drop", then));
        assertEquals(OptionalLong.of(7), now.global("entries"));
        assertEquals(OptionalLong.empty(), now.sum("early_drop"));
        assertEquals(OptionalLong.empty(), now.delta("drop", new PerCpuStats(List.of("drop"), List.of())));
    }

    @Test
    void shouldReadSoftnetRowsOfKernelsThatDoNotNameTheCpu() throws Exception {
        assertEquals(List.of(new SoftnetStat(OptionalInt.empty(), 0x1a2b3, 2, 1)), SoftnetStat.parse("softnet_stat",
                text("0001a2b3 00000002 00000001" + " 00000000".repeat(8))));
    }

    @Test
    void shouldNotCountVsyscallAsAMapping() throws Exception {
        assertEquals(new Maps(3, 1), Maps.parse("maps", text(
                "00400000-0041f000 r--p 00000000 fe:00 260811                             /usr/bin/python3.11",
                "7ffd0b1f7000-7ffd0b218000 rw-p 00000000 00:00 0                          [stack]",
                "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]")));
        assertEquals(2, new Maps(3, 1).mapCount());
        assertEquals(0, Maps.parse("maps", Reader.nullReader()).mapCount());
    }

    @ParameterizedTest
    @CsvSource({
            "net.ipv4.ip_local_port_range, net/ipv4/ip_local_port_range",
            "net.ipv4.conf.eth0/100.rp_filter, net/ipv4/conf/eth0.100/rp_filter",
            "net/ipv4/conf/eth0.100/rp_filter, net/ipv4/conf/eth0.100/rp_filter",
            "fs.nr_open, fs/nr_open",
    })
    void shouldFindASysctlAsSysctl8Does(String name, String path) {
        assertEquals(path, Sysctl.path(name));
    }

    @ParameterizedTest
    @CsvSource({"../meminfo", "fs/../../self", "net..ipv4", "fs.nr_open.", "."})
    void shouldRefuseASysctlNameThatLeavesProcSys(String name) {
        assertEquals("not a sysctl name: " + name,
                assertThrows(IllegalArgumentException.class, () -> Sysctl.path(name)).getMessage());
    }

    @ParameterizedTest
    @CsvSource({
            "net.ipv4.ip_local_port_range, READER_NET_NAMESPACE", "net.core.somaxconn, READER_NET_NAMESPACE",
            "net.netfilter.nf_conntrack_count, READER_NET_NAMESPACE", "net.netfilter.nf_conntrack_max, MACHINE",
            "net.ipv4.tcp_mem, MACHINE", "net.ipv4.tcp_max_orphans, MACHINE", "net.ipv4.tcp_rmem, READER_NET_NAMESPACE",
            "net.ipv4.neigh.default.gc_thresh3, MACHINE", "net.core.rmem_max, MACHINE",
            "net.core.netdev_max_backlog, MACHINE", "net.unix.max_dgram_qlen, READER_NET_NAMESPACE",
            "fs.nr_open, MACHINE", "fs.inotify.max_user_instances, MACHINE", "fs.epoll.max_user_watches, MACHINE",
            "user.max_inotify_instances, READER_USER_NAMESPACE", "kernel.pid_max, READER_PID_NAMESPACE",
            "kernel.threads-max, MACHINE", "kernel.sem, READER_IPC_NAMESPACE",
            "fs.mqueue.queues_max, READER_IPC_NAMESPACE",
            "vm.max_map_count, MACHINE", "kernel.hostname, READER_UTS_NAMESPACE",
    })
    void shouldSayWhoseASysctlIs(String name, Scope scope) {
        assertEquals(scope, Sysctl.scope(name));
    }

    @Test
    void shouldSayWhichNumbersOfSockstatAreTheMachines() {
        assertEquals(Scope.MACHINE, SockStat.scope("TCP.orphan"));
        assertEquals(Scope.MACHINE, SockStat.scope("TCP.alloc"));
        assertEquals(Scope.MACHINE, SockStat.scope("UDP.mem"));
        assertEquals(Scope.TARGET_NET_NAMESPACE, SockStat.scope("TCP.inuse"));
        assertEquals(Scope.TARGET_NET_NAMESPACE, SockStat.scope("TCP.tw"));
        assertEquals(Scope.TARGET_NET_NAMESPACE, SockStat.scope("FRAG.memory"));
    }

    @Test
    void shouldFindTheTightestLevelNotTheSmallestLimit() {
        var own = level("/a/b", 10, 2);
        var parent = level("/a", 20, 19);
        var root = level("/", CgroupWalk.MAX, 25);
        var walk = new CgroupWalk("pids", 2, "/a/b", List.of(own, parent, root), true);
        assertEquals(10, walk.effectiveMax());
        assertEquals("/a", walk.tightest().orElseThrow().path());
        assertEquals(OptionalLong.empty(), root.room());
        assertEquals(CgroupWalk.MAX, new CgroupWalk("pids", 2, "/", List.of(root), true).effectiveMax());
    }

    private static CgroupWalk.Level level(String path, long max, long current) {
        return new CgroupWalk.Level(path, OptionalLong.of(max), OptionalLong.empty(), OptionalLong.of(current),
                OptionalLong.empty(), OptionalLong.empty(), Counters.NONE, Counters.NONE, Counters.NONE, List.of());
    }
}
