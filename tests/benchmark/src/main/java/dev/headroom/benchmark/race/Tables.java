package dev.headroom.benchmark.race;

import java.io.PrintStream;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The results as text of 80 columns. */
final class Tables {
    private final PrintStream out;
    private final Map<String, String> names;

    /** @param names what is said of each server, by its name */
    Tables(PrintStream out, Map<String, String> names) {
        this.out = out;
        this.names = names;
    }

    void print(Results results) {
        for (Results.Row row : results.rows()) {
            block(row);
        }
        summary(results.rows());
    }

    /** One measure of one condition: each server with its spread. */
    private void block(Results.Row row) {
        Condition.Measure m = row.measure();
        out.printf("%n%s: %s, %s is better%n", row.condition().what(), m.name(), m.more() ? "more" : "less");
        List<Double> reference = row.values().get(Contender.REFERENCE);
        boolean relative = m.relative() && reference != null;
        out.printf("  %-20s %14s  %s%n", "", m.unit(), relative ? "ratio to C, middle half" : "middle half");
        row.values().forEach((server, values) -> {
            Spread s = relative ? Spread.of(row.ratios(server)) : Spread.of(values);
            out.printf("  %-20s %14s  %s%n", server, number(Spread.of(values).median()), relative
                    ? String.format(Locale.ROOT, "%5.2f   %.2f to %.2f", s.median(), s.low(), s.high())
                    : number(s.low()) + " to " + number(s.high()));
        });
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%,.0f" : Math.abs(value) >= 10 ? "%.1f" : "%.3f",
                value);
    }

    /** All medians on one screen: ratios to C, and plain numbers where there is no ratio. */
    private void summary(List<Results.Row> rows) {
        Set<String> servers = servers(rows);
        for (boolean throughput : new boolean[] {true, false}) {
            List<Results.Row> columns = columns(rows, throughput);
            if (columns.isEmpty()) {
                continue;
            }
            out.printf("%n%s%n%-20s", throughput ? "Throughput, C = 1, more is better"
                    : "Less is better: C = 1, except B/connection and start in s", "");
            columns.forEach(r -> out.printf("%9s", throughput ? r.condition().name() : heading(r)));
            out.println();
            for (String server : servers) {
                out.printf("%-20s", server);
                for (Results.Row r : columns) {
                    boolean there = r.values().containsKey(server)
                            && (!r.measure().relative() || r.values().containsKey(Contender.REFERENCE));
                    out.printf("%9s", there ? String.format(Locale.ROOT, r.measure().relative()
                            || r.measure() == Condition.START ? "%.2f" : "%.0f", r.shown(server).median()) : "-");
                }
                out.println();
            }
        }
        out.println();
        servers.forEach(s -> out.printf("%-20s %s%n", s, names.get(s)));
    }

    /** The same as a table for the README, with C's own number on top: throughput, then the rest. */
    String markdown(List<Results.Row> rows) {
        StringBuilder s = new StringBuilder();
        Set<String> servers = servers(rows);
        for (boolean throughput : new boolean[] {true, false}) {
            List<Results.Row> columns = columns(rows, throughput);
            if (columns.isEmpty()) {
                continue;
            }
            s.append("| |");
            columns.forEach(r -> s.append(throughput ? " " + r.condition().name() : " " + heading(r)).append(" |"));
            s.append("\n|---|").append("---|".repeat(columns.size())).append("\n");
            for (String server : servers) {
                s.append("| ").append(server).append(" |");
                for (Results.Row r : columns) {
                    List<Double> values = r.values().get(server);
                    s.append(' ').append(values == null ? "" : cell(r, server, values)).append(" |");
                }
                s.append('\n');
            }
            s.append('\n');
        }
        return s.toString();
    }

    private static String cell(Results.Row r, String server, List<Double> values) {
        Spread own = Spread.of(values);
        if (!r.measure().relative() || server.equals(Contender.REFERENCE)) {
            return number(own.median());
        }
        Spread ratio = Spread.of(r.ratios(server));
        return String.format(Locale.ROOT, "%.2f (%.2f–%.2f)", ratio.median(), ratio.low(), ratio.high());
    }

    private static Set<String> servers(List<Results.Row> rows) {
        Set<String> servers = new LinkedHashSet<>();
        rows.forEach(r -> servers.addAll(r.values().keySet()));
        return servers;
    }

    /** What is about servers, and of it either throughput or all else. */
    private static List<Results.Row> columns(List<Results.Row> rows, boolean throughput) {
        return rows.stream().filter(r -> r.measure().more() == throughput
                && (r.condition().kind() == Condition.Kind.FRESH || r.condition().kind() == Condition.Kind.WARM))
                .toList();
    }

    /** At most eight letters. */
    private static String heading(Results.Row r) {
        return switch (r.condition().name() + " " + r.measure().name()) {
            case "idle rss" -> "B/conn";
            case "idle start" -> "start";
            case "rate cpu" -> "CPU/msg";
            case "accept time" -> "accept";
            case "accept cpu" -> "CPU/acc";
            default -> r.measure().name();
        };
    }
}
