package dev.headroom.benchmark;

import java.io.IOException;
import java.io.StringReader;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.json.SnapshotJson;

/**
 * Reading the facts of this process and its machine from /proc, and a snapshot as JSON and back.
 * <p>
 * Not measured: the first one, which loads and compiles, and is what a command waits for; a process with many
 * descriptors, a machine with many sockets, for which the kernel does most of the work.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"})
public class SnapshotBenchmark {
    private static final Question NOTHING = new Question(Optional.empty(), "", OptionalLong.empty(), Optional.empty(),
            Optional.empty(), OptionalLong.empty(), Optional.empty());

    private final long pid = ProcessHandle.current().pid();
    private final SnapshotJson.Document document = new SnapshotJson.Document(take(Capture.Topic.all()),
            Optional.empty());
    private final String json = SnapshotJson.write(document);

    private Snapshot take(Set<Capture.Topic> topics) {
        try {
            return new Capture().process(pid, NOTHING, topics);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Benchmark
    public Snapshot smallFiles() {
        return take(Set.of());
    }

    @Benchmark
    public Snapshot listeners() {
        return take(Set.of(Capture.Topic.LISTENERS));
    }

    @Benchmark
    public Snapshot descriptors() {
        return take(Set.of(Capture.Topic.DESCRIPTORS));
    }

    @Benchmark
    public String writeJson() {
        return SnapshotJson.write(document);
    }

    @Benchmark
    public SnapshotJson.Document readJson() throws IOException {
        return SnapshotJson.read(new StringReader(json));
    }
}
