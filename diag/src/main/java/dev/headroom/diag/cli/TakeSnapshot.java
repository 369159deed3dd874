package dev.headroom.diag.cli;

import java.io.PrintWriter;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.json.SnapshotJson;

/** The facts as JSON, for later or elsewhere. Its help is snapshot.txt. */
final class TakeSnapshot implements Callable<Integer> {
    private final CommandSpec spec = Options.of("snapshot", this)
            .value("--pid", Long.class, new Values.Pid(), v -> pid = v)
            .value("--to", String.class, v -> v, v -> to = v)
            .value("--at", String.class, v -> v, v -> at = v)
            .value("--interval", Long.class, new Values.Duration(), v -> interval = v).spec();
    private Long pid;
    private String to;
    private String at;
    private Long interval;

    CommandSpec spec() {
        return spec;
    }

    @Override
    public Integer call() throws CannotException, InterruptedException {
        try {
            Capture capture = new Capture();
            Optional<Snapshot> earlier = Optional.empty();
            if (interval != null) {
                earlier = Optional.of(read(capture));
                Thread.sleep(Duration.ofNanos(interval));
            }
            PrintWriter out = spec.commandLine().getOut();
            out.println(SnapshotJson.write(new SnapshotJson.Document(read(capture), earlier)));
            out.flush();
            return 0;
        } catch (NoSuchFileException e) {
            throw new CannotException("there is no process " + pid + " here (see: ps -e)", e);
        }
    }

    private Snapshot read(Capture capture) throws NoSuchFileException {
        return pid == null ? capture.machine(question(), Capture.Topic.all())
                : capture.process(pid, question(), Capture.Topic.all());
    }

    private Question question() {
        Question q = Question.empty();
        q = to == null ? q : q.withPeer(Explain.endpoint(spec, "--to", to));
        return at == null ? q : q.withLocal(Explain.endpoint(spec, "--at", at));
    }
}
