package dev.headroom.benchmark.race;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A server that runs. */
final class Running implements AutoCloseable {
    private static final Pattern PORT = Pattern.compile("listening.*?(?:\"port\":|127\\.0\\.0\\.1:)(\\d+)");
    private static final long QUIET_NANOS = 50_000_000;

    final long pid;
    final int port;
    /** From the start of the process to the line that it listens. */
    final double startSeconds;
    private final Process process;

    private Running(Process process, int port, double startSeconds) {
        this.process = process;
        this.pid = process.pid();
        this.port = port;
        this.startSeconds = startSeconds;
    }

    /**
     * Starts it and waits until it listens.
     *
     * @param log where it may complain
     */
    static Running start(List<String> command, Path log) throws IOException {
        long begin = System.nanoTime();
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        BufferedReader out = process.inputReader();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            Matcher m = PORT.matcher(line);
            if (m.find()) {
                double seconds = (System.nanoTime() - begin) / 1e9;
                // what it says later must not fill the pipe
                Thread.ofPlatform().daemon().start(() -> drain(out));
                return new Running(process, Integer.parseInt(m.group(1)), seconds);
            }
        }
        process.destroyForcibly();
        throw new IOException("it ended before it listened (see " + log + "): " + String.join(" ", command));
    }

    private static void drain(BufferedReader out) {
        try {
            out.transferTo(Writer.nullWriter());
        } catch (IOException e) {
            // it has been ended
        }
    }

    /** Nanoseconds that its threads have been on a processor. */
    static long cpuNanos(long pid) throws IOException {
        long sum = 0;
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : tasks.toList()) {
                try {
                    sum += Long.parseLong(Files.readString(task.resolve("schedstat")).split(" ")[0]);
                } catch (IOException e) {
                    // a thread that has ended meanwhile
                }
            }
        }
        return sum;
    }

    /** Resident bytes of a process. */
    static long rss(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/smaps_rollup")).stream().filter(l -> l.startsWith("Rss:"))
                .mapToLong(l -> Long.parseLong(l.replaceAll("\\D", "")) * 1024).sum();
    }

    /** Waits until it has nothing left to do, such as closing what the last client left; three seconds at most. */
    void settle() throws IOException, InterruptedException {
        long last = -1;
        for (int i = 0; i < 60; i++) {
            long now = cpuNanos(pid);
            if (last >= 0 && now - last < QUIET_NANOS / 100) {
                return;
            }
            last = now;
            TimeUnit.NANOSECONDS.sleep(QUIET_NANOS);
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
