package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Diagnosis.Judged;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Verdict;
import dev.headroom.diag.causes.Catalogue;

/** Asks the diagnosis of a failure that was provoked for real, and keeps count. */
final class Asked {
    private static final Set<String> CONFIRMED = new TreeSet<>();
    private static final Set<String> POSSIBLE = new TreeSet<>();

    private Asked() {
    }

    static Snapshot read(long pid, Question q) {
        try {
            return new Capture().process(pid, q.withPid(pid), Capture.Topic.of(q));
        } catch (NoSuchFileException e) {
            throw new AssertionError(e);
        }
    }

    /** The diagnosis with one reading. */
    static Diagnosis ask(long pid, Question q) {
        return Diagnosis.of(new Case(q.withPid(pid), read(pid, q), Optional.empty()), Catalogue.all());
    }

    /** The diagnosis with a reading before and one now. */
    static Diagnosis ask(long pid, Question q, Snapshot earlier) {
        return Diagnosis.of(new Case(q.withPid(pid), read(pid, q), Optional.of(earlier)), Catalogue.all());
    }

    /** That cause is certain and no other one is; the named siblings are ruled out. */
    static Judged confirmed(Diagnosis d, String id, String... siblings) {
        assertEquals(List.of(id), ids(d, Verdict.CONFIRMED), () -> table(d));
        ruledOut(d, siblings);
        CONFIRMED.add(id);
        return d.confirmed().orElseThrow();
    }

    /** No cause is certain, and that one is the first that is possible. */
    static Judged possible(Diagnosis d, String id, String... siblings) {
        assertEquals(List.of(), ids(d, Verdict.CONFIRMED), () -> table(d));
        assertTrue(ids(d, Verdict.POSSIBLE).contains(id), () -> table(d));
        ruledOut(d, siblings);
        POSSIBLE.add(id);
        return d.with(Verdict.POSSIBLE).stream().filter(j -> j.cause().id().equals(id)).findFirst().orElseThrow();
    }

    /** As {@link #confirmed}, and this one is possible as the reason behind it. */
    static Judged behind(Diagnosis d, String certain, String id, String... siblings) {
        confirmed(d, certain, siblings);
        assertTrue(ids(d, Verdict.POSSIBLE).contains(id), () -> table(d));
        POSSIBLE.add(id);
        return d.with(Verdict.POSSIBLE).stream().filter(j -> j.cause().id().equals(id)).findFirst().orElseThrow();
    }

    private static void ruledOut(Diagnosis d, String... siblings) {
        for (String sibling : siblings) {
            assertTrue(ids(d, Verdict.RULED_OUT).contains(sibling), () -> sibling + " is not ruled out:\n" + table(d));
        }
    }

    private static List<String> ids(Diagnosis d, Verdict v) {
        return d.with(v).stream().map(j -> j.cause().id()).toList();
    }

    /** What a person would read if the test failed. */
    static String table(Diagnosis d) {
        return d.sentence() + "\n"
                + d.judged().stream().map(j -> "  " + j.finding().verdict() + " " + j.cause().id() + ": "
                        + j.finding().sentence()).collect(Collectors.joining("\n"))
                + "\n";
    }

    static String summary() {
        POSSIBLE.removeAll(CONFIRMED);
        return "provoked with the real kernel: " + CONFIRMED.size() + " causes confirmed " + CONFIRMED + ", "
                + POSSIBLE.size() + " that only the process itself could confirm " + POSSIBLE;
    }
}
