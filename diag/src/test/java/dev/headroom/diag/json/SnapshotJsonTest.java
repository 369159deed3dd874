package dev.headroom.diag.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Question;
import dev.headroom.diag.Samples;
import dev.headroom.diag.Snapshot;

class SnapshotJsonTest {
    static Stream<Snapshot> snapshots() throws IOException {
        return Stream.of(Samples.leak(), Samples.ports(), Samples.machine(),
                new Snapshot.Builder(0).put("a \"name\"", "tab\t, newline\n, \u20ac, \0", "s").build(),
                new Capture().process(ProcessHandle.current().pid(), Question.empty(), Capture.Topic.all()));
    }

    @ParameterizedTest
    @MethodSource("snapshots")
    void shouldComeBackAsItWas(Snapshot s) throws IOException {
        var one = new SnapshotJson.Document(s, Optional.empty());
        var two = new SnapshotJson.Document(s, Optional.of(Samples.leak()));

        assertEquals(one, SnapshotJson.read(new StringReader(SnapshotJson.write(one))));
        assertEquals(two, SnapshotJson.read(new StringReader(SnapshotJson.write(two))));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "{}", "null", "{\"headroom\":\"snapshot\"}",
            "{\"headroom\":\"snapshot\",\"now\":[]}", "{\"headroom\":\"snapshot\",\"now\":{\"taken\":\"x\"}}",
            "{\"headroom\":\"snapshot\",\"now\":{\"taken\":1,\"facts\":{\"a\":{\"value\":1,\"source\":\"s\"}},"
                    + "\"unread\":{},\"listeners\":[],\"flows\":[],\"holders\":[]}}"})
    void shouldRefuseWhatIsNone(String text) {
        assertThrows(IOException.class, () -> SnapshotJson.read(new StringReader(text)));
    }

    @Test
    void shouldHoldNoArgumentsAndNoEnvironment() throws IOException, InterruptedException {
        Process child = new ProcessBuilder("sh", "-c", "sleep 60; : --password=hunter2").start();
        try {
            child.toHandle().isAlive();
            String json = SnapshotJson.write(new SnapshotJson.Document(
                    new Capture().process(child.pid(), Question.empty(), Capture.Topic.all()), Optional.empty()));

            assertTrue(json.contains("process.fd.used"));
            assertTrue(!json.contains("hunter2") && !json.contains(System.getenv("PATH")), json);
        } finally {
            child.destroyForcibly();
        }
    }
}
