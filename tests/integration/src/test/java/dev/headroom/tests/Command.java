package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import tools.jackson.jr.ob.JSON;

/** A headroom that runs, and what it has written so far. */
final class Command {
    final Process process;
    private final StringBuffer out = new StringBuffer();
    private final CompletableFuture<Void> outEnd;
    private final CompletableFuture<String> err;

    Command(Process process) {
        this.process = process;
        this.outEnd = CompletableFuture.runAsync(() -> {
            try (BufferedReader lines = process.inputReader()) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    out.append(line).append('\n');
                }
            } catch (IOException e) {
                // closed by the test
            }
        }, Thread::startVirtualThread);
        this.err = CompletableFuture.supplyAsync(() -> process.errorReader().lines().map(l -> l + "\n")
                .collect(Collectors.joining()), Thread::startVirtualThread);
    }

    int status() throws Exception {
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), this::toString);
        outEnd.get(5, TimeUnit.SECONDS);
        return process.exitValue();
    }

    String out() {
        return out.toString();
    }

    String err() throws Exception {
        return err.get(5, TimeUnit.SECONDS);
    }

    void await(String part) throws InterruptedException {
        for (int i = 0; i < 3000 && !out().contains(part); i++) {
            Thread.sleep(20);
            assertTrue(process.isAlive() || out().contains(part), this::toString);
        }
        assertTrue(out().contains(part), this::toString);
    }

    Map<String, Object> awaitEvent(String name) throws InterruptedException {
        await("{\"event\":\"" + name + "\"");
        await("\n");
        return event(name);
    }

    Map<String, Object> event(String name) {
        String line = out().lines().filter(l -> l.startsWith("{\"event\":\"" + name + "\"")).findFirst()
                .orElse(null);
        assertNotNull(line, this::toString);
        return JSON.std.mapFrom(line);
    }

    long count(String part) {
        return out().lines().filter(l -> l.contains(part)).count();
    }

    int port() {
        return Integer.parseInt(target().substring(target().indexOf(':') + 1));
    }

    String target() {
        return out().lines().findFirst().orElseThrow().replaceAll(".*?(127\\.0\\.0\\.1:\\d+).*", "$1");
    }

    void signal(String name) throws Exception {
        assertEquals(0, new ProcessBuilder("bash", "-c", "kill -" + name + " " + process.pid()).start().waitFor());
    }

    /** What descriptors lead to, as far as it begins so. */
    List<String> descriptors(String prefix) throws IOException {
        List<String> targets = new ArrayList<>();
        try (Stream<Path> fds = Files.list(Path.of("/proc", Long.toString(process.pid()), "fd"))) {
            for (Path fd : fds.toList()) {
                String target = Files.readSymbolicLink(fd).toString();
                if (target.startsWith(prefix)) {
                    targets.add(target);
                }
            }
        }
        return targets;
    }

    /** Resident memory in bytes. */
    long rss() throws IOException {
        return Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status")).stream()
                .filter(l -> l.startsWith("VmRSS:")).mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) * 1024)
                .findFirst().orElseThrow();
    }

    /** The newest event of that name. */
    Map<String, Object> lastEvent(String name) {
        String line = out().lines().filter(l -> l.startsWith("{\"event\":\"" + name + "\"") && l.endsWith("}"))
                .reduce((first, second) -> second).orElse(null);
        assertNotNull(line, this::toString);
        return JSON.std.mapFrom(line);
    }

    long cpuTicks() throws IOException {
        String stat = Files.readString(Path.of("/proc", Long.toString(process.pid()), "stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }

    @Override
    public String toString() {
        return "stdout:\n" + out + "stderr:\n" + err.getNow("(still open)");
    }
}
