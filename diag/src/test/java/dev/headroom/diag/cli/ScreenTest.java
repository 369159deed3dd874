package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.diag.Case;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Question;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Samples;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.causes.Catalogue;
import dev.headroom.linux.Errno;

/** What a person sees. The texts are in the folder screens; -Dheadroom.screens=write writes them anew, to be read. */
class ScreenTest {
    @Test
    void shouldShowALeakOfDescriptorsInAService() throws IOException {
        golden("leak.txt", Question.of(Errno.EMFILE, "accept4").withPid(4711), Samples.leak());
    }

    @Test
    void shouldShowWhyItIsNotTheLimit() throws IOException {
        golden("healthy.txt", Question.of(Errno.EMFILE, "open").withPid(4711), Samples.healthy());
    }

    @Test
    void shouldShowUsedUpPortsInAContainer() throws IOException {
        golden("ports.txt", Question.of(Errno.EADDRNOTAVAIL, "connect").withPid(812).withPeer("10.0.0.9:5432"),
                Samples.ports());
    }

    @Test
    void shouldShowARefusedLimit() throws IOException {
        golden("limit.txt", Question.of(Errno.EPERM, "setrlimit").withPid(4711).withRequested(2_000_000),
                Samples.healthy());
    }

    @Test
    void shouldSayWhatItCanWithoutAProcess() throws IOException {
        golden("machine.txt", Question.of(Errno.EMFILE, "accept4"), Samples.machine());
    }

    @ParameterizedTest
    @EnumSource(Errno.class)
    void shouldFitOneScreenWhateverTheError(Errno errno) {
        for (String call : List.of("", "connect", "accept4", "setrlimit", "clone")) {
            for (Snapshot s : List.of(Samples.leak(), Samples.ports(), Samples.machine())) {
                String text = screen(Question.of(errno, call), s);
                for (String line : text.split("\n")) {
                    assertTrue(line.length() <= 80, line);
                }
                assertTrue(text.lines().count() <= 42, () -> text.lines().count() + " lines:\n" + text);
            }
        }
    }

    @Test
    void shouldPutTheFormThatFitsFirst() {
        List<Remedy> all = List.of(Remedy.now("n"), Remedy.persistent("p"), Remedy.systemd("s"),
                Remedy.container("c"));

        assertEquals(List.of("s", "n", "p", "c"), texts(Screen.ranked(all, Samples.leak())));
        assertEquals(List.of("c", "n", "p", "s"), texts(Screen.ranked(all, Samples.ports())));
        assertEquals(List.of("n", "p", "s", "c"), texts(Screen.ranked(all, Samples.healthy())));
    }

    @Test
    void shouldNameTheUnitInItsCommands() {
        assertEquals("systemctl edit shop.service", Screen.named("systemctl edit UNIT", Samples.leak()));
        assertEquals("systemctl edit UNIT", Screen.named("systemctl edit UNIT", Samples.healthy()));
    }

    private static List<String> texts(List<Remedy> remedies) {
        return remedies.stream().map(Remedy::text).toList();
    }

    private static String screen(Question q, Snapshot s) {
        return new Screen(Diagnosis.of(new Case(q, s, Optional.empty()), Catalogue.all()), List.of(), false).text();
    }

    private static void golden(String name, Question q, Snapshot s) throws IOException {
        String text = screen(q, s);
        Path file = Path.of(System.getProperty("headroom.root"), "diag/src/test/resources/screens", name);
        if ("write".equals(System.getProperty("headroom.screens"))) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        }
        assertEquals(Files.readString(file, StandardCharsets.UTF_8), text);
    }
}
