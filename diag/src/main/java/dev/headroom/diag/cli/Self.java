package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The command line that starts this very program once more. */
final class Self {
    private Self() {
    }

    /** As it was started, options of the JVM included; arguments are to be appended. */
    static List<String> command() {
        List<String> words = commandLine();
        int main = words.indexOf(Main.class.getName());
        if (main > 0) {
            return words.subList(0, main + 1);
        }
        // Within another program, a test perhaps.
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-cp",
                System.getProperty("java.class.path"), Main.class.getName());
    }

    private static List<String> commandLine() {
        try {
            return List.of(
                    new String(Files.readAllBytes(Path.of("/proc/self/cmdline")), StandardCharsets.UTF_8).split("\0"));
        } catch (IOException e) {
            return List.of();
        }
    }
}
