package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

import dev.headroom.diag.Verdict;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

class ReportTest {
    private static final EchoCounters COUNTERS = new EchoCounters(1_161_216, 16, 2_000_000, 1_999_990, 4_000_000, 7, 3,
            23, Map.of("EMFILE", 2L, "ECONNRESET", 16L));
    private static final EchoCounters NONE = new EchoCounters(0, 0, 0, 0, 0, 0, 0, 0, Map.of());
    private static final EchoObserver.Limit LIMIT = new EchoObserver.Limit("accept4", Errno.EMFILE.number(),
            "127.0.0.1:9999", 1014, 1, 10_000_000_000L);
    private static final EchoObserver.Limit OWN_LIMIT = new EchoObserver.Limit("accept4", 0,
            "max-connections 10 reached on 127.0.0.1:9999", 10, -1, 500_000_000L);
    private static final Report.Start START = new Report.Start(List.of(Sockaddr.of("127.0.0.1", 9999)), 4242, 1024,
            20000,
            3, 3, 4096, Values.UNLIMITED);

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8);

    private String written() {
        out.flush();
        String text = bytes.toString(StandardCharsets.UTF_8);
        bytes.reset();
        return text;
    }

    private static Histogram latency() {
        Histogram h = new Histogram(3);
        for (int i = 1; i <= 1000; i++) {
            h.recordValue(i);
        }
        return h;
    }

    private static final Supplier<Optional<Inquiry.Answer>> NO_REASON = Optional::empty;

    private static Supplier<Optional<Inquiry.Answer>> because(Verdict verdict, String cause, String sentence,
            boolean isNew, String command) {
        return () -> Optional
                .of(new Inquiry.Answer(new Inquiry.Reason(verdict, cause, sentence, List.of(command.split(" "))),
                        isNew));
    }

    // ---- text ----

    @Test
    void shouldWriteALineEachWhereThereIsNoTerminal() {
        Report report = new TextReport(out, Terminal.NONE, true);
        report.start(START);
        assertEquals("""
                listening on 127.0.0.1:9999
                  as many connections as go; pid 4242, 3 loops, backlog 4,096
                  descriptors: soft limit 1024, hard 20000, 3 private tables
                """, written());
        report.progress(new Report.Progress(12, NONE, 0, 0, 0));
        assertEquals("   12s          0 established  +0/s  0 reads/s\n", written());
        report.limit(LIMIT, NO_REASON);
        assertEquals("limit: accept4 127.0.0.1:9999: EMFILE (Too many open files); 1,014 established, "
                + "1 queued, next try in 10s or when one closes\n", written());
        report.limit(OWN_LIMIT, NO_REASON);
        assertEquals("limit: max-connections 10 reached on 127.0.0.1:9999; 10 established, next try in 500ms "
                + "or when one closes\n", written());
    }

    @Test
    void shouldDrawProgressAnewOnATerminal() {
        Report report = new TextReport(out, new Terminal(true, false, 80), true);
        report.progress(new Report.Progress(1, NONE, 0, 0, 0));
        report.progress(new Report.Progress(2, NONE, 0, 0, 0));
        report.limit(LIMIT, NO_REASON);
        assertEquals("\r    1s          0 established  +0/s  0 reads/s\033[K"
                + "\r    2s          0 established  +0/s  0 reads/s\033[K\r\033[K"
                + "limit: accept4 127.0.0.1:9999: EMFILE (Too many open files);\n"
                + "  1,014 established, 1 queued, next try in 10s or when one closes\n", written());
    }

    @Test
    void shouldKeepWithinTheWidthOfTheTerminal() {
        for (int columns : new int[] {20, 40, 60, 80, 120}) {
            Report report = new TextReport(out, new Terminal(true, false, columns), false);
            report.progress(new Report.Progress(100, COUNTERS, 512, -123456.7, 987654.3));
            String line = written().replaceAll("\r|\033\\[K", "");
            assertTrue(line.length() < columns, columns + ": " + line);
            assertTrue(columns < 40 || line.contains("1,161,200 established"), line);
        }
    }

    @Test
    void shouldColourOnlyWhereColoursAreWelcome() {
        new TextReport(out, new Terminal(true, true, 200), false).limit(LIMIT, NO_REASON);
        assertTrue(written().startsWith("\033[33mlimit: "));
        new TextReport(out, new Terminal(true, true, 80), false).progress(new Report.Progress(1, COUNTERS, 0, 0, 0));
        assertTrue(written().startsWith("\r\033[31m"));
    }

    @Test
    void shouldSumUp() {
        new TextReport(out, Terminal.NONE, false).summary(new Report.Summary(62, COUNTERS, 1_161_216, latency()));
        assertEquals("""
                connected 1,161,216 in 1m02s, at most 1,161,216 at a time, 1,161,200 at the end
                messages  2,000,000 sent, 1,999,990 echoed, 7 lost, 3 altered
                latency   median 500 us, 99 % 990 us, 99.9 % 999 us, max 1.0 ms
                closed    16 by the other side
                errors    ECONNRESET 16, EMFILE 2
                """, written());
        new TextReport(out, Terminal.NONE, true).summary(new Report.Summary(1, COUNTERS, 5, null));
        assertEquals("""
                accepted  1,161,216 in 1s, at most 5 at a time, 1,161,200 at the end
                echoed    4,000,000 bytes in 1,999,990 reads
                shed      23 reset at a limit
                closed    16 before the end
                errors    ECONNRESET 16, EMFILE 2
                """, written());
    }

    @Test
    void shouldNameBothEndsOfAConnection() {
        Report report = new TextReport(out, Terminal.NONE, true);
        report.opened(Sockaddr.of("127.0.0.1", 9999), Sockaddr.of("127.0.0.1", 40000));
        report.closed(Sockaddr.of("::1", 9999), null, Errno.ECONNRESET.number());
        assertEquals(
                "opened  local 127.0.0.1:9999  peer 127.0.0.1:40000\nclosed  local [::1]:9999  peer gone  ECONNRESET\n",
                written());
    }

    // ---- JSON ----

    @Test
    void shouldWriteTheServersFields() {
        Report report = new JsonReport(out, true, false);
        report.start(START);
        assertEquals(
                """
                        {"event":"listening","addresses":["127.0.0.1:9999"],"pid":4242,"nofile":{"soft":1024,"hard":20000},"fd_tables":3,"backlog":4096}
                        """,
                written());
        report.progress(new Report.Progress(1.2345, COUNTERS, 1, 2, 3));
        assertEquals(
                """
                        {"event":"progress","elapsed_s":1.235,"connections":1161200,"accepted":1161216,"closed":16,"messages":1999990,"bytes":4000000,"lost":7,"mismatched":3,"errors":{"ECONNRESET":16,"EMFILE":2}}
                        """,
                written());
        report.limit(LIMIT, NO_REASON);
        assertEquals(
                """
                        {"event":"limit","call":"accept4","errno":"EMFILE","text":"Too many open files","connections":1014,"queued":1,"retry_s":10.0,"cause":null,"verdict":null,"because":null}
                        """,
                written());
        report.limit(OWN_LIMIT, NO_REASON);
        assertEquals(
                """
                        {"event":"limit","call":"accept4","errno":null,"text":"max-connections 10 reached on 127.0.0.1:9999","connections":10,"retry_s":0.5,"cause":null,"verdict":null,"because":null}
                        """,
                written());
        report.opened(Sockaddr.of("127.0.0.1", 9999), null);
        assertEquals("{\"event\":\"opened\",\"local\":\"127.0.0.1:9999\",\"peer\":null}\n", written());
        new JsonReport(out, true, true).summary(new Report.Summary(2, COUNTERS, 5, null));
        assertEquals(
                """
                        {"event":"summary","elapsed_s":2.0,"connections":1161200,"accepted":1161216,"closed":16,"messages":1999990,"bytes":4000000,"lost":7,"mismatched":3,"shed":23,"errors":{"ECONNRESET":16,"EMFILE":2}}
                        """,
                written());
    }

    @Test
    void shouldSayWhatIsBehindALimit() {
        new JsonReport(out, true, false).limit(LIMIT,
                because(Verdict.POSSIBLE, "file-max", "it was full", false, "headroom"));
        assertTrue(written().endsWith(
                ",\"retry_s\":10.0,\"cause\":\"file-max\",\"verdict\":\"POSSIBLE\",\"because\":\"it was full\"}\n"));

        Report report = new TextReport(out, Terminal.NONE, true);
        report.limit(LIMIT, because(Verdict.CONFIRMED, "nofile-soft",
                "all 1024 descriptors of process 4711 (java) are in use, and this goes on beyond a line", true,
                "headroom explain EMFILE --call accept4 --pid 4711"));
        assertEquals("""
                  because all 1024 descriptors of process 4711 (java) are in use, and this goes
                  on beyond a line
                  headroom explain EMFILE --call accept4 --pid 4711
                """, written().lines().skip(1).map(l -> l + "\n").collect(Collectors.joining()));
        report.limit(LIMIT, because(Verdict.CONFIRMED, "nofile-soft", "the same", false, "headroom"));
        assertEquals(1, written().lines().count());
        report.limit(LIMIT, because(null, null, null, true, "headroom explain EMFILE --call connect --to "
                + "[2001:db8:1234:5678:9abc:def0:1234:5678]:9999 --pid 4711"));
        assertEquals("""
                  what could be read here names no cause
                  headroom explain EMFILE --call connect --to \\
                    [2001:db8:1234:5678:9abc:def0:1234:5678]:9999 --pid 4711
                """, written().lines().skip(1).map(l -> l + "\n").collect(Collectors.joining()));
        report.limit(LIMIT, because(Verdict.POSSIBLE, "file-max", "it was full", true, "headroom"));
        assertTrue(written().contains("\n  perhaps because it was full\n"));
    }

    @Test
    void shouldWriteTheClientsFields() {
        Report report = new JsonReport(out, false, false);
        report.start(START);
        assertEquals(
                """
                        {"event":"connecting","targets":["127.0.0.1:9999"],"pid":4242,"nofile":{"soft":1024,"hard":20000},"fd_tables":3}
                        """,
                written());
        report.summary(new Report.Summary(2, NONE, 0, latency()));
        assertEquals(
                """
                        {"event":"summary","elapsed_s":2.0,"connections":0,"connected":0,"closed":0,"messages":0,"bytes":0,"lost":0,"mismatched":0,"errors":{},"latency_us":{"p50":500,"p90":900,"p99":990,"p999":999,"p9999":1000,"p99999":1000,"max":1000}}
                        """,
                written());
        report.summary(new Report.Summary(2, NONE, 0, new Histogram(3)));
        assertTrue(written().endsWith(
                "\"latency_us\":{\"p50\":null,\"p90\":null,\"p99\":null,\"p999\":null,\"p9999\":null,\"p99999\":null,\"max\":null}}\n"));
    }
}
