package dev.headroom.diag;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import dev.headroom.proc.ProcPid;

/** Whether anybody listens in a network namespace: two files tell, so that sock_diag is asked only if so. */
public final class Listeners {
    private static final String LISTEN = "0A";
    private static final int STATE = 3;

    private Listeners() {
    }

    /** The kernel lists those that listen first, so one row is enough. What cannot be read counts as a listener. */
    public static boolean mayBe(ProcPid process) {
        for (String table : List.of("net/tcp", "net/tcp6")) {
            Path file = process.directory().resolve(table);
            try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.US_ASCII)) {
                lines.readLine();
                String line = lines.readLine();
                String[] words = line == null ? new String[0] : line.strip().split("\\s+");
                if (words.length > STATE && words[STATE].equals(LISTEN)) {
                    return true;
                }
            } catch (IOException e) {
                if (table.equals("net/tcp")) {
                    return true;
                }
            }
        }
        return false;
    }
}
