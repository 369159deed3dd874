package dev.headroom.diag.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;

import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.NetNamespace;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcNet;
import dev.headroom.proc.Sysctl;

/**
 * A host of the lab: a network namespace with addresses, routes, sysctls and sockets of its own. A process enters it
 * with {@link #exec}; a thread of ours is always there, and {@link #call} makes it do something. {@link #tid} names that
 * thread to whoever reads {@code /proc}, where a thread looks like a process in that namespace.
 */
public final class Host implements AutoCloseable {
    private static final Path NAMESPACES = Path.of("/run/netns");
    /** A link address that no device of a lab has. */
    private static final String NOBODY = "02:00:00:00:00:99";

    private final String role;
    private final String netns;
    private final List<String> addresses;
    private final LinkedBlockingQueue<FutureTask<?>> tasks = new LinkedBlockingQueue<>();
    private final Thread thread;
    private final long tid;

    /** @param netns name of a network namespace that is there */
    Host(String role, String netns, List<String> addresses) throws IOException {
        this.role = role;
        this.netns = netns;
        this.addresses = List.copyOf(addresses);
        this.thread = Thread.ofPlatform().name("lab-" + role).daemon().start(this::work);
        this.tid = uninterruptibly(() -> {
            NetNamespace.enter(NAMESPACES.resolve(netns));
            return Long.parseLong(Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString());
        });
    }

    private void work() {
        try {
            while (true) {
                tasks.take().run();
            }
        } catch (InterruptedException e) {
            // The host is being removed.
            return;
        }
    }

    /** What it is in the experiment, e.g. "server". */
    public String role() {
        return role;
    }

    public String netns() {
        return netns;
    }

    /** Its addresses, without port. */
    public List<String> addresses() {
        return addresses;
    }

    /** Its first address. */
    public Sockaddr at(int port) {
        return Sockaddr.of(addresses.getFirst(), port);
    }

    /** What stands before a command that is to run on it. */
    public List<String> exec() {
        return List.of("ip", "netns", "exec", netns);
    }

    /** The thread on this host, as {@code /proc/TID}. */
    public long tid() {
        return tid;
    }

    /**
     * Does something on this host and waits for it. Sockets that are opened there stay there.
     *
     * @throws IOException what the task throws
     */
    public <T> T call(Callable<T> task) throws IOException, InterruptedException {
        FutureTask<T> future = new FutureTask<>(task);
        tasks.add(future);
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        }
    }

    private <T> T uninterruptibly(Callable<T> task) throws IOException {
        boolean interrupted = false;
        FutureTask<T> future = new FutureTask<>(task);
        tasks.add(future);
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw rethrown(e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static IOException rethrown(Throwable t) {
        return switch (t) {
            case IOException e -> e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> new IOException(t);
        };
    }

    /** A sysctl as it is on this host, e.g. "net.core.somaxconn". */
    public Sysctl sysctl(String name) throws IOException, InterruptedException {
        return call(() -> new ProcFs().sysctl(name));
    }

    /** Sets a sysctl below {@code net.}, which is this host's own and goes with it. */
    public void set(String name, String value) throws IOException, InterruptedException {
        if (!name.startsWith("net.")) {
            throw new IllegalArgumentException(name + " is the machine's: Lab.set");
        }
        call(() -> Files.writeString(Path.of("/proc/sys", name.split("\\.")), value + "\n"));
    }

    /** What the kernel counts on this host. */
    public ProcNet net() {
        return new ProcFs().process(tid).net();
    }

    /** From now on what this host sends to that address is lost: it takes it for a neighbour that nobody is. */
    public void lose(String address) throws IOException {
        Tool.ip("-n", netns, "neigh", "replace", address, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent");
    }

    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
