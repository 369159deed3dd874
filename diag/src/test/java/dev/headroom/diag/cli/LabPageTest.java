package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.lab.Chart;
import dev.headroom.diag.lab.Chart.Series;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.diag.lab.Outcome.Prediction;
import dev.headroom.diag.lab.Outcome.Reading;
import dev.headroom.diag.lab.Outcome.Wall;
import dev.headroom.diag.lab.experiments.Experiments;

class LabPageTest {
    private static final String HOSTILE = "<b>&amp;</script><!--\"'{{title}}";
    private static final String ESCAPED = "&lt;b&gt;&amp;amp;&lt;/script&gt;&lt;!--&quot;&#39;{{title}}";

    private static final List<Chart> CHARTS = List.of(
            new Chart("memory", Chart.Kind.LINES, "seconds", "MiB", List.of(),
                    List.of(new Series("server", List.of(0., 1.5, 3.), List.of(1234567., Double.NaN, 0.25)),
                            new Series("client", List.of(1.5, 4.), List.of(7., 8.)))),
            new Chart("latency", Chart.Kind.PERCENTILES, "percentile", "ms", List.of(),
                    List.of(new Series("echo", List.of(0.5, 0.99999, 1.), List.of(1., 2., 3.)))),
            new Chart(HOSTILE, Chart.Kind.BARS, HOSTILE, "bytes", List.of("TCP", HOSTILE),
                    List.of(new Series(HOSTILE, List.of(), List.of(2368., 4100.5)))));

    private static Outcome outcome(List<Chart> charts) {
        return new Outcome("four-tuple", Map.of("note", HOSTILE),
                List.of(new Reading(HOSTILE, HOSTILE, HOSTILE)),
                List.of(new Prediction("connections", Expected.exactly(64_512), HOSTILE),
                        new Prediction("echoed", Expected.atLeast(1), "")),
                Map.of("connections", 64_511L), List.of(new Wall("file-max", "", HOSTILE)), charts, Optional.empty(),
                2.04);
    }

    private static String page(Outcome outcome, String... command) {
        return LabPage.of(List.of(new LabPage.Done(Experiments.of("four-tuple").orElseThrow(), outcome)),
                List.of(command));
    }

    /** Its text, one blank for everything between. */
    private static String text(String page) {
        String body = page.substring(page.indexOf("<body>")).replaceAll("(?s)<script.*?</script>", " ");
        return body.replaceAll("<[^>]*>", " ").replaceAll("\\s+", " ");
    }

    @Test
    void shouldSayWhatWasPredictedAndWhatHappened() {
        String text = text(page(outcome(List.of()), "headroom", "lab", "run", "four-tuple"));
        for (String part : List.of("1 experiment in 2 s: 1 not as predicted", "command headroom lab run four-tuple",
                "kernel Linux " + System.getProperty("os.version"), "connections 64,512 64,511 ✗ not as predicted",
                "echoed at least 1 nothing ✗", "cause file-max no certain cause ✗", "it is file-max",
                Experiments.of("four-tuple").orElseThrow().decidedBy(), "took 2.0 s")) {
            assertTrue(text.contains(part), part + " is not in:\n" + text);
        }
        Outcome good = new Outcome("four-tuple", Map.of(), List.of(),
                List.of(new Prediction("n", Expected.exactly("a"), "")), Map.of("n", "a"), List.of(), List.of(),
                Optional.empty(), 1);
        assertFalse(text(page(good)).contains("✗"));
        assertTrue(text(page(good)).contains("every prediction met"));
    }

    @Test
    void shouldSayWhyOneWasSkipped() {
        String text = text(page(new Outcome("four-tuple", Map.of(), List.of(), List.of(), Map.of(), List.of(),
                List.of(), Optional.of("root"), 0)));
        assertTrue(text.contains("none could be done, 1 skipped"), text);
        assertTrue(text.contains("four-tuple skipped, it needs root"), text);
        assertFalse(text.contains("✗"), text);
    }

    @Test
    void shouldTakeEveryTextForText() {
        String page = page(outcome(CHARTS), "headroom", HOSTILE);
        assertFalse(page.contains("<b>"));
        // set, read thrice, why, sentence, and of the chart: title and columns; the rest is in attributes.
        assertTrue(page.split(Pattern.quote(ESCAPED), -1).length > 8);
        assertEquals(3, page.split("</script>", -1).length - 1, "scripts: the numbers, the library, ours");
        assertFalse(page.substring(page.indexOf("id=\"charts\"")).contains("<!--"));
    }

    @Test
    void shouldHoldTheNumbersOfEveryChartTwice() throws Exception {
        String page = page(outcome(CHARTS));
        MatchResult json = Pattern.compile("id=\"charts\">(.*?)</script>", Pattern.DOTALL).matcher(page).results()
                .findFirst().orElseThrow();
        List<Object> drawn = JSON.std.listFrom(json.group(1));
        assertEquals(CHARTS.size(), drawn.size());
        for (int i = 0; i < drawn.size(); i++) {
            Map<?, ?> chart = (Map<?, ?>) drawn.get(i);
            assertEquals(CHARTS.get(i).title(), chart.get("title"));
            assertEquals(CHARTS.get(i).kind().name(), chart.get("kind"));
            assertEquals(CHARTS.get(i).labels(), chart.get("labels"));
            for (int s = 0; s < CHARTS.get(i).series().size(); s++) {
                Map<?, ?> series = (Map<?, ?>) ((List<?>) chart.get("series")).get(s);
                Series given = CHARTS.get(i).series().get(s);
                assertEquals(given.name(), series.get("name"));
                assertEquals(given.x(), series.get("x"));
                assertEquals(given.y().toString().replace("NaN", "null"), series.get("y").toString());
            }
        }
        String text = text(page);
        for (String row : List.of("seconds server (MiB) client (MiB) 0 1,234,567 1.5 7 3 0.25 4 8",
                "percentile echo (ms) 50% 1 99.999% 2 100% 3", "TCP 2,368 " + ESCAPED + " 4,100.5")) {
            assertTrue(text.contains(row), row + " is not in:\n" + text);
        }
    }

    /** The browser is told to load nothing and to run nothing but the two scripts; and nothing asks for it. */
    @Test
    void shouldNeedNothingFromAnywhere() {
        String page = page(outcome(CHARTS));
        assertTrue(Pattern.compile("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                + "style-src 'unsafe-inline'; script-src 'sha256-[\\w+/]{43}=' 'sha256-[\\w+/]{43}='\"").matcher(page)
                .find());
        String own = page.replaceAll("(?s)<script>.*?</script>", "");
        assertFalse(Pattern.compile("(?i)<(link|img|iframe|object|embed|base)\\b|\\bsrc=|@import|url\\(|https?:")
                .matcher(own.substring(own.indexOf("</title>"))).find());
        assertFalse(page.contains("sourceMappingURL"));
        assertTrue(page.contains("Copyright (c) 2014-2024 Chart.js Contributors"));
        assertTrue(page.contains("Jukka Kurkela"));
    }

    @Test
    void shouldCarryNoScriptWhereThereIsNothingToDraw() {
        String page = page(outcome(List.of()));
        assertFalse(page.contains("<script"));
        assertFalse(page.contains("Chart.js"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {"lab | lab", "range=1024-65535 | range=1024-65535",
            "/tmp/a b.html | '/tmp/a b.html'", "it's | 'it'\\''s'", "$(x) | '$(x)'"})
    void shouldQuoteAsAShellTakesIt(String word, String quoted) {
        assertEquals(quoted, LabPage.quoted(word));
    }
}
