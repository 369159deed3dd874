package dev.headroom.diag;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Child processes: Java programs of the tests, perhaps under a limit, in a namespace, or as nobody. */
public final class Children {
    private Children() {
    }

    /**
     * What a child said until it ended.
     *
     * @param status its exit status
     * @param out stdout and stderr
     */
    public record Said(int status, String out) {
    }

    /** The command line of a Java program of the tests. */
    public static List<String> java(Class<?> main, String... args) {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-XX:-MaxFDLimit", "--enable-native-access=ALL-UNNAMED", "-cp",
                System.getProperty("java.class.path"), main.getName()));
        line.addAll(List.of(args));
        return line;
    }

    /** The same line after a shell has done something, as "ulimit -n 64". */
    public static List<String> after(String shell, List<String> line) {
        List<String> all = new ArrayList<>(List.of("sh", "-c", shell + "; exec \"$@\"", "sh"));
        all.addAll(line);
        return all;
    }

    public static Said run(List<String> line) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(line).redirectErrorStream(true).start();
        p.getOutputStream().close();
        String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!p.waitFor(60, TimeUnit.SECONDS)) {
            p.destroyForcibly();
            throw new IOException("still runs: " + line);
        }
        return new Said(p.exitValue(), out);
    }

    /** Starts a child and waits for its first line. */
    public static Process ready(List<String> line) throws IOException {
        Process p = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        var out = new BufferedReader(new InputStreamReader(p.getInputStream(), StandardCharsets.UTF_8));
        if (out.readLine() == null) {
            throw new IOException("ended at once: " + line);
        }
        return p;
    }
}
