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

/** What each cause of the network says of a case: the rows of network.txt, in the form of findings.txt. */
class NetworkFindingsTest {
    private static final List<Cause> OURS = Stream.of(ConnectPorts.ALL, ConnectTimeouts.ALL, Connect.ALL, Routing.ALL,
            Bind.ALL, Queues.ALL, Send.ALL, Losses.ALL).flatMap(List::stream).toList();

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
        return FindingsTable.tests("network.txt", NetworkFindingsTest::given);
    }

    @Test
    void shouldShowEachCauseHoldingAndNotHolding() {
        Map<String, Set<Verdict>> shown = new TreeMap<>();
        OURS.forEach(cause -> shown.put(cause.id(), EnumSet.noneOf(Verdict.class)));
        FindingsTable.read("network.txt").forEach(row -> shown.get(row.id()).add(row.verdict()));
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
}
