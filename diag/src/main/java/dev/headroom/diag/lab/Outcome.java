package dev.headroom.diag.lab;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An experiment as it went.
 *
 * @param experiment its name
 * @param settings what could be set, and was
 * @param readings what the predictions rest on
 * @param predictions made before anything was done
 * @param observed by the name of the prediction, in the order in which it was seen
 * @param walls where the kernel said no, and what headroom said of it
 * @param charts what is better seen than read
 * @param skipped why it could not be done here; empty if it was
 * @param seconds how long it took
 */
public record Outcome(String experiment, Map<String, String> settings, List<Reading> readings,
        List<Prediction> predictions, Map<String, Object> observed, List<Wall> walls,
        List<Chart> charts, Optional<String> skipped, double seconds) {
    /**
     * A number that was read.
     *
     * @param name e.g. "net.core.somaxconn"
     * @param value as the kernel writes it
     * @param source file, or who counted
     */
    public record Reading(String name, String value, String source) {
    }

    /**
     * What will happen, and why.
     *
     * @param name of what will be observed
     * @param expected its value
     * @param why a sentence, with the numbers it comes from
     */
    public record Prediction(String name, Expected expected, String why) {
    }

    /**
     * Where the kernel said no.
     *
     * @param expected id of the cause that holds
     * @param named id of the cause that the diagnosis is certain of, or empty
     * @param sentence of the diagnosis
     */
    public record Wall(String expected, String named, String sentence) {
        public boolean isRight() {
            return expected.equals(named);
        }
    }

    public Outcome {
        settings = Map.copyOf(settings);
        readings = List.copyOf(readings);
        predictions = List.copyOf(predictions);
        walls = List.copyOf(walls);
        charts = List.copyOf(charts);
    }

    /** Whether it was done, every prediction was met, and every wall was diagnosed rightly. */
    public boolean isOk() {
        return skipped.isEmpty() && predictions.stream().allMatch(this::isMet)
                && walls.stream().allMatch(Wall::isRight);
    }

    /** Whether what was seen under that name is what was predicted. */
    public boolean isMet(Prediction p) {
        return observed.containsKey(p.name()) && p.expected().isMetBy(observed.get(p.name()));
    }
}
