package dev.headroom.benchmark.race;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.jr.ob.JSON;

import dev.headroom.tests.Namespace;

/** Races echo servers against each other. {@code tests/benchmark/race} says how. */
@Command(name = "race", usageHelpWidth = 80, sortOptions = false, description = {
        "Races echo servers against each other on this machine and prints each one's median ratio to the reference in C, "
                + "with its spread.",
        "Everything runs in a private network namespace, servers on processor 0, the load client on processor 1. In each "
                + "round each server is started anew and each condition is given to one server after the other. A number "
                + "counts only if all bytes came back as they were sent.%n"})
public final class Race implements Callable<Integer> {
    private static final int CANNOT = 3;
    private static final double WARM_UP = 0.3;

    @Option(names = "--servers", split = ",", paramLabel = "NAME,...",
            description = "only these, the reference c always among them (default: all; --list names them)")
    private List<String> servers = List.of();

    @Option(names = "--conditions", split = ",", paramLabel = "NAME,...",
            description = "only these (default: all; --list names them)")
    private List<String> conditions = List.of();

    @Option(names = "--rounds", paramLabel = "N", description = "how often (default 7; with --quick 3)")
    private Integer rounds;

    @Option(names = "--seconds", paramLabel = "S",
            description = "that each throughput and rate is measured for (default 0.6; with --quick 0.5)")
    private Double seconds;

    @Option(names = "--quick",
            description = "c, headroom and netty-epoll, few rounds, no clients unless named: under four "
                    + "minutes")
    private boolean quick;

    @Option(names = "--rate", paramLabel = "R",
            description = "messages a second at the fixed rate (default: half of what C does here)")
    private Long rate;

    @Option(names = "--fill", paramLabel = "N", defaultValue = "1161216",
            description = "connections of the condition fill (default 1161216: all that 18 addresses have ports for; "
                    + "they need 10 GB)")
    private int fill;

    @Option(names = "--json", paramLabel = "FILE", description = "write all values there")
    private Path json;

    @Option(names = "--chart", paramLabel = "FILE", description = "draw the ratios there, as SVG")
    private Path chart;

    @Option(names = "--markdown", paramLabel = "FILE", description = "write the medians and spreads there, as tables")
    private Path markdown;

    @Option(names = "--list", description = "name servers and conditions, and end")
    private boolean list;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "this text")
    private boolean help;

    private final Tree tree = Tree.here();
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private final String commandLine;
    private Track track;

    private Race(String[] args) {
        commandLine = "tests/benchmark/race" + Arrays.stream(args).map(a -> " " + a).collect(Collectors.joining());
    }

    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** @return the exit status */
    static int run(String... args) {
        return new CommandLine(new Race(args)).setExecutionExceptionHandler((e, line, result) -> {
            System.err.println("race: " + (e.getMessage() == null ? e : e.getMessage()));
            return CANNOT;
        }).execute(args);
    }

    @Override
    @SuppressWarnings("try") // at Ctrl-C the namespace is closed by hand
    public Integer call() throws IOException, InterruptedException {
        tree.check();
        Files.deleteIfExists(tree.log());
        List<Contender> field = Contender.all(tree,
                Track.said(List.of(tree.headroom(), "serve", "--help")).contains("--engine"));
        List<Condition> course = Condition.all(rate == null ? 0 : rate, fill);
        if (list) {
            field.forEach(c -> out.printf("%-20s %s%n", c.name(), c.what()));
            out.println();
            course.forEach(c -> out.printf("%-20s %s%n", c.name(), c.name().equals(Condition.RATE)
                    ? "64 connections × 16 B at a fixed rate" : c.what()));
            return 0;
        }
        if (quick && servers.isEmpty()) {
            servers = List.of("headroom", "netty-epoll");
        }
        List<String> names = field.stream().map(Contender::name).toList();
        known("--servers", servers, names);
        known("--conditions", conditions, course.stream().map(Condition::name).toList());
        field = field.stream().filter(c -> servers.isEmpty() || servers.contains(c.name())
                || c.name().equals(Contender.REFERENCE)).toList();
        rounds = rounds != null ? rounds : quick ? 3 : 7;
        seconds = seconds != null ? seconds : quick ? 0.5 : 0.6;
        if (fill < 60 || fill > Clients.MOST || rounds < 1 || rounds > 1000 || !(seconds >= 0.05 && seconds <= 600)) {
            throw new CommandLine.ParameterException(new CommandLine(this),
                    "accepted are --rounds from 1 to 1000, --seconds from 0.05 to 600, --fill from 60 to "
                            + Clients.MOST);
        }
        if (Runtime.getRuntime().availableProcessors() < 2) {
            throw new IOException("needs two processors: one for the server and one for the client");
        }
        try (Namespace host = Namespace.make(Track.tool("ip"), null)) {
            track = new Track(tree, host.exec());
            // Ctrl-C: neither servers nor the namespace stay behind
            Thread end = new Thread(() -> {
                ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
                try {
                    host.close();
                } catch (IOException e) {
                    System.err.println("race: " + e.getMessage());
                }
            });
            Runtime.getRuntime().addShutdownHook(end);
            try {
                race(field);
            } finally {
                Runtime.getRuntime().removeShutdownHook(end);
            }
        }
        return 0;
    }

    private void known(String option, List<String> wanted, List<String> known) {
        for (String name : wanted) {
            if (!known.contains(name)) {
                throw new CommandLine.ParameterException(new CommandLine(this),
                        option + " " + name + ": accepted are " + String.join(", ", known));
            }
        }
    }

    private void race(List<Contender> field) throws IOException, InterruptedException {
        Map<String, Object> about = about();
        about.forEach((name, value) -> out.printf("%-8s %s%n", name, value));
        Results results = new Results();
        List<Condition> course = Condition.all(rate == null ? calibrate(field.getFirst()) : rate, fill).stream()
                .filter(c -> conditions.isEmpty() ? c.kind() != Condition.Kind.ON_DEMAND
                        : conditions.contains(c.name()))
                .toList();
        long begin = System.nanoTime();
        for (int round = 0; round < rounds; round++) {
            // Whoever is first in one round is last but one in the next: no place is always the same server's.
            List<Contender> order = new ArrayList<>(field);
            Collections.rotate(order, round);
            fresh(order, course, results);
            warm(order, course, results);
            clients(course, results);
            System.err.printf("race: round %d of %d, %.0f s%n", round + 1, rounds, (System.nanoTime() - begin) / 1e9);
        }
        about.put("minutes", Math.round((System.nanoTime() - begin) / 6e9) / 10.0);
        Results ordered = inOrder(results, field);
        Tables tables = new Tables(out, field.stream().collect(Collectors.toMap(Contender::name, Contender::what)));
        tables.print(ordered);
        if (markdown != null) {
            Files.writeString(markdown, tables.markdown(ordered.rows()));
        }
        if (json != null) {
            about.put("results", ordered.toJson());
            Files.writeString(json, JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(about) + "\n");
        }
        if (chart != null) {
            Files.writeString(chart, Chart.draw(ordered, about));
        }
    }

    private boolean isUsual(Condition condition) {
        return switch (condition.kind()) {
            case FRESH, WARM -> true;
            case CLIENTS -> !quick;
            case ON_DEMAND -> false;
        };
    }

    /** Servers in the order of the field, whoever was measured first. */
    private static Results inOrder(Results results, List<Contender> field) {
        Results ordered = new Results();
        for (Results.Row row : results.rows()) {
            for (Contender c : field) {
                row.values().getOrDefault(c.name(), List.of())
                        .forEach(v -> ordered.add(row.condition(), row.measure(), c.name(), v));
            }
        }
        return ordered;
    }

    /** Half of what the reference does here. */
    private long calibrate(Contender reference) throws IOException, InterruptedException {
        List<Double> rates = new ArrayList<>();
        try (Running server = track.serve(0, reference.command())) {
            for (int i = 0; i < 3; i++) {
                rates.add(Condition.CALIBRATION.measures().getFirst().of(load(server, Condition.CALIBRATION)));
            }
        }
        return Math.round(Spread.of(rates).median() / 2000) * 1000;
    }

    /** Each server alone, from its start: what it costs before it is warm, on all processors as a user has it. */
    private void fresh(List<Contender> order, List<Condition> course, Results results)
            throws IOException, InterruptedException {
        for (Condition condition : course) {
            for (Contender c : condition.kind() == Condition.Kind.FRESH ? order : List.<Contender>of()) {
                try (Running server = track.serve(-1, c.frugal())) {
                    // What is loaded and compiled on the way is not what a connection costs; but there are never many at a
                    // time, for their memory would be there already.
                    track.load(server.port,
                            List.of("--connections", "64", "--spin", "--warm-up", "0", "--seconds", "0.7"));
                    for (int i = 0; i < 10; i++) {
                        track.load(server.port, List.of("--connections", "200", "--once", "--reset"));
                    }
                    server.settle();
                    Map<String, Object> answer = load(server, condition);
                    answer.put("start", server.startSeconds);
                    record(condition, c.name(), answer, results);
                }
            }
        }
    }

    /** All servers run, and one after the other is given the condition; those that wait cost nothing. */
    private void warm(List<Contender> order, List<Condition> course, Results results)
            throws IOException, InterruptedException {
        List<Condition> conditions = course.stream().filter(c -> c.kind() == Condition.Kind.WARM).toList();
        Map<Contender, Running> running = new LinkedHashMap<>();
        try {
            for (Contender c : conditions.isEmpty() ? List.<Contender>of() : order) {
                Running server = track.serve(0, c.command());
                running.put(c, server);
                warmUp(server);
            }
            for (Condition condition : conditions) {
                for (Map.Entry<Contender, Running> one : running.entrySet()) {
                    one.getValue().settle();
                    record(condition, one.getKey().name(), load(one.getValue(), condition), results);
                }
            }
        } finally {
            running.values().forEach(Running::close);
        }
    }

    /** Messages of every kind that will come: a JVM compiles anew what it has never seen, and so it should not later. */
    private void warmUp(Running server) throws IOException, InterruptedException {
        for (String kind : List.of("--size 16", "--size 4096", "--depth 16")) {
            List<String> arguments = new ArrayList<>(
                    List.of("--connections", "64", "--spin", "--reset", "--warm-up", "0",
                            "--seconds", quick ? "0.7" : "1.2"));
            arguments.addAll(List.of(kind.split(" ")));
            track.load(server.port, arguments);
        }
        track.load(server.port, List.of("--connections", "1000", "--once", "--reset"));
    }

    private void clients(List<Condition> course, Results results) throws IOException, InterruptedException {
        for (Condition condition : course) {
            if (condition.kind() == Condition.Kind.CLIENTS || condition.kind() == Condition.Kind.ON_DEMAND) {
                new Clients(track, seconds, fill).round(condition)
                        .forEach((client, answer) -> record(condition, client, answer, results));
            }
        }
    }

    private static void record(Condition condition, String name, Map<String, Object> answer, Results results) {
        for (Condition.Measure m : condition.measures()) {
            results.add(condition, m, name, m.of(answer));
        }
    }

    private Map<String, Object> load(Running server, Condition condition) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(condition.load());
        arguments.addAll(List.of("--spin", "--reset", "--warm-up", Double.toString(WARM_UP), "--seconds",
                Double.toString(seconds), "--watch", Long.toString(server.pid)));
        return track.load(server.port, arguments);
    }

    private Map<String, Object> about() throws IOException, InterruptedException {
        Map<String, Object> about = new LinkedHashMap<>();
        about.put("command", commandLine);
        about.put("commit", tree.commit());
        about.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        about.put("kernel", Track.said(List.of("uname", "-sr")).strip());
        about.put("machine", line("/proc/cpuinfo", "model name") + ", " + Runtime.getRuntime().availableProcessors()
                + " processors, " + line("/proc/meminfo", "MemTotal"));
        about.put("java", System.getProperty("java.vendor.version") + " " + Runtime.version());
        about.put("load", Files.readString(Path.of("/proc/loadavg")).strip());
        about.put("rounds", rounds);
        about.put("seconds", seconds);
        return about;
    }

    private static String line(String file, String field) throws IOException {
        return Files.readAllLines(Path.of(file)).stream().filter(l -> l.startsWith(field)).findFirst()
                .map(l -> l.substring(l.indexOf(':') + 1).strip()).orElse("?");
    }

}
