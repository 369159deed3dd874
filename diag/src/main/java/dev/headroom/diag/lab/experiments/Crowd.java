package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.Status;

/** One server and its clients, a process each, that share a number of connections evenly. */
final class Crowd {
    private static final double ECHOES_A_SECOND = 40_000;
    private static final long STALLED_NANOS = 30_000_000_000L;

    /**
     * @param lost messages that did not come back as they went
     * @param left connections that the server still holds
     * @param latencies of the last round, by client
     */
    record End(long lost, long left, Map<String, Map<?, ?>> latencies) {
    }

    /** @param rss resident set size, bytes; the kernel may take pages of files from it at any time */
    private record Size(long rss, long anonymous) {
        static Size of(Child child) throws IOException {
            Status s = child.proc().status();
            return new Size(s.vmRss().orElseThrow(), s.rssAnon().orElse(0));
        }

        /** The larger of both growths: what no file is behind is still there when pages of files have been taken. */
        long growthTo(Size later) {
            return Math.max(later.rss - rss, later.anonymous - anonymous);
        }
    }

    private final Trial t;
    private final Host server;
    private final List<Host> hosts;
    private final long connections;
    private final long every;
    private final ProcFs proc = new ProcFs();
    private final List<Child> clients = new ArrayList<>();
    private final List<Size> clientSizes = new ArrayList<>();
    private Child serve;
    private Size serverSize;
    private long available;
    private long began;

    /**
     * @param hosts of the clients, with as many addresses as the server
     * @param connections in all
     * @param every seconds between the messages of a connection
     */
    Crowd(Trial t, Host server, List<Host> hosts, long connections, long every) {
        this.t = t;
        this.server = server;
        this.hosts = hosts;
        this.connections = connections;
        this.every = every;
    }

    List<String> roles() {
        List<String> roles = new ArrayList<>(List.of(server.role()));
        hosts.forEach(h -> roles.add(h.role()));
        return roles;
    }

    void listen() throws IOException, InterruptedException {
        serve = t.lab().start(server, line(List.of("serve", "--listen", "0.0.0.0:" + Addresses.PORT, "--backlog",
                "" + Million.SOMAXCONN, "--max-connections", "" + connections), connections));
        serve.await("listening", 60);
        serve.awaitProgress(p -> true, "progress", 20);
        serverSize = Size.of(serve);
        available = proc.meminfo().memAvailable().orElseThrow();
    }

    /** Starts the clients. */
    void connect() throws IOException, InterruptedException {
        began = System.nanoTime();
        for (int i = 0; i < hosts.size(); i++) {
            long share = connections / hosts.size() + (i < connections % hosts.size() ? 1 : 0);
            List<String> words = new ArrayList<>(List.of("connect"));
            server.addresses().forEach(a -> words.add(a + ":" + Addresses.PORT));
            words.addAll(List.of("--source", String.join(",", hosts.get(i).addresses()), "--paired", "-n", "" + share,
                    "--every", every + "s", "--echo-on-enter", echoSeconds() + "s", "--timeout", "30s", "--retry",
                    "2s"));
            clients.add(t.lab().start(hosts.get(i), line(words, share)));
        }
        for (Child client : clients) {
            client.await("connecting", 60);
            clientSizes.add(Size.of(client));
        }
    }

    private static String[] line(List<String> words, long connections) throws IOException {
        List<String> line = new ArrayList<>(words);
        line.addAll(Million.nofile(new ProcFs(), connections));
        return line.toArray(String[]::new);
    }

    /** Until all are there and have echoed, or nothing has grown for half a minute. A line a second. */
    void fill(Curves curves) throws IOException, InterruptedException {
        long grownAt = System.nanoTime();
        long last = -1;
        while (last < connections || echoes() < connections) {
            Thread.sleep(1000);
            Curves.Sample s = sample();
            curves.add(s);
            t.say(line(s));
            if (s.held().getFirst() > last) {
                last = s.held().getFirst();
                grownAt = System.nanoTime();
            } else if (System.nanoTime() - grownAt > STALLED_NANOS) {
                t.say("nothing has grown for half a minute: " + limits());
                return;
            }
        }
    }

    private Curves.Sample sample() throws IOException, InterruptedException {
        List<Long> held = new ArrayList<>(List.of(held()));
        clients.forEach(c -> held.add(c.progress("connections")));
        return new Curves.Sample(seconds(), held, available - proc.meminfo().memAvailable().orElseThrow(),
                Listeners.queued(server));
    }

    private static String line(Curves.Sample s) {
        String each = s.held().stream().skip(1).map(n -> String.format(Locale.ROOT, "%,d", n))
                .collect(Collectors.joining(" + "));
        return String.format(Locale.ROOT, "%5.1f s %,11d = %s, %s, queue %,d", s.seconds(), s.held().getFirst(), each,
                Million.gigabytes(s.memory()), s.queued());
    }

    private String limits() {
        List<Child> all = new ArrayList<>(clients);
        all.add(serve);
        return all.stream().flatMap(c -> c.events("limit").stream().limit(1).map(l -> c.host().role() + ": "
                + l.get("call") + " says " + l.get("errno") + ", because " + l.get("because")))
                .collect(Collectors.joining("; "));
    }

    /** Connections that the server holds. */
    long held() {
        return serve.progress("connections");
    }

    private long echoes() {
        return clients.stream().mapToLong(c -> c.progress("messages")).sum();
    }

    private long echoSeconds() {
        return Math.max(1, Math.round(connections / ECHOES_A_SECOND));
    }

    /** One message on every connection, spread over a time. @return how many came back as they went */
    long echoAll() throws IOException, InterruptedException {
        long before = echoes();
        double from = seconds();
        for (Child client : clients) {
            client.enter();
        }
        long deadline = System.nanoTime() + (echoSeconds() + 60) * 1_000_000_000L;
        while (echoes() - before < connections && System.nanoTime() - deadline < 0) {
            Thread.sleep(200);
        }
        long echoed = echoes() - before;
        t.say(String.format(Locale.ROOT, "%,d echoes in %.1f s, sent over %d s", echoed, seconds() - from,
                echoSeconds()));
        return echoed;
    }

    /** Bytes that the server has grown by since it listened. */
    long serverGrowth() throws IOException {
        Size now = Size.of(serve);
        t.say(String.format(Locale.ROOT, "server: VmRSS %.1f MB idle, %.1f MB full", serverSize.rss / 1e6,
                now.rss / 1e6));
        return serverSize.growthTo(now);
    }

    /** Bytes that the clients have grown by since they were started, in all. */
    long clientGrowth() throws IOException {
        long growth = 0;
        for (int i = 0; i < clients.size(); i++) {
            Size now = Size.of(clients.get(i));
            growth += clientSizes.get(i).growthTo(now);
            t.say(String.format(Locale.ROOT, "%s: VmRSS %.1f MB idle, %.1f MB full", clients.get(i).host().role(),
                    clientSizes.get(i).rss / 1e6, now.rss / 1e6));
        }
        return growth;
    }

    void hold(long seconds) throws InterruptedException {
        long until = System.nanoTime() + seconds * 1_000_000_000L;
        while (System.nanoTime() - until < 0) {
            Thread.sleep(1000);
            t.say(String.format(Locale.ROOT, "holding %,d connections, %,d echoes", held(), echoes()));
        }
    }

    /** Closes everything. */
    End leave() throws IOException, InterruptedException {
        double from = seconds();
        long lost = 0;
        Map<String, Map<?, ?>> latencies = new LinkedHashMap<>();
        for (Child client : clients) {
            Map<String, Object> summary = client.stop(120);
            lost += ((Number) summary.get("lost")).longValue() + ((Number) summary.get("mismatched")).longValue();
            Map<?, ?> latency = (Map<?, ?>) summary.get("latency_us");
            latencies.put(client.host().role(), latency);
            t.say(client.host().role() + ": echoes within " + milliseconds(latency, "p50") + " (half), "
                    + milliseconds(latency, "p99") + " (99 %), " + milliseconds(latency, "p999") + " (99.9 %), "
                    + milliseconds(latency, "max") + " (all)");
        }
        serve.awaitConnections(0, 120);
        long left = held();
        serve.stop(60);
        t.say(String.format(Locale.ROOT, "all closed in %.1f s; %s of memory are there again", seconds() - from,
                Million.gigabytes(proc.meminfo().memAvailable().orElseThrow())));
        return new End(lost, left, latencies);
    }

    private static String milliseconds(Map<?, ?> latency, String percentile) {
        return latency.get(percentile) instanceof Number n
                ? String.format(Locale.ROOT, "%.1f ms", n.doubleValue() / 1e3)
                : "?";
    }

    private double seconds() {
        return (System.nanoTime() - began) / 1e9;
    }
}
