package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples in docs/examples are what the commands say: they are made anew, and compared without their numbers. */
class ExamplesIT {
    private static final Path ROOT = Path.of(System.getProperty("headroom.root"));

    @TempDir
    private static Path made;

    @BeforeAll
    static void make() throws Exception {
        Requires.root();
        Requires.tool("ip");
        Requires.tool("unshare");
        Process p = new ProcessBuilder(ROOT.resolve("docs/make-examples").toString(), made.toString())
                .redirectErrorStream(true).start();
        p.getOutputStream().close();
        String said = new String(p.getInputStream().readAllBytes());
        assertTrue(p.waitFor(10, TimeUnit.MINUTES), said);
        assertEquals(0, p.exitValue(), said);
    }

    @ParameterizedTest
    @ValueSource(strings = {"check", "connect", "explain", "plan", "serve", "snapshot"})
    void shouldShowWhatTheCommandSays(String name) throws IOException {
        String file = name + "_example.txt";

        assertEquals(masked(ROOT.resolve("docs/examples").resolve(file)), masked(made.resolve(file)));
    }

    /** The number of connections is not masked everywhere: 23 were made, and 23 are reported. */
    @Test
    void shouldCountTheConnectionsThatWereMade() throws IOException {
        String connect = Files.readString(made.resolve("connect_example.txt"));

        assertEquals(2, connect.split("connected 23 in ", -1).length - 1, connect);
    }

    /** Numbers, the kernel's release and units of time differ from host to host, and lines break where they end. */
    private static String masked(Path file) throws IOException {
        return Files.readString(file).replaceAll("Linux \\S+[0-9]", "Linux V").replaceAll("\\d[\\d.,:]*", "N")
                .replaceAll("N (?:ns|µs|ms|s)\\b", "N t").replaceAll("[ \\t\\n]+", " ").replace(". ", ".\n");
    }
}
