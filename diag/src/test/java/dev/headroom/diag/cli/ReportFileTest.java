package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportFileTest {
    @TempDir
    private Path folder;

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void shouldLeaveNothingUntilItIsWritten() throws Exception {
        ReportFile file = new ReportFile(folder.resolve("lab.html"));
        assertEquals(List.of(), names());
        file.write("all of it");
        assertEquals(List.of("lab.html"), names());
        assertEquals("all of it", Files.readString(folder.resolve("lab.html")));
    }

    @Test
    void shouldReplaceWhatALinkLeadsTo() throws Exception {
        Path old = Files.writeString(folder.resolve("old.html"), "a longer text than the new one");
        Path link = Files.createSymbolicLink(folder.resolve("link.html"), old.getFileName());
        new ReportFile(link).write("new");
        assertEquals("new", Files.readString(old));
        assertTrue(Files.isSymbolicLink(link));
        assertEquals(List.of("link.html", "old.html"), names());
    }

    @Test
    void shouldLeaveTheOldOneWhereItCannotWrite() throws Exception {
        Path file = Files.writeString(folder.resolve("lab.html"), "old");
        ReportFile report = new ReportFile(file);
        Files.createDirectory(folder.resolve(".headroom-report." + ProcessHandle.current().pid()));
        CannotException e = assertThrows(CannotException.class, () -> report.write("new"));
        assertTrue(e.getMessage().startsWith("--report " + file + ": it could not be written: "), e.getMessage());
        assertEquals("old", Files.readString(file));
    }

    /** Root may write everywhere, says access(2); the file system of /proc makes no files all the same. */
    @Test
    void shouldTryRatherThanAsk() {
        CannotException e = assertThrows(CannotException.class, () -> new ReportFile(Path.of("/proc/sys/lab.html")));
        assertTrue(e.getMessage().startsWith("--report /proc/sys/lab.html: the folder /proc/sys cannot be written to"),
                e.getMessage());
    }
}
