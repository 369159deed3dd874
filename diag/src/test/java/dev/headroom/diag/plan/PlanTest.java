package dev.headroom.diag.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.plan.Row.Status;

/** The arithmetic, with numbers that were read once. */
class PlanTest {
    private static final Request MILLION = Request.of(1_000_000).withClients(3, 6, 6);

    private static Row row(List<Row> rows, String id) {
        return rows.stream().filter(r -> r.id().equals(id)).findFirst().orElseThrow();
    }

    private static Row server(Request r, Snapshot s, String id) {
        return row(Plan.of(r, s).server(), id);
    }

    private static Row client(Request r, Snapshot s, String id) {
        return row(Plan.of(r, s).client(), id);
    }

    @ParameterizedTest(name = "{0}: {1} needed, {2}")
    @CsvSource({"nofile-soft, 1000064, CHANGE", "nofile-hard, 1000064, CHANGE", "nr-open, 1000064, OK",
            "file-max, 1001024, OK", "epoll-watches, 1000064, OK", "accept-queue, 16667, CHANGE",
            "memory, 4206388608, OK", "tcp-mem, 12, OK", "hash-buckets, 250000, OK"})
    void shouldSayWhatAMillionNeedsOnTheServer(String id, long needed, Status status) {
        Row row = server(MILLION, Hosts.plain().build(), id);

        assertEquals(needed, row.needed());
        assertEquals(status, row.status());
    }

    @ParameterizedTest(name = "{0}: {1} needed, {2}")
    @CsvSource({"nofile-soft, 333440, CHANGE", "nofile-hard, 333440, OK", "file-max, 334358, OK",
            "port-range, 9260, OK", "source-addresses, 2, OK"})
    void shouldSayWhatAMillionNeedsOnEachOfThreeClients(String id, long needed, Status status) {
        Row row = client(MILLION, Hosts.plain().build(), id);

        assertEquals(needed, row.needed());
        assertEquals(status, row.status());
    }

    @Test
    void shouldShowPrivateTablesAsTheWayAroundTheHardLimit() {
        assertEquals("or leave it: headroom serve --max-connections 1000000 --fd-tables auto takes about 2 private"
                + " tables, of 524,288 descriptors each",
                server(Request.of(1_000_000), Hosts.plain().build(), "nofile-hard").change().get(1));
        assertEquals("or leave it: headroom serve --max-connections 1000000 --fd-tables auto takes about 51 private"
                + " tables, of 20,000 descriptors each",
                server(Request.of(1_000_000), Hosts.plain().put(Facts.limitHard("nofile"), 20_000, "").build(),
                        "nofile-hard").change().get(1));
    }

    @Test
    void shouldTakeTheWholeRangeAndNoAddressForASmallNumber() {
        Request r = Request.of(28_232);
        assertEquals(Status.OK, client(r, Hosts.plain().build(), "port-range").status());
        assertEquals(Status.OK, client(r, Hosts.plain().build(), "source-addresses").status());
    }

    @Test
    void shouldWidenTheRangeBeforeItAsksForAddresses() {
        Snapshot here = Hosts.plain().build();

        Row range = client(Request.of(28_233), here, "port-range");
        assertEquals(Status.CHANGE, range.status());
        assertEquals(List.of(new Setting(Setting.Kind.SAFE_SYSCTL, "net.ipv4.ip_local_port_range", "1024 65535",
                "Ports of outgoing connections, from one address to one address and port",
                "32768 60999 (/proc/sys/net/ipv4/ip_local_port_range)")), range.settings());
        assertEquals(Status.OK, client(Request.of(64_512), here, "source-addresses").status());

        Row addresses = client(Request.of(64_513), here, "source-addresses");
        assertEquals(2, addresses.needed());
        assertEquals(Status.CHANGE, addresses.status());
        assertEquals(List.of("give each client host 2 addresses (ip address add ADDRESS/32 dev lo or its interface), or"
                + " let the server listen on 2 pairs of address and port, or use more client hosts"),
                addresses.change());
    }

    @Test
    void shouldCountReservedPortsAndTheOneThatAnOddRangeMisses() {
        assertEquals(OptionalLong.of(28_222), client(Request.of(1),
                Hosts.plain().put(Facts.PORTS_RESERVED, 10, "reserved").build(), "port-range").here());
        assertEquals(OptionalLong.of(28_230), client(Request.of(1),
                Hosts.plain().put(Facts.PORT_HIGH, 60998, "range").build(), "port-range").here());
    }

    @Test
    void shouldLeaveTheRangeAboveTheUnprivilegedStart() {
        Snapshot here = Hosts.plain().put(Facts.sysctl("net.ipv4.ip_unprivileged_port_start"), 2001, "s").build();

        assertEquals("2002 65535", client(Request.of(50_000), here, "port-range").settings().getFirst().value());
    }

    @Test
    void shouldAddUpTheKernelsObjects() {
        Row row = server(Request.of(1_000_000), Hosts.root().build(), "memory");

        assertEquals(1_000_000L * 3968 + (8L << 20), row.needed());
        assertTrue(row.why().startsWith("3,968 bytes for an idle end (/proc/slabinfo: TCP 2521, sock_inode_cache 863,"
                + " filp 196, dentry 196, eventpoll_epi 128; not listed there: eventpoll_pwq 64)"), row.why());
    }

    @Test
    void shouldSayHowManyFitWhereMemoryDoesNotDo() {
        Snapshot here = Hosts.plain().put(Facts.meminfo("MemAvailable"), 1 << 20, "/proc/meminfo").build();
        Row row = server(Request.of(1_000_000).withPerConnection(4096), here, "memory");

        assertEquals(Status.CHANGE, row.status());
        assertEquals(List.of("more memory, or fewer connections: 260,096 fit now"), row.change());
    }

    @Test
    void shouldHoldMemoryAgainstTheCgroupToo() {
        Snapshot here = Hosts.plain().put(Facts.cgroup("memory", "max"), 1L << 30, "/sys/fs/cgroup/a/memory.max")
                .put(Facts.cgroup("memory", "current"), 24L << 20, "/sys/fs/cgroup/a/memory.current")
                .put(Facts.cgroup("memory", "path"), "/a", "/proc/4711/cgroup").build();

        assertEquals(OptionalLong.of(1000L << 20), server(MILLION, here, "memory-cgroup").here());
        assertEquals(Status.CHANGE, server(MILLION, here, "memory-cgroup").status());
    }

    @Test
    void shouldAskForConntrackOnlyWhereItIsLoaded() {
        assertTrue(
                Plan.of(MILLION, Hosts.plain().build()).server().stream().noneMatch(r -> r.id().equals("conntrack")));

        Row row = server(MILLION, Hosts.root().build(), "conntrack");
        assertEquals(1_000_023, row.needed());
        assertEquals(List.of("net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_buckets"),
                row.settings().stream().map(Setting::name).toList());
    }

    @ParameterizedTest(name = "{0} connections at {1}/s: queue of {2}")
    @CsvSource({"1000000, 0, 16667", "1000000, 5000, 5000", "60, 0, 1"})
    void shouldMakeTheQueueLongEnoughForASecond(long connections, long rate, long needed) {
        assertEquals(needed,
                server(Request.of(connections).withRate(rate), Hosts.plain().build(), "accept-queue").needed());
    }

    @Test
    void shouldNotCallUnknownWhatCouldNotBeReadAnObstacle() {
        Plan plan = Plan.of(Request.of(1000),
                new Snapshot.Builder(0).unread(Facts.sysctl("fs.nr_open"), "why").build());

        assertTrue(plan.server().stream().allMatch(r -> r.status() == Status.UNKNOWN), plan.server().toString());
        assertEquals(List.of(), plan.obstacles());
        assertEquals("why", row(plan.server(), "nr-open").source());
    }

    @Test
    void shouldNameWhatKeepsTheHostFromBeingTheServer() {
        Snapshot here = Hosts.plain().build();

        assertEquals(List.of("nofile-hard"), ids(Plan.of(Request.of(1_000_000), here)));
        assertEquals(List.of(), ids(Plan.of(Request.of(500_000), here)));
        assertEquals(List.of("accept-queue"), ids(Plan.of(Request.of(500_000).withRate(5000), here)));
        assertEquals(List.of("nofile-hard", "nr-open"), ids(Plan.of(Request.of(1_100_000), here)));
    }

    private static List<String> ids(Plan plan) {
        return plan.obstacles().stream().map(Row::id).toList();
    }

    @Test
    void shouldHaveNoClientsWhereNoneAreAskedFor() {
        assertEquals(List.of(), Plan.of(Request.of(10).withClients(0, 1, 1), Hosts.plain().build()).client());
    }

    @Test
    void shouldFindThePageSizeInTheAuxiliaryVector(@TempDir Path folder) throws IOException {
        ByteBuffer words = ByteBuffer.allocate(48).order(ByteOrder.nativeOrder());
        words.putLong(16).putLong(0xbfebfbff).putLong(6).putLong(16384).putLong(0).putLong(0);
        Path auxv = Files.write(folder.resolve("auxv"), words.array());

        assertEquals(OptionalLong.of(16384), HostFacts.pageSize(auxv));
        assertEquals(OptionalLong.empty(), HostFacts.pageSize(folder.resolve("none")));
        assertEquals(0, HostFacts.pageSize(Path.of("/proc/self/auxv")).orElseThrow() % 4096);
    }
}
