package dev.headroom.diag.cli;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

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

    private final Diagnosis diagnosis;
    private final List<String> notes;
    private final boolean all;
    private final StringBuilder out = new StringBuilder();

    /**
     * @param diagnosis what to show
     * @param notes what else is to be said first
     * @param all whether nothing is left out to save room
     */
    Screen(Diagnosis diagnosis, List<String> notes, boolean all) {
        this.diagnosis = diagnosis;
        this.notes = notes;
        this.all = all;
    }

    String text() {
        wrap("", diagnosis.sentence() + ".");
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
        return out.toString();
    }

    private Optional<Judged> shown() {
        return diagnosis.confirmed().or(() -> diagnosis.with(Verdict.POSSIBLE).stream().findFirst());
    }

    private void evidence(Judged j) {
        List<Fact> facts = j.finding().evidence().stream().distinct().toList();
        if (facts.isEmpty()) {
            return;
        }
        List<Fact> rows = facts.subList(0, all ? facts.size() : Math.min(8, facts.size()));
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
        List<String> words = new ArrayList<>();
        for (Snapshot.Holder h : holders.subList(0, all ? holders.size() : Math.min(8, holders.size()))) {
            words.add(h.count() + " " + h.what());
        }
        wrap("  ", String.join(", ", words));
        for (String state : List.of("CLOSE-WAIT")) {
            diagnosis.now().number(Facts.sockets(state)).ifPresent(n -> {
                if (n > 0) {
                    wrap("  ", n + " of the sockets are in " + state
                            + ": the peer has hung up, and the program has not closed them");
                }
            });
        }
    }

    /** What else it may be, what it is not, and what could not be told. */
    private void others() {
        Optional<Judged> shown = shown();
        boolean sure = diagnosis.confirmed().isPresent();
        list("and also", diagnosis.with(Verdict.CONFIRMED).stream().filter(j -> shown.filter(j::equals).isEmpty())
                .toList(), 3);
        list("it may also be", diagnosis.with(Verdict.POSSIBLE).stream().filter(j -> shown.filter(j::equals).isEmpty())
                .toList(), sure ? 2 : 4);
        list("what it is not", diagnosis.with(Verdict.RULED_OUT), shown.isPresent() ? 3 : 5);
        list("what could not be told", diagnosis.with(Verdict.UNKNOWN), sure ? 1 : shown.isPresent() ? 3 : 6);
    }

    private void list(String heading, List<Judged> judged, int most) {
        if (judged.isEmpty()) {
            return;
        }
        int n = all ? judged.size() : Math.min(most, judged.size());
        heading(heading + (n < judged.size() ? " (" + n + " of " + judged.size() + ", --all shows them all)" : ""));
        for (Judged j : judged.subList(0, n)) {
            wrap("  ", j.cause().id() + ": " + j.finding().sentence());
        }
    }

    private void next(Judged j) {
        if (j.cause().next().isEmpty()) {
            return;
        }
        heading("if nothing is done");
        int n = all ? j.cause().next().size() : Math.min(3, j.cause().next().size());
        for (String step : j.cause().next().subList(0, n)) {
            wrap("  ", step);
        }
    }

    private void remedies(Judged j) {
        List<Remedy> remedies = ranked(j.finding().remedies(), diagnosis.now());
        if (remedies.isEmpty()) {
            return;
        }
        int n = all ? remedies.size() : Math.min(2, remedies.size());
        List<String> left = remedies.subList(n, remedies.size()).stream()
                .map(r -> r.scope().name().toLowerCase(Locale.ROOT)).distinct().toList();
        heading("what to do" + (left.isEmpty() ? "" : " (--all: also " + String.join(", ", left) + ")"));
        for (Remedy r : remedies.subList(0, n)) {
            wrap("  ", r.scope().name().toLowerCase(Locale.ROOT) + ": " + named(r.text()));
            for (String command : r.commands()) {
                // A command is never broken: it is there to be copied.
                line("      " + named(command));
            }
        }
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
        int n = all ? j.cause().dont().size() : Math.min(2, j.cause().dont().size());
        for (String folly : j.cause().dont().subList(0, n)) {
            wrap("  ", folly);
        }
    }

    /** Which option would make it certain. */
    private void certain() {
        if (diagnosis.confirmed().isPresent()) {
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
