package dev.headroom.diag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.headroom.diag.LimitReport.AcceptQueue;
import dev.headroom.diag.LimitReport.Unread;
import dev.headroom.diag.Snapshot.Flow;
import dev.headroom.diag.Snapshot.Listening;

/** Each limit from the facts that make it. */
class LimitReportTest {
    private static Snapshot.Builder process() {
        return new Snapshot.Builder(0).put(Facts.PID, 4711, "/proc/4711").put(Facts.COMMAND, "java",
                "/proc/4711/status");
    }

    private static Limit only(Snapshot s) {
        LimitReport r = LimitReport.of(s);
        assertEquals(1, r.limits().size(), r.toString());
        return r.limits().getFirst();
    }

    @Test
    void shouldHoldDescriptorsBelowTheSoftLimitAgainstIt() {
        Limit l = only(process().put(Facts.FD_USED_BELOW_SOFT, 1000, "/proc/4711/fd")
                .put(Facts.limitSoft("nofile"), 1024, "/proc/4711/limits").build());

        assertEquals(new Limit("nofile-soft", "process 4711 (java)", "descriptors", 1000, 1024,
                "/proc/4711/fd, /proc/4711/limits",
                "accept4, open, socket: EMFILE (Too many open files). Clients then wait in the accept queue and, once it"
                        + " is full, time out."),
                l);
        assertEquals(97.66, l.percent(), 0.01);
        assertTrue(l.reaches(97));
        assertFalse(l.reaches(98));
    }

    @Test
    void shouldTakeTheCountWhereTheNumbersMayNotBeSeen() {
        assertEquals(23, only(process().put(Facts.FD_USED, 23, "stat").put(Facts.limitSoft("nofile"), 64, "l").build())
                .used());
    }

    @ParameterizedTest(name = "{0}: {1} against {2}")
    @CsvSource({"max-map-count, process.map_count, sysctl.vm.max_map_count",
            "sigpending, process.sigq.queued, limits.sigpending.soft",
            "epoll-user-watches, user.epoll.watches, sysctl.fs.epoll.max_user_watches",
            "inotify-instances, user.inotify.instances, sysctl.fs.inotify.max_user_instances",
            "inotify-watches, user.inotify.watches, sysctl.fs.inotify.max_user_watches",
            "nproc, user.tasks, limits.nproc.soft", "file-max, fs.file-nr.allocated, sysctl.fs.file-max",
            "threads-max, machine.tasks, sysctl.kernel.threads-max", "pid-max, machine.tasks, sysctl.kernel.pid_max",
            "conntrack-full-local, net.conntrack.count, sysctl.net.netfilter.nf_conntrack_max",
            "time-wait-buckets, sockstat.TCP.tw, sysctl.net.ipv4.tcp_max_tw_buckets",
            "orphan-limit, sockstat.TCP.orphan, sysctl.net.ipv4.tcp_max_orphans",
            "pids-cgroup, cgroup.pids.current, cgroup.pids.max", "memcg-oom, cgroup.memory.current, cgroup.memory.max",
            "neigh-table-overflow, stat.arp_cache.entries, sysctl.net.ipv4.neigh.default.gc_thresh3",
            "neigh-table-overflow, stat.ndisc_cache.entries, sysctl.net.ipv6.neigh.default.gc_thresh3"})
    void shouldKnowEachLimitByItsFacts(String id, String used, String ceiling) {
        Limit l = only(process().put(used, 9, "a").put(ceiling, 10, "b").build());

        assertEquals(id, l.id());
        assertEquals(9, l.used());
        assertEquals(10, l.ceiling());
        assertEquals("a, b", l.source());
        assertFalse(l.breaks().isEmpty());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"memlock, process.vm_lck_kb, memlock", "rlimit-as, process.vm_size_kb, as",
            "rlimit-data, process.vm_data_kb, data"})
    void shouldCompareKilobytesWithBytes(String id, String used, String resource) {
        Limit l = only(process().put(used, 8, "a").put(Facts.limitSoft(resource), 65536, "b").build());

        assertEquals(id, l.id());
        assertEquals(8192, l.used());
        assertEquals(12.5, l.percent());
    }

    @Test
    void shouldLeaveFileCacheOutOfACgroupsMemory() {
        assertEquals(70, only(process().put(Facts.cgroup("memory", "current"), 100, "a")
                .put(Facts.cgroup("memory", "max"), 200, "a").put(Facts.cgroup("memory", "stat.file"), 50, "a")
                .put(Facts.cgroup("memory", "stat.shmem"), 20, "a").build()).used());
    }

    @Test
    void shouldTakeTheLastOfTheThreeNumbersOfTcpMem() {
        Limit l = only(new Snapshot.Builder(0).put(Facts.sockstat("TCP.mem"), 300, "a")
                .put(Facts.sysctl("net.ipv4.tcp_mem"), "100 200 400", "b").build());

        assertEquals(75, l.percent());
        assertEquals("machine", l.scope());
    }

    @Test
    void shouldPutTheNearestFirstAndTheUnlimitedLast() {
        LimitReport r = LimitReport
                .of(process().put(Facts.FD_USED, 9, "a").put(Facts.limitSoft("nofile"), "unlimited", "b")
                        .put(Facts.FILE_NR_ALLOCATED, 50, "a").put(Facts.sysctl("fs.file-max"), 100, "b")
                        .put(Facts.TASKS_MACHINE, 99, "a").put(Facts.sysctl("kernel.pid_max"), 100, "b").build());

        assertEquals(List.of("pid-max", "file-max", "nofile-soft"), r.limits().stream().map(Limit::id).toList());
        assertEquals(0, r.limits().getLast().percent());
        assertTrue(r.reaches(99));
        assertFalse(r.reaches(99.5));
    }

    @Test
    void shouldSayWhatCouldNotBeReadAndWhy() {
        LimitReport r = LimitReport.of(process().unread(Facts.MAP_COUNT, "needs CAP_SYS_PTRACE")
                .put(Facts.sysctl("vm.max_map_count"), 65530, "b").build());

        assertEquals(List.of(), r.limits());
        assertEquals(List.of(new Unread("max-map-count", "mappings", "needs CAP_SYS_PTRACE")), r.unread());
    }

    @Test
    void shouldHaveNothingOfAProcessWhereNoneWasNamed() {
        LimitReport r = LimitReport.of(new Snapshot.Builder(0).unread(Facts.FD_USED, "no process was named")
                .unread(Facts.limitSoft("nofile"), "no process was named").build());

        assertEquals(List.of(), r.unread());
    }

    @ParameterizedTest(name = "uid {0}, capabilities {1}, initial namespace {2}: binds {3}")
    @CsvSource({"0, 0000000000000000, yes, false", "0, 000001ffffffffff, no, true", "1000, 0000000000000000, yes, true",
            "1000, 0000000001000000, yes, false", "1000, 0000000000200000, yes, false",
            "1000, 0000000001000000, no, true"})
    void shouldKnowWhomRlimitNprocDoesNotBind(long uid, String caps, String initial, boolean binds) {
        LimitReport r = LimitReport.of(process().put(Facts.RUID, uid, "s").put(Facts.CAP_EFF, caps, "s")
                .put(Facts.USERNS_INITIAL, initial, "m").put(Facts.TASKS_USER, 5, "t")
                .put(Facts.limitSoft("nproc"), 10, "l").build());

        assertEquals(binds ? 1 : 0, r.limits().size());
        assertEquals(binds ? 0 : 1, r.unread().size());
    }

    @Test
    void shouldCountOneMoreThanTheLimitOfAnAcceptQueue() {
        LimitReport r = LimitReport.of(new Snapshot.Builder(0).put(Facts.sysctl("net.core.somaxconn"), 4096, "s")
                .listeners(List.of(new Listening("127.0.0.1:80", 0, 4096, 5, 1, "nginx"),
                        new Listening("127.0.0.1:9999", 1025, 1024, 7, 4711, "java")))
                .build());

        AcceptQueue q = r.queues().getFirst();
        assertEquals("127.0.0.1:9999", q.address());
        assertEquals(1025, q.capacity());
        assertTrue(q.full());
        assertEquals(100, r.limits().getFirst().percent());
        assertEquals("accept-queue-full", r.limits().getFirst().id());
        assertFalse(new AcceptQueue("a", 1024, 1024, OptionalLong.empty(), 0, "").full());
    }

    @ParameterizedTest(name = "limit {0}, somaxconn {1}")
    @CsvSource(delimiter = '|', value = {
            "1024 | 4096 | the program's backlog binds: 1024 is below net.core.somaxconn 4096",
            "4096 | 4096 | net.core.somaxconn binds: the kernel cut the backlog to 4096, or the program asked for just that",
            "1024 | 128 | the queue is as long as net.core.somaxconn was at the time of listen; it is 128 now, and the next listen will get that",
            "1024 | | net.core.somaxconn could not be read, so which of the two binds is not known"})
    void shouldTellWhichOfTheTwoBinds(long backlog, Long somaxconn, String text) {
        OptionalLong max = Optional.ofNullable(somaxconn).map(OptionalLong::of).orElse(OptionalLong.empty());

        assertEquals(text, new AcceptQueue("a", 0, backlog, max, 0, "").binds().replace('\n', ' '));
    }

    private static Snapshot.Builder range() {
        return new Snapshot.Builder(0).put(Facts.PORT_LOW, 40000, "range").put(Facts.PORT_HIGH, 40099, "range")
                .put(Facts.sockstat("TCP.inuse"), 20, "sockstat").put(Facts.sockstat("TCP.tw"), 3, "sockstat");
    }

    @Test
    void shouldTakeAllSocketsForTheMostThatOneDestinationCanHave() {
        Limit l = only(range().build());

        assertEquals(23, l.percent());
        assertEquals("sockstat (at most: all TCP sockets), range", l.source());
    }

    @Test
    void shouldNotCallManySocketsAShortageOfPorts() {
        Snapshot server = range().put(Facts.sockstat("TCP.inuse"), 1_000_000, "sockstat").build();

        assertTrue(LimitReport.portsMayBeShort(server));
        assertEquals(List.of(), LimitReport.of(server).limits());
        assertEquals("tuple-range-exhausted", LimitReport.of(server).unread().getFirst().id());
    }

    @Test
    void shouldCountPortsByDestination() {
        Limit l = only(range().put(Facts.PORTS_BLOCKED, 20, "sock_diag").put(Facts.FLOW_SOCKETS, 63, "sock_diag")
                .flows(List.of(new Flow("10.0.0.1", "10.0.0.2:80", Map.of("ESTAB", 60L), 60),
                        new Flow("10.0.0.1", "10.0.0.3:80", Map.of("ESTAB", 3L), 3)))
                .build());

        assertEquals("10.0.0.1 to 10.0.0.2:80", l.scope());
        assertEquals(75, l.percent());
    }

    @Test
    void shouldMergeReportsNearestFirst() {
        LimitReport a = LimitReport.of(new Snapshot.Builder(0).put(Facts.TASKS_MACHINE, 1, "a")
                .put(Facts.sysctl("kernel.pid_max"), 10, "b").build());
        LimitReport b = LimitReport
                .of(process().put(Facts.FD_USED, 9, "a").put(Facts.limitSoft("nofile"), 10, "b").build());

        assertEquals(List.of("nofile-soft", "pid-max"), a.and(b).limits().stream().map(Limit::id).toList());
    }
}
