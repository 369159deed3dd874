package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.diag.lab.Trial;

/** What an experiment predicts and shows, for a person and for a program. */
final class LabReport {
    private static final String GREEN = "\033[32m";
    private static final String RED = "\033[31m";
    private static final String PLAIN = "\033[m";
    private static final String INDENT = "             ";
    private static final int NAME = 24;
    private static final int NUMBER = 26;

    private final boolean colour;

    LabReport(boolean colour) {
        this.colour = colour;
    }

    /** The first half of a block: what will happen. */
    String prediction(Trial t) {
        Experiment e = t.experiment();
        StringBuilder out = new StringBuilder();
        Prose.wrap(out, e.name() + ": ", "  ", e.shows());
        if (!e.touches().isEmpty()) {
            Prose.wrap(out, "  changes    ", INDENT, String.join(", ", e.touches())
                    + " of the whole machine, and puts it back");
        }
        for (Outcome.Reading r : t.readings()) {
            Prose.wrap(out, "  read       ", INDENT, r.name() + " = " + r.value() + "  (" + r.source() + ")");
        }
        for (Outcome.Prediction p : t.predictions()) {
            Prose.wrap(out, "  predicted  ", INDENT, p.name() + " = " + p.expected() + ": " + p.why());
        }
        return out.toString();
    }

    /** The second half: what happened. */
    String observation(Experiment e, Outcome o) {
        StringBuilder out = new StringBuilder();
        if (o.skipped().isPresent()) {
            Prose.wrap(out, o.predictions().isEmpty() ? e.name() + ": " : "  skipped    ", INDENT,
                    "skipped, it needs " + o.skipped().get());
            return out.append('\n').toString();
        }
        for (Outcome.Prediction p : o.predictions()) {
            Prose.wrap(out, "  observed   ", INDENT, p.name() + " = " + seen(o, p) + " " + mark(o.isMet(p)));
        }
        for (Outcome.Wall w : o.walls()) {
            Prose.wrap(out, "  the wall   ", INDENT, w.sentence());
            Prose.wrap(out, "  named      ", INDENT,
                    named(w) + " " + mark(w.isRight())
                            + (w.isRight() ? "" : " it is " + w.expected()));
        }
        Prose.wrap(out, "  decided by ", INDENT, e.decidedBy());
        return out.append(String.format(Locale.ROOT, "  took       %.1f s%n%n", o.seconds())).toString();
    }

    private String mark(boolean ok) {
        return colour ? (ok ? GREEN + "✓" : RED + "✗") + PLAIN : ok ? "✓" : "✗";
    }

    /** All of them, a line a prediction. */
    String table(List<Outcome> outcomes) {
        StringBuilder out = new StringBuilder();
        out.append(String.format(Locale.ROOT, "%-" + NAME + "s%" + NUMBER + "s%" + NUMBER + "s%n", "experiment",
                "predicted", "observed"));
        for (Outcome o : outcomes) {
            rows(out, o);
        }
        return out.append('\n').append(summary(outcomes)).append('\n').toString();
    }

    /** Of all of them, in a line. */
    static String summary(List<Outcome> outcomes) {
        long failed = outcomes.stream().filter(o -> o.skipped().isEmpty() && !o.isOk()).count();
        long skipped = outcomes.stream().filter(o -> o.skipped().isPresent()).count();
        double seconds = outcomes.stream().mapToDouble(Outcome::seconds).sum();
        String verdict = failed > 0 ? failed + " not as predicted"
                : skipped < outcomes.size() ? "every prediction met, every wall named" : "none could be done";
        return String.format(Locale.ROOT, "%d experiment%s in %.0f s: %s%s", outcomes.size(),
                outcomes.size() == 1 ? "" : "s", seconds, verdict, skipped == 0 ? "" : ", " + skipped + " skipped");
    }

    static String seen(Outcome o, Outcome.Prediction p) {
        return o.observed().containsKey(p.name()) ? Expected.text(o.observed().get(p.name())) : "nothing";
    }

    static String named(Outcome.Wall w) {
        return w.named().isEmpty() ? "no certain cause" : w.named();
    }

    private void rows(StringBuilder out, Outcome o) {
        if (o.skipped().isPresent()) {
            out.append(String.format(Locale.ROOT, "%-" + NAME + "s%s%n", o.experiment(), "skipped"));
            return;
        }
        String name = o.experiment();
        for (Outcome.Prediction p : o.predictions()) {
            boolean single = o.predictions().size() == 1;
            String label = single ? name : name.isEmpty() ? "  " + p.name() : name;
            if (!single && !name.isEmpty()) {
                out.append(name).append('\n');
                label = "  " + p.name();
            }
            out.append(String.format(Locale.ROOT, "%-" + NAME + "s%" + NUMBER + "s%" + NUMBER + "s %s%n",
                    Prose.fit(label, NAME - 1), Prose.fit(p.expected().toString(), NUMBER - 1),
                    Prose.fit(seen(o, p), NUMBER - 1), mark(o.isMet(p))));
            name = "";
        }
        for (Outcome.Wall w : o.walls()) {
            out.append(String.format(Locale.ROOT, "%-" + NAME + "s%" + NUMBER + "s%" + NUMBER + "s %s%n", "  cause",
                    Prose.fit(w.expected(), NUMBER - 1),
                    Prose.fit(named(w), NUMBER - 1),
                    mark(w.isRight())));
        }
    }

    /** One object on a line. */
    static String json(Outcome o) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("experiment", o.experiment());
        all.put("settings", new TreeMap<>(o.settings()));
        Map<String, Object> predicted = new LinkedHashMap<>();
        o.predictions().forEach(p -> predicted.put(p.name(), p.expected().value()));
        all.put("predicted", predicted);
        all.put("observed", o.observed());
        all.put("ok", o.isOk());
        List<Map<String, Object>> walls = new ArrayList<>();
        for (Outcome.Wall w : o.walls()) {
            Map<String, Object> wall = new LinkedHashMap<>();
            wall.put("expected", w.expected());
            wall.put("named", w.named().isEmpty() ? null : w.named());
            wall.put("sentence", w.sentence());
            walls.add(wall);
        }
        all.put("cause", o.walls().isEmpty() ? null : walls.getFirst().get("named"));
        all.put("walls", walls);
        all.put("skipped", o.skipped().orElse(null));
        all.put("seconds", Math.round(o.seconds() * 1000) / 1000.0);
        try {
            return JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES).asString(all);
        } catch (RuntimeException e) {
            throw new UncheckedIOException(new IOException("cannot write as JSON: " + o, e));
        }
    }
}
