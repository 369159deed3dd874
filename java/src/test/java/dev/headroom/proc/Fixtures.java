package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** The folders of {@code src/test/resources/proc}; its README says what they are. */
final class Fixtures {
    private Fixtures() {
    }

    /** A host's folder, copied below {@code temp} with its symbolic links made, and its /proc opened. */
    static ProcFs host(Path temp, String name) throws IOException {
        Path from = folder().resolve(name);
        Path to = temp.resolve(name);
        try (var files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Path copy = to.resolve(from.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else if (!file.equals(from.resolve("links.txt"))) {
                    Files.copy(file, copy);
                }
            }
        }
        for (String line : Files.readAllLines(from.resolve("links.txt"))) {
            String[] link = line.split(" -> ", 2);
            Path path = to.resolve(link[0]);
            Files.createDirectories(path.getParent());
            Files.createSymbolicLink(path, Path.of(link[1]));
        }
        return new ProcFs(to.resolve("proc"));
    }

    /** Deletes a folder with its links; JUnit's own temporary folders warn of each link that leads out of them. */
    static void delete(Path temp) throws IOException {
        try (var files = Files.walk(temp)) {
            for (Path file : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(file);
            }
        }
    }

    /** One file of the folder {@code broken}. */
    static String broken(String name) {
        try {
            return Files.readString(folder().resolve("broken").resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Reader text(String... lines) {
        return new StringReader(String.join("\n", lines) + "\n");
    }

    static Path folder() {
        try {
            return Path.of(Fixtures.class.getResource("/proc/README").toURI()).getParent();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
