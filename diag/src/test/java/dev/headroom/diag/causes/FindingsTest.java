package dev.headroom.diag.causes;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import dev.headroom.diag.Verdict;
import dev.headroom.linux.Errno;

/**
 * What each cause says of a case: the rows of findings.txt, which is written to be read. A row is the errno and the
 * call, the facts, and below them the verdict with its sentence.
 */
class FindingsTest {
    private static final List<Cause> OURS = Stream.of(Descriptors.ALL, ResourceLimits.ALL, Watches.ALL, Tasks.ALL,
            MemoryMaps.ALL, Quotas.ALL).flatMap(List::stream).toList();

    private static Case given(String when) {
        String[] words = when.split(" +");
        var given = new Given(Errno.parse(words[0]).orElseThrow(), words[1].equals("?") ? "" : words[1]);
        for (int i = 2; i < words.length; i++) {
            given.say(words[i]);
        }
        return given.build();
    }

    @TestFactory
    Stream<DynamicTest> shouldSay() {
        return FindingsTable.tests("findings.txt", FindingsTest::given);
    }

    @Test
    void shouldShowEachCauseHoldingAndNotHolding() {
        Map<String, Set<Verdict>> shown = new TreeMap<>();
        OURS.forEach(cause -> shown.put(cause.id(), EnumSet.noneOf(Verdict.class)));
        FindingsTable.read("findings.txt").forEach(row -> shown.get(row.id()).add(row.verdict()));
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
}
