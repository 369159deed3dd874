package dev.headroom.diag.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.diag.Calls;
import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Messages;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.causes.Catalogue;
import dev.headroom.diag.json.SnapshotJson;

/** {@code headroom explain}: from an error to the one cause that holds here. */
@Command(name = "explain", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Says why the kernel said no: which limit, with the numbers it read, what it is not, and what to "
                + "do.%n",
        footer = {"", "WHAT is the name or number of an errno, or a line of a log as the program wrote it;",
                "- reads the line from standard input.", "", "Examples:", "  headroom explain EMFILE --pid 4711",
                "  headroom explain 'accept4: too many open files' --pid 4711",
                "  headroom explain EADDRNOTAVAIL --call connect --to 10.0.0.1:80 --pid 4711",
                "  headroom explain 'ulimit: open files: cannot modify limit: Operation not",
                "    permitted' --requested 2000000 --pid $$", "",
                "Exit status: 0 nothing certain, 1 a cause is certain, 2 the command line is", "wrong, 3 it could not be done here."})
final class ExplainCommand implements Callable<Integer> {
    private static final Pattern ENDPOINT = Pattern.compile("(?:\\[[0-9A-Fa-f:.%\\w]+\\]|[\\w.-]*):\\d{1,5}|/\\S+");

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "1..*", paramLabel = "WHAT", description = "EMFILE, 24, or a line of a log.")
    private List<String> what;

    @Option(names = "--call", paramLabel = "CALL", description = "The system call that failed.")
    private String call;

    @Option(names = "--pid", paramLabel = "PID", description = "The process it happened to.")
    private Long pid;

    @Option(names = "--from", paramLabel = "FILE", description = "Facts that headroom snapshot wrote, perhaps elsewhere.")
    private Path from;

    @Option(names = "--to", paramLabel = "ADDR:PORT", description = "Whom it wanted to reach.")
    private String to;

    @Option(names = "--at", paramLabel = "ADDR:PORT", description = "Its own address: what bind was given.")
    private String at;

    @Option(names = "--requested", paramLabel = "N", description = "The value that was asked for, e.g. a hard limit.")
    private Long requested;

    @Option(names = "--watch", paramLabel = "TIME", converter = Millis.class,
            description = "Read twice, so long apart: 2s. Counters tell by how they grow.")
    private Long watch;

    @Option(names = "--all", description = "Leave nothing out to fit one screen.")
    private boolean all;

    @Option(names = "--json", description = "As JSON.")
    private boolean json;

    /** 500ms, 2s, 1m. */
    static final class Millis implements ITypeConverter<Long> {
        private static final Pattern TIME = Pattern.compile("(\\d{1,6})(ms|s|m)");

        @Override
        public Long convert(String text) {
            Matcher m = TIME.matcher(text);
            if (!m.matches()) {
                throw new TypeConversionException("not a duration; give a number with ms, s or m: 500ms, 2s, 1m");
            }
            long n = Long.parseLong(m.group(1));
            return switch (m.group(2)) {
                case "ms" -> n;
                case "s" -> n * 1000;
                default -> n * 60_000;
            };
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        CommandLine commandLine = spec.commandLine();
        if (pid != null && from != null) {
            throw new ParameterException(commandLine, "give either --pid or --from: a snapshot has its process");
        }
        if (from != null && watch != null) {
            throw new ParameterException(commandLine,
                    "--watch reads this machine: for another, headroom snapshot --interval 2s there");
        }
        Messages.Reading reading = read();
        List<String> notes = new ArrayList<>(reading.notes());
        Question question = asked(reading.question());
        try {
            Case c = from == null ? live(question, notes) : recorded(question);
            Diagnosis d = Diagnosis.of(c, causes(reading.cause()));
            PrintWriter out = commandLine.getOut();
            out.print(json ? DiagnosisJson.write(d) + "\n" : new Screen(d, notes, all).text());
            out.flush();
            return d.confirmed().isPresent() ? 1 : 0;
        } catch (NoSuchFileException e) {
            return cannot(from != null ? from + " is not there"
                    : "there is no process " + question.pid().orElse(0) + " here (see: ps -e)");
        } catch (IOException e) {
            return cannot((from != null ? from + ": " : "") + e.getMessage());
        }
    }

    private int cannot(String why) {
        spec.commandLine().getErr().println("headroom: " + why);
        return 3;
    }

    private Messages.Reading read() {
        String text = what.equals(List.of("-"))
                ? new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).lines().limit(200)
                        .collect(Collectors.joining("\n"))
                : String.join(" ", what);
        return Messages.recognise(text).orElseThrow(() -> new ParameterException(spec.commandLine(),
                "not an error that headroom knows: " + (text.length() > 60 ? text.substring(0, 60) + "…" : text) + "\n"
                        + Messages.ACCEPTED));
    }

    private Question asked(Question q) {
        if (call != null) {
            q = q.withCall(Calls.same(call.toLowerCase(Locale.ROOT)));
        }
        if (pid != null) {
            q = q.withPid(pid);
        }
        if (to != null) {
            q = q.withPeer(endpoint("--to", to));
        }
        if (at != null) {
            q = q.withLocal(endpoint("--at", at));
        }
        return requested != null ? q.withRequested(requested) : q;
    }

    private String endpoint(String option, String text) {
        if (!ENDPOINT.matcher(text).matches()) {
            throw new ParameterException(spec.commandLine(), option + " " + text
                    + " is not ADDR:PORT; IPv6 goes in brackets: 10.0.0.1:80, [::1]:80");
        }
        return text.startsWith(":") ? "0.0.0.0" + text : text;
    }

    /** Causes the kernel log has named come alone, if there are such. */
    private static List<Cause> causes(String named) {
        List<Cause> all = Catalogue.all();
        List<Cause> some = named.isEmpty() ? List.of() : all.stream().filter(c -> c.id().startsWith(named)).toList();
        return some.isEmpty() ? all : some;
    }

    private Case live(Question q, List<String> notes) throws IOException, InterruptedException {
        Capture capture = new Capture();
        boolean pasted = pid == null && q.pid().isPresent();
        if (pasted) {
            long said = q.pid().getAsLong();
            if (Files.isDirectory(Path.of("/proc", Long.toString(said)))) {
                notes.add("(process " + said + " is the one the line names; --pid names another)");
            } else {
                notes.add("(the line names process " + said + ", which is not here now)");
                q = new Question(q.errno(), q.call(), OptionalLong.empty(), q.local(), q.peer(), q.requested(),
                        q.seconds());
            }
        }
        Optional<Snapshot> earlier = Optional.empty();
        if (watch != null) {
            earlier = Optional.of(snapshot(capture, q));
            Thread.sleep(watch);
        }
        return new Case(q, snapshot(capture, q), earlier);
    }

    private static Snapshot snapshot(Capture capture, Question q) throws NoSuchFileException {
        return q.pid().isPresent() ? capture.process(q.pid().getAsLong(), Capture.Topic.of(q))
                : capture.machine(Capture.Topic.of(q));
    }

    private Case recorded(Question q) throws IOException {
        SnapshotJson.Document document;
        try (var in = Files.newBufferedReader(from)) {
            document = SnapshotJson.read(in);
        }
        Optional<Fact> recorded = document.now().fact(dev.headroom.diag.Facts.PID);
        Question question = recorded.isPresent() ? q.withPid(Long.parseLong(recorded.get().value())) : q;
        return new Case(question, document.now(), document.earlier());
    }
}
