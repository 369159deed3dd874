package dev.headroom.diag.lab;

import java.util.List;

/**
 * What is better seen than read, for the report.
 *
 * @param title what it shows
 * @param kind lines over a measured quantity, or a bar for each label
 * @param x what the horizontal axis is, with its unit, e.g. "seconds"
 * @param y what the vertical axis is, with its unit, e.g. "connections"
 * @param labels of the bars; empty for lines
 * @param series one or more
 */
public record Chart(String title, Kind kind, String x, String y, List<String> labels, List<Series> series) {
    /** How it is drawn. */
    public enum Kind {
        /** Points joined to lines. */
        LINES,
        /** The same, the horizontal axis being percentiles and drawn as 1 / (1 - p). */
        PERCENTILES,
        /** A bar for each label and series. */
        BARS
    }

    /**
     * @param name for the legend
     * @param x positions, ascending; empty for bars
     * @param y values, as many as positions or labels
     */
    public record Series(String name, List<Double> x, List<Double> y) {
        public Series {
            x = List.copyOf(x);
            y = List.copyOf(y);
            if (!x.isEmpty() && x.size() != y.size()) {
                throw new IllegalArgumentException(name + ": " + x.size() + " positions, " + y.size() + " values");
            }
        }
    }

    public Chart {
        labels = List.copyOf(labels);
        series = List.copyOf(series);
        if (series.isEmpty()) {
            throw new IllegalArgumentException(title + " shows nothing");
        }
    }
}
