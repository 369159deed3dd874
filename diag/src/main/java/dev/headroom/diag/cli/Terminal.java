package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What stands behind stdout.
 *
 * @param interactive whether a line may be drawn anew
 * @param colour whether colours are welcome
 * @param columns width
 */
record Terminal(boolean interactive, boolean colour, int columns) {
    static final int WIDTH = 80;
    static final Terminal NONE = new Terminal(false, false, WIDTH);

    static Terminal ofStdout() {
        String term = System.getenv("TERM");
        if (term == null || term.isEmpty() || term.equals("dumb") || !isTerminal("/proc/self/fd/1")) {
            return NONE;
        }
        String noColor = System.getenv("NO_COLOR");
        return new Terminal(true, noColor == null || noColor.isEmpty(), columns(System.getenv("COLUMNS")));
    }

    private static boolean isTerminal(String fd) {
        try {
            String target = Files.readSymbolicLink(Path.of(fd)).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException e) {
            return false;
        }
    }

    private static int columns(String text) {
        return text != null && text.matches("\\d{1,4}") ? Math.max(20, Integer.parseInt(text)) : WIDTH;
    }
}
