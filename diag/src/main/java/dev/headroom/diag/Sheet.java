package dev.headroom.diag;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

import java.util.OptionalLong;

import dev.headroom.linux.Errno;
import dev.headroom.linux.SyscallException;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.Sysctl;

/** Where facts are written down: each reading may fail, and then the reason is written down. */
final class Sheet {
    /** A reading that may fail. */
    interface Reading {
        void read() throws IOException;
    }

    private final Snapshot.Builder out;

    Sheet(long takenMillis) {
        out = new Snapshot.Builder(takenMillis);
    }

    Sheet put(String name, String value, String source) {
        out.put(name, value, source);
        return this;
    }

    Sheet put(String name, long value, String source) {
        out.put(name, value, source);
        return this;
    }

    Sheet unread(String why, String... names) {
        for (String name : names) {
            out.unread(name, why);
        }
        return this;
    }

    /** @param names what stays unread if it fails */
    void attempt(Reading reading, String... names) {
        try {
            reading.read();
        } catch (IOException e) {
            unread(why(e), names);
        }
    }

    void sysctl(ProcFs proc, String name) {
        attempt(() -> {
            Sysctl s = proc.sysctl(name);
            put(Facts.sysctl(name), s.value().replace('\t', ' '), s.file());
        }, Facts.sysctl(name));
    }

    /** A number that was written down before. */
    OptionalLong number(String name) {
        return out.build().number(name);
    }

    Snapshot.Builder builder() {
        return out;
    }

    Snapshot done() {
        return out.build();
    }

    /** The reason in words: which privilege, which kernel, or that the reader itself is out of descriptors. */
    static String why(IOException e) {
        String file = e instanceof FileSystemException f && f.getFile() != null ? f.getFile() : "";
        if (e instanceof NoSuchFileException) {
            return file.startsWith("/proc/sys/")
                    ? file + " is not there: another kernel version, a module not loaded, or not in this namespace"
                    : file + " is not there";
        }
        if (e instanceof AccessDeniedException) {
            return file.startsWith("/proc/sys/") ? file + " is for root only"
                    : file + " needs the same user, or CAP_SYS_PTRACE";
        }
        if (e instanceof SyscallException) {
            return e.getMessage();
        }
        String text = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        if (text != null && (text.endsWith(Errno.EMFILE.text()) || text.endsWith(Errno.ENFILE.text()))) {
            return "the reader itself has no descriptor left" + (file.isEmpty() ? "" : " to open " + file);
        }
        return text == null ? e.toString() : text;
    }
}
