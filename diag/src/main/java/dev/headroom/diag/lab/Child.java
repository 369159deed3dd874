package dev.headroom.diag.lab;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

import tools.jackson.jr.ob.JSON;

import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;

/**
 * {@code headroom serve} or {@code headroom connect} on a host, which tells what happens in JSON, a line an event. Safe
 * for use by several threads.
 */
public final class Child implements AutoCloseable {
    private static final int KEPT_ERRORS = 20;

    private final Host host;
    private final List<String> line;
    private final Process process;
    private final List<Map<String, Object>> events = new ArrayList<>();
    private final List<String> errors = new ArrayList<>();
    private final Thread reader;
    private final Thread errorReader;
    private Map<String, Object> progress = Map.of();
    private boolean ended;

    Child(Host host, List<String> line) throws IOException {
        this.host = host;
        this.line = List.copyOf(line);
        this.process = new ProcessBuilder(line).start();
        this.reader = Thread.ofPlatform().name("lab-events").daemon().start(this::readEvents);
        this.errorReader = Thread.ofPlatform().name("lab-errors").daemon().start(this::readErrors);
    }

    private void readEvents() {
        try (BufferedReader in = process.inputReader()) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                told(JSON.std.mapFrom(text));
            }
        } catch (IOException | RuntimeException e) {
            synchronized (this) {
                errors.add(e.toString());
            }
        }
        synchronized (this) {
            ended = true;
            notifyAll();
        }
    }

    private synchronized void told(Map<String, Object> event) {
        if (event.get("event").equals("progress")) {
            progress = event;
        } else {
            events.add(event);
        }
        notifyAll();
    }

    private void readErrors() {
        try (BufferedReader in = process.errorReader()) {
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                synchronized (this) {
                    if (errors.size() < KEPT_ERRORS) {
                        errors.add(text);
                    }
                }
            }
        } catch (IOException e) {
            // It has ended.
            return;
        }
    }

    public Host host() {
        return host;
    }

    public long pid() {
        return process.pid();
    }

    /** Its files below /proc. */
    public ProcPid proc() {
        return new ProcFs().process(pid());
    }

    /** The latest line of progress; empty before the first. */
    public synchronized Map<String, Object> progress() {
        return progress;
    }

    /** A number of the latest line of progress; 0 before the first. */
    public long progress(String name) {
        return progress().get(name) instanceof Number n ? n.longValue() : 0;
    }

    /** All events of that kind. */
    public synchronized List<Map<String, Object>> events(String name) {
        return events.stream().filter(e -> e.get("event").equals(name)).toList();
    }

    /**
     * Waits for the first event of that kind.
     *
     * @throws IOException if it ends, or the time does, before there is one
     */
    public Map<String, Object> await(String name, int seconds) throws IOException, InterruptedException {
        await(() -> !events(name).isEmpty(), name, seconds);
        return events(name).getFirst();
    }

    /** Waits until the progress is as described. @return that progress */
    public synchronized Map<String, Object> awaitProgress(Predicate<Map<String, Object>> reached, String what,
            int seconds) throws IOException, InterruptedException {
        await(() -> !progress.isEmpty() && reached.test(progress), what, seconds);
        return progress;
    }

    /** Waits until it has so many connections. */
    public void awaitConnections(long n, int seconds) throws IOException, InterruptedException {
        awaitProgress(p -> ((Number) p.get("connections")).longValue() == n, n + " connections", seconds);
    }

    private interface Condition {
        boolean holds();
    }

    private synchronized void await(Condition condition, String what, int seconds)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.holds()) {
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (ended || left <= 0) {
                throw new IOException(
                        this + (ended ? " ended before " : " has not told of ") + what + (ended ? "" : " in " + seconds
                                + " s") + (progress.isEmpty() ? "" : "; its last line: " + progress)
                                + (errors.isEmpty() ? "" : ": " + String.join("\n", errors)));
            }
            wait(left);
        }
    }

    /** Presses Enter: writes an empty line to its standard input. */
    public void enter() throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
    }

    /** Asks it to end, and waits. @return its summary */
    public Map<String, Object> stop(int seconds) throws IOException, InterruptedException {
        // Not of the process itself, which would close the streams before the summary is read.
        process.toHandle().destroy();
        await(() -> ended, "its end", seconds);
        return events("summary").stream().findFirst()
                .orElseThrow(() -> new IOException(this + " ended without a summary: " + String.join("\n", errors)));
    }

    /** Waits for its end. @return its summary */
    public Map<String, Object> awaitEnd(int seconds) throws IOException, InterruptedException {
        return await("summary", seconds);
    }

    /** Kills it, if it still runs. */
    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
        join(reader);
        join(errorReader);
    }

    private static void join(Thread thread) {
        boolean interrupted = Thread.interrupted();
        try {
            // Whoever has inherited its output keeps it open; that is nobody's of ours.
            thread.join(1000);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        int command = Math.max(line.indexOf("serve"), line.indexOf("connect"));
        return "headroom " + String.join(" ", line.subList(Math.max(0, command), line.size())) + " on " + host.role();
    }
}
