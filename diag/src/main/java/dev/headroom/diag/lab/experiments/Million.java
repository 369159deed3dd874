package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.headroom.diag.lab.Chart;
import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.NotHereException;
import dev.headroom.diag.lab.Trial;
import dev.headroom.loop.FdTable;
import dev.headroom.proc.InetSock;

import dev.headroom.proc.ProcFs;
import dev.headroom.proc.SockDiag;

/**
 * As many connections as the addresses have ports, to one listener, in one server process: 3 clients × 6 addresses ×
 * 64,512 ports unless asked otherwise. Client address i connects to server address i only.
 */
final class Million implements Experiment {
    private static final long EACH = 65_535 - 1024 + 1;
    private static final int ADDRESSES = 6;
    private static final long SERVER_BYTES = 32;
    private static final long CLIENT_BYTES = 64;
    /** A JVM with its classes and compiled code, and the pages of its loops. */
    private static final long PROCESS_BYTES = 160L << 20;
    private static final int SOMAXCONN = 65_535;
    private static final double ECHOES_A_SECOND = 60_000;
    private static final long STALLED_NANOS = 30_000_000_000L;
    /** Descriptors of a process besides its connections. */
    private static final long OWN = 64;
    private static final int CAP_SYS_RESOURCE = 24;
    private static final Map<String, Double> PERCENTILES = percentiles();

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

    @Override
    public String name() {
        return "million";
    }

    @Override
    public String shows() {
        return "One listener port and one server process hold more than a million connections, and every one of them"
                + " carries messages.";
    }

    @Override
    public String decidedBy() {
        return "alloc_fd (fs/file.c) bounds a table, __inet_hash_connect a pair of addresses, memory the machine";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("connections", "max", "addresses", "auto", "clients", "3", "hold", "0", "every", "600");
    }

    @Override
    public boolean isShort() {
        return false;
    }

    /**
     * @param connections in all
     * @param clients hosts
     * @param addresses of each host
     */
    private record Shape(long connections, int clients, int addresses) {
        static Shape of(Trial t) {
            int clients = (int) t.number("clients", 1, 200);
            boolean all = t.setting("connections").equals("max");
            long wanted = all ? 0 : t.number("connections", 1, 100_000_000);
            int addresses = t.setting("addresses").equals("auto")
                    ? (int) Math.max(ADDRESSES, Math.ceilDiv(Math.ceilDiv(wanted, clients), EACH))
                    : (int) t.number("addresses", 1, 250);
            return new Shape(all ? clients * addresses * EACH : wanted, clients, addresses);
        }

        long ports() {
            return clients * addresses * EACH;
        }

        /** Of client i, 0 and up: they share evenly. */
        long of(int i) {
            return connections / clients + (i < connections % clients ? 1 : 0);
        }
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Shape shape = Shape.of(t);
        long hold = t.number("hold", 0, 86_400);
        long every = t.number("every", 1, 86_400);
        Map<String, Double> bytes = KernelMemory.bytesAnEnd();
        plan(t, shape, bytes);
        Host server = t.lab().host("server", Addresses.server(shape.addresses));
        server.set("net.core.somaxconn", "" + SOMAXCONN);
        List<Host> clients = new ArrayList<>();
        for (int i = 1; i <= shape.clients; i++) {
            Host client = t.lab().host("client " + i, Addresses.client(i, shape.addresses));
            client.set(PortSettings.RANGE, "1024 65535");
            clients.add(client);
        }
        new Run(t, shape, server, clients, bytes, every).run(hold);
    }

    /** What it takes, and whether it is here; then the predictions. */
    private static void plan(Trial t, Shape shape, Map<String, Double> bytes) throws IOException {
        long ports = shape.ports();
        t.read("ports", String.format(Locale.ROOT, "%,d", ports), shape.clients + " clients x " + shape.addresses
                + " addresses x " + Expected.text(EACH) + " ports");
        if (shape.connections > ports) {
            throw new NotHereException("more addresses: " + Expected.text(shape.connections) + " connections have "
                    + Expected.text(ports) + " ports; --set addresses="
                    + Math.ceilDiv(Math.ceilDiv(shape.connections, shape.clients), EACH) + " is enough");
        }
        ProcFs proc = new ProcFs();
        double end = KernelMemory.sum(bytes);
        long kernel = Math.round(shape.connections * 2 * end);
        long processes = shape.connections * (SERVER_BYTES + CLIENT_BYTES) + (1 + shape.clients) * PROCESS_BYTES;
        long available = proc.meminfo().memAvailable().orElseThrow();
        t.read("memory it takes", gigabytes(kernel + processes), "2 ends x " + Math.round(end)
                + " bytes of the kernel (/sys/kernel/slab), and " + gigabytes(processes) + " for the processes");
        t.read("memory there is", gigabytes(available), "MemAvailable of /proc/meminfo");
        if (kernel + processes > available) {
            throw new NotHereException(gigabytes(kernel + processes - available) + " more memory: "
                    + Expected.text(shape.connections) + " connections take " + gigabytes(kernel + processes) + ", "
                    + gigabytes(available) + " are there");
        }
        long watches = proc.sysctl("fs.epoll.max_user_watches").asLong();
        t.read("fs.epoll.max_user_watches", Expected.text(watches), "each end is watched");
        if (2 * shape.connections > watches) {
            throw new NotHereException("fs.epoll.max_user_watches of " + Expected.text(2 * shape.connections)
                    + " or more: sysctl -w fs.epoll.max_user_watches=" + 2 * shape.connections);
        }
        String tables = descriptors(proc, shape);
        t.read("RLIMIT_NOFILE", Expected.text(FdTable.nofileHard()), tables);
        t.predict("connections", shape.connections, shape.connections == ports ? "all ports of all pairs of addresses"
                : "as many as asked for");
        t.predict("echoed when full", shape.connections, "one message on each, verified byte by byte");
        t.predict("lost", 0, "TCP loses nothing");
        t.predict("kernel bytes an end", Expected.between(Math.round(end * 0.9), Math.round(end * 1.1)),
                "the objects of " + String.join(", ", bytes.keySet()));
        t.predict("server bytes a connection", Expected.atMost(SERVER_BYTES),
                "growth of VmRSS: 16 bytes of state, no object, no buffer");
        t.predict("client bytes a connection", Expected.atMost(CLIENT_BYTES), "32 bytes of state");
        t.predict("connections afterwards", 0, "all are closed, and the server is as before");
        t.begin();
    }

    /** How a process gets so many descriptors, in words. */
    private static String descriptors(ProcFs proc, Shape shape) throws IOException {
        List<String> options = nofile(proc, shape.connections);
        return "hard limit; " + (options.isEmpty() ? "which is enough"
                : options.contains("--nofile") ? "raised for the server, with CAP_SYS_RESOURCE"
                        : "it cannot be raised to " + Expected.text(shape.connections)
                                + ", so each loop takes a descriptor table of its own");
    }

    /** Options for a process of so many connections: none, a higher limit where that is allowed, or private tables. */
    private static List<String> nofile(ProcFs proc, long connections) throws IOException {
        long needed = connections + OWN;
        if (needed <= FdTable.nofileHard()) {
            return List.of();
        }
        boolean mayRaise = proc.self().status().hasEffective(CAP_SYS_RESOURCE) && proc.self().uidMap().isIdentity()
                && needed <= proc.sysctl("fs.nr_open").asLong();
        return mayRaise ? List.of("--nofile", "" + needed) : List.of("--fd-tables", "auto");
    }

    static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }

    /** From the start of the processes to their end. */
    private static final class Run {
        private final Trial t;
        private final Shape shape;
        private final Host server;
        private final List<Host> clientHosts;
        private final Map<String, Double> bytes;
        private final long every;
        private final ProcFs proc = new ProcFs();
        private final List<Child> clients = new ArrayList<>();
        private final List<Sample> samples = new ArrayList<>();
        private Child serve;
        private long began;

        /**
         * @param seconds since the first client was started
         * @param held by the server, then by each client
         * @param memory bytes less than at the start (MemAvailable)
         * @param queued connections in the accept queue
         */
        private record Sample(double seconds, long[] held, long memory, long queued) {
        }

        Run(Trial t, Shape shape, Host server, List<Host> clientHosts, Map<String, Double> bytes, long every) {
            this.t = t;
            this.shape = shape;
            this.server = server;
            this.clientHosts = clientHosts;
            this.bytes = bytes;
            this.every = every;
        }

        void run(long hold) throws IOException, InterruptedException {
            serve = t.lab().start(server, line(List.of("serve", "--listen", "0.0.0.0:" + Addresses.PORT, "--backlog",
                    "" + SOMAXCONN, "--max-connections", "" + shape.connections), shape.connections));
            serve.await("listening", 60);
            serve.awaitProgress(p -> true, "progress", 20);
            long serverIdle = rss(serve);
            Map<String, Long> slabsBefore = KernelMemory.now();
            long availableBefore = available();
            List<Long> clientsIdle = startClients();
            fill(availableBefore);
            double filled = seconds();
            Map<String, Long> slabsFull = KernelMemory.now();
            long held = serve.progress("connections");
            t.say(String.format(Locale.ROOT, "full after %.1f s: %,d connections, %,.0f a second", filled, held,
                    held / filled));
            long echoed = echoAll();
            long serverFull = rss(serve);
            List<Long> clientsFull = new ArrayList<>();
            for (Child client : clients) {
                clientsFull.add(rss(client));
            }
            hold(hold);
            t.observe("connections", held);
            t.observe("echoed when full", echoed);
            Map<String, Double> seen = Memory.grown(slabsBefore, slabsFull, bytes, shape.connections);
            t.observe("kernel bytes an end", Math.round(KernelMemory.sum(seen)));
            t.observe("server bytes a connection", (serverFull - serverIdle) / shape.connections);
            long growth = 0;
            for (int i = 0; i < clients.size(); i++) {
                growth += clientsFull.get(i) - clientsIdle.get(i);
            }
            t.observe("client bytes a connection", growth / shape.connections);
            t.say(String.format(Locale.ROOT, "server VmRSS %.1f MB idle, %.1f MB full; clients grew by %.1f MB in all",
                    serverIdle / 1e6, serverFull / 1e6, growth / 1e6));
            charts(seen);
            end(filled);
        }

        private static String[] line(List<String> words, long connections) throws IOException {
            List<String> line = new ArrayList<>(words);
            line.addAll(nofile(new ProcFs(), connections));
            return line.toArray(String[]::new);
        }

        /** @return the memory of each before it connects; it has to be there to be measured */
        private List<Long> startClients() throws IOException, InterruptedException {
            List<Long> idle = new ArrayList<>();
            began = System.nanoTime();
            for (int i = 0; i < clientHosts.size(); i++) {
                Host host = clientHosts.get(i);
                List<String> words = new ArrayList<>(List.of("connect"));
                server.addresses().forEach(a -> words.add(a + ":" + Addresses.PORT));
                words.addAll(List.of("--source", String.join(",", host.addresses()), "--paired", "-n",
                        "" + shape.of(i), "--every", every + "s", "--echo-on-enter", echoSeconds() + "s", "--timeout",
                        "30s", "--retry", "2s"));
                clients.add(t.lab().start(host, line(words, shape.of(i))));
            }
            for (Child client : clients) {
                client.await("connecting", 60);
                idle.add(rss(client));
            }
            return idle;
        }

        private long echoSeconds() {
            return Math.max(1, Math.round(shape.connections / ECHOES_A_SECOND));
        }

        private void fill(long availableBefore) throws IOException, InterruptedException {
            long grownAt = System.nanoTime();
            long last = -1;
            while (last < shape.connections || echoes() < shape.connections) {
                Thread.sleep(1000);
                Sample s = sample(availableBefore);
                if (s.held[0] > last) {
                    last = s.held[0];
                    grownAt = System.nanoTime();
                } else if (System.nanoTime() - grownAt > STALLED_NANOS) {
                    t.say("no more connections for half a minute: " + limits());
                    return;
                }
            }
        }

        /** A line a second. */
        private Sample sample(long availableBefore) throws IOException, InterruptedException {
            long[] held = new long[1 + clients.size()];
            held[0] = serve.progress("connections");
            StringBuilder each = new StringBuilder();
            for (int i = 0; i < clients.size(); i++) {
                held[i + 1] = clients.get(i).progress("connections");
                each.append(String.format(Locale.ROOT, " + %,d", held[i + 1]));
            }
            Sample s = new Sample(seconds(), held, availableBefore - available(), queued());
            samples.add(s);
            t.say(String.format(Locale.ROOT, "%5.1f s  server %,d = clients %s  %s, queue %,d", s.seconds, held[0],
                    each.substring(Math.min(3, each.length())), gigabytes(s.memory), s.queued));
            return s;
        }

        private String limits() {
            StringBuilder all = new StringBuilder();
            for (Child c : clients) {
                c.events("limit").stream().findFirst().ifPresent(l -> all.append(c.host().role()).append(": ")
                        .append(l.get("call")).append(" says ").append(l.get("errno")).append(", because ")
                        .append(l.get("because")).append("; "));
            }
            serve.events("limit").stream().findFirst()
                    .ifPresent(
                            l -> all.append("server: ").append(l.get("call")).append(" says ").append(l.get("errno")));
            return all.isEmpty() ? "no process has met a limit" : all.toString();
        }

        private long echoes() {
            return clients.stream().mapToLong(c -> c.progress("messages")).sum();
        }

        /** One message on every connection. @return how many came back as they went */
        private long echoAll() throws IOException, InterruptedException {
            long before = echoes();
            double from = seconds();
            for (Child client : clients) {
                client.enter();
            }
            long deadline = System.nanoTime() + (echoSeconds() + 60) * 1_000_000_000L;
            while (echoes() - before < shape.connections && System.nanoTime() - deadline < 0) {
                Thread.sleep(200);
            }
            long echoed = echoes() - before;
            t.say(String.format(Locale.ROOT, "%,d echoes in %.1f s, spread over %d s", echoed, seconds() - from,
                    echoSeconds()));
            return echoed;
        }

        private void hold(long seconds) throws IOException, InterruptedException {
            long until = System.nanoTime() + seconds * 1_000_000_000L;
            while (System.nanoTime() - until < 0) {
                Thread.sleep(1000);
                t.say(String.format(Locale.ROOT, "holding: %,d connections, %,d messages",
                        serve.progress("connections"),
                        echoes()));
            }
        }

        private void end(double filled) throws IOException, InterruptedException {
            List<Map<String, Object>> summaries = new ArrayList<>();
            for (Child client : clients) {
                summaries.add(client.stop(120));
            }
            long lost = 0;
            Map<String, Map<?, ?>> latencies = new LinkedHashMap<>();
            for (int i = 0; i < summaries.size(); i++) {
                lost += ((Number) summaries.get(i).get("lost")).longValue()
                        + ((Number) summaries.get(i).get("mismatched")).longValue();
                Map<?, ?> latency = (Map<?, ?>) summaries.get(i).get("latency_us");
                latencies.put(clients.get(i).host().role(), latency);
                t.say(String.format(Locale.ROOT, "%s: echoes p50 %s µs, p99 %s µs, p99.9 %s µs, max %s µs",
                        clients.get(i).host().role(), latency.get("p50"), latency.get("p99"), latency.get("p999"),
                        latency.get("max")));
            }
            t.observe("lost", lost);
            latencyChart(latencies);
            serve.awaitConnections(0, 120);
            t.observe("connections afterwards", serve.progress("connections"));
            serve.stop(60);
            t.say(String.format(Locale.ROOT, "all closed, %s of memory are there again", gigabytes(available())));
        }

        private void charts(Map<String, Double> seen) {
            List<Double> x = samples.stream().map(Sample::seconds).toList();
            List<Chart.Series> held = new ArrayList<>();
            for (int i = 0; i <= clients.size(); i++) {
                int who = i;
                held.add(new Chart.Series(i == 0 ? "server" : clients.get(i - 1).host().role(), x,
                        samples.stream().map(s -> (double) s.held[who]).toList()));
            }
            t.chart(new Chart("Connections", Chart.Kind.LINES, "seconds", "connections", List.of(), held));
            t.chart(new Chart("Memory of the machine", Chart.Kind.LINES, "seconds", "GB in use more than before",
                    List.of(), List.of(new Chart.Series("MemAvailable at the start less now", x,
                            samples.stream().map(s -> s.memory / 1e9).toList()))));
            t.chart(new Chart("Accept queue", Chart.Kind.LINES, "seconds", "connections", List.of(), List.of(
                    new Chart.Series("waiting", x, samples.stream().map(s -> (double) s.queued).toList()))));
            t.chart(Memory.chart(bytes, seen));
        }

        private void latencyChart(Map<String, Map<?, ?>> latencies) {
            List<Chart.Series> series = new ArrayList<>();
            latencies.forEach((who, latency) -> {
                List<Double> x = new ArrayList<>();
                List<Double> y = new ArrayList<>();
                PERCENTILES.forEach((name, p) -> {
                    if (latency.get(name) instanceof Number n) {
                        x.add(p);
                        y.add(n.doubleValue() / 1000);
                    }
                });
                series.add(new Chart.Series(who, x, y));
            });
            t.chart(new Chart("Echo latency when full", Chart.Kind.PERCENTILES, "percentile", "milliseconds", List.of(),
                    series));
        }

        private double seconds() {
            return (System.nanoTime() - began) / 1e9;
        }

        private long available() throws IOException {
            return proc.meminfo().memAvailable().orElseThrow();
        }

        private static long rss(Child child) throws IOException {
            return child.proc().status().vmRss().orElseThrow();
        }

        private long queued() throws IOException, InterruptedException {
            return server.call(() -> {
                try (SockDiag sockets = SockDiag.open()) {
                    return sockets.listeners().stream().mapToLong(InetSock::rqueue).sum();
                }
            });
        }
    }
}
