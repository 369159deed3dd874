package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import dev.headroom.diag.lab.Chart;
import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;

/** Idle connections, and what the kernel keeps of each. */
final class Memory implements Experiment {
    /** What else the machine does meanwhile, and objects that wait in per-CPU slabs. */
    private static final double TOLERANCE = 0.1;
    /** What the original experiment found, on kernel 6.2. */
    static final double ORIGINAL_BYTES = 3.7 * 1024;

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public String shows() {
        return "An idle connection costs the kernel the same few objects an end, about 4 KiB; a machine's memory says how"
                + " many it holds.";
    }

    @Override
    public String decidedBy() {
        return "sk_alloc, sock_alloc_inode, alloc_file_pseudo (the socket and its file), ep_insert (epoll's part)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("connections", "20000");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long connections = t.number("connections", 1000, 60_000);
        Map<String, Double> bytes = KernelMemory.bytesAnEnd();
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        client.set(PortSettings.RANGE, "1024 65535");
        bytes.forEach((cache, n) -> t.read(cache, Math.round(n) + " bytes", "/sys/kernel/slab/" + cache));
        double end = KernelMemory.sum(bytes);
        t.predict("sockets", 2 * connections + 1,
                connections + " connections have two ends here, and one socket listens (sockstat of both hosts)");
        t.predict("bytes an end", within(end), bytes.values().stream().map(n -> "" + Math.round(n))
                .collect(Collectors.joining(" + ")) + " = " + Math.round(end) + ", give or take a tenth");
        t.begin();
        String at = server.at(Addresses.PORT).toString();
        Child serve = t.lab().start(server, "serve", "--listen", at, "--fd-tables", "auto", "--max-connections",
                "" + connections);
        serve.await("listening", 20);
        Child connect = t.lab().start(client, "connect", at, "-n", "1", "--report", "100ms");
        connect.awaitConnections(1, 20);
        connect.stop(10);
        Map<String, Long> before = KernelMemory.now();
        connect = t.lab().start(client, "connect", at, "-n", "" + connections, "--fd-tables", "auto", "--report",
                "100ms");
        connect.awaitProgress(p -> p.get("messages").equals((int) connections), connections + " echoes", 60);
        Map<String, Long> after = KernelMemory.now();
        t.observe("sockets", inUse(serve) + inUse(connect));
        Map<String, Double> seen = grown(before, after, bytes, connections);
        t.observe("bytes an end", Math.round(KernelMemory.sum(seen)));
        t.chart(chart(bytes, seen));
        t.say(String.format(Locale.ROOT, "all caches together grew by %.0f bytes an end (Slab of /proc/meminfo)",
                (after.get("Slab") - before.get("Slab")) / 2.0 / connections));
    }

    private static long inUse(Child child) throws IOException {
        return child.proc().net().sockstat().tcpInuse().orElseThrow();
    }

    private static Expected within(double bytes) {
        return Expected.between(Math.round(bytes * (1 - TOLERANCE)), Math.round(bytes * (1 + TOLERANCE)));
    }

    /** Bytes an end of each cache. One that has no row of its own, because it is merged with others, counts as predicted. */
    static Map<String, Double> grown(Map<String, Long> before, Map<String, Long> after, Map<String, Double> bytes,
            long connections) {
        Map<String, Double> seen = new LinkedHashMap<>();
        bytes.forEach((cache, size) -> seen.put(cache, before.containsKey(cache)
                ? size * (after.get(cache) - before.get(cache)) / 2.0 / connections
                : size));
        return seen;
    }

    static Chart chart(Map<String, Double> predicted, Map<String, Double> seen) {
        List<String> labels = new ArrayList<>(predicted.keySet());
        labels.add("all");
        labels.add("original, kernel 6.2");
        List<Double> first = new ArrayList<>(predicted.values());
        first.add(KernelMemory.sum(predicted));
        first.add(ORIGINAL_BYTES);
        List<Double> second = new ArrayList<>(seen.values());
        second.add(KernelMemory.sum(seen));
        // One bar is enough for it.
        second.add(Double.NaN);
        return new Chart("Kernel memory of an idle connection, one end", Chart.Kind.BARS, "object", "bytes", labels,
                List.of(new Chart.Series("predicted", List.of(), first),
                        new Chart.Series("observed", List.of(), second)));
    }
}
