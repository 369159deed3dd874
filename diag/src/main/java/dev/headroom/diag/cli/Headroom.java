package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command above all commands: alone, it says what there is. What goes wrong in any of them is worded here. */
@Command(name = "headroom", scope = ScopeType.INHERIT, mixinStandardHelpOptions = true, versionProvider = Version.class,
        subcommands = {Explain.class, Check.class, PlanCommand.class, TakeSnapshot.class, Serve.class, Connect.class,
                HelpCommand.class})
final class Headroom implements Runnable {
    /** Exit status: something was found, as a lost echo. */
    static final int FOUND = 1;
    /** Exit status: the command line is wrong. */
    static final int WRONG = 2;
    /** Exit status: it could not be done here. */
    static final int CANNOT = 3;

    private static final String THE_TEXT = "text";

    @Spec
    private CommandSpec spec;

    @Option(names = "--debug", scope = ScopeType.INHERIT)
    private boolean debug;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    static CommandLine commandLine() {
        Headroom headroom = new Headroom();
        CommandLine all = new CommandLine(headroom);
        all.setParameterExceptionHandler((e, args) -> headroom.wrong(e));
        all.setExecutionExceptionHandler(headroom.cannot());
        // A login shell begins its complaints with a dash: "-bash: fork: retry".
        all.getSubcommands().get("explain").setUnmatchedOptionsArePositionalParams(true);
        showText(all, "headroom.txt");
        showText(all.getSubcommands().get("explain"), "explain.txt");
        showText(all.getSubcommands().get("snapshot"), "snapshot.txt");
        showText(all.getSubcommands().get("check"), "check.txt");
        showText(all.getSubcommands().get("plan"), "plan.txt");
        showText(all.getSubcommands().get("serve"), "serve.txt");
        showText(all.getSubcommands().get("connect"), "connect.txt");
        return all;
    }

    /** Help is a text that somebody wrote, not a table that is put together. */
    private static void showText(CommandLine command, String resource) {
        command.setHelpSectionKeys(List.of(THE_TEXT));
        command.setHelpSectionMap(Map.of(THE_TEXT, help -> text(resource)));
    }

    private static String text(String resource) {
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
