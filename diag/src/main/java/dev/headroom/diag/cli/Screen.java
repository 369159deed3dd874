package dev.headroom.diag.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Diagnosis.Judged;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Verdict;
import dev.headroom.linux.Errno;

/** A diagnosis as a text that fits one screen: the answer first, what it rests on next, then what to do. */
final class Screen {
    private static final int WIDTH = 80;
    private static final int NAME = 34;
    private static final int VALUE = 22;
    /** A command for a shell, other than a line of a unit or of YAML. */
    private static final Pattern SHELL = Pattern.compile("[a-z][a-z0-9_-]*(?: |$)");
    private static final Pattern PRIVILEGE = Pattern.compile("CAP_SYS_PTRACE|CAP_SYS_ADMIN|for root only");
    private static final int HEIGHT = 40;
    private static final int MOST = 6;
    private static final int LEAST_EVIDENCE = 5;

    private final Diagnosis diagnosis;
    private final List<String> notes;
    private final boolean all;
    private final boolean named;
    /** How much of each list is shown: the most that still fits. */
    private int room;
    private StringBuilder out = new StringBuilder();

    /**
     * @param diagnosis what to show
     * @param notes what else is to be said first
     * @param all whether nothing is left out to save room
     */
    Screen(Diagnosis diagnosis, List<String> notes, boolean all) {
        this(diagnosis, notes, all, false);
    }

    /** @param named whether the text itself named the causes that were judged, as the kernel log does */
    Screen(Diagnosis diagnosis, List<String> notes, boolean all, boolean named) {
        this.named = named && !diagnosis.judged().isEmpty();
        this.diagnosis = diagnosis;
        this.notes = notes;
        this.all = all;
    }

    String text() {
        for (room = MOST;; room--) {
            out = new StringBuilder();
            write();
            if (all || room == 1 || out.chars().filter(c -> c == '\n').count() <= HEIGHT) {
                return out.toString();
            }
        }
    }

    private void write() {
        wrap("", sentence() + ".");
        for (String note : notes) {
            wrap("  ", note);
        }
        Optional<Judged> shown = shown();
        if (shown.isPresent()) {
            Judged j = shown.get();
            evidence(j);
            holders(j);
            others();
            next(j);
            remedies(j);
            dont(j);
            heading("the rule (" + j.cause().id() + ", seen " + j.cause().provoked() + ")");
            wrap("  ", j.cause().rule());
        } else {
            others();
        }
        certain();
    }

    private String sentence() {
        if (named && shown().filter(this::mayHold).isEmpty()) {
            Judged j = diagnosis.judged().getFirst();
            return "the line itself names the cause, " + j.cause().id() + ", but it does not show now: "
                    + j.finding().sentence();
        }
        String nothing = "; what could be read here names no cause";
        String sentence = diagnosis.sentence();
        if (severalCalls()) {
            return sentence.substring(0, sentence.indexOf(", perhaps because ")) + "; which call it was would tell";
        }
        boolean open = diagnosis.now().fact(Facts.PID).isEmpty() && shown().isEmpty()
                && !diagnosis.with(Verdict.UNKNOWN).isEmpty();
        return open ? sentence.replace(nothing, "; which cause it is depends on the process") : sentence;
    }

    /** Whether the error is one that calls of different kinds may fail with, and the call is not known. */
    private boolean severalCalls() {
        return diagnosis.question().call().isEmpty() && diagnosis.confirmed().isEmpty()
                && diagnosis.with(Verdict.POSSIBLE).size() > 1;
    }

    private boolean mayHold(Judged j) {
        return j.finding().verdict() == Verdict.CONFIRMED || j.finding().verdict() == Verdict.POSSIBLE;
    }

    private Optional<Judged> shown() {
        if (named) {
            return diagnosis.judged().stream().findFirst();
        }
        return severalCalls() ? Optional.empty()
                : diagnosis.confirmed().or(() -> diagnosis.with(Verdict.POSSIBLE).stream().findFirst());
    }

    private void evidence(Judged j) {
        List<Fact> facts = j.finding().evidence().stream().distinct().toList();
        if (facts.isEmpty()) {
            return;
        }
        List<Fact> rows = facts.subList(0,
                all ? facts.size() : Math.min(Math.max(LEAST_EVIDENCE, room + 2), facts.size()));
        int name = rows.stream().mapToInt(f -> f.name().length()).max().orElse(0);
        int value = rows.stream().mapToInt(f -> f.value().length()).max().orElse(0);
        name = Math.max(8, Math.min(NAME, name));
        value = Math.max(5, Math.min(VALUE, value));
        heading(String.format(Locale.ROOT, "%-" + name + "s  %-" + value + "s  %s", "evidence", "value",
                "where it was read"));
        for (Fact f : rows) {
            line(String.format(Locale.ROOT, "  %-" + name + "s  %-" + value + "s  %s", cut(f.name(), name),
                    cut(f.value(), value), cut(f.source(), WIDTH - name - value - 6)));
        }
    }

    private void holders(Judged j) {
        List<Snapshot.Holder> holders = diagnosis.now().holders();
        boolean matters = diagnosis.question().errno().filter(e -> e == Errno.EMFILE || e == Errno.ENFILE).isPresent()
                && j.finding().evidence().stream().anyMatch(f -> f.name().startsWith("process.fd."));
        if (holders.isEmpty() || !matters) {
            return;
        }
        heading("who holds them");
        int most = all ? holders.size() : 8;
        wrap("  ", counted(holders.stream().filter(h -> !h.what().startsWith("/")), most));
        String paths = counted(holders.stream().filter(h -> h.what().startsWith("/")), all ? holders.size() : 3);
        if (!paths.isEmpty()) {
            wrap("  ", "most often: " + paths);
        }
        diagnosis.now().number(Facts.sockets("CLOSE-WAIT")).ifPresent(n -> {
            if (n > 0) {
                wrap("  ",
                        n + " of the sockets are in CLOSE-WAIT: the peer has hung up, and the program has not closed "
                                + "them");
            }
        });
        queues();
    }

    private static String counted(Stream<Snapshot.Holder> holders, int most) {
        return holders.limit(most).map(h -> h.count() + " " + h.what()).collect(Collectors.joining(", "));
    }

    /** The process's own listeners: clients wait there meanwhile. */
    private void queues() {
        OptionalLong pid = diagnosis.now().number(Facts.PID);
        diagnosis.now().listeners().stream().filter(l -> pid.isPresent() && l.pid() == pid.getAsLong())
                .sorted((a, b) -> Long.compare(b.queue(), a.queue())).limit(all ? 64 : 2)
                .forEach(l -> wrap("  ", "its listener " + l.address() + " has " + l.queue() + " of " + (l.limit() + 1)
                        + " connections waiting in its accept queue"));
    }

    /** What else it may be, what it is not, and what could not be told. */
    private void others() {
        Optional<Judged> shown = shown();
        boolean sure = diagnosis.confirmed().isPresent();
        list("and also", diagnosis.with(Verdict.CONFIRMED).stream().filter(j -> shown.filter(j::equals).isEmpty())
                .toList(), room);
        list("it may also be", diagnosis.with(Verdict.POSSIBLE).stream().filter(j -> shown.filter(j::equals).isEmpty())
                .toList(), sure ? Math.min(2, room) : room);
        if (named) {
            return;
        }
        list("what it is not", diagnosis.with(Verdict.RULED_OUT), room);
        if (diagnosis.now().fact(Facts.PID).isEmpty() && shown.isEmpty()) {
            rules();
            return;
        }
        list("what could not be told", diagnosis.with(Verdict.UNKNOWN), sure ? Math.min(1, room - 2) : room);
    }

    /** Without a process there is little to judge, but the rules can be told. */
    private void rules() {
        List<Judged> open = diagnosis.with(Verdict.UNKNOWN);
        int n = all ? open.size() : Math.min(room, open.size());
        if (n > 0) {
            heading("what it can be" + (n < open.size() ? " (" + n + " of " + open.size() + ", --all shows them all)"
                    : ""));
        }
        for (Judged j : open.subList(0, n)) {
            wrap("  ", j.cause().id() + ": " + j.cause().rule());
        }
    }

    /** Causes of which the same is said come together. */
    private void list(String heading, List<Judged> judged, int most) {
        if (judged.isEmpty() || most <= 0 && !all) {
            return;
        }
        Map<String, List<String>> ids = new LinkedHashMap<>();
        judged.forEach(j -> ids.computeIfAbsent(j.finding().sentence(), s -> new ArrayList<>()).add(j.cause().id()));
        int n = all ? ids.size() : Math.min(most, ids.size());
        int causes = ids.values().stream().limit(n).mapToInt(List::size).sum();
        heading(heading + (causes < judged.size()
                ? " (" + causes + " of " + judged.size() + ", --all shows them all)" : ""));
        ids.entrySet().stream().limit(n)
                .forEach(e -> wrap("  ", String.join(", ", e.getValue()) + ": " + e.getKey()));
    }

    private void next(Judged j) {
        if (j.cause().next().isEmpty()) {
            return;
        }
        heading("if nothing is done");
        int n = all ? j.cause().next().size() : Math.min(Math.min(room, 4), j.cause().next().size());
        for (String step : j.cause().next().subList(0, n)) {
            wrap("  ", step);
        }
    }

    private void remedies(Judged j) {
        List<Remedy> remedies = ranked(j.finding().remedies(), diagnosis.now());
        if (remedies.isEmpty()) {
            return;
        }
        int n = all ? remedies.size()
                : Math.min(Math.max(room == 1 && diagnosis.confirmed().isEmpty() ? 1 : 2, room - 2),
                        remedies.size());
        List<String> left = remedies.subList(n, remedies.size()).stream()
                .map(r -> r.scope().name().toLowerCase(Locale.ROOT)).distinct().toList();
        heading("what to do" + (left.isEmpty() ? "" : " (--all: also " + String.join(", ", left) + ")"));
        for (Remedy r : remedies.subList(0, n)) {
            wrap("  ", r.scope().name().toLowerCase(Locale.ROOT) + ": " + named(r.text()));
            for (String command : r.commands()) {
                command(named(command));
            }
        }
    }

    /** A command is there to be copied: a long one goes on in the next line as a shell understands it. */
    private void command(String text) {
        String rest = text;
        boolean shell = SHELL.matcher(text).lookingAt();
        String indent = "      ";
        while (indent.length() + rest.length() > WIDTH) {
            int space = breakAt(rest, WIDTH - indent.length() - 2);
            if (space < 0) {
                break;
            }
            line(indent + rest.substring(0, space) + (shell ? " \\" : ""));
            rest = rest.substring(space + 1);
            indent = "        ";
        }
        line(indent + rest);
    }

    /** The last blank up to there that is not within quotes. */
    private static int breakAt(String text, int end) {
        int at = -1;
        char quote = 0;
        for (int i = 0; i < Math.min(end, text.length()); i++) {
            char c = text.charAt(i);
            if (quote == 0 ? c == '\'' || c == '"' : c == quote) {
                quote = quote == 0 ? c : 0;
            } else if (c == ' ' && quote == 0) {
                at = i;
            }
        }
        return at;
    }

    /** The form first that fits how the process was started, then what works at once. */
    static List<Remedy> ranked(List<Remedy> remedies, Snapshot now) {
        boolean container = now.fact(Facts.CONTAINER).isPresent();
        boolean unit = now.fact(Facts.UNIT).isPresent();
        return remedies.stream().sorted(Comparator.comparingInt((Remedy r) -> switch (r.scope()) {
            case CONTAINER -> container ? 0 : 4;
            case SYSTEMD -> unit ? 0 : 3;
            case NOW -> 1;
            case PERSISTENT -> 2;
        })).toList();
    }

    private String named(String text) {
        return named(text, diagnosis.now());
    }

    /** With the unit's own name where there is one. */
    static String named(String text, Snapshot now) {
        return now.text(Facts.UNIT).map(unit -> text.replaceAll("\\bUNIT\\b", unit.replace("\\", "\\\\")))
                .orElse(text);
    }

    private void dont(Judged j) {
        if (j.cause().dont().isEmpty()) {
            return;
        }
        heading("don't");
        int n = all ? j.cause().dont().size() : Math.min(Math.min(room, 3), j.cause().dont().size());
        for (String folly : j.cause().dont().subList(0, n)) {
            wrap("  ", folly);
        }
    }

    /** Which option would make it certain. */
    private void certain() {
        if (diagnosis.confirmed().isPresent() || named) {
            return;
        }
        List<String> options = options(diagnosis);
        if (!options.isEmpty()) {
            heading("what would make it certain");
            for (String option : options) {
                wrap("  ", option);
            }
        }
    }

    private static List<String> options(Diagnosis d) {
        Question q = d.question();
        List<String> options = new ArrayList<>();
        if (d.now().fact(Facts.PID).isEmpty()) {
            options.add("--pid PID: the process it happened to (elsewhere: headroom snapshot --pid PID > s.json there, "
                    + "then --from s.json here)");
        }
        if (q.call().isEmpty()) {
            options.add("--call CALL: the system call that failed, e.g. accept4, connect, bind, setrlimit, clone");
        }
        boolean connecting = q.call().equals("connect") || q.call().isEmpty();
        if (q.peer().isEmpty() && connecting && q.errno().filter(e -> switch (e) {
            case EADDRNOTAVAIL, ETIMEDOUT, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH -> true;
            default -> false;
        }).isPresent()) {
            options.add("--to ADDR:PORT: whom it wanted to reach");
        }
        if (q.requested().isEmpty() && q.call().equals("setrlimit")) {
            options.add("--requested N: the hard limit that was asked for");
        }
        if (d.with(Verdict.UNKNOWN).stream().anyMatch(j -> PRIVILEGE.matcher(j.finding().sentence()).find())) {
            options.add("the same question as the process's own user, or as root: it may read more");
        }
        if (options.isEmpty() && d.with(Verdict.POSSIBLE).isEmpty()) {
            options.add("the numbers are those of now: ask again while it happens");
        }
        boolean counters = d.with(Verdict.UNKNOWN).stream().anyMatch(j -> j.finding().sentence().contains("--watch"));
        if (counters) {
            options.add("--watch 2s: two readings, while it happens: counters tell only by how they grow");
        }
        return options;
    }

    private void heading(String text) {
        out.append('\n');
        line(text);
    }

    private void line(String text) {
        out.append(text.stripTrailing()).append('\n');
    }

    private void wrap(String indent, String text) {
        StringBuilder line = new StringBuilder(indent);
        String hang = indent + "  ";
        for (String word : text.strip().split("\\s+")) {
            boolean first = line.toString().isBlank();
            if (!first && line.length() + 1 + word.length() > WIDTH) {
                line(line.toString());
                line = new StringBuilder(indent.isEmpty() ? "" : hang);
                first = true;
            }
            line.append(first ? "" : " ").append(word);
        }
        line(line.toString());
    }

    private static String cut(String text, int width) {
        return text.length() <= width ? text : text.substring(0, Math.max(0, width - 1)) + "…";
    }
}
