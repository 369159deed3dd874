package dev.headroom.diag.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import org.HdrHistogram.Histogram;

import dev.headroom.diag.Verdict;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

/** For a person: on a terminal the line of progress is drawn anew, elsewhere each is a line of its own. */
final class TextReport implements Report {
    private static final String RED = "\033[31m";
    private static final String YELLOW = "\033[33m";
    private static final String PLAIN = "\033[m";

    private final PrintStream out;
    private final Terminal terminal;
    private final boolean server;
    private boolean drawn;

    TextReport(PrintStream out, Terminal terminal, boolean server) {
        this.out = out;
        this.terminal = terminal;
        this.server = server;
    }

    @Override
    public void start(Start s) {
        line((server ? "listening on " : "connecting to ") + Addresses.text(s.addresses()));
        String wanted = s.wanted() == Values.UNLIMITED ? "as many connections as go"
                : "up to " + Values.text(s.wanted(), "connections");
        line("  " + wanted + "; pid " + s.pid() + ", " + count(s.loops(), "loop")
                + (server ? ", backlog " + Values.text(s.backlog()) : ""));
        String limit = s.soft() == s.hard() ? "" : ", hard " + Long.toUnsignedString(s.hard());
        line("  descriptors: soft limit " + Long.toUnsignedString(s.soft()) + limit + ", "
                + (s.fdTables() == 0 ? "one table"
                        : s.fdTables() == 1 ? "1 private table" : s.fdTables() + " private tables"));
    }

    private static String count(int n, String what) {
        return n + " " + what + (n == 1 ? "" : "s");
    }

    @Override
    public void progress(Progress p) {
        EchoCounters c = p.counters();
        List<String> parts = new ArrayList<>();
        parts.add(String.format(Locale.ROOT, "%6s  %,9d established  %+,d/s", time(p.elapsed()), c.connections(),
                Math.round(p.growth())));
        parts.add(String.format(Locale.ROOT, "%,d %s/s", Math.round(p.rate()), server ? "reads" : "messages"));
        if (c.lost() > 0) {
            parts.add(Values.text(c.lost(), "lost"));
        }
        if (c.mismatched() > 0) {
            parts.add(Values.text(c.mismatched(), "altered"));
        }
        if (p.connecting() > 0) {
            parts.add(Values.text(p.connecting(), "connecting"));
        }
        if (c.shed() > 0) {
            parts.add(Values.text(c.shed(), "shed"));
        }
        if (c.closed() > 0) {
            parts.add(Values.text(c.closed(), "closed"));
        }
        if (!c.errors().isEmpty()) {
            parts.add(errors(c.errors()));
        }
        StringBuilder line = new StringBuilder();
        for (String part : parts) {
            if (line.isEmpty() || line.length() + 2 + part.length() < terminal.columns()) {
                line.append(line.isEmpty() ? "" : "  ").append(part);
            }
        }
        String text = line.substring(0, Math.min(line.length(), terminal.columns() - 1));
        String coloured = c.lost() + c.mismatched() > 0 ? colour(RED, text) : text;
        if (terminal.interactive()) {
            out.print("\r" + coloured + "\033[K");
            drawn = true;
        } else {
            out.println(coloured);
        }
    }

    private static String errors(Map<String, Long> errors) {
        return errors.entrySet().stream().sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .map(e -> e.getKey() + " " + String.format(Locale.ROOT, "%,d", e.getValue()))
                .collect(Collectors.joining(", "));
    }

    private static String time(double seconds) {
        return seconds < 0.5 ? "0s" : Values.text(Math.round(seconds) * 1_000_000_000L);
    }

    @Override
    public void limit(EchoObserver.Limit l, Supplier<Optional<Inquiry.Answer>> why) {
        List<String> parts = new ArrayList<>();
        String on = l.detail() == null || l.detail().isEmpty() ? "" : " " + l.detail();
        parts.add(l.errno() == 0 ? "limit: " + l.detail()
                : "limit: " + l.call() + on + ": " + Errno.name(l.errno()) + " (" + Errno.text(l.errno()) + ")");
        parts.add(Values.text(l.connections(), "established"));
        if (l.queued() >= 0) {
            parts.add(Values.text(l.queued(), "queued"));
        }
        parts.add("next try in " + Values.text(l.retryNanos()) + (server ? " or when one closes" : ""));
        String rest = String.join(", ", parts.subList(1, parts.size()));
        // A log gets one line, for grep; a person in front of a terminal gets two that fit.
        String whole = parts.getFirst() + "; " + rest;
        if (!terminal.interactive() || whole.length() < terminal.columns()) {
            line(colour(YELLOW, whole));
        } else {
            line(colour(YELLOW, parts.getFirst() + ";"));
            line(colour(YELLOW, "  " + rest));
        }
        // It stands there while the reason is being looked for.
        out.flush();
        why.get().filter(Inquiry.Answer::isNew).ifPresent(a -> out.print(reason(a.reason())));
    }

    private static String reason(Inquiry.Reason r) {
        StringBuilder text = new StringBuilder();
        Prose.wrap(text, "  ", "  ", r.verdict() == null ? "what could be read here names no cause"
                : (r.verdict() == Verdict.CONFIRMED ? "because " : "perhaps because ") + r.sentence());
        String line = "  " + String.join(" ", r.command());
        while (line.length() > Terminal.WIDTH) {
            // Also in two lines it can be copied and run.
            int blank = line.lastIndexOf(' ', Terminal.WIDTH - 2);
            if (blank < 4) {
                break;
            }
            text.append(line, 0, blank).append(" \\\n");
            line = "    " + line.substring(blank + 1);
        }
        return text.append(line).append('\n').toString();
    }

    @Override
    public void opened(Sockaddr local, Sockaddr peer) {
        line("opened  " + pair(local, peer));
    }

    @Override
    public void closed(Sockaddr local, Sockaddr peer, int errno) {
        line("closed  " + pair(local, peer) + (errno == 0 ? "" : "  " + Errno.name(errno)));
    }

    private static String pair(Sockaddr local, Sockaddr peer) {
        return "local " + (local == null ? "unknown" : local) + "  peer " + (peer == null ? "gone" : peer);
    }

    @Override
    public void summary(Summary s) {
        EchoCounters c = s.counters();
        line(String.format(Locale.ROOT, "%-10s%,d in %s, at most %,d at a time, %,d at the end",
                server ? "accepted" : "connected", c.opened(), time(s.elapsed()), s.most(), c.connections()));
        if (server) {
            line(String.format(Locale.ROOT, "echoed    %,d bytes in %,d reads", c.bytes(), c.messages()));
            if (c.shed() > 0) {
                line("shed      " + Values.text(c.shed(), "reset at a limit"));
            }
        } else {
            line(String.format(Locale.ROOT, "messages  %,d sent, %,d echoed, %,d lost, %,d altered", c.sent(),
                    c.messages(), c.lost(), c.mismatched()));
            if (s.latency().getTotalCount() > 0) {
                line("latency   " + latency(s.latency()));
            }
        }
        if (c.closed() > 0) {
            line("closed    " + Values.text(c.closed(), server ? "before the end" : "by the other side"));
        }
        if (!c.errors().isEmpty()) {
            line("errors    " + errors(c.errors()));
        }
    }

    private static String latency(Histogram h) {
        return "median " + micros(h.getValueAtPercentile(50)) + ", 99 % " + micros(h.getValueAtPercentile(99))
                + ", 99.9 % " + micros(h.getValueAtPercentile(99.9)) + ", max " + micros(h.getMaxValue());
    }

    private static String micros(long us) {
        return us < 1000 ? us + " us"
                : us < 1_000_000 ? String.format(Locale.ROOT, "%.1f ms", us / 1e3)
                        : String.format(Locale.ROOT, "%.2f s", us / 1e6);
    }

    private String colour(String colour, String text) {
        return terminal.colour() ? colour + text + PLAIN : text;
    }

    private void line(String text) {
        if (drawn) {
            out.print("\r\033[K");
            drawn = false;
        }
        out.println(text);
    }

    @Override
    public boolean flush() {
        return !out.checkError();
    }
}
