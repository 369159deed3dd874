package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.jr.ob.JSON;

/**
 * Snapshots of a guest whose kernel said no, as {@code headroom snapshot} wrote them there: explained here, each names the
 * cause it is called after, and no other. GuestIT renews them.
 */
class RecordedTest {
    private static final Path RECORDED = Path.of(System.getProperty("headroom.root"),
            "diag/src/test/resources/recorded");

    @TestFactory
    Stream<DynamicTest> shouldNameTheCauseElsewhere() throws IOException {
        List<DynamicTest> all = new ArrayList<>();
        try (var kernels = Files.newDirectoryStream(RECORDED)) {
            for (Path kernel : kernels) {
                for (String line : Files.readAllLines(kernel.resolve("questions.txt"))) {
                    String name = line.substring(0, line.indexOf(": "));
                    String question = line.substring(name.length() + 2);
                    all.add(dynamicTest(kernel.getFileName() + " " + name, () -> assertEquals(
                            List.of(name.replaceFirst("\\..*", "")), confirmed(kernel.resolve(name + ".json"),
                                    question))));
                }
            }
        }
        return all.stream();
    }

    @SuppressWarnings("unchecked")
    private static List<String> confirmed(Path snapshot, String question) throws IOException {
        List<String> words = new ArrayList<>(List.of("explain"));
        words.addAll(List.of(question.split(" ")));
        words.addAll(List.of("--from", snapshot.toString(), "--json"));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = Headroom.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err))
                .execute(words.toArray(String[]::new));
        assertEquals(1, status, err::toString);
        var causes = (List<Map<String, Object>>) JSON.std.mapFrom(out.toString()).get("causes");
        return causes.stream().filter(c -> c.get("verdict").equals("CONFIRMED")).map(c -> c.get("id").toString())
                .toList();
    }
}
