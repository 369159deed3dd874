package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.NotHereException;
import dev.headroom.diag.lab.Trial;
import dev.headroom.loop.FdTable;

import dev.headroom.proc.ProcFs;

/**
 * As many connections as the addresses have ports, to one listener, in one server process: 3 clients × 6 addresses ×
 * 64,512 ports unless asked otherwise. Client address i connects to server address i only.
 */
final class Million implements Experiment {
    private static final int LOW = 1024;
    private static final int HIGH = 65_535;
    private static final long EACH = HIGH - LOW + 1;
    private static final int ADDRESSES = 6;
    private static final long SERVER_BYTES = 32;
    private static final long CLIENT_BYTES = 64;
    /** Heap that is touched for the first time, and code that is compiled. */
    private static final long WARM_UP = 20_000_000;
    /** A JVM with its classes and compiled code, and the pages of its loops. */
    private static final long PROCESS_BYTES = 160L << 20;
    static final int SOMAXCONN = 65_535;
    /** Descriptors of a process besides its connections. */
    private static final long OWN = 64;
    private static final int CAP_SYS_RESOURCE = 24;

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
            client.set(PortSettings.RANGE, LOW + " " + HIGH);
            clients.add(client);
        }
        Crowd crowd = new Crowd(t, server, clients, shape.connections, every);
        show(t, shape, crowd, bytes, hold);
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
        t.predict("server bytes a connection", Expected.atMost(atMost(SERVER_BYTES, 1, shape.connections)),
                "16 bytes of state, no object, no buffer; compiled code comes on top, " + WARM_UP / 1_000_000
                        + " MB at most for few connections");
        t.predict("client bytes a connection", Expected.atMost(atMost(CLIENT_BYTES, shape.clients, shape.connections)),
                "32 bytes of state, and the same for each client process");
        t.predict("connections afterwards", 0, "all are closed, and the server is as before");
        t.begin();
    }

    private static void show(Trial t, Shape shape, Crowd crowd, Map<String, Double> bytes, long hold)
            throws IOException, InterruptedException {
        crowd.listen();
        Map<String, Long> slabsBefore = KernelMemory.now();
        Curves curves = new Curves(crowd.roles());
        crowd.connect();
        crowd.fill(curves);
        Map<String, Long> slabsFull = KernelMemory.now();
        long held = crowd.held();
        t.say(String.format(Locale.ROOT, "full after %.1f s: %,d connections, %,.0f a second", curves.seconds(), held,
                held / curves.seconds()));
        long echoed = crowd.echoAll();
        Map<String, Double> seen = Memory.grown(slabsBefore, slabsFull, bytes, shape.connections);
        long serverGrowth = crowd.serverGrowth();
        long clientGrowth = crowd.clientGrowth();
        crowd.hold(hold);
        t.observe("connections", held);
        t.observe("echoed when full", echoed);
        t.observe("kernel bytes an end", Math.round(KernelMemory.sum(seen)));
        t.observe("server bytes a connection", serverGrowth / shape.connections);
        t.observe("client bytes a connection", clientGrowth / shape.connections);
        curves.charts().forEach(t::chart);
        t.chart(Memory.chart(bytes, seen));
        Crowd.End end = crowd.leave();
        t.observe("lost", end.lost());
        t.observe("connections afterwards", end.left());
        t.chart(Curves.latencies(end.latencies()));
    }

    /** A process warms up, whatever it holds: few connections would each have much of that. */
    private static long atMost(long bytes, int processes, long connections) {
        return Math.max(bytes, processes * WARM_UP / connections);
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
    static List<String> nofile(ProcFs proc, long connections) throws IOException {
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
}
