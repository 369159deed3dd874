package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

import picocli.CommandLine;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command above all commands: alone, it says what there is. What goes wrong in any of them is worded here. */
final class Headroom implements Runnable {
    /** Exit status: something was found, as a lost echo. */
    static final int FOUND = 1;
    /** Exit status: the command line is wrong. */
    static final int WRONG = 2;
    /** Exit status: it could not be done here. */
    static final int CANNOT = 3;

    private static final String THE_TEXT = "text";
    /** The commands by name. The help of each is the text of that name. */
    private static final Map<String, Supplier<CommandLine>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("lab", () -> new CommandLine(new LabCommand()));
        // A login shell begins its complaints with a dash: "-bash: fork: retry".
        COMMANDS.put("explain",
                () -> new CommandLine(new Explain().spec()).setUnmatchedOptionsArePositionalParams(true));
        COMMANDS.put("check", () -> new CommandLine(new Check().spec()));
        COMMANDS.put("plan", () -> new CommandLine(new PlanCommand().spec()));
        COMMANDS.put("snapshot", () -> new CommandLine(new TakeSnapshot().spec()));
        COMMANDS.put("serve", () -> new CommandLine(new Serve()));
        COMMANDS.put("connect", () -> new CommandLine(new Connect()));
    }

    private final CommandLine all = new CommandLine(Options.of("headroom", this).spec());
    private boolean debug;

    private Headroom() {
    }

    @Override
    public void run() {
        all.usage(all.getOut());
    }

    /**
     * The commands that a command line needs. To look at the options of one takes time, so where the first word names a
     * command, the others are left out; they are there for everything else: help, a word that is none of them.
     */
    static CommandLine commandLine(String... args) {
        Headroom headroom = new Headroom();
        CommandLine all = headroom.all;
        all.setParameterExceptionHandler((e, line) -> headroom.wrong(e));
        all.setExecutionExceptionHandler(headroom.cannot());
        showText(all, "headroom");
        boolean one = args.length > 0 && COMMANDS.containsKey(args[0]);
        for (String name : one ? List.of(args[0]) : COMMANDS.keySet()) {
            CommandLine command = COMMANDS.get(name).get();
            showText(command, name);
            command.getSubcommands().values().forEach(c -> showText(c, name));
            all.addSubcommand(name, command);
        }
        Options.standard(all, v -> headroom.debug |= v);
        return one ? all : all.addSubcommand(new HelpCommand());
    }

    /** Help is a text that somebody wrote, not a table that is put together. */
    private static void showText(CommandLine command, String name) {
        command.setHelpSectionKeys(List.of(THE_TEXT));
        command.setHelpSectionMap(Map.of(THE_TEXT, help -> text(name + ".txt")));
    }

    /** A text that lies beside this class. */
    static String text(String resource) {
        try (InputStream in = Headroom.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The exit status of a session.
     *
     * @param verdict what it would be, had no loop failed
     */
    static int status(Session session, Session.Ending ending, int verdict) throws CannotException {
        if (session.leftOut() > 0) {
            System.err
                    .println("headroom: " + Values.text(session.leftOut(), "lines were left out: too many at a time"));
        }
        if (ending == Session.Ending.FAILED) {
            throw new CannotException("a loop failed: " + reason(session.failure()), session.failure());
        }
        return verdict;
    }

    private static String reason(Throwable t) {
        return (t instanceof IOException || t instanceof CannotException) && t.getMessage() != null ? t.getMessage()
                : t.toString();
    }

    private int wrong(ParameterException e) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        String name = command.getCommandSpec().qualifiedName();
        err.println(fold(name + ": " + wording(e)));
        err.println("Try: " + name + " --help");
        if (debug) {
            e.printStackTrace(err);
        }
        return WRONG;
    }

    private static String wording(ParameterException e) {
        if (e.getCause() instanceof TypeConversionException cause && e.getArgSpec() != null) {
            return label(e.getArgSpec()) + " " + e.getValue() + ": " + cause.getMessage();
        }
        if (e instanceof UnmatchedArgumentException u && !u.getUnmatched().isEmpty()) {
            String what = u.isUnknownOption() ? "there is no option " : u.getCommandLine().getSubcommands().isEmpty()
                    ? "this is one too many: "
                    : "there is no command ";
            List<String> near = u.getSuggestions();
            return what + u.getUnmatched().getFirst()
                    + (near.isEmpty() ? "" : "; perhaps " + String.join(" or ", near) + "?");
        }
        if (e instanceof OverwrittenOptionException o) {
            return label(o.getOverwritten()) + ": give it once";
        }
        if (e instanceof MissingParameterException m && m.getMissing().size() == 1) {
            return label(m.getMissing().getFirst()) + ": a value is missing";
        }
        return e.getMessage();
    }

    /** Breaks lines that are wider than a terminal between words. */
    static String fold(String text) {
        StringBuilder folded = new StringBuilder();
        for (String line : text.split("\n")) {
            String rest = line;
            while (rest.length() > Terminal.WIDTH) {
                int space = rest.lastIndexOf(' ', Terminal.WIDTH);
                if (space < 3) {
                    break;
                }
                folded.append(rest, 0, space).append('\n');
                rest = "  " + rest.substring(space + 1);
            }
            folded.append(rest).append('\n');
        }
        return folded.substring(0, folded.length() - 1);
    }

    private static String label(ArgSpec arg) {
        return arg instanceof OptionSpec option ? option.shortestName() : arg.paramLabel();
    }

    private IExecutionExceptionHandler cannot() {
        return (e, command, result) -> {
            PrintWriter err = command.getErr();
            String name = command.getCommandSpec().qualifiedName();
            err.println(fold(name + ": " + (e instanceof CannotException || e instanceof IOException ? reason(e)
                    : "an error of headroom itself: " + e + (debug ? "" : " (--debug shows where)"))));
            if (debug) {
                e.printStackTrace(err);
            }
            return CANNOT;
        };
    }
}
