package dev.headroom.proc;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** A file of {@code Label: value} lines, in any order, some of them missing on some kernels. */
final class Fields {
    private record Field(int number, String line, String value) {
    }

    private final String file;
    private final Map<String, Field> fields = new HashMap<>();

    /** Reads to the end; a line without a colon is broken, the first of two equal labels counts. */
    Fields(String file, Lines lines, String firstExpected) throws IOException {
        this.file = file;
        while (lines.next() != null) {
            String line = lines.line();
            int colon = line.indexOf(':');
            if (colon <= 0) {
                throw lines.broken("no label");
            }
            fields.putIfAbsent(line.substring(0, colon),
                    new Field(lines.number(), line, line.substring(colon + 1)));
        }
        if (lines.number() == 0) {
            throw lines.ends(firstExpected);
        }
    }

    boolean has(String label) {
        return fields.containsKey(label);
    }

    String text(String label) throws ProcParseException {
        return need(label).value.strip();
    }

    /** The value with its own blanks, after the tab the kernel prints. */
    String raw(String label) throws ProcParseException {
        String value = need(label).value;
        return value.startsWith("\t") ? value.substring(1) : value;
    }

    long decimal(String label) throws ProcParseException {
        return decimal(need(label));
    }

    OptionalLong optionalDecimal(String label) throws ProcParseException {
        return has(label) ? OptionalLong.of(decimal(label)) : OptionalLong.empty();
    }

    int integer(String label) throws ProcParseException {
        Field field = need(label);
        long value = decimal(field);
        if (value != (int) value) {
            throw broken(field, "number out of range");
        }
        return (int) value;
    }

    OptionalInt optionalInteger(String label) throws ProcParseException {
        return has(label) ? OptionalInt.of(integer(label)) : OptionalInt.empty();
    }

    long hex(String label) throws ProcParseException {
        return radix(label, 16);
    }

    OptionalLong optionalHex(String label) throws ProcParseException {
        return has(label) ? OptionalLong.of(hex(label)) : OptionalLong.empty();
    }

    long octal(String label) throws ProcParseException {
        return radix(label, 8);
    }

    /** A size printed as {@code N kB}, in bytes. */
    OptionalLong optionalKilobytes(String label) throws ProcParseException {
        if (!has(label)) {
            return OptionalLong.empty();
        }
        Field field = need(label);
        String[] words = Lines.words(field.value);
        if (words.length != 2 || !words[1].equals("kB")) {
            throw broken(field, "not a size in kB");
        }
        return OptionalLong.of(decimal(field, words[0]) * 1024);
    }

    /** Numbers between blanks, at least {@code atLeast} of them. */
    long[] decimals(String label, int atLeast) throws ProcParseException {
        Field field = need(label);
        String[] words = Lines.words(field.value);
        if (words.length < atLeast) {
            throw broken(field, "expected " + atLeast + " numbers, found " + words.length);
        }
        long[] values = new long[words.length];
        for (int i = 0; i < words.length; i++) {
            values[i] = decimal(field, words[i]);
        }
        return values;
    }

    /** Two numbers joined by a character, as {@code SigQ: 3/96365}. */
    long[] pair(String label, char joint) throws ProcParseException {
        Field field = need(label);
        String value = field.value.strip();
        int at = value.indexOf(joint);
        if (at < 0) {
            throw broken(field, "no \"" + joint + "\" between two numbers");
        }
        return new long[] {decimal(field, value.substring(0, at)), decimal(field, value.substring(at + 1))};
    }

    private long radix(String label, int radix) throws ProcParseException {
        Field field = need(label);
        try {
            return Long.parseUnsignedLong(field.value.strip(), radix);
        } catch (NumberFormatException e) {
            throw broken(field, "not " + (radix == 16 ? "a hexadecimal" : "an octal") + " number");
        }
    }

    private Field need(String label) throws ProcParseException {
        Field field = fields.get(label);
        if (field == null) {
            throw new ProcParseException(file, 0, "", "has no line \"" + label + ":\"");
        }
        return field;
    }

    private long decimal(Field field) throws ProcParseException {
        return decimal(field, field.value.strip());
    }

    private long decimal(Field field, String text) throws ProcParseException {
        try {
            return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw broken(field, "not a number (\"" + text + "\")");
        }
    }

    private ProcParseException broken(Field field, String problem) {
        return new ProcParseException(file, field.number, field.line, problem);
    }
}
