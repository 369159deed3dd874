package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.diag.lab.Trial;

/** What was predicted, what was seen, and how both are told. */
class LabReportTest {
    private static final Experiment EXPERIMENT = new Experiment() {
        @Override
        public String name() {
            return "accept-queue";
        }

        @Override
        public String shows() {
            return "The accept queue holds min(backlog, somaxconn) + 1 connections.";
        }

        @Override
        public String decidedBy() {
            return "sk_acceptq_is_full compares with > (include/net/sock.h), asked by tcp_conn_request";
        }

        @Override
        public void run(Trial trial) {
            throw new UnsupportedOperationException();
        }
    };

    private static Outcome outcome(Map<String, Object> observed, String named, Optional<String> skipped) {
        return new Outcome("accept-queue", Map.of("backlog", "7", "somaxconn", "4"),
                List.of(new Outcome.Reading("net.core.somaxconn", "4", "/proc/sys/net/core/somaxconn on server")),
                List.of(new Outcome.Prediction("backlog 7", Expected.exactly(5), "min(7, 4) + 1"),
                        new Outcome.Prediction("a name that is much longer than its column", Expected.atLeast(1161216),
                                "a reason")),
                observed,
                List.of(new Outcome.Wall("accept-queue-full", named, "connect(198.18.0.1:9004) failed: ETIMEDOUT, "
                        + "because 5 of 5 connections wait in the accept queue of 198.18.0.1:9004 of process 408")),
                List.of(), skipped, 1.25);
    }

    private static Map<String, Object> seen(long queued, long other) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("backlog 7", queued);
        all.put("a name that is much longer than its column", other);
        return all;
    }

    private static final Outcome MET = outcome(seen(5, 1_161_216), "accept-queue-full", Optional.empty());

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            1025         | 1025 | true
            1025         | 1024 | false
            at least 20  | 20   | true
            at least 20  | 19   | false
            at most 2    | 2    | true
            at most 2    | 3    | false
            18 to 19     | 18   | true
            18 to 19     | 20   | false
            """)
    void shouldAllowWhatWasPredictedAndNoMore(String expected, long observed, boolean met) {
        Expected e = switch (expected) {
            case "at least 20" -> Expected.atLeast(20);
            case "at most 2" -> Expected.atMost(2);
            case "18 to 19" -> Expected.between(18, 19);
            default -> Expected.exactly(Long.parseLong(expected));
        };
        assertEquals(met, e.isMetBy(observed));
        assertEquals(expected, e.toString().replace(",", ""));
        assertFalse(e.isMetBy("a text"));
    }

    @Test
    void shouldCompareTexts() {
        assertTrue(Expected.exactly("EPERM").isMetBy("EPERM"));
        assertFalse(Expected.exactly("EPERM").isMetBy("granted"));
        assertFalse(Expected.exactly("5").isMetBy(5L));
        assertEquals("EPERM", Expected.exactly("EPERM").value());
        assertEquals(5L, Expected.exactly(5).value());
        assertEquals("at least 1,000", Expected.atLeast(1000).value());
    }

    @Test
    void shouldBeOkOnlyIfAllIsAsPredictedAndTheCauseIsNamed() {
        assertTrue(MET.isOk());
        assertFalse(outcome(seen(6, 1_161_216), "accept-queue-full", Optional.empty()).isOk());
        assertFalse(outcome(seen(5, 1_161_215), "accept-queue-full", Optional.empty()).isOk());
        assertFalse(outcome(Map.of("backlog 7", 5L), "accept-queue-full", Optional.empty()).isOk());
        assertFalse(outcome(seen(5, 1_161_216), "", Optional.empty()).isOk());
        assertFalse(outcome(seen(5, 1_161_216), "peer-blackhole", Optional.empty()).isOk());
        assertFalse(outcome(seen(5, 1_161_216), "accept-queue-full", Optional.of("nft")).isOk());
    }

    @Test
    void shouldTellWhatWasSeenIn80Columns() {
        String text = new LabReport(false).observation(EXPERIMENT, MET);
        assertTrue(text.contains("  observed   backlog 7 = 5 ✓\n"), text);
        assertTrue(text.contains("its column = 1,161,216 ✓\n"), text);
        assertTrue(text.contains("  named      accept-queue-full ✓\n"), text);
        assertTrue(text.contains("  took       1.3 s\n"), text);
        assertNarrow(text);
        String off = new LabReport(true).observation(EXPERIMENT,
                outcome(Map.of("backlog 7", 6L), "", Optional.empty()));
        assertTrue(off.contains("backlog 7 = 6 \033[31m✗\033[m\n"), off);
        assertTrue(off.contains("= nothing \033[31m✗\033[m\n"), off);
        assertTrue(off.contains("no certain cause \033[31m✗\033[m it is accept-queue-full\n"), off);
        String skipped = new LabReport(false).observation(EXPERIMENT,
                outcome(Map.of(), "", Optional.of("nft, which is not on PATH")));
        assertTrue(skipped.contains("skipped, it needs nft, which is not on PATH"), skipped);
    }

    @Test
    void shouldSumUpIn80Columns() {
        String table = new LabReport(false).table(List.of(MET, outcome(seen(6, 1_161_216), "accept-queue-full",
                Optional.empty()), outcome(Map.of(), "", Optional.of("nft"))));
        assertNarrow(table);
        assertTrue(table.contains("  backlog 7"), table);
        assertTrue(table.contains("at least 1,161,216"), table);
        assertEquals(1, table.lines().filter(l -> l.endsWith("✗")).count(), table);
        assertTrue(table.endsWith("\n3 experiments in 4 s: 1 not as predicted, 1 skipped\n"), table);
    }

    @Test
    void shouldWriteAnObjectALine() throws IOException {
        String json = LabReport.json(MET);
        assertEquals(1, json.lines().count());
        Map<String, Object> all = JSON.std.mapFrom(json);
        assertEquals(List.of("experiment", "settings", "predicted", "observed", "ok", "cause", "walls", "skipped",
                "seconds"), List.copyOf(all.keySet()));
        assertEquals(Map.of("backlog", "7", "somaxconn", "4"), all.get("settings"));
        assertEquals(Map.of("backlog 7", 5, "a name that is much longer than its column", "at least 1,161,216"),
                all.get("predicted"));
        assertEquals(Map.of("backlog 7", 5, "a name that is much longer than its column", 1_161_216),
                all.get("observed"));
        assertEquals(true, all.get("ok"));
        assertEquals("accept-queue-full", all.get("cause"));
        assertEquals(1.25, all.get("seconds"));
        assertEquals("nft", JSON.std.mapFrom(LabReport.json(outcome(Map.of(), "", Optional.of("nft")))).get("skipped"));
    }

    @Test
    void shouldRefuseALowerBoundThatIsNone() {
        assertThrows(NullPointerException.class, () -> new Expected(null, 1L));
    }

    private static void assertNarrow(String text) {
        assertEquals(List.of(), text.lines().filter(l -> l.length() > 80).toList());
    }
}
