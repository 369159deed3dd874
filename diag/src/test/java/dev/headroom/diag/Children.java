package dev.headroom.diag;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

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
        return java(System.getProperty("java.class.path"), main, args);
    }

    private static List<String> java(String classPath, Class<?> main, String... args) {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-XX:-MaxFDLimit", "--enable-native-access=ALL-UNNAMED", "-cp",
                classPath, main.getName()));
        line.addAll(List.of(args));
        return line;
    }

    /**
     * The command line of a Java program as user nobody, from copies of the classes.
     *
     * @param folder for the copies
     */
    public static List<String> asNobody(Path folder, Class<?> main, String... args) throws IOException {
        List<String> copies = new ArrayList<>();
        Set<PosixFilePermission> open = PosixFilePermissions.fromString("rwxr-xr-x");
        Files.setPosixFilePermissions(folder, open);
        for (String entry : System.getProperty("java.class.path").split(":")) {
            Path from = Path.of(entry);
            if (entry.isEmpty() || !Files.exists(from)) {
                continue;
            }
            Path to = folder.resolve(copies.size() + (Files.isDirectory(from) ? "" : ".jar"));
            try (Stream<Path> files = Files.walk(from)) {
                for (Path file : (Iterable<Path>) files::iterator) {
                    Path copy = Files.copy(file, to.resolve(from.relativize(file).toString()));
                    Files.setPosixFilePermissions(copy, open);
                }
            }
            copies.add(to.toString());
        }
        List<String> line = new ArrayList<>(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
        line.addAll(java(String.join(":", copies), main, args));
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
