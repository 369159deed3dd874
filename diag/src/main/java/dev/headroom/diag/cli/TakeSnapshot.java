package dev.headroom.diag.cli;

import java.io.PrintWriter;
import java.nio.file.NoSuchFileException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.json.SnapshotJson;

/** The facts as JSON, for later or elsewhere. Its help is snapshot.txt. */
@Command(name = "snapshot")
final class TakeSnapshot implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--pid")
    private Long pid;

    @Option(names = "--to")
    private String to;

    @Option(names = "--at")
    private String at;

    @Option(names = "--interval", converter = Values.Duration.class)
    private Long interval;

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
