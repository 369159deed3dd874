package dev.headroom.diag.cli;

import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What the JVM watches once after each build, to start faster ever after (the launcher's start-up cache): the command
 * lines a person types most, run for nobody. A command that should start fast has its line here; none may change
 * anything on this machine or take longer than a moment.
 */
final class Rehearsal {
    private static final List<List<String>> LINES = List.of(List.of("--help"), List.of("--version"),
            List.of("--no-such"), List.of("serve", "--help"), List.of("plan", "1m"), List.of("plan", "1m", "--json"),
            List.of("check"), List.of("check", "--pid", Long.toString(ProcessHandle.current().pid())),
            List.of("check", "--json"),
            List.of("serve", "--listen", "127.0.0.1:0", "--duration", "110ms", "--report", "100ms"),
            List.of("serve", "--listen", "127.0.0.1:0", "--duration", "110ms", "--report", "100ms", "--json"),
            List.of("explain", "EMFILE", "--pid", Long.toString(ProcessHandle.current().pid())),
            List.of("explain", "EMFILE", "--json"),
            // What a client asks of itself when its ports are used up.
            List.of("explain", "EADDRNOTAVAIL", "--call", "connect", "--to", "127.0.0.1:9", "--pid",
                    Long.toString(ProcessHandle.current().pid())));

    private Rehearsal() {
    }

    public static void main(String[] args) {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        System.setOut(nowhere);
        System.setErr(nowhere);
        for (List<String> line : LINES) {
            String[] words = line.toArray(String[]::new);
            Headroom.commandLine(words).setOut(new PrintWriter(nowhere)).setErr(new PrintWriter(nowhere))
                    .execute(words);
        }
        // What System.exit asks before it ends.
        System.getLogger("java.lang.Runtime").isLoggable(System.Logger.Level.DEBUG);
    }
}
