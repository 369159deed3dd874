package dev.headroom.benchmark.race;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.jr.ob.JSON;

import dev.headroom.tests.Requires;

class RaceTest {
    private static final Condition.Measure MEASURE = new Condition.Measure("m", "s", "a.p99.9", 2, false, true);
    private static final Condition CONDITION = new Condition("c", "c", List.of(), Condition.Kind.WARM,
            List.of(MEASURE));

    @Test
    void shouldFindTheMiddleHalf() {
        assertEquals(new Spread(2, 3, 4), Spread.of(List.of(5.0, 1.0, 4.0, 2.0, 3.0)));
        assertEquals(new Spread(1.25, 1.5, 1.75), Spread.of(List.of(2.0, 1.0)));
        assertEquals(new Spread(7, 7, 7), Spread.of(List.of(7.0)));
    }

    @Test
    void shouldReadNumbersFromAnAnswer() {
        assertEquals(46, MEASURE.of(Map.of("a", Map.of("p99.9", 23))));
    }

    @Test
    void shouldCompareWithTheReferenceOfTheSameRound() {
        Results results = new Results();
        for (int round = 1; round <= 3; round++) {
            // The machine gets slower from round to round: the ratio does not.
            results.add(CONDITION, MEASURE, Contender.REFERENCE, 100 * round);
            results.add(CONDITION, MEASURE, "other", 150 * round);
        }
        assertEquals(new Spread(1.5, 1.5, 1.5), results.rows().getFirst().shown("other"));
    }

    @ParameterizedTest
    @CsvSource({"--servers,nobody", "--conditions,nothing", "--rounds,0", "--seconds,0", "--fill,7", "--sever,c"})
    void shouldRefuseWhatItDoesNotKnow(String option, String value) {
        assertEquals(2, Race.run(option, value));
    }

    /** All that a long race does, in the least time: every way to run a condition, every output. */
    @Test
    void shouldRaceRealServers(@TempDir Path folder) throws Exception {
        Requires.root();
        for (String tool : List.of("ip", "taskset", "setsid", "nice")) {
            Requires.tool(tool);
        }
        Requires.that(Runtime.getRuntime().availableProcessors() >= 2, "two processors");
        Path json = folder.resolve("race.json");
        Path chart = folder.resolve("race.svg");
        Path markdown = folder.resolve("race.md");

        int status = Race.run("--servers", "selector", "--conditions", "1x16,idle,rate", "--rate", "1000", "--rounds",
                "1",
                "--seconds", "0.1", "--quick", "--json", json.toString(), "--chart", chart.toString(), "--markdown",
                markdown.toString());

        assertEquals(0, status);
        Map<String, Object> all = JSON.std.mapFrom(Files.readString(json));
        List<?> results = (List<?>) all.get("results");
        // rss and start of idle, throughput of 1x16, processor time and three percentiles of rate
        assertEquals(7, results.size());
        for (Object result : results) {
            Map<?, ?> servers = (Map<?, ?>) ((Map<?, ?>) result).get("servers");
            assertEquals(Set.of("c", "selector"), servers.keySet());
            assertEquals(1, ((List<?>) ((Map<?, ?>) servers.get("c")).get("values")).size());
        }
        assertAll(() -> assertTrue(Files.readString(chart).contains("1 connection × 16 B")),
                () -> assertTrue(Files.readString(markdown).contains("| selector |")),
                () -> assertTrue(all.get("kernel").toString().startsWith("Linux ")));
    }
}
