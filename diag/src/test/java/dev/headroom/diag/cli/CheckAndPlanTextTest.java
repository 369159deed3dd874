package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.Facts;
import dev.headroom.diag.LimitReport;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Snapshot.Listening;
import dev.headroom.diag.plan.Hosts;
import dev.headroom.diag.plan.Plan;
import dev.headroom.diag.plan.Request;

/** What check and plan say, to the letter and to the column. */
class CheckAndPlanTextTest {
    private static final Snapshot FULL = new Snapshot.Builder(0).put(Facts.PID, 4711, "/proc/4711")
            .put(Facts.COMMAND, "java", "/proc/4711/status").put(Facts.NETNS, "net:[4026531840]", "/proc/4711/ns/net")
            .put(Facts.FD_USED_BELOW_SOFT, 1024, "/proc/4711/fd")
            .put(Facts.limitSoft("nofile"), 1024, "/proc/4711/limits")
            .put(Facts.FD_USED, 1024, "/proc/4711/fd").put(Facts.sysctl("fs.nr_open"), 1048576, "/proc/sys/fs/nr_open")
            .put(Facts.VM_LCK, 0, "/proc/4711/status").put(Facts.limitSoft("memlock"), 8388608, "/proc/4711/limits")
            .put(Facts.VM_SIZE, 1024, "/proc/4711/status").put(Facts.limitSoft("as"), "unlimited", "/proc/4711/limits")
            .put(Facts.sockstat("TCP.tw"), 23, "/proc/4711/net/sockstat")
            .put(Facts.sysctl("net.ipv4.tcp_max_tw_buckets"), 131072, "/proc/sys/net/ipv4/tcp_max_tw_buckets")
            .put(Facts.sysctl("net.core.somaxconn"), 4096, "/proc/sys/net/core/somaxconn")
            .unread(Facts.MAP_COUNT, "/proc/4711/maps needs the same user, or CAP_SYS_PTRACE")
            .put(Facts.sysctl("vm.max_map_count"), 65530, "/proc/sys/vm/max_map_count")
            .listeners(List.of(new Listening("127.0.0.1:9999", 1025, 1024, 7, 4711, "java"))).build();

    private static CheckReport report(OptionalLong overflows) {
        return new CheckReport("Process 4711 (java), Linux 6.18.44; the nearest limit first.", "process 4711 (java)",
                LimitReport.of(FULL), overflows);
    }

    @Test
    void shouldSayWhatIsFullWhatItLooksLikeAndWhyTheQueueHoldsOneMore() {
        assertEquals("""
                Process 4711 (java), Linux 6.18.44; the nearest limit first.

                    %           used        ceiling  of what
                  100          1,024          1,024  descriptors, this process
                          accept4, open, socket: EMFILE (Too many open files). Clients then wait
                          in the accept queue and, once it is full, time out.
                          Read in /proc/4711/fd, /proc/4711/limits.
                          What to do: headroom explain EMFILE --pid 4711
                  100          1,025          1,025  accept queue, 127.0.0.1:9999
                          the kernel drops the SYN of every new client (ListenOverflows): no
                          ECONNREFUSED, connect just times out (ETIMEDOUT).
                          Read in sock_diag.
                          What to do: headroom explain ETIMEDOUT --to 127.0.0.1:9999
                   <1          1,024      1,048,576  descriptors, by fs.nr_open, this process
                   <1             23        131,072  sockets in TIME_WAIT, its network
                      None in use: locked memory (8.0 MiB).
                      No limit: address space.

                accept queue                           now  capacity    limit  somaxconn  pid
                127.0.0.1:9999                        1025      1025     1024       4096  4711
                  127.0.0.1:9999: 1025 of 1025 wait for process 4711 (java) to accept them, and
                  the next client's SYN is dropped.
                  The capacity is one more than the limit: sk_acceptq_is_full asks whether the
                  queue is longer (>) than sk_max_ack_backlog, so at 1024 one more gets in. The
                  limit is min(backlog, net.core.somaxconn) at the time of listen.
                  Here the program's backlog binds: 1024 is below net.core.somaxconn 4096.

                Left out:
                  mappings: /proc/4711/maps needs the same user, or CAP_SYS_PTRACE
                """, report(OptionalLong.empty()).text(80, false));
    }

    @Test
    void shouldTellOverflowsSinceTheLastReading() {
        assertEquals("""
                12:00:01
                  100          1,024          1,024  descriptors, this process
                  100          1,025          1,025  accept queue, 127.0.0.1:9999
                   <1          1,024      1,048,576  descriptors, by fs.nr_open, this process
                   <1             23        131,072  sockets in TIME_WAIT, its network
                      12 dropped by full accept queues since then (ListenOverflows)
                """, report(OptionalLong.of(12)).brief("12:00:01", 80, false));
    }

    @Test
    void shouldGiveAProgramTheSame() throws Exception {
        Map<String, Object> all = JSON.std.mapFrom(report(OptionalLong.empty()).json(true));

        assertEquals(List.of(Map.of("address", "127.0.0.1:9999", "queue", 1025, "capacity", 1025, "backlog", 1024,
                "somaxconn", 4096, "pid", 4711)), all.get("listeners"));
        Map<?, ?> first = (Map<?, ?>) ((List<?>) all.get("limits")).getFirst();
        assertEquals("[id, scope, what, used, ceiling, percent, source, breaks]", first.keySet().toString());
        assertEquals("nofile-soft", first.get("id"));
        assertEquals("process 4711 (java)", first.get("scope"));
        assertEquals(100.0, first.get("percent"));
        assertTrue(report(OptionalLong.of(1)).json(false).strip().lines().count() == 1);
    }

    @Test
    void shouldColourWhatIsNear() {
        assertTrue(report(OptionalLong.empty()).text(80, true).contains("\033[31m  100\033[m          1,024"));
    }

    @Test
    void shouldShowTheRowsOfAPlan() {
        String text = PlanReport.text(Plan.of(Request.of(1_000_000).withClients(3, 6, 6), Hosts.plain().build()),
                "6.18.44", false);

        assertTrue(text.startsWith("""
                1,000,000 connections from 3 client hosts (333,334 each) with 6 addresses each,
                to 6 pairs of address and port of the server. "here" is this host, Linux
                6.18.44.

                The server                                  needed            here
                  descriptors, soft limit                1,000,064           1,024  change
                      do    ulimit -Sn 1000064 (a JVM does it by itself, as far as the hard
                            limit)
                      why   A new descriptor needs a number below it (alloc_fd, EMFILE): one for
                            each connection, and 64 for the process itself.
                      read  /proc/4711/limits
                """), text);
        assertTrue(text.endsWith("""
                As it is, this host cannot be the server: descriptors, hard limit.
                Files that set it: --format sysctl, systemd, limits, docker, kubernetes,
                ansible; those of a client host with --for client.
                """), text);
    }

    @Test
    void shouldFitEightyColumns() {
        for (Plan plan : Stream.of(1L, 65_000L, 1_000_000L, 2_147_483_646L)
                .flatMap(n -> Stream.of(Plan.of(Request.of(n), Hosts.plain().build()),
                        Plan.of(Request.of(n).withClients(1234, 12, 345), Hosts.root().build()),
                        Plan.of(Request.of(n).withClients(0, 1, 1), new Snapshot.Builder(0).build())))
                .toList()) {
            PlanReport.text(plan, "6.18.44-generic-aws-hugepages", false).lines()
                    .forEach(l -> assertTrue(l.length() <= 80, l));
        }
        report(OptionalLong.of(12)).text(1, false).lines().forEach(l -> assertTrue(l.length() <= 80, l));
    }

    @Test
    void shouldGiveAProgramThePlan() throws Exception {
        Map<String, Object> all = JSON.std
                .mapFrom(PlanReport.json(Plan.of(Request.of(1_000_000), Hosts.plain().build()), "6.18.44"));

        assertEquals(false, all.get("fits"));
        Map<?, ?> hard = (Map<?, ?>) ((List<?>) all.get("server")).get(1);
        assertEquals("nofile-hard", hard.get("id"));
        assertEquals(1_000_064, hard.get("needed"));
        assertEquals(524_288, hard.get("here"));
        assertEquals("change", hard.get("status"));
        assertEquals(Map.of("nofile", "1000064"), hard.get("settings"));
    }
}
