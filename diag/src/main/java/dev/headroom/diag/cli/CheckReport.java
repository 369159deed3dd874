package dev.headroom.diag.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.Limit;
import dev.headroom.diag.LimitReport;
import dev.headroom.diag.LimitReport.AcceptQueue;
import dev.headroom.diag.LimitReport.Unread;
import dev.headroom.diag.plan.Plan;

/**
 * Limits for a person, and for a program.
 *
 * @param title what was looked at
 * @param subject the scope that is "this process", empty without one
 * @param report the limits
 * @param overflows how often a full accept queue refused a connection since the last reading; empty at the first
 */
record CheckReport(String title, String subject, LimitReport report, OptionalLong overflows) {
    private static final String RED = "\033[31m";
    private static final String YELLOW = "\033[33m";
    private static final String PLAIN = "\033[m";
    private static final String INDENT = "          ";
    /** Below that a limit gets one line. */
    private static final double FAR = 10;
    /** Below that it gets no line, where there are more than a screen of them. */
    private static final double VERY_FAR = 1;
    private static final int SCREEN = 25;
    private static final int BRIEF = 5;
    private static final String BYTES = ", bytes";

    String text(double warn, boolean colour) {
        StringBuilder out = new StringBuilder();
        Prose.wrap(out, "", "", title);
        out.append(String.format(Locale.ROOT, "%n%5s%15s%15s  %s%n", "%", "used", "ceiling", "of what"));
        List<Limit> shown = report.limits().stream().filter(l -> l.percent() > 0).toList();
        double least = shown.size() > 2 * SCREEN ? FAR : shown.size() > SCREEN ? VERY_FAR : 0;
        int lines = 0;
        for (Limit l : shown) {
            if (lines < SCREEN || l.percent() >= least) {
                limit(out, l, warn, colour, lines++ == 0);
            }
        }
        if (lines < shown.size()) {
            out.append("      ").append(Values.text(shown.size() - lines, "more, farther away; --json has them\n"));
        }
        rest(out);
        queues(out);
        overflows.ifPresent(n -> {
            out.append('\n');
            Prose.wrap(out, "", "", n == 0 ? "No accept queue overflowed since the last reading."
                    : Values.text(n, n == 1 ? "connection was" : "connections were")
                            + " dropped by full accept queues since the last reading (ListenOverflows, which counts"
                            + " all listeners of the network namespace, and each retry of a client).");
        });
        unread(out);
        return out.toString();
    }

    /** The nearest few and the queues that are not empty, for a reading after the first. */
    String brief(String time, double warn, boolean colour) {
        StringBuilder out = new StringBuilder();
        out.append(time).append('\n');
        report.limits().stream().filter(l -> l.percent() > 0).limit(BRIEF).forEach(l -> line(out, l, warn, colour));
        overflows.ifPresent(n -> {
            if (n > 0) {
                out.append("      ")
                        .append(Values.text(n, "dropped by full accept queues since then (ListenOverflows)\n"));
            }
        });
        return out.toString();
    }

    private void limit(StringBuilder out, Limit l, double warn, boolean colour, boolean first) {
        boolean near = l.reaches(warn);
        boolean cut = line(out, l, warn, colour);
        if (cut && near) {
            Prose.wrap(out, INDENT, INDENT, name(l) + ", " + scope(l));
        }
        if (near || l.percent() >= FAR || first) {
            Prose.wrap(out, INDENT, INDENT, (l.percent() >= 100 ? "" : "At 100 %: ") + l.breaks());
        }
        if (near) {
            Prose.wrap(out, INDENT, INDENT, "Read in " + l.source() + ".");
            question(l)
                    .ifPresent(what -> Prose.wrap(out, INDENT, INDENT + "  ", "What to do: headroom explain " + what));
        }
    }

    /** What to ask headroom explain when that limit is reached. */
    private Optional<String> question(Limit l) {
        String pid = subject.isEmpty() ? "" : " --pid " + subject.split(" ")[1];
        return Optional.ofNullable(switch (l.id()) {
            case "nofile-soft" -> l.scope().equals(subject) ? "EMFILE" + pid : null;
            case "accept-queue-full" -> "ETIMEDOUT --to " + l.scope();
            case "tuple-range-exhausted" -> "EADDRNOTAVAIL --call connect" + pid;
            case "file-max" -> "ENFILE" + pid;
            case "nproc", "threads-max", "pid-max" -> "EAGAIN --call clone" + pid;
            case "max-map-count" -> "ENOMEM --call mmap" + pid;
            case "epoll-user-watches" -> "ENOSPC --call epoll_ctl" + pid;
            case "inotify-instances" -> "EMFILE --call inotify_init1" + pid;
            case "inotify-watches" -> "ENOSPC --call inotify_add_watch" + pid;
            default -> null;
        });
    }

    /** @return whether its end is cut off */
    private boolean line(StringBuilder out, Limit l, double warn, boolean colour) {
        String percent = String.format(Locale.ROOT, "%5s", percent(l));
        String shown = colour && l.reaches(warn) ? (l.percent() >= 100 ? RED : YELLOW) + percent + PLAIN : percent;
        String what = name(l) + ", " + scope(l);
        String numbers = String.format(Locale.ROOT, "%15s%15s  ", number(l, l.used()), number(l, l.ceiling()));
        int room = Terminal.WIDTH - percent.length() - numbers.length();
        out.append(shown).append(numbers).append(Prose.fit(what, room)).append('\n');
        return what.length() > room;
    }

    /** What needs no line of its own: nothing of it is used, or there is no ceiling. */
    private void rest(StringBuilder out) {
        List<String> unused = new ArrayList<>();
        List<String> unlimited = new ArrayList<>();
        for (Limit l : report.limits()) {
            if (l.ceiling() == Limit.UNLIMITED) {
                unlimited.add(name(l) + (l.scope().startsWith("cgroup") ? " of the cgroup" : ""));
            } else if (l.percent() == 0) {
                unused.add(name(l) + " (" + number(l, l.ceiling()) + ")");
            }
        }
        list(out, "None in use: ", unused);
        list(out, "No limit: ", unlimited);
    }

    private static void list(StringBuilder out, String title, List<String> what) {
        List<String> distinct = what.stream().distinct().toList();
        if (!distinct.isEmpty()) {
            Prose.wrap(out, "      " + title, "      ", String.join(", ", distinct) + ".");
        }
    }

    private static String name(Limit l) {
        return l.what().endsWith(BYTES) ? l.what().substring(0, l.what().length() - BYTES.length()) : l.what();
    }

    private String scope(Limit l) {
        boolean network = l.scope().startsWith("net:[") || l.scope().equals("network namespace");
        return network ? (subject.isEmpty() ? "this network" : "its network")
                : l.scope().equals(subject) ? "this process" : l.scope();
    }

    private static String percent(Limit l) {
        double p = l.percent();
        return l.ceiling() == Limit.UNLIMITED ? "-" : p > 0 && p < 1 ? "<1" : p > 99 && p < 100 ? "99"
                : p > 999 ? ">999" : Long.toString(Math.round(p));
    }

    private static String number(Limit l, long n) {
        return n == Limit.UNLIMITED ? "unlimited" : l.what().endsWith(BYTES)
                ? Plan.bytes(n) : Values.text(n, "").strip();
    }

    private void queues(StringBuilder out) {
        if (report.queues().isEmpty()) {
            return;
        }
        out.append('\n').append(String.format(Locale.ROOT, "%-34s%8s%10s%9s%11s  %s%n", "accept queue", "now",
                "capacity", "limit", "somaxconn", "pid"));
        List<String> reasons = new ArrayList<>();
        for (AcceptQueue q : report.queues()) {
            out.append(String.format(Locale.ROOT, "%-34s%8d%10d%9d%11s  %s%n", Prose.fit(q.address(), 33), q.queue(),
                    q.capacity(), q.backlog(), q.somaxconn().isPresent() ? q.somaxconn().getAsLong() : "?",
                    q.pid() == 0 ? "?" : q.pid()));
            String reason = q.binds().replace('\n', ' ');
            if (!reasons.contains(reason)) {
                reasons.add(reason);
            }
        }
        AcceptQueue first = report.queues().getFirst();
        if (first.full()) {
            Prose.wrap(out, "  ", "  ", first.address() + ": " + first.queue() + " of " + first.capacity()
                    + " wait" + (first.pid() == 0 ? "" : " for " + named(first) + " to accept them") + ", and the next"
                    + " client's SYN is dropped.");
        }
        Prose.wrap(out, "  ", "  ", "The capacity is one more than the limit: sk_acceptq_is_full asks whether the queue"
                + " is longer (>) than sk_max_ack_backlog, so at " + first.backlog() + " one more gets in. The limit is"
                + " min(backlog, net.core.somaxconn) at the time of listen.");
        if (reasons.size() == 1) {
            Prose.wrap(out, "  ", "  ", "Here " + reasons.getFirst() + ".");
        } else {
            for (AcceptQueue q : report.queues().subList(0, Math.min(3, report.queues().size()))) {
                Prose.wrap(out, "  ", "  ", q.address() + ": " + q.binds().replace('\n', ' ') + ".");
            }
        }
    }

    private static String named(AcceptQueue q) {
        return "process " + q.pid() + (q.command().isEmpty() ? "" : " (" + q.command() + ")");
    }

    private void unread(StringBuilder out) {
        if (report.unread().isEmpty()) {
            return;
        }
        out.append("\nLeft out:\n");
        Map<String, List<String>> byReason = new LinkedHashMap<>();
        for (Unread u : report.unread()) {
            byReason.computeIfAbsent(u.why(), why -> new ArrayList<>()).add(u.what());
        }
        byReason.forEach((why, what) -> Prose.wrap(out, "  ", "    ", String.join(", ", what) + ": " + why));
    }

    String json(boolean pretty) {
        Map<String, Object> all = new LinkedHashMap<>();
        List<Map<String, Object>> limits = new ArrayList<>();
        for (Limit l : report.limits()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("id", l.id());
            m.put("scope", l.scope());
            m.put("what", l.what());
            m.put("used", l.used());
            m.put("ceiling", l.ceiling() == Limit.UNLIMITED ? null : l.ceiling());
            m.put("percent", Math.round(l.percent() * 10) / 10.0);
            m.put("source", l.source());
            m.put("breaks", l.breaks());
            limits.add(m);
        }
        all.put("limits", limits);
        List<Map<String, Object>> listeners = new ArrayList<>();
        for (AcceptQueue q : report.queues()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("address", q.address());
            m.put("queue", q.queue());
            m.put("capacity", q.capacity());
            m.put("backlog", q.backlog());
            m.put("somaxconn", q.somaxconn().isPresent() ? q.somaxconn().getAsLong() : null);
            m.put("pid", q.pid() == 0 ? null : q.pid());
            listeners.add(m);
        }
        all.put("listeners", listeners);
        overflows.ifPresent(n -> all.put("overflows", n));
        List<Map<String, Object>> unread = new ArrayList<>();
        for (Unread u : report.unread()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("id", u.id());
            m.put("what", u.what());
            m.put("why", u.why());
            unread.add(m);
        }
        all.put("unread", unread);
        var writer = JSON.builder().enable(JSON.Feature.WRITE_NULL_PROPERTIES);
        return (pretty ? writer.enable(JSON.Feature.PRETTY_PRINT_OUTPUT) : writer).build().asString(all) + "\n";
    }
}
