package dev.headroom.benchmark.race;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The ratios as a picture: a panel for each measure, a line for each server, its median and the middle half. */
final class Chart {
    private static final int COLUMNS = 3;
    private static final int NAMES = 150;
    private static final int PANEL = 300;
    private static final int LINE = 16;
    private static final int TOP = 78;
    private static final double LEAST = 0.5;
    private static final double MOST = 1.5;

    private Chart() {
    }

    static String draw(Results results, Map<String, Object> about) {
        List<Results.Row> rows = results.rows().stream().filter(r -> r.measure().relative()
                && r.condition().kind() == Condition.Kind.WARM && r.values().containsKey(Contender.REFERENCE)).toList();
        int servers = rows.stream().mapToInt(r -> r.values().size()).max().orElse(0);
        int high = servers * LINE + 46;
        int panels = Math.ceilDiv(rows.size(), COLUMNS);
        StringBuilder s = new StringBuilder();
        s.append(String.format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" role=\"img\">%n",
                NAMES + COLUMNS * PANEL + 20, TOP + panels * high + 10));
        s.append("<title>Echo servers, each one's ratio to the reference in C</title>\n");
        s.append("<style>text{font:11px sans-serif;fill:#333}.h{font-weight:bold}.o{fill:#0a6ebd;font-weight:bold}"
                + ".n{text-anchor:end}.m{text-anchor:middle;fill:#777}</style>\n<rect width=\"100%\" height=\"100%\""
                + " fill=\"#fff\"/>\n");
        s.append(String.format(
                "<text x=\"12\" y=\"20\" class=\"h\">Ratio to the reference in C: median and middle half "
                        + "of %s rounds</text>%n<text x=\"12\" y=\"36\">%s</text>%n<text x=\"12\" y=\"50\">%s, commit %s, %s"
                        + "</text>%n",
                about.get("rounds"), escape(about.get("machine") + ", " + about.get("kernel")),
                escape(about.get("date").toString()), escape(about.get("commit").toString()),
                escape(about.get("command").toString())));
        for (int i = 0; i < rows.size(); i++) {
            panel(s, rows.get(i), NAMES + i % COLUMNS * PANEL, TOP + i / COLUMNS * high, i % COLUMNS == 0, servers);
        }
        return s.append("</svg>\n").toString();
    }

    private static void panel(StringBuilder s, Results.Row row, int x, int y, boolean names, int servers) {
        Condition.Measure m = row.measure();
        s.append(String.format("<text x=\"%d\" y=\"%d\" class=\"h\">%s</text><text x=\"%d\" y=\"%d\">%s: %s is better"
                + "</text>%n", x, y + 14, escape(row.condition().what()), x, y + 27, escape(m.name()),
                m.more() ? "more" : "less"));
        int bottom = y + 34 + servers * LINE;
        for (double at : new double[] {LEAST, 0.75, 1, 1.25, MOST}) {
            s.append(String.format(Locale.ROOT, "<path d=\"M%.1f %dV%d\" stroke=\"%s\"/><text x=\"%.1f\" y=\"%d\" "
                    + "class=\"m\">%.2f</text>%n", place(x, at), y + 32, bottom, at == 1 ? "#888" : "#e4e4e4",
                    place(x, at), bottom + 10, at));
        }
        int line = y + 44;
        for (String server : row.values().keySet()) {
            boolean ours = server.startsWith("headroom");
            Spread r = row.shown(server);
            String colour = ours ? "#0a6ebd" : "#777";
            if (names) {
                s.append(String.format("<text x=\"%d\" y=\"%d\" class=\"n%s\">%s</text>%n", NAMES - 10, line + 3,
                        ours ? " o" : "", server));
            }
            s.append(String.format(Locale.ROOT, "<path d=\"M%.1f %dH%.1f\" stroke=\"%s\" stroke-width=\"2\"/>"
                    + "<circle cx=\"%.1f\" cy=\"%d\" r=\"4\" fill=\"%s\"><title>%s %.3f (%.3f to %.3f)</title></circle>%n",
                    place(x, r.low()), line, place(x, r.high()), colour, place(x, r.median()), line, colour, server,
                    r.median(), r.low(), r.high()));
            line += LINE;
        }
    }

    /** What is out of the picture stands at its edge. */
    private static double place(int x, double ratio) {
        return x + (Math.clamp(ratio, LEAST, MOST) - LEAST) / (MOST - LEAST) * (PANEL - 60);
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
