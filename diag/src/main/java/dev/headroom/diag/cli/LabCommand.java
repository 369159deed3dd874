package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Lab;
import dev.headroom.diag.lab.Leftovers;
import dev.headroom.diag.lab.Outcome;
import dev.headroom.diag.lab.Trial;
import dev.headroom.diag.lab.experiments.Experiments;

/** The kernel's rules, predicted and then seen. Alone it is the tour of the short ones. Its help is lab.txt. */
@Command(name = "lab", subcommands = {LabCommand.ListAll.class, LabCommand.Run.class, LabCommand.Clean.class})
final class LabCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--json")
    private boolean json;

    @Option(names = "--report", paramLabel = "FILE")
    private Path report;

    @Override
    public Integer call() throws CannotException, InterruptedException {
        return new Session(spec, json, false, report)
                .run(Experiments.all().stream().filter(Experiment::isShort).toList(), Map.of());
    }

    /** What is asked of the tour would be lost without a word where a command follows. */
    private static void takeNothingBefore(CommandSpec command) {
        command.parent().commandLine().getParseResult().matchedOptions().stream().filter(o -> !o.inherited())
                .findFirst().ifPresent(o -> {
                    throw new ParameterException(command.commandLine(),
                            o.longestName() + ": give it behind " + command.name() + ", not before");
                });
    }

    /** What there is. */
    @Command(name = "list")
    static final class ListAll implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() {
            takeNothingBefore(spec);
            StringBuilder out = new StringBuilder();
            for (Experiment e : Experiments.all()) {
                Prose.wrap(out, e.name() + (e.isShort() ? "" : " (not in the tour)"), "", "");
                Prose.wrap(out, "  ", "  ", e.shows());
                if (!e.settings().isEmpty()) {
                    Prose.wrap(out, "  --set ", "        ",
                            e.settings().entrySet().stream().sorted(Map.Entry.comparingByKey())
                                    .map(s -> s.getKey() + "=" + s.getValue()).collect(Collectors.joining(" ")));
                }
                if (!e.touches().isEmpty()) {
                    Prose.wrap(out, "  changes ", "          ", "for its time, of the whole machine: "
                            + String.join(", ", e.touches()));
                }
            }
            spec.commandLine().getOut().print(out);
            spec.commandLine().getOut().flush();
            return 0;
        }
    }

    /** Some of them, by name. */
    @Command(name = "run")
    static final class Run implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(arity = "0..*", paramLabel = "NAME")
        private List<String> names = List.of();

        @Option(names = "--set", paramLabel = "KEY=VALUE")
        private List<String> set = List.of();

        @Option(names = {"-n", "--connections"}, converter = Values.NumberOrMax.class)
        private Integer connections;

        @Option(names = "--addresses", converter = Values.Number.class)
        private Integer addresses;

        @Option(names = "--clients", converter = Values.Number.class)
        private Integer clients;

        @Option(names = "--hold", converter = Values.Duration.class)
        private Long hold;

        @Option(names = "--every", converter = Values.Duration.class)
        private Long every;

        @Option(names = "--json")
        private boolean json;

        @Option(names = "--keep")
        private boolean keep;

        @Option(names = "--report", paramLabel = "FILE")
        private Path report;

        @Override
        public Integer call() throws CannotException, InterruptedException {
            takeNothingBefore(spec);
            if (names.isEmpty()) {
                throw wrong("which experiment? Give a NAME: headroom lab list names them");
            }
            List<Experiment> chosen = new ArrayList<>();
            for (String name : names) {
                chosen.add(Experiments.of(name).orElseThrow(() -> wrong("there is no experiment " + name
                        + "; there are " + Experiments.all().stream().map(Experiment::name)
                                .collect(Collectors.joining(", ")))));
            }
            set = new ArrayList<>(set);
            shorthand("connections", connections == null ? null
                    : connections == Values.UNLIMITED ? "max" : connections.toString());
            shorthand("addresses", addresses);
            shorthand("clients", clients);
            shorthand("hold", hold == null ? null : Long.toString(Math.ceilDiv(hold, 1_000_000_000L)));
            shorthand("every", every == null ? null : Long.toString(Math.ceilDiv(every, 1_000_000_000L)));
            return new Session(spec, json, keep, report).run(chosen, settings(chosen));
        }

        private void shorthand(String key, Object value) {
            if (value != null) {
                set.add(key + "=" + value);
            }
        }

        private Map<String, String> settings(List<Experiment> chosen) {
            Map<String, String> settings = new LinkedHashMap<>();
            for (String text : set) {
                int equals = text.indexOf('=');
                String key = equals < 1 ? text : text.substring(0, equals);
                if (equals < 1 || chosen.stream().noneMatch(e -> e.settings().containsKey(key))) {
                    throw wrong("--set " + text + ": give KEY=VALUE with a KEY of " + chosen.stream()
                            .map(e -> e.name() + " ("
                                    + String.join(", ", e.settings().keySet().stream().sorted().toList())
                                    + ")")
                            .collect(Collectors.joining(", ")));
                }
                settings.put(key, text.substring(equals + 1));
            }
            return settings;
        }

        private ParameterException wrong(String message) {
            return new ParameterException(spec.commandLine(), message);
        }
    }

    /** What killed runs have left. */
    @Command(name = "clean")
    static final class Clean implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() throws CannotException {
            takeNothingBefore(spec);
            try {
                PrintWriter out = spec.commandLine().getOut();
                List<String> done = Leftovers.clean();
                done.forEach(out::println);
                out.println(done.isEmpty() ? "nothing is left of any run" : "nothing is left any more");
                out.flush();
                return 0;
            } catch (IOException e) {
                throw new CannotException("not all could be removed: " + e.getMessage(), e);
            }
        }
    }

    /** Experiments one after the other, until all are done or somebody has had enough. */
    private static final class Session {
        private final CommandSpec spec;
        private final boolean json;
        private final boolean keep;
        private final PrintWriter out;
        private final LabReport report = new LabReport(Terminal.ofStdout().colour());
        private final ReportFile file;
        private final List<LabPage.Done> done = new ArrayList<>();
        private volatile boolean stopped;

        /** @param file null for none */
        Session(CommandSpec spec, boolean json, boolean keep, Path file) throws CannotException {
            this.spec = spec;
            this.json = json;
            this.keep = keep;
            this.out = spec.commandLine().getOut();
            this.file = file == null ? null : new ReportFile(file);
        }

        int run(List<Experiment> chosen, Map<String, String> settings) throws CannotException, InterruptedException {
            if (UserNamespace.isNeeded()) {
                return UserNamespace.run(spec.root().commandLine().getParseResult().originalArgs());
            }
            Thread here = Thread.currentThread();
            Signals.onStop(() -> {
                stopped = true;
                here.interrupt();
            });
            try {
                runAll(chosen, settings);
            } finally {
                writeReport();
            }
            return end(chosen.size());
        }

        private void runAll(List<Experiment> chosen, Map<String, String> settings)
                throws CannotException, InterruptedException {
            for (Experiment e : chosen) {
                Map<String, String> own = new LinkedHashMap<>(settings);
                own.keySet().retainAll(e.settings().keySet());
                try {
                    one(e, own);
                } catch (IllegalArgumentException wrong) {
                    throw new ParameterException(spec.commandLine(), "--set " + wrong.getMessage());
                } catch (IOException | InterruptedException failed) {
                    if (!stopped) {
                        throw new CannotException(e.name() + ": " + failed.getMessage(), failed);
                    }
                }
                if (stopped) {
                    Thread.interrupted();
                    break;
                }
            }
        }

        private void one(Experiment e, Map<String, String> settings) throws IOException, InterruptedException {
            Trial.of(e, settings, Self.command(), new Trial.Audience() {
                @Override
                public void begins(Trial t) {
                    if (!json) {
                        out.print(report.prediction(t));
                        out.flush();
                    }
                }

                @Override
                public void says(String line) {
                    if (!json) {
                        out.println("  " + line);
                        out.flush();
                    }
                }

                @Override
                public void ends(Outcome outcome, Lab lab) throws InterruptedException {
                    done.add(new LabPage.Done(e, outcome));
                    tell(e, outcome);
                    if (keep) {
                        keep(lab);
                    }
                }
            });
        }

        /** With what is there: also of a run that was stopped, or that failed. */
        private void writeReport() throws CannotException {
            if (file != null && !done.isEmpty()) {
                List<String> command = new ArrayList<>(List.of("headroom"));
                command.addAll(spec.root().commandLine().getParseResult().originalArgs());
                file.write(LabPage.of(done, command));
            }
        }

        private void tell(Experiment e, Outcome o) {
            out.print(json ? LabReport.json(o) + "\n" : report.observation(e, o));
            out.flush();
        }

        private void keep(Lab lab) throws InterruptedException {
            PrintWriter err = spec.commandLine().getErr();
            err.println("headroom lab: kept until Ctrl-C:");
            for (Host h : lab.hosts()) {
                err.println("  " + h.role() + ": " + String.join(" ", h.exec()) + " ss -s");
            }
            err.flush();
            new CountDownLatch(1).await();
        }

        private int end(int wanted) throws CannotException {
            List<Outcome> outcomes = done.stream().map(LabPage.Done::outcome).toList();
            if (!json && (wanted > 1 || stopped) && !outcomes.isEmpty()) {
                out.print(report.table(outcomes));
            }
            if (stopped && !json) {
                out.println(
                        String.format(Locale.ROOT, "stopped after %d of %d; nothing is left behind", outcomes.size(),
                                wanted));
            }
            if (file != null && !json) {
                out.println(done.isEmpty() ? "no report: nothing was done" : "report: " + file);
            }
            out.flush();
            if (!stopped && !outcomes.isEmpty() && outcomes.stream().allMatch(o -> o.skipped().isPresent())) {
                throw new CannotException("the lab needs " + outcomes.getFirst().skipped().get(), null);
            }
            return outcomes.stream().anyMatch(o -> o.skipped().isEmpty() && !o.isOk()) ? Headroom.FOUND : 0;
        }
    }
}
