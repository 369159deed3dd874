package dev.headroom.diag.causes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Verdict;

/** A file of findings, written to be read: causes, under each the facts of a case, and below them what it says. */
final class FindingsTable {
    record Row(String id, String when, Verdict verdict, String sentence) {
    }

    private FindingsTable() {
    }

    /** A test for each row. @param given makes a case of its facts */
    static Stream<DynamicTest> tests(String file, Function<String, Case> given) {
        return read(file).stream().map(row -> dynamicTest(row.id + ": " + row.when, () -> {
            Cause cause = Catalogue.byId(row.id).orElseThrow(() -> new AssertionError("no cause " + row.id));
            Case c = given.apply(row.when);
            assertTrue(cause.answers(c.question()), row.id + " is not asked about " + c.question());
            Finding finding = cause.judge().apply(c);
            assertEquals(row.verdict + " " + row.sentence, finding.verdict() + " " + finding.sentence());
            boolean mayHold = row.verdict == Verdict.CONFIRMED || row.verdict == Verdict.POSSIBLE;
            assertEquals(mayHold, !finding.remedies().isEmpty(), "remedies are for a cause that may hold");
        }));
    }

    static List<Row> read(String file) {
        List<Row> rows = new ArrayList<>();
        try (var in = new BufferedReader(new InputStreamReader(
                FindingsTable.class.getResourceAsStream(file), StandardCharsets.UTF_8))) {
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
