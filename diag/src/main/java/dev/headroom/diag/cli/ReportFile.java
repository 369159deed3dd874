package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Where a report goes: looked at before anything is run, and there as a whole or not at all. */
final class ReportFile {
    private final String typed;
    private final Path file;

    /** @throws CannotException if nothing can be written there */
    ReportFile(Path typed) throws CannotException {
        this.typed = typed.toString();
        // What a link leads to is replaced, not the link.
        try {
            this.file = Files.exists(typed) ? typed.toRealPath() : typed.toAbsolutePath();
        } catch (IOException e) {
            throw cannot("it cannot be looked at: " + e.getMessage());
        }
        Path folder = file.getParent();
        if (Files.isDirectory(file)) {
            throw cannot("it is a folder; give the name of a file in it");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw cannot("it is there already and no regular file");
        }
        if (!Files.isDirectory(folder)) {
            throw cannot("there is no folder " + folder);
        }
        if (!Files.isWritable(folder)) {
            throw cannot("the folder " + folder + " cannot be written to");
        }
    }

    private CannotException cannot(String why) {
        return new CannotException("--report " + typed + ": " + why);
    }

    /** Replaces what was there. */
    void write(String content) throws CannotException {
        Path whole = file.resolveSibling("." + file.getFileName() + "." + ProcessHandle.current().pid());
        try {
            try {
                Files.writeString(whole, content, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(whole);
            }
        } catch (IOException e) {
            throw new CannotException("--report " + typed + ": it could not be written: " + e, e);
        }
    }

    @Override
    public String toString() {
        return typed;
    }
}
