package dev.headroom.benchmark.race;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import tools.jackson.jr.ob.JSON;

/**
 * The other side: headroom's client beside the load client, both against the server in C. Either is looked at from
 * outside, as a process, so that none judges itself; and either must have had all its bytes back.
 */
final class Clients {
    private static final int MANY = 19_000;
    private static final int BEATING = 10_000;
    /** Until all are connected, and the JVM has compiled what there is to compile. */
    private static final long AHEAD_NANOS = 4_000_000_000L;
    /** 18 addresses with all ports above 1023. */
    static final int MOST = 1_161_216;
    private static final String SOURCES = "127.0.0.2-127.0.0.19";
    private static final String PORTS = "1024-65535";
    /** So many tables hold them under the usual limits: 20,000 here, 1,048,576 elsewhere. */
    private static final int TABLES = 60;

    private final Track track;
    private final double seconds;
    private final int fill;

    Clients(Track track, double seconds, int fill) {
        this.fill = fill;
        this.track = track;
        this.seconds = seconds;
    }

    private List<String> reference(int port, String... options) {
        return command(track.tree().load(), "--target", port, options);
    }

    private List<String> headroom(int port, String... options) {
        List<String> command = command(track.tree().headroom(), "connect", port, options);
        command.addAll(List.of("--json", "--report", "1h"));
        return command;
    }

    private static List<String> command(String program, String word, int port, String... options) {
        List<String> command = new ArrayList<>(List.of(program, word, "127.0.0.1:" + port));
        command.addAll(List.of(options));
        return command;
    }

    /** What one round of a condition gives, by the name of the client. */
    Map<String, Map<String, Object>> round(Condition condition) throws IOException, InterruptedException {
        Map<String, Map<String, Object>> answers = new LinkedHashMap<>();
        for (String name : List.of(Contender.REFERENCE, "headroom")) {
            boolean ours = name.equals("headroom");
            answers.put(name, switch (condition.name()) {
                case Condition.CONNECT -> connect(ours);
                case Condition.HEARTBEAT -> heartbeat(ours);
                default -> fill(ours);
            });
        }
        return answers;
    }

    /** The time for all, less the time for one: what starting costs is another question. */
    private Map<String, Object> connect(boolean ours) throws IOException, InterruptedException {
        try (Running server = track.serve(0, track.tree().server())) {
            double one = timed(connecting(ours, server.port, 1), ours, 1);
            double all = timed(connecting(ours, server.port, MANY), ours, MANY);
            return Map.of("seconds", all - one);
        }
    }

    private List<String> connecting(boolean ours, int port, int connections) {
        String n = Integer.toString(connections);
        return ours ? headroom(port, "-n", n, "--size", "16", "--source", Condition.SOURCES, "--hold", "0s")
                : reference(port, "--connections", n, "--once", "--source", Condition.SOURCES, "--settle", "0");
    }

    private double timed(List<String> command, boolean ours, int messages) throws IOException, InterruptedException {
        long begin = System.nanoTime();
        String said = track.finish(track.command(1, command));
        double seconds = (System.nanoTime() - begin) / 1e9;
        verified(said, ours, messages);
        return seconds;
    }

    private static void verified(String said, boolean ours, long messages) throws IOException {
        Map<String, Object> answer = JSON.std.mapFrom(said);
        long back = ((Number) answer.get("messages")).longValue();
        long lost = ((Number) answer.get(ours ? "lost" : "lost_bytes")).longValue();
        if (back < messages || lost > 0) {
            throw new IOException("not all came back: " + said);
        }
    }

    private Map<String, Object> heartbeat(boolean ours) throws IOException, InterruptedException {
        String n = Integer.toString(BEATING);
        String length = Long.toString(Math.round(AHEAD_NANOS / 1e9 + 2 * seconds + 2));
        try (Running server = track.serve(0, track.tree().server())) {
            List<String> command = ours
                    ? headroom(server.port, "-n", n, "--size", "16", "--every", "1s", "--duration", length + "s")
                    : reference(server.port, "--connections", n, "--every", "1", "--warm-up", "0", "--seconds", length);
            Process client = new ProcessBuilder(track.command(1, command))
                    .redirectError(ProcessBuilder.Redirect.appendTo(track.tree().log().toFile())).start();
            try {
                TimeUnit.NANOSECONDS.sleep(AHEAD_NANOS);
                long begin = System.nanoTime();
                long cpu = Running.cpuNanos(client.pid());
                TimeUnit.MILLISECONDS.sleep(Math.round(2000 * seconds));
                cpu = Running.cpuNanos(client.pid()) - cpu;
                double beats = BEATING * (System.nanoTime() - begin) / 1e9;
                long rss = Running.rss(client.pid());
                String said = new String(client.getInputStream().readAllBytes()).strip();
                if (client.waitFor() != 0) {
                    throw new IOException("the client is not content: " + said);
                }
                verified(said.substring(said.lastIndexOf('\n') + 1), ours, (long) beats);
                return Map.of("cpu", cpu / beats, "rss", rss / 1e6);
            } finally {
                client.destroyForcibly();
            }
        }
    }

    /** All ports of all addresses, in private descriptor tables at both ends, each with its echo. */
    private Map<String, Object> fill(boolean ours) throws IOException, InterruptedException {
        String tables = Integer.toString(TABLES);
        String n = Integer.toString(fill);
        track.set("ipv4/ip_local_port_range", PORTS.replace('-', ' '));
        List<String> serve = ours
                ? List.of(track.tree().headroom(), "serve", "--listen", "127.0.0.1:999", "--json", "--report", "1h",
                        "--fd-tables", "auto", "--max-connections", n)
                : List.of(track.tree().program("reference-server"), "--listen", "127.0.0.1:999", "--tables", tables);
        try (Running server = track.serve(-1, serve)) {
            List<String> connect = ours
                    ? headroom(999, "-n", n, "--fd-tables", "auto", "--source", SOURCES, "--source-ports", PORTS,
                            "--hold", "0s", "--timeout", "60s")
                    : reference(999, "--connections", n, "--tables", tables, "--source", SOURCES, "--source-ports",
                            PORTS, "--once", "--size", "1", "--reset", "--timeout", "60");
            String said = track.finish(track.command(-1, connect));
            verified(said, ours, fill);
            Map<String, Object> answer = JSON.std.mapFrom(said);
            return Map.of("seconds", ((Number) answer.get(ours ? "elapsed_s" : "seconds")).doubleValue(), "rss",
                    Running.rss(server.pid) / 1e6);
        }
    }
}
