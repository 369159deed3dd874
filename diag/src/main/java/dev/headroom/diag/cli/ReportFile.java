package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Where a report goes: looked at before anything is run, and there as a whole or not at all. */
final class ReportFile {
    private final String typed;
    private final Path file;
    private final Path whole;

    /** @throws CannotException if nothing can be written there */
    ReportFile(Path typed) throws CannotException {
        this.typed = typed.toString();
        // What a link leads to is replaced, not the link.
        try {
            this.file = Files.exists(typed) ? typed.toRealPath() : typed.toAbsolutePath();
        } catch (IOException e) {
            throw cannot("it cannot be looked at: " + reason(e));
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
        // What may be written is not told by a folder's permissions alone: try.
        this.whole = folder.resolve(".headroom-report." + ProcessHandle.current().pid());
        try {
            Files.createFile(whole);
            Files.delete(whole);
        } catch (IOException e) {
            throw cannot("the folder " + folder + " cannot be written to: " + reason(e));
        }
    }

    private static String reason(IOException e) {
        return e instanceof AccessDeniedException ? "Permission denied"
                : e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.toString();
    }

    private CannotException cannot(String why) {
        return new CannotException("--report " + typed + ": " + why);
    }

    /** Replaces what was there. */
    void write(String content) throws CannotException {
        try {
            try {
                Files.writeString(whole, content, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(whole);
            }
        } catch (IOException e) {
            throw cannot("it could not be written: " + reason(e));
        }
    }

    @Override
    public String toString() {
        return typed;
    }
}
