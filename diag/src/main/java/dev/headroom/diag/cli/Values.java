package dev.headroom.diag.cli;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.loop.Acceptor;
import dev.headroom.loop.Engine;

/** Numbers, durations and rates as a person types them. What is not understood is answered with what would be. */
final class Values {
    /** A number that headroom chooses. */
    static final int AUTO = -1;
    /** As many as go. */
    static final int UNLIMITED = Integer.MAX_VALUE;

    private static final Pattern NUMBER = Pattern.compile("(\\d{1,3}(?:,\\d{3})+|\\d{1,12})(\\.\\d{1,9})?([kKmM]?)");
    private static final Pattern DURATION = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)(ms|s|m|h)");
    private static final String NUMBERS = "give 500, 20k (20,000) or 1.5m (1,500,000)";
    private static final long LONGEST = TimeUnit.DAYS.toNanos(366);

    private Values() {
    }

    /** 500, 20k, 1.5m; 1,161,216 as headroom itself writes it. */
    static int number(String text) {
        Matcher m = NUMBER.matcher(text);
        if (!m.matches()) {
            throw new TypeConversionException("not a number; " + NUMBERS);
        }
        BigDecimal n = new BigDecimal(m.group(1).replace(",", "") + (m.group(2) == null ? "" : m.group(2)));
        n = switch (m.group(3).toLowerCase(Locale.ROOT)) {
            case "k" -> n.scaleByPowerOfTen(3);
            case "m" -> n.scaleByPowerOfTen(6);
            default -> n;
        };
        if (n.stripTrailingZeros().scale() > 0) {
            throw new TypeConversionException("not a whole number; " + NUMBERS);
        }
        if (n.compareTo(BigDecimal.valueOf(UNLIMITED)) >= 0) {
            throw new TypeConversionException("too large; the largest is 2,147,483,646");
        }
        return n.intValue();
    }

    /** @return nanoseconds */
    static long duration(String text) {
        if (text.equals("0")) {
            return 0;
        }
        Matcher m = DURATION.matcher(text);
        if (!m.matches()) {
            throw new TypeConversionException("not a duration; give 500ms, 10s, 5m or 1h");
        }
        long unit = switch (m.group(2)) {
            case "ms" -> 1_000_000L;
            case "s" -> 1_000_000_000L;
            case "m" -> 60_000_000_000L;
            default -> 3_600_000_000_000L;
        };
        BigDecimal nanos = new BigDecimal(m.group(1)).multiply(BigDecimal.valueOf(unit));
        if (nanos.compareTo(BigDecimal.valueOf(LONGEST)) > 0) {
            throw new TypeConversionException("too long; the longest is 8784h, a year");
        }
        return nanos.longValue();
    }

    /** A duration as it would be typed: 500ms, 10s, 1m30s. */
    static String text(long nanos) {
        long ms = Math.ceilDiv(nanos, 1_000_000L);
        if (ms < 1000 || ms < 60_000 && ms % 1000 != 0) {
            return ms < 1000 ? ms + "ms" : String.format(Locale.ROOT, "%.1fs", ms / 1e3);
        }
        long s = ms / 1000;
        return s < 60 ? s + "s"
                : s < 3600 ? s / 60 + "m" + two(s % 60, "s") : s / 3600 + "h" + two(s / 60 % 60, "m");
    }

    private static String two(long n, String unit) {
        return n == 0 ? "" : String.format(Locale.ROOT, "%02d%s", n, unit);
    }

    static String text(int number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    static String text(long number, String unit) {
        return String.format(Locale.ROOT, "%,d %s", number, unit);
    }

    static final class Number implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return number(text);
        }
    }

    static final class Pid implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            if (text.matches("\\d{1,10}") && Long.parseLong(text) > 0 && Long.parseLong(text) <= Integer.MAX_VALUE) {
                return Long.parseLong(text);
            }
            throw new TypeConversionException("give the number of a process (see: ps -e)");
        }
    }

    static final class Fd implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            if (text.matches("\\d{1,9}")) {
                return Long.parseLong(text);
            }
            throw new TypeConversionException("give the number of a descriptor (see: ls -l /proc/PID/fd)");
        }
    }

    static final class NumberOrAuto implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return text.equals("auto") ? AUTO : orElse(text, "auto");
        }
    }

    static final class NumberOrMax implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return text.equals("max") ? UNLIMITED : orElse(text, "max");
        }
    }

    private static int orElse(String text, String word) {
        if (!text.isEmpty() && !Character.isDigit(text.charAt(0))) {
            throw new TypeConversionException("not a number; " + NUMBERS + ", or " + word);
        }
        return number(text);
    }

    static final class Duration implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return duration(text);
        }
    }

    /** 100, 100/s, 1k/s: so many a second. */
    static final class Rate implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            String n = text.endsWith("/s") ? text.substring(0, text.length() - 2) : text;
            try {
                int rate = number(n);
                if (rate > 0) {
                    return rate;
                }
            } catch (TypeConversionException e) {
                // What is asked for here is not just a number.
            }
            throw new TypeConversionException("not a rate; give how many a second: 100, 100/s, 1k/s");
        }
    }

    static final class EngineName implements ITypeConverter<Engine> {
        @Override
        public Engine convert(String text) {
            return switch (text) {
                case "epoll" -> Engine.EPOLL;
                case "io_uring" -> Engine.IO_URING;
                default -> throw new TypeConversionException("give epoll or io_uring");
            };
        }
    }

    static final class Limit implements ITypeConverter<Acceptor.OnLimit> {
        @Override
        public Acceptor.OnLimit convert(String text) {
            return switch (text) {
                case "pause" -> Acceptor.OnLimit.PAUSE;
                case "shed" -> Acceptor.OnLimit.SHED;
                default -> throw new TypeConversionException("give pause or shed");
            };
        }
    }
}
