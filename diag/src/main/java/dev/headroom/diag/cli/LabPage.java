package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.samskivert.mustache.Mustache;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.lab.Chart;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.proc.ProcFs;

/**
 * Experiments as one page that needs nothing but a browser. What it looks like is in report.html, .css and .js; here is
 * what it says. The numbers are there twice: in tables for people, who may have no script, and as JSON for the charts.
 */
final class LabPage {
    /** An experiment that was run. */
    record Done(Experiment experiment, Outcome outcome) {
    }

    private static final String CHARTS_VERSION = "Chart.js v";

    private final List<Map<String, Object>> data = new ArrayList<>();

    private LabPage() {
    }

    /** @param command as it was typed, word by word */
    static String of(List<Done> done, List<String> command) {
        LabPage page = new LabPage();
        Map<String, Object> all = new HashMap<>();
        List<Outcome> outcomes = done.stream().map(Done::outcome).toList();
        all.put("experiments", done.stream().map(page::experiment).toList());
        all.put("title", done.size() == 1 ? "headroom lab: " + done.getFirst().experiment().name() : "headroom lab");
        all.put("summary", LabReport.summary(outcomes));
        all.put("verdict", outcomes.stream().allMatch(o -> o.skipped().isPresent() || o.isOk()) ? "good" : "bad");
        all.put("facts", facts(command));
        all.put("version", Version.line());
        all.put("style", Headroom.text("report.css"));

        String library = library();
        String script = Headroom.text("report.js");
        int version = library.indexOf(CHARTS_VERSION) + CHARTS_VERSION.length();
        all.put("hasCharts", !page.data.isEmpty());
        all.put("chartsVersion", library.substring(version, library.indexOf('\n', version)));
        all.put("library", library);
        all.put("script", script);
        all.put("policy", "default-src 'none'; style-src 'unsafe-inline'; script-src " + hash(library) + " "
                + hash(script));
        // Within a script element only "<" can begin anything but text.
        all.put("data", json(page.data).replace("<", "\\u003c"));
        all.put("licences", List.of(Map.of("name", "Chart.js", "text", Headroom.text("chart.js.LICENSE.md")),
                Map.of("name", "@kurkle/color, a part of Chart.js", "text", Headroom.text("color.LICENSE.md"))));
        return Mustache.compiler().strictSections(true).emptyStringIsFalse(true)
                .withLoader(name -> new StringReader(Headroom.text("report-" + name + ".html")))
                .compile(Headroom.text("report.html"))
                .execute(all);
    }

    // ---- at the top ----

    private static List<Map<String, Object>> facts(List<String> command) {
        return List.of(fact("command", command.stream().map(LabPage::quoted).collect(Collectors.joining(" ")), true),
                fact("machine", machine(), false),
                fact("kernel", "Linux " + System.getProperty("os.version") + ", " + System.getProperty("os.arch"),
                        false),
                fact("date", OffsetDateTime.now().format(DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss xxx")),
                        false));
    }

    private static Map<String, Object> fact(String name, String value, boolean code) {
        return Map.of("name", name, "value", value, "code", code);
    }

    private static String machine() {
        List<String> parts = new ArrayList<>();
        ProcFs proc = new ProcFs();
        try {
            parts.add(proc.sysctl("kernel.hostname").value());
        } catch (IOException e) {
            // It goes without a name.
        }
        parts.add(Runtime.getRuntime().availableProcessors() + " processors" + model());
        try {
            parts.add(String.format(Locale.ROOT, "%.1f GiB", proc.meminfo().memTotal() / (double) (1 << 30)));
        } catch (IOException e) {
            // It goes without a size.
        }
        return String.join(", ", parts);
    }

    /** What x86 calls itself; others have no name in that file. */
    private static String model() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(l -> l.startsWith("model name")).findFirst()
                    .map(l -> " (" + l.substring(l.indexOf(':') + 1).strip() + ")").orElse("");
        } catch (IOException | UncheckedIOException e) {
            return "";
        }
    }

    /** A word of a command line, as a shell takes it. */
    static String quoted(String word) {
        return word.matches("[\\w./:=,@%+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }

    // ---- an experiment ----

    private Map<String, Object> experiment(Done d) {
        Experiment e = d.experiment();
        Outcome o = d.outcome();
        boolean skipped = o.skipped().isPresent();
        Map<String, Object> all = new HashMap<>();
        all.put("id", e.name());
        all.put("name", e.name());
        all.put("shows", e.shows());
        all.put("decidedBy", e.decidedBy());
        all.put("skipped", o.skipped().orElse(""));
        all.put("mark", skipped ? List.of() : mark(o.isOk()));
        all.put("seconds", String.format(Locale.ROOT, "%.1f", o.seconds()));
        all.put("settings", new TreeMap<>(o.settings()).entrySet().stream()
                .map(s -> Map.of("name", s.getKey(), "value", s.getValue())).toList());
        all.put("hasSettings", !o.settings().isEmpty());
        all.put("readings", o.readings().stream()
                .map(r -> Map.of("name", r.name(), "value", r.value(), "source", r.source())).toList());
        all.put("hasReadings", !o.readings().isEmpty());
        all.put("predictions", o.predictions().stream()
                .map(p -> Map.of("name", p.name(), "expected", p.expected().toString(), "why", p.why(), "seen",
                        LabReport.seen(o, p), "mark", skipped ? List.of() : mark(o.isMet(p))))
                .toList());
        all.put("hasPredictions", !o.predictions().isEmpty());
        all.put("walls", o.walls().stream()
                .map(w -> Map.of("expected", w.expected(), "named", LabReport.named(w), "sentence", w.sentence(),
                        "mark",
                        mark(w.isRight()), "instead", w.isRight() ? "" : w.expected()))
                .toList());
        all.put("charts", o.charts().stream().map(this::chart).toList());
        return all;
    }

    private static Map<String, String> mark(boolean ok) {
        return Map.of("kind", ok ? "good" : "bad", "sign", ok ? "✓" : "✗", "word", ok ? "as predicted"
                : "not as predicted");
    }

    // ---- a chart ----

    private Map<String, Object> chart(Chart c) {
        Map<String, Object> drawn = new LinkedHashMap<>();
        drawn.put("kind", c.kind().name());
        drawn.put("title", c.title());
        drawn.put("x", c.x());
        drawn.put("y", c.y());
        drawn.put("labels", c.labels());
        drawn.put("series", c.series().stream()
                .map(s -> Map.of("name", s.name(), "x", s.x(), "y", Arrays.asList(finite(s.y())))).toList());
        Map<String, Object> all = new HashMap<>();
        all.put("number", data.size());
        data.add(drawn);
        all.put("title", c.title());
        all.put("label", c.title() + ": " + (c.kind() == Chart.Kind.BARS ? "bars" : "lines") + " of " + c.y() + " by "
                + c.x() + " for " + c.series().stream().map(Chart.Series::name).collect(Collectors.joining(", "))
                + "; the numbers are in the table below");
        all.put("corner", c.x());
        all.put("columns", c.series().stream()
                .map(s -> s.name().equals(c.y()) || c.y().isEmpty() ? s.name() : s.name() + " (" + c.y() + ")")
                .toList());
        all.put("rows", rows(c));
        return all;
    }

    private static List<Map<String, Object>> rows(Chart c) {
        int width = c.series().size();
        Map<Double, String[]> rows = new TreeMap<>();
        for (int s = 0; s < width; s++) {
            List<Double> x = c.series().get(s).x();
            Double[] y = finite(c.series().get(s).y());
            for (int i = 0; i < y.length; i++) {
                double at = c.kind() == Chart.Kind.BARS ? i : x.get(i);
                rows.computeIfAbsent(at, _ -> empty(width))[s] = y[i] == null ? "" : number(y[i]);
            }
        }
        return rows.entrySet().stream()
                .map(r -> Map.<String, Object>of("at", position(c, r.getKey()), "cells", List.of(r.getValue())))
                .toList();
    }

    private static String[] empty(int width) {
        String[] cells = new String[width];
        Arrays.fill(cells, "");
        return cells;
    }

    private static String position(Chart c, double at) {
        return switch (c.kind()) {
            case BARS -> c.labels().get((int) at);
            case PERCENTILES -> format("0.#######", 100 * at) + "%";
            case LINES -> number(at);
        };
    }

    /** JSON has no other numbers: null is a gap in the line. */
    private static Double[] finite(List<Double> values) {
        return values.stream().map(v -> Double.isFinite(v) ? v : null).toArray(Double[]::new);
    }

    private static String number(double n) {
        return format(Math.abs(n) < 1 ? "0.######" : "#,##0.###", n);
    }

    private static String format(String pattern, double n) {
        return new DecimalFormat(pattern, DecimalFormatSymbols.getInstance(Locale.ROOT)).format(n);
    }

    private static String json(Object value) {
        try {
            return JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(value);
        } catch (RuntimeException e) {
            throw new UncheckedIOException(new IOException("cannot write the numbers as JSON", e));
        }
    }

    // ---- what the page is made of ----

    /** Without the comment that has a browser ask for a file nobody sent. */
    private static String library() {
        return Headroom.text("chart.umd.min.js").replaceFirst("\n//# sourceMappingURL=\\S*\\s*$", "\n");
    }

    private static String hash(String script) {
        try {
            return "'sha256-" + Base64.getEncoder().encodeToString(
                    MessageDigest.getInstance("SHA-256").digest(script.getBytes(StandardCharsets.UTF_8))) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
