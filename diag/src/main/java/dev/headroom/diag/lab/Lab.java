package dev.headroom.diag.lab;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The hosts and processes of one experiment, on one machine: network namespaces, each with a veth to a bridge in a
 * namespace of its own, so that nothing of it shows in the machine's network. All of it goes with {@link #close}, and
 * what a killed run leaves goes with {@link Leftovers#clean}.
 */
public final class Lab implements AutoCloseable {
    /** Addresses of the lab are from the block for benchmarks (RFC 2544), and reach nobody outside. */
    private static final int PREFIX_LENGTH = 15;

    private final List<String> headroom;
    private final Leftovers leftovers;
    private final List<Host> hosts = new ArrayList<>();
    private final List<Child> children = new ArrayList<>();
    private final Thread onExit;
    private String bridge;

    /**
     * @param headroom the command line that starts this program, to which arguments are appended
     * @throws NotHereException without ip, or without the right to make network namespaces
     */
    public Lab(List<String> headroom) throws IOException {
        if (!Tool.isHere("ip")) {
            throw new NotHereException("ip of iproute2, which is not on PATH");
        }
        this.headroom = List.copyOf(headroom);
        this.leftovers = new Leftovers();
        this.onExit = new Thread(this::closeQuietly, "lab-exit");
        // For an end that nobody here is asked about: SIGHUP, or an error of the JVM's.
        Runtime.getRuntime().addShutdownHook(onExit);
    }

    /** Makes a host with these addresses, e.g. 198.18.0.1. All hosts of a lab reach each other. */
    public Host host(String role, List<String> addresses) throws IOException {
        if (bridge == null) {
            String name = add();
            Tool.ipBatch(name, List.of("link set lo up", "link add br0 type bridge", "link set br0 up"));
            bridge = name;
        }
        String name = add();
        String port = "h" + hosts.size();
        Tool.ipBatch(bridge, List.of("link add " + port + " type veth peer name eth0 netns " + name,
                "link set " + port + " master br0 up"));
        List<String> commands = new ArrayList<>(List.of("link set lo up", "link set eth0 up"));
        for (String address : addresses) {
            commands.add("addr add " + address + "/" + PREFIX_LENGTH + " dev eth0");
        }
        Tool.ipBatch(name, commands);
        Host host = new Host(role, name, addresses);
        hosts.add(host);
        return host;
    }

    private String add() throws IOException {
        String name = leftovers.newHost();
        try {
            Tool.ip("netns", "add", name);
        } catch (IOException e) {
            throw new NotHereException("to make network namespaces (CAP_SYS_ADMIN): " + e.getMessage());
        }
        return name;
    }

    /** The hosts, in the order in which they were made. */
    public List<Host> hosts() {
        return List.copyOf(hosts);
    }

    /** Starts a headroom command on a host, with {@code --json}. */
    public Child start(Host host, String... args) throws IOException {
        List<String> line = new ArrayList<>(host.exec());
        line.addAll(headroom);
        line.addAll(List.of(args));
        line.add("--json");
        Child child = new Child(host, line);
        children.add(child);
        return child;
    }

    /**
     * Sets a sysctl of the whole machine until the lab is closed.
     *
     * @throws NotHereException if this process may not
     */
    public void set(String sysctl, String value) throws IOException {
        try {
            leftovers.set(sysctl, value);
        } catch (FileSystemException e) {
            throw new NotHereException("to write " + e.getMessage());
        }
    }

    /** Ends the processes, removes the hosts, puts settings back. */
    @Override
    public void close() throws IOException {
        try {
            Runtime.getRuntime().removeShutdownHook(onExit);
        } catch (IllegalStateException e) {
            // It is running already, and does the same.
        }
        undo();
    }

    private synchronized void undo() throws IOException {
        // Whoever was interrupted has to leave the machine as it was all the same; files are not read while the flag is up.
        boolean interrupted = Thread.interrupted();
        try {
            children.forEach(Child::close);
            children.clear();
            hosts.forEach(Host::close);
            hosts.clear();
            leftovers.undo();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void closeQuietly() {
        try {
            undo();
        } catch (IOException e) {
            // Nobody is left to be told; lab clean finds what remains.
            return;
        }
    }

    /** What is known of the processes and hosts, for the message of a failure. */
    @Override
    public String toString() {
        return Map.of("hosts", hosts.stream().map(Host::role).toList(), "processes", children).toString();
    }
}
