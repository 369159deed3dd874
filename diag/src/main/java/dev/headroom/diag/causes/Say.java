package dev.headroom.diag.causes;

import java.util.Locale;
import java.util.regex.Pattern;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;

/** Words and numbers as the sentences of the catalogue want them. */
final class Say {
    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};

    private static final Pattern EITHER = Pattern.compile("\\{([^{|}]*)\\|([^{|}]*)}");

    private Say() {
    }

    /** "process 4711 (java)", or as much of it as is known. */
    static String process(Case c) {
        String pid = c.text(Facts.PID).map(p -> "process " + p).orElse("the process");
        return pid + c.text(Facts.COMMAND).map(name -> " (" + name + ")").orElse("");
    }

    /** "user 1000", by the effective id: whose inotify, epoll and fanotify quotas are charged. */
    static String effectiveUser(Case c) {
        return c.text(Facts.EUID).map(u -> "user " + u).orElse("its user");
    }

    /** "user 1000", by the real id: whose tasks, signals and queues are counted. */
    static String realUser(Case c) {
        return c.text(Facts.RUID).map(u -> "user " + u).orElse("its user");
    }

    /** "1 connection", "3 connections"; the noun in the singular. */
    static String count(long n, String noun) {
        return n + " " + noun + (n == 1 ? "" : noun.endsWith("ss") ? "es" : "s");
    }

    /** The sentence with n for its %d, and of each {one|many} the form that goes with n. */
    static String agree(String sentence, long n) {
        return EITHER.matcher(sentence).replaceAll(n == 1 ? "$1" : "$2").replace("%d", Long.toString(n));
    }

    static String number(long n) {
        return unlimited(n) ? "unlimited" : Long.toString(n);
    }

    /** A limit of "unlimited", or an unsigned number beyond what a long holds. */
    static boolean unlimited(long n) {
        return n == Long.MAX_VALUE || n < 0;
    }

    /** "8 MiB", "7.9 MiB", "100 bytes". */
    static String bytes(long n) {
        if (unlimited(n)) {
            return "unlimited";
        }
        int unit = 0;
        double value = n;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        String text = String.format(Locale.ROOT, "%.1f", value);
        return (text.endsWith(".0") ? text.substring(0, text.length() - 2) : text) + " " + UNITS[unit];
    }

    static String kb(long n) {
        return unlimited(n) ? "unlimited" : bytes(n * 1024);
    }

    /** The power of two with at least twice the room. */
    static long roomier(long n) {
        return n >= 1L << 40 ? n : Math.max(Long.highestOneBit(Math.max(n, 1)) * 4, 64);
    }
}
