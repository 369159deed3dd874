package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a test cannot do without. Where it is missing the test is skipped and says what it lacked; with {@code CI=true}
 * it fails, for there a skipped suite would be a green lie.
 */
public final class Requires {
    private static final boolean CI = "true".equals(System.getenv("CI"));

    private Requires() {
    }

    /** Requires a program on PATH. */
    public static Path tool(String name) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path tool = Path.of(folder.isEmpty() ? "." : folder, name);
            if (Files.isRegularFile(tool) && Files.isExecutable(tool)) {
                return tool;
            }
        }
        lacking("needs " + name + ", which is not on PATH (tests/install-tools " + name + ")");
        throw new AssertionError();
    }

    /** Requires to be root, whose namespaces may be made without asking. */
    public static void root() {
        try {
            if ((int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") != 0) {
                lacking("needs root");
            }
        } catch (IOException e) {
            lacking("needs /proc: " + e.getMessage());
        }
    }

    /** Requires {@code condition}; {@code what} completes the sentence "this test needs …". */
    public static void that(boolean condition, String what) {
        if (!condition) {
            lacking("needs " + what);
        }
    }

    private static void lacking(String what) {
        if (CI) {
            fail("this test " + what + ", and with CI=true no required test is skipped");
        }
        abort("this test " + what);
    }
}
