package dev.headroom.benchmark.race;

import java.util.List;
import java.util.Map;

/**
 * What the servers are put to.
 *
 * @param load arguments of the load client
 * @param kind how it is run
 * @param measures what is read off its answer
 */
record Condition(String name, String what, List<String> load, Kind kind, List<Measure> measures) {
    /** How a condition is run. */
    enum Kind {
        /** Each time on a server that has served nothing yet. */
        FRESH,
        /** On servers that are warm. */
        WARM,
        /** Two clients on the server in C. */
        CLIENTS,
        /** As CLIENTS, and only if asked for by name. */
        ON_DEMAND
    }

    /**
     * One number of each run.
     *
     * @param field in the answer of the load client, {@code name} or {@code object.name}
     * @param scale what it is multiplied with to be in that unit
     * @param more whether more is better
     * @param relative whether it is compared with the reference by ratio; else it stands for itself
     */
    record Measure(String name, String unit, String field, double scale, boolean more, boolean relative) {
        double of(Map<String, Object> answer) {
            Object value = answer;
            // the percentile p99.9 has a dot of its own
            for (String part : field.split("\\.", 2)) {
                value = ((Map<?, ?>) value).get(part);
            }
            return ((Number) value).doubleValue() * scale;
        }
    }

    private static final Measure THROUGHPUT = new Measure("throughput", "messages/s", "rate", 1, true, true);

    private static final List<Measure> AT_A_RATE = List.of(
            new Measure("cpu", "ns/message", "server_cpu_ns_each", 1, false, true),
            new Measure("p50", "µs", "latency_us.p50", 1, false, true),
            new Measure("p99", "µs", "latency_us.p99", 1, false, true),
            new Measure("p99.9", "µs", "latency_us.p99.9", 1, false, true));

    /** The time from the start of the process to the line that says it listens. */
    static final Measure START = new Measure("start", "s", "start", 1, false, false);

    /**
     * Enough of them that choosing a port costs nothing: of one address, the kernel looks through one half of the range
     * in vain for each connection, once that half is taken (net/ipv4/inet_hashtables.c, __inet_hash_connect).
     */
    static final String SOURCES = "127.0.0.2-127.0.0.9";

    static final Condition CALIBRATION = closed("64x16", "64 connections × 16 B", "64", "16", "1");
    static final String RATE = "rate";
    static final String CONNECT = "client-connect";
    static final String HEARTBEAT = "client-heartbeat";
    static final String FILL = "fill";

    /**
     * @param rate messages a second for the fixed rate
     * @param fill connections of a pair that takes what there is
     */
    static List<Condition> all(long rate, int fill) {
        return List.of(
                new Condition("idle", "19,000 idle connections, each has echoed once", List.of("--connections",
                        "19000", "--once", "--source", SOURCES, "--settle", "0.5"), Kind.FRESH,
                        List.of(
                                new Measure("rss", "B/connection", "rss_per_connection", 1, false, false), START)),
                closed("1x16", "1 connection × 16 B", "1", "16", "1"),
                CALIBRATION,
                closed("1000x16", "1,000 connections × 16 B", "1000", "16", "1"),
                closed("10000x16", "10,000 connections × 16 B", "10000", "16", "1"),
                closed("64x4096", "64 connections × 4 KiB", "64", "4096", "1"),
                closed("64x16x16", "64 connections × 16 B, 16 under way", "64", "16", "16"),
                new Condition(RATE, String.format("64 connections × 16 B, %,d messages/s", rate),
                        List.of("--connections", "64", "--rate", Long.toString(rate), "--settle", "0"), Kind.WARM,
                        AT_A_RATE),
                new Condition("accept", "19,000 connections, each accepted and served once",
                        List.of("--connections", "19000", "--once", "--source", SOURCES, "--settle", "0"), Kind.WARM,
                        List.of(
                                new Measure("time", "s", "seconds", 1, false, true),
                                new Measure("cpu", "ns/connection", "server_cpu_ns_each", 1, false, true))),
                new Condition(CONNECT, "clients: 19,000 connections made, one echo on each", List.of(), Kind.CLIENTS,
                        List.of(new Measure("time", "s", "seconds", 1, false, true))),
                new Condition(HEARTBEAT, "clients: 10,000 connections, a message a second on each", List.of(),
                        Kind.CLIENTS, List.of(new Measure("cpu", "ns/heartbeat", "cpu", 1, false, true),
                                new Measure("rss", "MB", "rss", 1, false, false))),
                new Condition(FILL, String.format("pairs: %,d connections, one echo on each", fill), List.of(),
                        Kind.ON_DEMAND,
                        List.of(new Measure("time", "s", "seconds", 1, false, true),
                                new Measure("rss", "MB", "rss", 1, false, false))));
    }

    private static Condition closed(String name, String what, String connections, String size, String depth) {
        return new Condition(name, what, List.of("--connections", connections, "--size", size, "--depth", depth,
                "--source", SOURCES, "--settle", "0"), Kind.WARM, List.of(THROUGHPUT));
    }
}
