package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;

/**
 * The lines of one file with their numbers: what all parsers of this package share. It knows how numbers are written
 * and how to complain about a line, nothing about any file.
 */
final class Lines {
    private final String file;
    private final Reader reader;
    private final char[] chars = new char[2048];
    private int from;
    private int to;
    private String line = "";
    private int number;

    Lines(String file, Reader text) {
        this.file = file;
        this.reader = text;
    }

    /** A text that is one record though it may hold newlines: the current line is all of it. */
    static Lines one(String file, String text) {
        var lines = new Lines(file, Reader.nullReader());
        if (!text.isEmpty()) {
            lines.take(text);
        }
        return lines;
    }

    /** The whole text, for the files that are one value. */
    static String all(Reader text) throws IOException {
        var all = new StringBuilder();
        char[] chars = new char[1024];
        for (int n; (n = text.read(chars)) > 0;) {
            all.append(chars, 0, n);
        }
        return all.toString();
    }

    /**
     * Moves to the next line and gives it, or {@code null} at the end. Only a newline ends a line: a command name may
     * hold a carriage return, which {@link java.io.BufferedReader#readLine()} would take for one.
     */
    String next() throws IOException {
        StringBuilder begun = null;
        while (true) {
            for (int i = from; i < to; i++) {
                if (chars[i] == '\n') {
                    String end = new String(chars, from, i - from);
                    from = i + 1;
                    return take(begun == null ? end : begun.append(end).toString());
                }
            }
            if (begun == null) {
                begun = new StringBuilder();
            }
            begun.append(chars, from, to - from);
            from = 0;
            to = Math.max(0, reader.read(chars));
            if (to == 0) {
                return begun.isEmpty() ? null : take(begun.toString());
            }
        }
    }

    private String take(String next) {
        number++;
        line = next;
        return next;
    }

    /** The next line of a file that must have one here. */
    String need(String what) throws IOException {
        String next = next();
        if (next == null) {
            throw ends(what);
        }
        return next;
    }

    /** The words of the current line. */
    String[] words() {
        return words(line);
    }

    static String[] words(String text) {
        String stripped = text.strip();
        var words = new ArrayList<String>();
        for (int from = 0; from < stripped.length();) {
            int to = from;
            while (to < stripped.length() && stripped.charAt(to) != ' ' && stripped.charAt(to) != '\t') {
                to++;
            }
            if (to > from) {
                words.add(stripped.substring(from, to));
            }
            from = to + 1;
        }
        return words.toArray(String[]::new);
    }

    String line() {
        return line;
    }

    int number() {
        return number;
    }

    ProcParseException broken(String problem) {
        return new ProcParseException(file, number, line, problem);
    }

    ProcParseException ends(String what) {
        return new ProcParseException(file, 0, "",
                number == 0 ? "is empty, expected " + what : "ends after line " + number + ", expected " + what);
    }

    /** A decimal number as {@code %d}, {@code %u}, {@code %lu} or {@code %llu} print it; all 64 bits survive. */
    long decimal(String what, String text) throws ProcParseException {
        try {
            return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw broken(what + " is not a number (\"" + text + "\")");
        }
    }

    int integer(String what, String text) throws ProcParseException {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw broken(what + " is not a number (\"" + text + "\")");
        }
    }

    /** A number as {@code %x} prints it. */
    long hex(String what, String text) throws ProcParseException {
        try {
            return Long.parseUnsignedLong(text, 16);
        } catch (NumberFormatException e) {
            throw broken(what + " is not a hexadecimal number (\"" + text + "\")");
        }
    }

    /** A number, or {@code word} for {@link Limits#RLIM_INFINITY}. */
    long decimalOr(String word, String what, String text) throws ProcParseException {
        return text.equals(word) ? Limits.RLIM_INFINITY : decimal(what, text);
    }
}
