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

/** What each cause of the network says of a case: the rows of network.txt, in the form of findings.txt. */
class NetworkFindingsTest {
    private static final List<Cause> OURS = Stream.of(ConnectPorts.ALL, ConnectTimeouts.ALL, Connect.ALL, Routing.ALL,
            Bind.ALL, Queues.ALL, Send.ALL, Losses.ALL).flatMap(List::stream).toList();

    private record Told(String id, String when, Verdict verdict, String sentence) {
    }

    private static Case given(String when) {
        String[] words = when.split(" +");
        var given = new Given(Errno.parse(words[0]).orElse(Errno.EPERM), words[1].equals("?") ? "" : words[1]);
        for (int i = 2; i < words.length; i++) {
            given.network(words[i]);
        }
        return (words[0].equals("-") ? given.withoutErrno() : given).build();
    }

    @TestFactory
    Stream<DynamicTest> shouldSay() {
        return rows().stream().map(row -> dynamicTest(row.id + ": " + row.when, () -> {
            Cause cause = Catalogue.byId(row.id).orElseThrow(() -> new AssertionError("no cause " + row.id));
            Case c = given(row.when);
            assertTrue(cause.answers(c.question()), row.id + " is not asked about " + c.question());
            Finding finding = cause.judge().apply(c);
            assertEquals(row.verdict + " " + row.sentence, finding.verdict() + " " + finding.sentence());
            assertEquals(row.verdict == Verdict.RULED_OUT || row.verdict == Verdict.UNKNOWN,
                    finding.remedies().isEmpty(), "remedies are for a cause that may hold");
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
        }));
    }

    @Test
    void shouldHaveEachIdOnceAndARuleThatNamesItsVersions() {
        Set<String> ids = new HashSet<>();
        Catalogue.all().forEach(cause -> assertTrue(ids.add(cause.id()), cause.id() + " is there twice"));
        assertAll(OURS.stream().map(cause -> () -> {
            assertFalse(cause.rule().isEmpty(), cause.id());
            assertFalse(cause.provoked().isEmpty(), cause.id());
        }));
    }

    private static List<Told> rows() {
        List<Told> rows = new ArrayList<>();
        try (var in = new BufferedReader(new InputStreamReader(
                NetworkFindingsTest.class.getResourceAsStream("network.txt"), StandardCharsets.UTF_8))) {
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
                    rows.add(new Told(id, when, Verdict.valueOf(text.substring(0, space)), text.substring(space + 1)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return rows;
    }
}
