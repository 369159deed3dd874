package dev.headroom.diag.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

import dev.headroom.diag.Calls;
import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Messages;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.causes.Catalogue;
import dev.headroom.diag.json.SnapshotJson;

/** From an error to the one cause that holds here. Its help is explain.txt. */
final class Explain implements Callable<Integer> {
    private static final Pattern LIMITS = Pattern.compile("(\\d{1,18}|unlimited)(?::(\\d{1,18}|unlimited))?");
    private static final Pattern ENDPOINT = Pattern.compile("(?:\\[[0-9A-Fa-f:.%\\w]+\\]|[\\w.-]*):\\d{1,5}|/\\S+");

    private final CommandSpec spec = Options.of("explain", this)
            .words("WHAT", v -> what = List.of(v))
            .value("--call", String.class, v -> v, v -> call = v)
            .value("--pid", Long.class, new Values.Pid(), v -> pid = v)
            .value("--from", Path.class, Path::of, v -> from = v)
            .value("--to", String.class, v -> v, v -> to = v)
            .value("--at", String.class, v -> v, v -> at = v)
            .value("--fd", Long.class, new Values.Fd(), v -> fd = v)
            .value("--requested", String.class, v -> v, v -> requested = v)
            .value("--watch", Long.class, new Values.Duration(), v -> watch = v)
            .flag("--all", v -> all = v)
            .flag("--json", v -> json = v).spec();
    private List<String> what;
    private String call;
    private Long pid;
    private Path from;
    private String to;
    private String at;
    private Long fd;
    private String requested;
    private Long watch;
    private boolean all;
    private boolean json;

    CommandSpec spec() {
        return spec;
    }

    @Override
    public Integer call() throws CannotException, IOException, InterruptedException {
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
            Case c = with(from == null ? live(question, notes) : recorded(question), said(reading));
            List<Cause> named = named(reading.cause());
            Diagnosis d = Diagnosis.of(c, named.isEmpty() ? Catalogue.all() : named);
            PrintWriter out = commandLine.getOut();
            out.print(json ? DiagnosisJson.write(d) + "\n" : new Screen(d, notes, all, !named.isEmpty()).text());
            out.flush();
            return d.confirmed().isPresent() ? Headroom.FOUND : 0;
        } catch (NoSuchFileException e) {
            throw new CannotException(from != null ? from + ": there is no such file"
                    : "there is no process " + question.pid().orElse(0) + " here (see: ps -e)", e);
        }
    }

    private Messages.Reading read() {
        what.stream().filter(w -> w.matches("-{1,2}[a-zA-Z][\\w-]*(?:=\\S*)?")).findFirst().ifPresent(option -> {
            throw new UnmatchedArgumentException(spec.commandLine(), option);
        });
        String text = what.equals(List.of("-"))
                ? stdin().lines().limit(200)
                        .collect(Collectors.joining("\n"))
                : String.join(" ", what);
        return Messages.recognise(text).orElseThrow(() -> new ParameterException(spec.commandLine(),
                "not an error that headroom knows: " + (text.length() > 60 ? text.substring(0, 60) + "…" : text) + "\n"
                        + Messages.ACCEPTED));
    }

    private static BufferedReader stdin() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }

    private Question asked(Question q) {
        if (call != null) {
            q = q.withCall(Calls.same(call.toLowerCase(Locale.ROOT)));
        }
        if (pid != null) {
            q = q.withPid(pid);
        }
        if (to != null) {
            q = q.withPeer(endpoint(spec, "--to", to));
        }
        if (at != null) {
            q = q.withLocal(endpoint(spec, "--at", at));
        }
        if (fd != null) {
            q = q.withFd(fd);
        }
        return requested != null ? q.withRequested(limits()[1]) : q;
    }

    /** Soft and hard limit of N, SOFT:HARD or unlimited; one number stands for both, as with ulimit. */
    private long[] limits() {
        Matcher m = LIMITS.matcher(requested);
        if (!m.matches()) {
            throw new ParameterException(spec.commandLine(),
                    "--requested " + requested + ": give a number, SOFT:HARD, or unlimited");
        }
        long first = limit(m.group(1));
        return new long[] {first, m.group(2) == null ? first : limit(m.group(2))};
    }

    private static long limit(String text) {
        return text.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(text);
    }

    /** What the question says of itself, as facts. */
    private List<Fact> said(Messages.Reading reading) {
        List<Fact> all = new ArrayList<>(reading.asked());
        if (requested != null && reading.question().call().equals("setrlimit")) {
            all.add(new Fact(Facts.ASKED_SOFT, Long.toString(limits()[0]), "--requested"));
        }
        return all;
    }

    private Case with(Case c, List<Fact> said) {
        List<Fact> all = new ArrayList<>(said);
        if (from == null) {
            said.stream().filter(f -> f.name().equals(Facts.ASKED_PID))
                    .forEach(f -> all.addAll(new Capture().target(Long.parseLong(f.value()))));
        }
        return new Case(c.question(), c.now().with(all), c.earlier());
    }

    static String endpoint(CommandSpec spec, String option, String text) {
        if (!ENDPOINT.matcher(text).matches()) {
            throw new ParameterException(spec.commandLine(), option + " " + text
                    + " is not ADDR:PORT; IPv6 goes in brackets: 10.0.0.1:80, [::1]:80");
        }
        return text.startsWith(":") ? "0.0.0.0" + text : text;
    }

    /** The causes that the text names itself, as the kernel log does: by how their ids begin, with "|" between. */
    private static List<Cause> named(String ids) {
        return ids.isEmpty() ? List.of()
                : Catalogue.all().stream().filter(c -> Arrays.stream(ids.split("\\|")).anyMatch(c.id()::startsWith))
                        .toList();
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
                        q.seconds(), q.fd());
            }
        }
        Optional<Snapshot> earlier = Optional.empty();
        if (watch != null) {
            earlier = Optional.of(snapshot(capture, q));
            Thread.sleep(Duration.ofNanos(watch));
        }
        return new Case(q, snapshot(capture, q), earlier);
    }

    private static Snapshot snapshot(Capture capture, Question q) throws NoSuchFileException {
        return q.pid().isPresent() ? capture.process(q.pid().getAsLong(), q, Capture.Topic.of(q))
                : capture.machine(q, Capture.Topic.of(q));
    }

    private Case recorded(Question q) throws IOException {
        SnapshotJson.Document document;
        try (BufferedReader in = from.toString().equals("-") ? stdin() : Files.newBufferedReader(from)) {
            document = SnapshotJson.read(in);
        } catch (NoSuchFileException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(from + ": " + e.getMessage(), e);
        }
        Optional<Fact> recorded = document.now().fact(Facts.PID);
        Question question = recorded.isPresent() ? q.withPid(Long.parseLong(recorded.get().value())) : q;
        return new Case(question, document.now(), document.earlier());
    }
}
