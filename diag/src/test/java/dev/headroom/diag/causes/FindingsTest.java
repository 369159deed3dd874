package dev.headroom.diag.causes;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Verdict;
import dev.headroom.linux.Errno;

/**
 * What each cause says of a case: the rows of findings.txt, which is written to be read. A row is the errno and the
 * call, the facts, and below them the verdict with its sentence.
 */
class FindingsTest {
    private static final List<Cause> OURS = Stream.of(Descriptors.ALL, ResourceLimits.ALL, Watches.ALL, Tasks.ALL,
            MemoryMaps.ALL, Quotas.ALL).flatMap(List::stream).toList();

    private record Row(String id, String when, Verdict verdict, String sentence) {
        Case given() {
            String[] words = when.split(" +");
            var given = new Given(Errno.parse(words[0]).orElseThrow(), words[1].equals("?") ? "" : words[1]);
            for (int i = 2; i < words.length; i++) {
                given.say(words[i]);
            }
            return given.build();
        }
    }

    @TestFactory
    Stream<DynamicTest> shouldSay() {
        return rows().stream().map(row -> dynamicTest(row.id + ": " + row.when, () -> {
            Cause cause = Catalogue.byId(row.id).orElseThrow(() -> new AssertionError("no cause " + row.id));
            Case c = row.given();
            assertTrue(cause.answers(c.question()), row.id + " is not asked about " + c.question());
            Finding finding = cause.judge().apply(c);
            assertEquals(row.verdict + " " + row.sentence, finding.verdict() + " " + finding.sentence());
            boolean mayHold = row.verdict == Verdict.CONFIRMED || row.verdict == Verdict.POSSIBLE;
            assertEquals(mayHold, !finding.remedies().isEmpty(), "remedies are for a cause that may hold");
        }));
    }

    @Test
    void shouldShowEachCauseHoldingAndNotHolding() {
        Map<String, Set<Verdict>> shown = new TreeMap<>();
        OURS.forEach(cause -> shown.put(cause.id(), EnumSet.noneOf(Verdict.class)));
        rows().forEach(row -> shown.get(row.id).add(row.verdict));
        assertAll(shown.entrySet().stream().map(e -> () -> {
            assertTrue(e.getValue().contains(Verdict.CONFIRMED) || e.getValue().contains(Verdict.POSSIBLE),
                    e.getKey() + " is not shown to hold");
            assertTrue(e.getValue().contains(Verdict.RULED_OUT) || e.getValue().contains(Verdict.UNKNOWN),
                    e.getKey() + " is not shown not to hold");
        }));
    }

    @Test
    void shouldTellForEachCauseItsRuleWhatNotToDoAndWhatComesNext() {
        Set<String> ids = new HashSet<>();
        assertAll(OURS.stream().map(cause -> () -> {
            assertTrue(ids.add(cause.id()), cause.id() + " is there twice");
            assertTrue(cause.rule().matches("(?s).*(version|since|before|up to|distributions).*"), cause.rule());
            assertFalse(cause.errnos().isEmpty(), cause.id());
            assertFalse(cause.provoked().isEmpty(), cause.id());
            assertFalse(cause.dont().isEmpty(), cause.id() + " says nothing against a folk remedy");
            assertFalse(cause.next().isEmpty(), cause.id() + " does not say what comes next");
        }));
    }

    private static List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        try (var in = new BufferedReader(new InputStreamReader(
                FindingsTest.class.getResourceAsStream("findings.txt"), StandardCharsets.UTF_8))) {
            String id = "";
            String when = "";
            for (String line; (line = in.readLine()) != null;) {
                String text = line.strip();
                if (text.isEmpty() || text.startsWith("#")) {
                    continue;
                }
                if (!line.startsWith(" ")) {
                    id = text;
                } else if (!line.startsWith("    ")) {
                    when = text;
                } else {
                    int space = text.indexOf(' ');
                    rows.add(new Row(id, when, Verdict.valueOf(text.substring(0, space)), text.substring(space + 1)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return rows;
    }
}
