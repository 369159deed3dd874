package dev.headroom.proc;

import java.io.IOException;

/** A file was read but is not what its kernel function prints; the message quotes the file and the line. */
public final class ProcParseException extends IOException {
    private static final long serialVersionUID = 1L;
    private static final int QUOTED = 160;

    private final String file;
    private final int lineNumber;
    private final String line;

    /**
     * @param file       the file as the reader named it
     * @param lineNumber the line, from 1; 0 when the whole file is meant
     * @param line       the offending line; ignored when {@code lineNumber} is 0
     * @param problem    what is wrong with it
     */
    public ProcParseException(String file, int lineNumber, String line, String problem) {
        super(lineNumber == 0 ? file + ": " + problem : file + ":" + lineNumber + ": " + problem + ": " + quote(line));
        this.file = file;
        this.lineNumber = lineNumber;
        this.line = lineNumber == 0 ? "" : line;
    }

    /** The file as the reader named it. */
    public String file() {
        return file;
    }

    /** The line, from 1; 0 when the whole file is meant. */
    public int lineNumber() {
        return lineNumber;
    }

    /** The offending line, whole; empty when the whole file is meant. */
    public String line() {
        return line;
    }

    /** The line as a message can carry it: one line, printable, not longer than a terminal can bear. */
    private static String quote(String line) {
        var out = new StringBuilder("\"");
        for (int i = 0; i < Math.min(line.length(), QUOTED); i++) {
            char c = line.charAt(i);
            switch (c) {
                case '\t' -> out.append("\\t");
                case '"', '\\' -> out.append('\\').append(c);
                default -> {
                    if (Character.isISOControl(c)) {
                        out.append(String.format("\\x%02x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        return out.append(line.length() > QUOTED ? "\"…" : "\"").toString();
    }
}
