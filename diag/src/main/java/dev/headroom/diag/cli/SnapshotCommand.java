package dev.headroom.diag.cli;

import java.io.PrintWriter;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.json.SnapshotJson;

/** {@code headroom snapshot}: the facts as JSON, for later or elsewhere. */
@Command(name = "snapshot", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Writes what explain would read as JSON, for later or elsewhere. It holds no command-line "
                + "arguments and no environment, but the paths of open files.%n",
        footer = {"", "Example:", "  headroom snapshot --pid 4711 --interval 2s > s.json",
                "  headroom explain EMFILE --from s.json"})
final class SnapshotCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--pid", paramLabel = "PID", description = "The process; without it, the machine only.")
    private Long pid;

    @Option(names = "--interval", paramLabel = "TIME", converter = ExplainCommand.Millis.class,
            description = "Read twice, so long apart: 2s. Counters tell by how they grow.")
    private Long interval;

    @Override
    public Integer call() throws InterruptedException {
        try {
            Capture capture = new Capture();
            Optional<Snapshot> earlier = Optional.empty();
            if (interval != null) {
                earlier = Optional.of(read(capture));
                Thread.sleep(interval);
            }
            PrintWriter out = spec.commandLine().getOut();
            out.println(SnapshotJson.write(new SnapshotJson.Document(read(capture), earlier)));
            out.flush();
            return 0;
        } catch (NoSuchFileException e) {
            spec.commandLine().getErr().println("headroom: there is no process " + pid + " here (see: ps -e)");
            return 3;
        }
    }

    private Snapshot read(Capture capture) throws NoSuchFileException {
        return pid == null ? capture.machine(Capture.Topic.all()) : capture.process(pid, Capture.Topic.all());
    }
}
