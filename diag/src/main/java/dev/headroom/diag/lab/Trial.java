package dev.headroom.diag.lab;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.explain.Headroom;
import dev.headroom.proc.Sysctl;

/**
 * One run of an experiment: its settings, its lab, and what it reads, predicts and observes, in that order. A prediction
 * that is made after something was observed is none, and refused.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class Trial {
    /** Told as it goes. */
    public interface Audience {
        /** Predictions are made; from now on it happens. */
        default void begins(Trial trial) {
        }

        /** On long work, what is going on. */
        default void says(String line) {
        }

        /** All is seen, and everything is still there; afterwards it is removed. */
        default void ends(Outcome outcome, Lab lab) throws InterruptedException {
        }
    }

    private final Experiment experiment;
    private final Map<String, String> settings;
    private final Lab lab;
    private final Audience audience;
    private final long began = System.nanoTime();
    private final List<Outcome.Reading> readings = new ArrayList<>();
    private final List<Outcome.Prediction> predictions = new ArrayList<>();
    private final Map<String, Object> observed = new LinkedHashMap<>();
    private final List<Outcome.Wall> walls = new ArrayList<>();
    private final List<Chart> charts = new ArrayList<>();
    private boolean begun;

    private Trial(Experiment experiment, Map<String, String> settings, Lab lab, Audience audience) {
        this.experiment = experiment;
        this.settings = settings;
        this.lab = lab;
        this.audience = audience;
    }

    /**
     * Runs an experiment in a lab of its own, which is gone afterwards.
     *
     * @param set settings other than the experiment's own; each must be one that it has
     * @param headroom the command line that starts this program
     */
    public static Outcome of(Experiment experiment, Map<String, String> set, List<String> headroom, Audience audience)
            throws IOException, InterruptedException {
        Map<String, String> settings = new LinkedHashMap<>(experiment.settings());
        for (Map.Entry<String, String> s : set.entrySet()) {
            if (settings.replace(s.getKey(), s.getValue()) == null) {
                throw new IllegalArgumentException(experiment.name() + " has no setting " + s.getKey());
            }
        }
        try (Lab lab = new Lab(headroom)) {
            Trial trial = new Trial(experiment, settings, lab, audience);
            Optional<String> lacking = Optional.empty();
            try {
                for (String tool : experiment.tools()) {
                    if (!Tool.isHere(tool)) {
                        throw new NotHereException(tool + ", which is not on PATH");
                    }
                }
                experiment.run(trial);
            } catch (NotHereException e) {
                lacking = Optional.of(e.getMessage());
            }
            Outcome outcome = trial.outcome(lacking);
            audience.ends(outcome, lab);
            return outcome;
        }
    }

    private Outcome outcome(Optional<String> lacking) {
        return new Outcome(experiment.name(), settings, readings, predictions, observed, walls, charts,
                lacking,
                (System.nanoTime() - began) / 1e9);
    }

    public Experiment experiment() {
        return experiment;
    }

    public Lab lab() {
        return lab;
    }

    public List<Outcome.Reading> readings() {
        return List.copyOf(readings);
    }

    public List<Outcome.Prediction> predictions() {
        return List.copyOf(predictions);
    }

    // ---- settings ----

    /** A setting as it was typed. */
    public String setting(String name) {
        return settings.get(name);
    }

    /**
     * A setting that is a whole number.
     *
     * @throws IllegalArgumentException if it is not, or not within the bounds
     */
    public long number(String name, long low, long high) {
        String text = settings.get(name);
        long n;
        try {
            n = Long.parseLong(text.replace(",", ""));
        } catch (NumberFormatException e) {
            n = low - 1;
        }
        if (n < low || n > high) {
            throw new IllegalArgumentException(
                    name + "=" + text + ": give a whole number, " + Expected.text(low) + " to " + Expected.text(high));
        }
        return n;
    }

    // ---- reading ----

    /** Reads a sysctl of a host. */
    public Sysctl read(Host host, String name) throws IOException, InterruptedException {
        Sysctl s = host.sysctl(name);
        read(name, s.value().replace('\t', ' '), s.file() + " on " + host.role());
        return s;
    }

    /** Notes a number that predictions rest on. */
    public void read(String name, Object value, String source) {
        readings.add(new Outcome.Reading(name, String.valueOf(value), source));
    }

    // ---- predicting ----

    /**
     * @param name of what will be observed
     * @param why a sentence, with the numbers it comes from
     */
    public void predict(String name, Expected expected, String why) {
        if (!observed.isEmpty()) {
            throw new IllegalStateException("a prediction after an observation: " + name);
        }
        predictions.add(new Outcome.Prediction(name, expected, why));
    }

    public void predict(String name, long expected, String why) {
        predict(name, Expected.exactly(expected), why);
    }

    /** What was predicted under that name. */
    public Expected predicted(String name) {
        return predictions.stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow().expected();
    }

    /** The predictions are told; now it happens. May be called again where more was predicted meanwhile. */
    public void begin() {
        if (!begun) {
            begun = true;
            audience.begins(this);
        }
    }

    /** Tells what goes on, on long work. */
    public void say(String line) {
        audience.says(line);
    }

    // ---- observing ----

    /** @param value a whole number or a text */
    public void observe(String name, Object value) {
        begin();
        if (predictions.stream().noneMatch(p -> p.name().equals(name))) {
            throw new IllegalStateException("nothing was predicted of " + name);
        }
        observed.put(name, value instanceof Integer i ? Long.valueOf(i) : value);
    }

    /** Reads what can tell of a question, to be compared with a later reading: counters tell only by how they grow. */
    public Snapshot snapshot(Question q) {
        return Headroom.capture(q);
    }

    /**
     * Asks headroom why the kernel said no.
     *
     * @param cause id of the cause that holds
     * @param q with the process; a {@linkplain Host#tid thread on a host} is one
     */
    public void wall(String cause, Question q) {
        wall(cause, Headroom.explain(q));
    }

    /** As {@link #wall(String, Question)}, with a reading from before. */
    public void wall(String cause, Question q, Snapshot before) {
        wall(cause, Headroom.explain(q, before));
    }

    /** Notes what a process has said of its own wall: {@code serve} and {@code connect} tell the cause with the limit. */
    public void wall(String cause, Map<String, Object> limit) {
        boolean sure = "CONFIRMED".equals(limit.get("verdict"));
        walls.add(new Outcome.Wall(cause, sure ? String.valueOf(limit.get("cause")) : "",
                limit.get("call") + ": " + limit.get("errno") + ", because " + limit.get("because")));
    }

    private void wall(String cause, Diagnosis d) {
        walls.add(new Outcome.Wall(cause, d.confirmed().map(j -> j.cause().id()).orElse(""), d.sentence()));
    }

    /** Something for the report. */
    public void chart(Chart chart) {
        charts.add(chart);
    }

    /** How long it has been going on, in seconds. */
    public double seconds() {
        return (System.nanoTime() - began) / 1e9;
    }
}
