package dev.headroom.diag;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.headroom.proc.ProcPid;

/**
 * Whether there are listeners: a few files tell, so that sock_diag is asked only if so. What cannot be read counts as a
 * listener.
 */
public final class Listeners {
    private static final String LISTEN = "0A";
    private static final int STATE = 3;
    private static final int INODE = 9;
    /** Who listens has done so before it had many connections. */
    private static final int LOWEST = 4096;

    private Listeners() {
    }

    /** Whether anybody listens in the network namespace of a process. */
    public static boolean mayBe(ProcPid process) {
        try {
            return !sockets(process).isEmpty();
        } catch (IOException e) {
            return true;
        }
    }

    /** Whether the process itself does. */
    public static boolean mayBeOf(ProcPid process) {
        try {
            Set<String> sockets = sockets(process);
            if (sockets.isEmpty()) {
                return false;
            }
            int seen = 0;
            try (DirectoryStream<Path> fds = Files.newDirectoryStream(process.directory().resolve("fd"))) {
                for (Path fd : fds) {
                    if (sockets.contains(target(fd))) {
                        return true;
                    }
                    if (++seen == LOWEST) {
                        return true;
                    }
                }
            }
            return false;
        } catch (IOException | RuntimeException e) {
            return true;
        }
    }

    private static String target(Path fd) {
        try {
            return Files.readSymbolicLink(fd).toString();
        } catch (IOException e) {
            return "";
        }
    }

    /** Their links, as in {@code /proc/PID/fd}. The kernel lists those that listen first. */
    private static Set<String> sockets(ProcPid process) throws IOException {
        Set<String> all = new HashSet<>();
        for (String table : List.of("net/tcp", "net/tcp6")) {
            Path file = process.directory().resolve(table);
            if (table.endsWith("6") && !Files.exists(file)) {
                continue;
            }
            try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.US_ASCII)) {
                lines.readLine();
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    String[] words = line.strip().split("\\s+");
                    if (words.length <= INODE || !words[STATE].equals(LISTEN)) {
                        break;
                    }
                    all.add("socket:[" + words[INODE] + "]");
                }
            }
        }
        return all;
    }
}
