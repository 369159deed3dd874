package dev.headroom.tests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** An {@link EchoProcess} as its parent sees it. */
public final class EchoChild implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 30;

    private final Process process;
    private final BufferedReader out;
    private final Writer in;
    private final String command;
    private Map<String, String> last;

    private EchoChild(List<String> command) throws IOException {
        this.command = String.join(" ", command);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        process = builder.start();
        out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        in = process.outputWriter(StandardCharsets.UTF_8);
        last = read();
    }

    /**
     * Starts one and waits until it serves.
     *
     * @param before what stands before java: strace, ip netns exec, or nothing
     * @param options for the virtual machine
     * @param arguments role and settings
     */
    public static EchoChild start(List<String> before, List<String> options, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(before);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("java.class.path")));
        command.addAll(options);
        command.add(EchoProcess.class.getName());
        command.addAll(List.of(arguments));
        return new EchoChild(command);
    }

    public static EchoChild start(String... arguments) throws IOException {
        return start(List.of(), List.of(), arguments);
    }

    private Map<String, String> read() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("ended without an answer: " + command);
        }
        Map<String, String> answer = new HashMap<>();
        for (String pair : line.strip().split(" ")) {
            answer.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
        }
        if (!answer.get("failure").isEmpty()) {
            throw new IOException(answer.get("failure") + " in " + command);
        }
        return answer;
    }

    /** Gives a command and takes its answer. */
    public Map<String, String> ask(String what) throws IOException {
        in.write(what + "\n");
        in.flush();
        last = read();
        return last;
    }

    public long get(String name) throws IOException {
        return number(ask("stats"), name);
    }

    public static long number(Map<String, String> stats, String name) {
        return Long.parseLong(stats.getOrDefault(name, "0"));
    }

    /** The addresses it listens on, separated by commas. */
    public String addresses() {
        return last.get("addresses");
    }

    public long pid() {
        return number(last, "pid");
    }

    /** Waits until its numbers are as wanted. */
    public Map<String, String> await(String what, Predicate<Map<String, String>> wanted) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!wanted.test(ask("stats"))) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("not within " + PATIENCE_SECONDS + " s: " + what + "; " + last);
            }
            Thread.sleep(5);
        }
        return last;
    }

    public Map<String, String> await(String name, long value) throws Exception {
        return await(name + " = " + value, s -> number(s, name) == value);
    }

    /** Numbers of the threads of its loops. */
    public List<Long> loopThreads() {
        List<Long> threads = new ArrayList<>();
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(Path.of("/proc/" + pid() + "/task"))) {
            for (Path task : tasks) {
                if (Files.readString(task.resolve("comm")).startsWith("echo-")) {
                    threads.add(Long.parseLong(task.getFileName().toString()));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return threads;
    }

    /** Number of descriptors in the table of its main thread. */
    public int descriptors() {
        return Path.of("/proc/" + pid() + "/fd").toFile().list().length;
    }

    /** Number of descriptors in the table of one of its threads. */
    public int descriptors(long thread) {
        return Path.of("/proc/" + pid() + "/task/" + thread + "/fd").toFile().list().length;
    }

    /** Lets it close everything. @return its last numbers */
    public Map<String, String> stop() throws Exception {
        Map<String, String> summary = ask("stop");
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("does not end: " + command);
        }
        return summary;
    }

    @Override
    public void close() throws IOException {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        in.close();
        out.close();
    }
}
