package dev.headroom.diag.lab.experiments;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.headroom.diag.lab.Chart;

/** What was seen second by second while connections grew, as charts. */
final class Curves {
    /**
     * @param seconds since the clients were started
     * @param held connections of each process, in the order of the roles
     * @param memory bytes of the machine in use more than at the start
     * @param queued connections in the accept queue
     */
    record Sample(double seconds, List<Long> held, long memory, long queued) {
    }

    private static final Map<String, Double> PERCENTILES = percentiles();

    private final List<String> roles;
    private final List<Sample> samples = new ArrayList<>();

    /** @param roles of the processes */
    Curves(List<String> roles) {
        this.roles = roles;
    }

    private static Map<String, Double> percentiles() {
        Map<String, Double> all = new LinkedHashMap<>();
        all.put("p50", 0.5);
        all.put("p90", 0.9);
        all.put("p99", 0.99);
        all.put("p999", 0.999);
        all.put("p9999", 0.9999);
        all.put("p99999", 0.99999);
        return all;
    }

    void add(Sample s) {
        samples.add(s);
    }

    /** Of the last sample. */
    double seconds() {
        return samples.getLast().seconds;
    }

    List<Chart> charts() {
        List<Double> x = samples.stream().map(Sample::seconds).toList();
        List<Chart.Series> held = new ArrayList<>();
        for (int i = 0; i < roles.size(); i++) {
            int who = i;
            held.add(new Chart.Series(roles.get(i), x, samples.stream().map(s -> (double) s.held.get(who)).toList()));
        }
        return List.of(new Chart("Connections", Chart.Kind.LINES, "seconds", "connections", List.of(), held),
                new Chart("Memory of the machine", Chart.Kind.LINES, "seconds", "GB", List.of(),
                        List.of(new Chart.Series("in use more than at the start", x,
                                samples.stream().map(s -> s.memory / 1e9).toList()))),
                new Chart("Accept queue", Chart.Kind.LINES, "seconds", "connections", List.of(),
                        List.of(new Chart.Series("waiting to be accepted", x,
                                samples.stream().map(s -> (double) s.queued).toList()))));
    }

    /** @param latencies {@code latency_us} of each client's summary, by role */
    static Chart latencies(Map<String, Map<?, ?>> latencies) {
        List<Chart.Series> series = new ArrayList<>();
        latencies.forEach((role, latency) -> {
            List<Double> x = new ArrayList<>();
            List<Double> y = new ArrayList<>();
            PERCENTILES.forEach((name, p) -> {
                if (latency.get(name) instanceof Number n) {
                    x.add(p);
                    y.add(n.doubleValue() / 1000);
                }
            });
            series.add(new Chart.Series(role, x, y));
        });
        return new Chart("Echo latency when full, from the intended time of sending", Chart.Kind.PERCENTILES,
                "percentile", "milliseconds", List.of(), series);
    }
}
