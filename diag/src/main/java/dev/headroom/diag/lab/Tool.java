package dev.headroom.diag.lab;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Programs that the lab drives, above all ip(8) of iproute2. Each is over in a moment, and waited for even then. */
public final class Tool {
    private Tool() {
    }

    /** Whether it is on PATH. */
    public static boolean isHere(String name) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder.isEmpty() ? "." : folder, name))) {
                return true;
            }
        }
        return false;
    }

    /** Runs {@code ip ARGS}. @return what it wrote */
    static String ip(String... args) throws IOException {
        List<String> line = new ArrayList<>(List.of("ip"));
        line.addAll(List.of(args));
        return run(line, "");
    }

    /**
     * Runs several commands of ip in one process.
     *
     * @param netns the host where, or null for here
     */
    static void ipBatch(String netns, List<String> commands) throws IOException {
        List<String> line = new ArrayList<>(List.of("ip"));
        if (netns != null) {
            line.addAll(List.of("-n", netns));
        }
        line.addAll(List.of("-batch", "-"));
        run(line, String.join("\n", commands) + "\n");
    }

    /**
     * Runs a program to its end.
     *
     * @param input for its standard input
     * @return what it wrote
     * @throws IOException with that, if its exit status is not 0
     */
    public static String run(List<String> line, String input) throws IOException {
        Process p = new ProcessBuilder(line).redirectErrorStream(true).start();
        try {
            p.getOutputStream().write(input.getBytes(StandardCharsets.UTF_8));
            p.getOutputStream().close();
        } catch (IOException e) {
            // It has ended without reading; what it says tells why.
        }
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = waitFor(p);
        if (status != 0) {
            throw new IOException(String.join(" ", line) + ": " + (said.isBlank() ? "status " + status : said.strip()));
        }
        return said;
    }

    /** An interrupt ends the lab, and not in the middle of removing a host. */
    private static int waitFor(Process p) {
        boolean interrupted = false;
        while (true) {
            try {
                int status = p.waitFor();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return status;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }
}
