package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.headroom.diag.lab.Chart;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.diag.lab.Trial;
import dev.headroom.tests.Browser;
import dev.headroom.tests.Requires;

/** The report in a real browser, which draws it. What it looked like is left in target/report. */
@Timeout(180)
class LabReportIT {
    private static final Path PICTURES = Path.of(System.getProperty("headroom.root"),
            "tests/integration/target/report");
    private static final String HOSTILE = "</script><script>document.title = 'run'</script><!--<b>&amp;\"'";

    /** How many points of each series of each chart have a place, and how many pixels of its colour are on the canvas. */
    private static final String LOOK = """
            [...document.querySelectorAll('canvas')].map(canvas => {
              const chart = Chart.getChart(canvas), area = chart.chartArea, scale = chart.currentDevicePixelRatio;
              const pixels = canvas.getContext('2d').getImageData(area.left * scale, area.top * scale,
                  area.width * scale, area.height * scale).data;
              return chart.data.datasets.map((set, s) => {
                const [r, g, b] = set.borderColor.match(/\\w\\w/g).map(h => parseInt(h, 16));
                let seen = 0;
                for (let i = 0; i < pixels.length; i += 4) {
                  seen += pixels[i + 3] > 200 && Math.abs(pixels[i] - r) + Math.abs(pixels[i + 1] - g)
                      + Math.abs(pixels[i + 2] - b) < 30;
                }
                const places = chart.getDatasetMeta(s).data.filter(p => Number.isFinite(p.x) && Number.isFinite(p.y));
                return [places.length, seen];
              });
            })""";

    @TempDir
    private static Path temp;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        browser = new Browser(temp.resolve("profile"));
        Files.createDirectories(PICTURES);
    }

    @AfterAll
    static void end() throws Exception {
        if (browser != null) {
            browser.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1280, false", "1280, true", "400, false", "400, true"})
    void shouldDrawEveryPointOfEverySeries(int width, boolean dark) throws Exception {
        browser.look(width, dark);
        browser.open(page());

        List<List<List<Integer>>> seen = look();
        List<Chart> charts = charts();
        assertEquals(charts.size(), seen.size());
        for (int c = 0; c < charts.size(); c++) {
            Chart chart = charts.get(c);
            assertEquals(chart.series().stream().map(s -> s.y().size()).toList(),
                    seen.get(c).stream().map(List::getFirst).toList(), chart.title());
            for (List<Integer> series : seen.get(c)) {
                assertTrue(series.getLast() > 50, chart.title() + ": " + seen.get(c));
            }
        }
        assertEquals(true, browser.evaluate("document.documentElement.scrollWidth <= innerWidth"),
                "wider than the window");
        nothingButThePage();
        picture("charts-" + width + (dark ? "-dark" : "-light"));
    }

    /** What the test above looks at tells a drawn chart from a blank one. */
    @Test
    void shouldSeeWhatIsNotDrawn() throws Exception {
        browser.look(1280, false);
        browser.open(page());
        browser.evaluate("document.querySelectorAll('canvas')"
                + ".forEach(c => c.getContext('2d').clearRect(0, 0, c.width, c.height))");
        assertTrue(look().stream().flatMap(List::stream).allMatch(s -> s.getLast() == 0));
    }

    @Test
    void shouldRunNoScriptButItsOwn() throws Exception {
        browser.open(page());
        assertEquals("headroom lab", browser.evaluate("document.title"));
        assertEquals(true, browser.evaluate("document.body.textContent.includes(" + "\"" + HOSTILE.replace("\"", "\\\"")
                + "\")"));
        browser.evaluate("document.body.append(Object.assign(document.createElement('script'), "
                + "{textContent: 'document.title = \"run\"'}))");
        assertEquals("headroom lab", browser.evaluate("document.title"));
    }

    @Test
    void shouldShowTheNumbersWithoutScript() throws Exception {
        browser.call("Emulation.setScriptExecutionDisabled", Map.of("value", true));
        try {
            browser.open(page());
            assertEquals(true,
                    browser.evaluate("[...document.querySelectorAll('.canvas')].every(c => !c.offsetHeight)"));
            String text = (String) browser.evaluate("document.body.innerText");
            for (String number : List.of("1,161,216", "99.999%", "sock_inode_cache", "Predicted and observed")) {
                assertTrue(text.contains(number), number);
            }
        } finally {
            browser.call("Emulation.setScriptExecutionDisabled", Map.of("value", false));
        }
    }

    @Test
    void shouldPrintAndComeBack() throws Exception {
        browser.look(1280, true);
        browser.open(page());
        List<List<List<Integer>>> before = look();
        String pdf = (String) browser.call("Page.printToPDF", Map.of("printBackground", true)).get("data");
        Files.write(PICTURES.resolve("charts.pdf"), Base64.getDecoder().decode(pdf));
        assertEquals(before, look());
        nothingButThePage();
    }

    @Test
    void shouldShowARunOfTheLab() throws Exception {
        Requires.root();
        Requires.tool("ip");
        Path page = temp.resolve("run <1>.html");
        Path out = temp.resolve("out");
        Process lab = lab(out, "four-tuple", "--report", page.toString());
        assertTrue(lab.waitFor(120, TimeUnit.SECONDS));
        assertEquals(0, lab.exitValue(), () -> read(out));
        assertTrue(read(out).endsWith("report: " + page + "\n"), () -> read(out));

        browser.look(1280, false);
        browser.open(page);
        String text = (String) browser.evaluate("document.body.innerText");
        for (String part : List.of("headroom lab run four-tuple --report '" + page + "'", "every prediction met",
                "Linux " + System.getProperty("os.version"), "listener's port", "decided by")) {
            assertTrue(text.contains(part), part + " is not in:\n" + text);
        }
        assertEquals(0, browser.evaluate("document.querySelectorAll('.bad').length"));
        nothingButThePage();
        picture("four-tuple");
    }

    @Test
    void shouldReportWhatIsThereAfterCtrlC() throws Exception {
        Requires.root();
        Requires.tool("ip");
        Path page = Files.writeString(temp.resolve("stopped.html"), "an older one");
        Path out = temp.resolve("stopped.out");
        Process lab = lab(out, "four-tuple", "descriptors", "--report", page.toString());
        while (lab.isAlive() && !read(out).contains("descriptors: ")) {
            Thread.sleep(50);
        }
        assertEquals("an older one", Files.readString(page));
        assertEquals(0, new ProcessBuilder("kill", "-INT", Long.toString(lab.pid())).start().waitFor());
        assertTrue(lab.waitFor(60, TimeUnit.SECONDS));
        assertTrue(read(out).contains("stopped after 1 of 2"), () -> read(out));

        browser.open(page);
        assertEquals(1, browser.evaluate("document.querySelectorAll('.experiment').length"));
        assertEquals(true, browser.evaluate("document.querySelector('#four-tuple .good') !== null"));
    }

    private static Process lab(Path out, String... words) throws IOException {
        List<String> command = new ArrayList<>(Self.command());
        command.addAll(List.of("lab", "run"));
        command.addAll(List.of(words));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void nothingButThePage() {
        assertEquals(1, browser.requests().size(), () -> browser.requests().toString());
        assertEquals(List.of(), browser.complaints());
    }

    @SuppressWarnings("unchecked")
    private static List<List<List<Integer>>> look() throws Exception {
        return (List<List<List<Integer>>>) browser.evaluate(LOOK);
    }

    private static void picture(String name) throws Exception {
        String png = (String) browser.call("Page.captureScreenshot", Map.of("captureBeyondViewport", true)).get("data");
        Files.write(PICTURES.resolve(name + ".png"), Base64.getDecoder().decode(png));
    }

    // ---- a page with charts of each kind ----

    private static Path page() throws Exception {
        Path page = temp.resolve("charts.html");
        Files.writeString(page, LabPage.of(List.of(new LabPage.Done(experiment("million"), outcome()),
                new LabPage.Done(experiment("conntrack-full"), skipped())),
                List.of("headroom", "lab", "run", "million")));
        return page;
    }

    private static Experiment experiment(String name) {
        return new Experiment() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public String shows() {
                return "Nothing but memory bounds the connections of one listener. " + HOSTILE;
            }

            @Override
            public String decidedBy() {
                return "net/ipv4/inet_hashtables.c __inet_hash_connect";
            }

            @Override
            public void run(Trial trial) {
                throw new UnsupportedOperationException();
            }
        };
    }

    private static Outcome outcome() {
        Map<String, Object> observed = new LinkedHashMap<>();
        observed.put("connections", 1_161_216L);
        observed.put("bytes a connection", 5_000L);
        return new Outcome("million", Map.of("connections", "1161216", "note", HOSTILE),
                List.of(new Outcome.Reading("net.ipv4.ip_local_port_range", "1024 65535",
                        "/proc/sys/net/ipv4/ip_local_port_range on client 1")),
                List.of(new Outcome.Prediction("connections", Expected.exactly(1_161_216),
                        "3 clients × 6 addresses × 64,512 ports"),
                        new Outcome.Prediction("bytes a connection", Expected.between(3_000, 4_500),
                                "the original experiment saw 3.7 KiB")),
                observed, List.of(new Outcome.Wall("tuple-range-exhausted", "nofile-soft", "connect: EADDRNOTAVAIL")),
                charts(), Optional.empty(), 47.3);
    }

    private static Outcome skipped() {
        return new Outcome("conntrack-full", Map.of(), List.of(), List.of(), Map.of(), List.of(), List.of(),
                Optional.of("nft, which is not on PATH"), 0.1);
    }

    private static List<Chart> charts() {
        List<Double> seconds = IntStream.range(0, 60).mapToObj(s -> (double) s).toList();
        List<Double> percentiles = List.of(0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0);
        return List.of(
                new Chart("Connections", Chart.Kind.LINES, "seconds", "connections", List.of(),
                        List.of(over("server", seconds, s -> Math.min(1_161_216, s * 25_000)),
                                over("client 1", seconds, s -> Math.min(387_072, s * 8_000)),
                                over("client 2", seconds, s -> Math.min(387_072, s * 8_500)),
                                over("client 3", seconds, s -> Math.min(387_072, s * 9_500)))),
                new Chart("Memory of the machine", Chart.Kind.LINES, "seconds", "MiB in use", List.of(),
                        List.of(over("memory", seconds, s -> 1_800 + Math.min(9_600, s * 210)))),
                new Chart("Accept queue", Chart.Kind.LINES, "seconds", "connections", List.of(),
                        List.of(over("accept queue", seconds, s -> s > 47 ? 0 : 40 * Math.abs(Math.sin(s))))),
                new Chart("Memory per connection", Chart.Kind.BARS, "slab object", "bytes",
                        List.of("TCP", "sock_inode_cache", "dentry", "filp", "eventpoll_epi", "all"),
                        List.of(new Chart.Series("here", List.of(), List.of(2_368., 832., 192., 256., 128., 4_100.)),
                                new Chart.Series("the original", List.of(),
                                        List.of(2_200., 700., 192., 256., 128., 3_789.)))),
                new Chart("Latency of an echo", Chart.Kind.PERCENTILES, "percentile", "milliseconds", List.of(),
                        List.of(new Chart.Series("first echo", percentiles,
                                List.of(.02, .05, .07, .11, .18, .9, 1.4, 3.2, 5.1, 8.8, 14.2, 21.7)),
                                new Chart.Series("heartbeat", percentiles,
                                        List.of(.01, .03, .04, .08, .1, .4, .6, 1.1, 1.9, 2.8, 4., 7.5)))),
                new Chart(HOSTILE, Chart.Kind.BARS, "", "bytes", List.of(HOSTILE),
                        List.of(new Chart.Series(HOSTILE, List.of(), List.of(3.5)))));
    }

    private static Chart.Series over(String name, List<Double> x, DoubleUnaryOperator y) {
        return new Chart.Series(name, x,
                x.stream().flatMapToDouble(DoubleStream::of).map(y).boxed().collect(Collectors.toList()));
    }
}
