package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Whole hosts: real readings of 6.18, and what 6.12, 6.1 and 5.10 print. */
class HostsTest {
    private static Path temp;
    private static ProcFs recorded;
    private static ProcPid echo;
    private static ProcFs debian;
    private static ProcPid nginx;
    private static ProcFs container;
    private static ProcPid java;
    private static ProcFs unified;

    @BeforeAll
    static void mount() throws Exception {
        temp = Files.createTempDirectory("headroom-proc");
        recorded = Fixtures.host(temp, "kernel-6.18");
        echo = recorded.process(4711);
        debian = Fixtures.host(temp, "kernel-6.1");
        nginx = debian.process(812);
        container = Fixtures.host(temp, "kernel-5.10");
        java = container.process(2210);
        unified = Fixtures.host(temp, "cgroup2-6.12");
    }

    @AfterAll
    static void unmount() throws Exception {
        Fixtures.delete(temp);
    }

    @Test
    void shouldReadLimits() throws Exception {
        Limits limits = echo.limits();
        assertEquals(16, limits.limits().size());
        assertEquals(new Limits.Limit(1024, 20000, "files"), limits.get(Limits.Resource.RLIMIT_NOFILE));
        assertEquals(new Limits.Limit(8388608, Limits.RLIM_INFINITY, "bytes"),
                limits.get(Limits.Resource.RLIMIT_STACK));
        assertEquals(new Limits.Limit(0, 0, ""), limits.get(Limits.Resource.RLIMIT_RTPRIO));
        assertEquals("unlimited:unlimited us", limits.get(Limits.Resource.RLIMIT_RTTIME).toString());
        assertEquals("65536:65536 bytes", java.limits().get(Limits.Resource.RLIMIT_MEMLOCK).toString());
    }

    @Test
    void shouldReadStatusOf618() throws Exception {
        Status status = echo.status();
        assertEquals(new Status.Owner(status.uid(), status.threads()), echo.owner());
        assertEquals("echo (1) server", status.name());
        assertEquals('R', status.state());
        assertEquals(4711, status.tgid());
        assertEquals(1, status.ppid());
        assertEquals(new Status.Ids(0, 0, 0, 0), status.uid());
        assertEquals(256, status.fdSize());
        assertEquals(List.of(4711), status.nsPid());
        assertEquals(OptionalLong.of(164164 * 1024L), status.vmSize());
        assertEquals(OptionalLong.of(12140 * 1024L), status.vmRss());
        assertEquals(OptionalLong.of(5524 * 1024L), status.rssAnon());
        assertEquals(OptionalLong.of(23644 * 1024L), status.vmData());
        assertEquals(OptionalLong.of(0), status.vmLck());
        assertEquals(3, status.threads());
        assertEquals(new Status.SigQ(0, 96365), status.sigQ());
        assertEquals(0x1fffeffffffL, status.capEff());
        assertFalse(status.hasEffective(24), "root, but without CAP_SYS_RESOURCE");
        assertTrue(status.hasEffective(21));
        assertEquals(OptionalInt.of(0), status.seccompFilters());
    }

    @Test
    void shouldReadStatusOf61InAContainer() throws Exception {
        Status status = nginx.status();
        assertEquals(new Status.Owner(status.uid(), status.threads()), nginx.owner());
        assertEquals(new Status.Ids(33, 33, 33, 33), status.uid());
        assertEquals(List.of(812, 7), status.nsPid());
        assertEquals(new Status.SigQ(2, Limits.RLIM_INFINITY), status.sigQ());
        assertEquals(0xa80425fbL, status.capBnd());
        assertEquals(OptionalInt.of(1), status.noNewPrivs());
        assertEquals(OptionalInt.of(2), status.seccomp());
        assertEquals(OptionalInt.of(1), status.seccompFilters());
        assertEquals(OptionalLong.of(4118), status.voluntaryCtxtSwitches());
    }

    @Test
    void shouldReadStatusOf510() throws Exception {
        Status status = java.status();
        assertEquals(new Status.Owner(status.uid(), status.threads()), java.owner());
        assertEquals(41, status.threads());
        assertEquals(OptionalLong.of(514788 * 1024L), status.vmData());
        assertEquals(OptionalInt.of(0), status.seccomp());
        assertEquals(OptionalInt.empty(), status.seccompFilters());
    }

    @Test
    void shouldReadStatAndCommandAndProgram() throws Exception {
        assertEquals(new Stat(4711, "echo (1) server", 'R', 1, 4711, 4711, 3, 2, 3, 208170), echo.stat());
        assertEquals("echo (1) server", echo.comm());
        assertEquals("/usr/bin/python3.11", echo.exe());
        assertEquals(3310, java.stat().starttime());
        assertEquals("/usr/lib/jvm/java-11-openjdk-amd64/bin/java (deleted)", java.exe());
        assertEquals("nginx", nginx.comm());
        assertThrows(NoSuchFileException.class, nginx::exe);
    }

    @Test
    void shouldTellTheInitialUserNamespace() throws Exception {
        assertTrue(echo.uidMap().isIdentity());
        assertFalse(nginx.uidMap().isIdentity());
        assertEquals(List.of(new IdMap.Extent(0, 100000, 65536)), nginx.uidMap().extents());
        assertTrue(echo.gidMap().isIdentity());
    }

    @Test
    void shouldReadADescriptorTable() throws Exception {
        DescriptorTable table = echo.descriptors();
        assertEquals(25, table.count());
        assertEquals(24, table.highest());
        assertEquals(25, table.lowestFree());
        assertEquals(Map.of(FdKind.SOCKET, 11, FdKind.DEVICE, 3, FdKind.PIPE, 2, FdKind.FILE, 2, FdKind.EVENTPOLL, 1,
                FdKind.INOTIFY, 1, FdKind.EVENTFD, 1, FdKind.MEMFD, 1, FdKind.TIMERFD, 1, FdKind.PIDFD, 1),
                Map.copyOf(
                        without(table.kinds(), FdKind.NAMESPACE)));
        assertEquals(List.of(new DescriptorTable.Target("/dev/null", 3),
                new DescriptorTable.Target("/tmp/echo/access.log (deleted)", 2)), table.topTargets(2));
        assertEquals(new Descriptor(4, FdKind.SOCKET, "socket:[26510]"), echo.descriptor(4));
        assertThrows(NoSuchFileException.class, () -> echo.descriptor(25));
    }

    @Test
    void shouldSeeAGapInTheNumbers() throws Exception {
        assertArrayEquals(new int[] {0, 1, 2, 3, 6, 8, 9, 1023}, nginx.fdNumbers());
        assertEquals(8, nginx.descriptors().usedBelow(1024));
        assertEquals(7, nginx.descriptors().usedBelow(1023));
        assertEquals(4, nginx.descriptors().lowestFree());
    }

    @Test
    void shouldReadFdinfoOfAnEpoll() throws Exception {
        FdInfo info = echo.fdInfo(3, 100);
        assertEquals(6, info.epollCount());
        assertEquals(new FdInfo.EpollTarget(12, 0x1d, 0x7fc40000000cL, OptionalLong.of(26518)),
                info.epollTargets().getFirst());
        assertEquals(OptionalLong.of(26518), echo.descriptor(12).inode());
        assertEquals(02000002, info.flags());
        assertEquals(OptionalLong.of(1038), info.ino());
        assertEquals(0, info.inotifyCount());
    }

    @Test
    void shouldCountWatchesItDoesNotKeep() throws Exception {
        FdInfo info = echo.fdInfo(3, 2);
        assertEquals(6, info.epollCount());
        assertEquals(2, info.epollTargets().size());
    }

    @Test
    void shouldReadTheWatchDescriptorAsHexadecimal() throws Exception {
        FdInfo info = echo.fdInfo(15, 100);
        assertEquals(18, info.inotifyCount());
        assertEquals(new FdInfo.InotifyWatch(18, 0x20c263, 0xfe00000, 2), info.inotifyWatches().getFirst());
        assertEquals(1, info.inotifyWatches().getLast().wd());
    }

    @Test
    void shouldReadTheCounterOfAnEventfd() throws Exception {
        assertEquals(OptionalLong.of(42), echo.fdInfo(16, 0).eventfdCount());
        assertEquals(OptionalLong.of(-1L), java.fdInfo(9, 0).eventfdCount());
        assertEquals(OptionalLong.empty(), echo.fdInfo(3, 0).eventfdCount());
    }

    @Test
    void shouldReadFdinfoOf510() throws Exception {
        FdInfo info = java.fdInfo(5, 100);
        assertEquals(OptionalLong.empty(), info.ino());
        assertEquals(List.of(new FdInfo.EpollTarget(7, 0x1d, 0xffffffff00000007L, OptionalLong.of(0x4e21)),
                new FdInfo.EpollTarget(6, 0x80000019, 6, OptionalLong.of(0x4e20))), info.epollTargets());
        assertEquals(5821, java.fdInfo(11, 0).pos());
        assertEquals(OptionalLong.of(27), java.fdInfo(11, 0).mntId());
    }

    @Test
    void shouldReadNamespaces() throws Exception {
        Map<String, Namespace> namespaces = echo.namespaces();
        assertEquals(10, namespaces.size());
        assertEquals(new Namespace("net", 4026531833L), namespaces.get("net"));
        assertEquals(new Namespace("pid", 4026531836L), namespaces.get("pid_for_children"));
        assertEquals("user:[4026531837]", echo.namespace("user").toString());
    }

    @Test
    void shouldListProcessesAndThreads() throws Exception {
        assertArrayEquals(new int[] {4711}, recorded.pids());
        assertArrayEquals(new int[] {4711, 4712, 4713}, echo.tids());
        assertEquals("echo (1) server", echo.task(4712).comm());
        assertEquals("echo (1) server", recorded.self().comm());
    }

    @Test
    void shouldCountMappings() throws Exception {
        assertEquals(new Maps(90, 1), echo.maps());
        assertEquals(89, echo.maps().mapCount());
    }

    @Test
    void shouldReadMachineFiles() throws Exception {
        assertEquals(new FileNr(619, 0, 2466177), recorded.fileNr());
        assertEquals(new LoadAvg(0.62, 0.26, 0.10, 8, 113, 5687), recorded.loadavg());
        assertEquals(24684092L * 1024, recorded.meminfo().memTotal());
        assertEquals(OptionalLong.of(315248L * 1024), recorded.meminfo().committedAs());
        assertEquals(OptionalLong.of(0), recorded.meminfo().get("HugePages_Total"));
        assertEquals(OptionalLong.empty(), recorded.meminfo().get("NoSuchMemory"));
        assertEquals(OptionalLong.of(0), recorded.vmstat().get("oom_kill"));
        assertEquals(new KernelVersion(6, 18, 44, "6.18.44-fc-v657"), recorded.kernelVersion());
        assertEquals(new FileNr(1344, 0, Long.MAX_VALUE), debian.fileNr());
        assertEquals(200, debian.loadavg().threads());
    }

    @Test
    void shouldReadSlabs() throws Exception {
        SlabInfo slabs = recorded.slabinfo();
        assertEquals(new SlabInfo.Cache(26, 26, 2368, 13, 8), slabs.get("TCP").orElseThrow());
        assertEquals(16, slabs.get("TCP").orElseThrow().pages());
        assertEquals(128, slabs.get("eventpoll_epi").orElseThrow().objSize());
        assertEquals(Optional.empty(), slabs.get("eventpoll_pwq"), "merged with another cache");
        assertThrows(NoSuchFileException.class, debian::slabinfo);
    }

    @Test
    void shouldReadSysctls() throws Exception {
        assertEquals(1048576, recorded.sysctl("fs.nr_open").asLong());
        assertEquals(Long.MAX_VALUE, debian.sysctl("fs.file-max").asLong());
        assertEquals(new Sysctl.Range(32768, 60999), recorded.sysctl("net.ipv4.ip_local_port_range").asRange());
        assertEquals(28232, recorded.sysctl("net.ipv4.ip_local_port_range").asRange().size());
        assertEquals(List.of(), recorded.sysctl("net.ipv4.ip_local_reserved_ports").asRanges());
        assertEquals(List.of(new Sysctl.Range(8080, 8080), new Sysctl.Range(9148, 9150)),
                debian.sysctl("net.ipv4.ip_local_reserved_ports").asRanges());
        assertEquals(List.of(188319L, 251093L, 376638L), debian.sysctl("net.ipv4.tcp_mem").asLongs());
        assertEquals(2, debian.sysctl("net.ipv4.conf.eth0/100.rp_filter").asLong());
        assertEquals(Scope.READER_NET_NAMESPACE, debian.sysctl("net.ipv4.ip_local_port_range").scope());
        assertThrows(NoSuchFileException.class, () -> debian.sysctl("net.ipv4.tcp_tw_reuse_delay"));
    }

    @Test
    void shouldReadCountersByName() throws Exception {
        Counters netstat = java.net().netstat();
        assertEquals(OptionalLong.of(1025), netstat.get("TcpExt.ListenOverflows"));
        assertEquals(OptionalLong.of(Long.MIN_VALUE), netstat.get("IpExt.InOctets"));
        assertEquals("18446744073709551615", Long.toUnsignedString(netstat.getOrZero("IpExt.OutOctets")));
        assertEquals(OptionalLong.empty(), netstat.get("TcpExt.TCPMigrateReqSuccess"));
        assertEquals(OptionalLong.of(-1), java.net().snmp().get("Tcp.MaxConn"));
        assertEquals(OptionalLong.of(6), java.net().snmp().get("Ip.OutDiscards"));
        assertEquals(OptionalLong.of(10), echo.net().snmp().get("Tcp.CurrEstab"));
        assertEquals(OptionalLong.of(8), echo.net().netstat().get("TcpExt.TW"));
        assertEquals(OptionalLong.of(0), echo.net().snmp6().get("Udp6RcvbufErrors"));
    }

    @Test
    void shouldReadSockets() throws Exception {
        assertEquals(OptionalLong.of(12), echo.net().sockstat().tcpInuse());
        assertEquals(OptionalLong.of(24), echo.net().sockstat().get("sockets.used"));
        assertEquals(OptionalLong.of(0), echo.net().sockstat6().get("TCP6.inuse"));
        SockStat busy = nginx.net().sockstat();
        assertEquals(OptionalLong.of(12), busy.tcpInuse());
        assertEquals(OptionalLong.of(38751), busy.tcpAlloc());
        assertEquals(OptionalLong.of(1190), busy.tcpTw());
        assertEquals(OptionalLong.of(3), busy.tcpOrphan());
        assertEquals(OptionalLong.of(5213), busy.tcpMem());
        assertEquals(OptionalLong.of(7), busy.udpMem());
        assertEquals(3, nginx.net().unixCount());
        assertEquals(Set.of(18412L, 20118L, 1711L), nginx.net().unixInodes());
        assertTrue(nginx.net().file("sockstat").endsWith("/proc/812/net/sockstat"));
    }

    @Test
    void shouldReadProtocolsOfBothHeaders() throws Exception {
        assertEquals(new Protocol("TCP", 2304, 12, 0, Optional.of(false)), echo.net().protocols().get(16));
        List<Protocol> old = java.net().protocols();
        assertEquals(new Protocol("PACKET", 1472, 1, -1, Optional.empty()), old.getFirst());
        assertEquals(new Protocol("TCP", 2208, 18, 37442, Optional.of(true)), old.getLast());
        assertTrue(old.getLast().underPressure());
        assertFalse(old.getFirst().underPressure());
    }

    @Test
    void shouldReadPerCpuTables() throws Exception {
        PerCpuStats conntrack = nginx.net().conntrackStat();
        assertEquals(OptionalLong.of(262144), conntrack.global("entries"));
        assertEquals(OptionalLong.of(23), conntrack.sum("drop"));
        assertEquals(OptionalLong.of(11), conntrack.sum("insert_failed"));
        assertEquals(OptionalLong.of(3), conntrack.sum("chainlength"));
        PerCpuStats old = java.net().conntrackStat();
        assertEquals(OptionalLong.empty(), old.sum("chainlength"));
        assertEquals(OptionalLong.of(18), old.global("entries"));
        assertEquals(OptionalLong.of(25), nginx.net().arpCache().sum("table_fulls"));
        assertEquals(OptionalLong.of(0), echo.net().arpCache().sum("table_fulls"));
        assertEquals(OptionalLong.of(4), echo.net().ndiscCache().global("entries"));
        assertThrows(NoSuchFileException.class, () -> nginx.net().ndiscCache());
    }

    @Test
    void shouldReadSoftnet() throws Exception {
        assertEquals(List.of(new SoftnetStat(OptionalInt.of(0), 8000, 3, 1),
                new SoftnetStat(OptionalInt.of(2), 173505, 0, 0)), nginx.net().softnetStat());
    }

    @Test
    void shouldReadIpv6AddressesAndTheirTroubles() throws Exception {
        List<IfInet6> addresses = nginx.net().ifInet6();
        assertEquals(new IfInet6("00000000000000000000000000000001", 1, 128, 0x10, 0x80, "lo"), addresses.getFirst());
        assertTrue(addresses.get(1).tentative());
        assertFalse(addresses.get(1).dadFailed());
        assertTrue(addresses.get(2).dadFailed());
    }

    @Test
    void shouldReadMounts() throws Exception {
        List<Mount> mounts = nginx.mountinfo();
        assertEquals("/mnt/a b\\c", mounts.getLast().mountPoint());
        assertEquals("ext4", mounts.getLast().fsType());
        assertEquals(List.of("rw", "nsdelegate", "memory_recursiveprot"), mounts.get(2).superOptions());
    }

    @Test
    void shouldReadCgroupLines() throws Exception {
        List<CgroupMembership> groups = java.cgroups();
        assertEquals(new CgroupMembership(8, List.of("cpu", "cpuacct"), "/docker/0123abcd"), groups.get(4));
        assertEquals(List.of("name=systemd"), groups.get(11).controllers());
        assertTrue(groups.getLast().isV2());
    }

    @Test
    void shouldWalkCgroupV1ToTheRoot() throws Exception {
        CgroupWalk pids = echo.cgroupPids().orElseThrow();
        assertEquals(1, pids.version());
        assertTrue(pids.complete());
        assertEquals(List.of("/system.slice/echo.service", "/system.slice", "/"),
                pids.levels().stream().map(CgroupWalk.Level::path).toList());
        assertEquals(40, pids.effectiveMax());
        assertEquals("/system.slice", pids.tightest().orElseThrow().path());
        assertEquals(OptionalLong.of(3), pids.levels().getFirst().peak());
        assertEquals(OptionalLong.of(0), pids.levels().getFirst().events().get("max"));
        assertEquals(OptionalLong.empty(), pids.levels().getLast().max());
        assertFalse(pids.pidsEventsCountAtLimit(recorded.kernelVersion()), "v1 counts where the fork was");

        CgroupWalk memory = echo.cgroupMemory().orElseThrow();
        assertEquals(64L << 20, memory.effectiveMax());
        assertEquals(OptionalLong.of(1040384), memory.levels().getFirst().current());
        assertEquals(OptionalLong.of(CgroupWalk.MAX), memory.levels().get(1).max());
        assertEquals(OptionalLong.of(131072), memory.levels().getFirst().stat().get("rss"));
        assertEquals(OptionalLong.of(376832), memory.levels().getFirst().stat().get("memory.kmem.usage_in_bytes"));
        assertEquals(OptionalLong.of(0), memory.levels().getFirst().events().get("oom_kill"));
    }

    @Test
    void shouldWalkCgroupV1AsFarAsAContainerSees() throws Exception {
        CgroupWalk memory = java.cgroupMemory().orElseThrow();
        assertFalse(memory.complete());
        assertEquals(1, memory.levels().size());
        CgroupWalk.Level own = memory.levels().getFirst();
        assertEquals("/docker/0123abcd", own.path());
        assertEquals(OptionalLong.of(53248), own.room());
        assertEquals(OptionalLong.of(80412), own.failcnt());
        assertEquals(OptionalLong.of(2), own.events().get("oom_kill"));
        assertEquals(OptionalLong.of(2215936), own.stat().get("memory.kmem.tcp.usage_in_bytes"));
        assertEquals(200, java.cgroupPids().orElseThrow().effectiveMax());
    }

    @Test
    void shouldWalkCgroupV2ToTheRealRoot() throws Exception {
        CgroupWalk memory = nginx.cgroupMemory().orElseThrow();
        assertEquals(2, memory.version());
        assertTrue(memory.complete());
        assertEquals(4, memory.levels().size());
        assertEquals(41943040, memory.effectiveMax());
        CgroupWalk.Level tightest = memory.tightest().orElseThrow();
        assertEquals("/system.slice/nginx.service", tightest.path());
        assertEquals(OptionalLong.of(102400), tightest.room());
        assertEquals(OptionalLong.of(28348416), tightest.stat().get("sock"));
        assertEquals(OptionalLong.of(3), tightest.eventsLocal().get("oom"));
        assertEquals(OptionalLong.of(0), memory.levels().getFirst().eventsLocal().get("oom"));
        assertEquals(OptionalLong.of(CgroupWalk.MAX), tightest.high());
        assertEquals(OptionalLong.empty(), tightest.peak());
        assertEquals(OptionalLong.empty(), memory.levels().getLast().max());
        assertEquals(OptionalLong.of(12288), memory.levels().getLast().stat().get("sock"));

        CgroupWalk pids = nginx.cgroupPids().orElseThrow();
        assertEquals(9455, pids.effectiveMax());
        assertEquals(OptionalLong.of(1), pids.levels().getFirst().events().get("max"));
        assertFalse(pids.pidsEventsCountAtLimit(debian.kernelVersion()), "6.1 counts where the fork was");
    }

    @Test
    void shouldKnowThatAnAncestorMayBeHidden() throws Exception {
        CgroupWalk pids = unified.process(31).cgroupPids().orElseThrow();
        assertFalse(pids.complete(), "a cgroup namespace's root has cgroup.events, the real one has not");
        assertEquals(List.of("/a/b", "/a", "/"), pids.levels().stream().map(CgroupWalk.Level::path).toList());
        assertEquals(20, pids.effectiveMax());
        assertEquals(OptionalLong.of(0), pids.tightest().orElseThrow().room());
        assertEquals(OptionalLong.of(2), pids.levels().get(1).eventsLocal().get("max"));
        assertEquals(OptionalLong.of(0), pids.levels().get(0).events().get("max"));
        assertTrue(pids.pidsEventsCountAtLimit(unified.kernelVersion()));
        assertEquals(CgroupWalk.MAX, unified.process(31).cgroupMemory().orElseThrow().effectiveMax());
        assertEquals(1, unified.process(33).cgroupPids().orElseThrow().levels().size());
    }

    @Test
    void shouldNotGuessACgroupOutsideTheReadersNamespace() throws Exception {
        CgroupWalk pids = unified.process(32).cgroupPids().orElseThrow();
        assertEquals("/../other.service", pids.path());
        assertEquals(List.of(), pids.levels());
        assertFalse(pids.complete());
        assertEquals(Optional.empty(), pids.tightest());
    }

    private static Map<FdKind, Integer> without(Map<FdKind, Integer> kinds, FdKind kind) {
        var rest = new HashMap<>(kinds);
        assertEquals(1, rest.remove(kind));
        return rest;
    }
}
