package dev.headroom.benchmark.race;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What was measured: for each condition, measure and server one value a round. */
final class Results {
    /** About one measure of one condition, for each server. */
    record Row(Condition condition, Condition.Measure measure, Map<String, List<Double>> values) {
        /** Round by round, divided by what the reference had in the same round. */
        List<Double> ratios(String server) {
            List<Double> own = values.get(server);
            List<Double> reference = values.get(Contender.REFERENCE);
            List<Double> ratios = new ArrayList<>();
            for (int i = 0; reference != null && i < Math.min(own.size(), reference.size()); i++) {
                ratios.add(own.get(i) / reference.get(i));
            }
            return ratios;
        }

        /** What the tables show: ratios, or the values themselves where a ratio says nothing. */
        Spread shown(String server) {
            return Spread.of(measure.relative() ? ratios(server) : values.get(server));
        }
    }

    private final Map<String, Row> rows = new LinkedHashMap<>();

    void add(Condition condition, Condition.Measure measure, String server, double value) {
        rows.computeIfAbsent(condition.name() + " " + measure.name(),
                k -> new Row(condition, measure, new LinkedHashMap<>())).values
                .computeIfAbsent(server, k -> new ArrayList<>()).add(value);
    }

    /** In the order in which they came up. */
    List<Row> rows() {
        return List.copyOf(rows.values());
    }

    /** For a program. */
    List<Object> toJson() {
        List<Object> all = new ArrayList<>();
        for (Row row : rows.values()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("condition", row.condition.name());
            one.put("what", row.condition.what());
            one.put("measure", row.measure.name());
            one.put("unit", row.measure.unit());
            one.put("better", row.measure.more() ? "more" : "less");
            Map<String, Object> servers = new LinkedHashMap<>();
            row.values.forEach((server, values) -> {
                Map<String, Object> numbers = new LinkedHashMap<>();
                numbers.put("values", values);
                numbers.put("median", Spread.of(values).median());
                if (row.measure.relative() && row.values.containsKey(Contender.REFERENCE)) {
                    Spread ratio = Spread.of(row.ratios(server));
                    numbers.put("ratio", Map.of("low", ratio.low(), "median", ratio.median(), "high", ratio.high()));
                }
                servers.put(server, numbers);
            });
            one.put("servers", servers);
            all.add(one);
        }
        return all;
    }
}
