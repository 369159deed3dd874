package dev.headroom.diag.cli;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Engine;
import dev.headroom.loop.FdTable;

/** What {@code serve} and {@code connect} have in common: threads, descriptors, and how they tell what happens. */
final class LoopOptions {
    /** Descriptors left for what else a table may need. */
    private static final int SLACK = 8;
    private static final int MOST_TABLES = 4096;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--loops", defaultValue = "auto", converter = Values.NumberOrAuto.class)
    private int loops;

    @Option(names = "--fd-tables", defaultValue = "0", converter = Values.NumberOrAuto.class)
    private int fdTables;

    @Option(names = "--engine", defaultValue = "epoll", converter = Values.EngineName.class)
    private Engine engine;

    @Option(names = "--nofile", converter = Values.Number.class)
    private Integer nofile;

    @Option(names = "--retry", defaultValue = "10s", converter = Values.Duration.class)
    private long retry;

    @Option(names = "--report", defaultValue = "1s", converter = Values.Duration.class)
    private long report;

    @Option(names = "--duration", converter = Values.Duration.class)
    private Long duration;

    @Option(names = "--json")
    private boolean json;

    @Option(names = "--verbose")
    private boolean verbose;

    /** @param tables private descriptor tables, one for each loop then; 0 where the loops share the process's own */
    record Layout(int loops, int tables) {
    }

    /** Whatever can be wrong with these options is said before anything is done. */
    void check() {
        within("--loops", loops, 1, 1024);
        within("--fd-tables", fdTables, 0, MOST_TABLES);
        if (nofile != null) {
            within("--nofile", nofile, 1, Values.UNLIMITED);
        }
        atLeast("--retry", retry, 10_000_000);
        atLeast("--report", report, 100_000_000);
        if (duration != null) {
            atLeast("--duration", duration, 1_000_000);
        }
        if (fdTables > 0 && loops != Values.AUTO && loops != fdTables) {
            throw wrong("--loops " + loops + " with --fd-tables " + fdTables
                    + ": each private table has a loop of its own; leave --loops out");
        }
    }

    void within(String option, int value, int low, int high) {
        if (value != Values.AUTO && (value < low || value > high)) {
            throw wrong(option + " " + value + ": give " + Values.text(low)
                    + (high == Values.UNLIMITED ? " or more" : " to " + Values.text(high)));
        }
    }

    void atLeast(String option, long nanos, long low) {
        if (nanos < low) {
            throw wrong(option + " " + Values.text(nanos) + ": give " + Values.text(low) + " or longer");
        }
    }

    ParameterException wrong(String message) {
        return new ParameterException(command.commandLine(), message);
    }

    Engine engine() {
        return engine;
    }

    long retryNanos() {
        return retry;
    }

    Report report(boolean server, boolean sheds) {
        return json ? new JsonReport(out(), server, sheds) : new TextReport(out(), Terminal.ofStdout(), server);
    }

    /** Flushed by the session, a sweep at a time; fails when nobody reads what is written. */
    private static PrintStream out() {
        OutputStream checked = new FilterOutputStream(System.out) {
            @Override
            public void write(byte[] bytes, int from, int length) throws IOException {
                out.write(bytes, from, length);
            }

            @Override
            public void flush() throws IOException {
                if (System.out.checkError()) {
                    throw new IOException("nobody reads stdout");
                }
            }
        };
        return new PrintStream(new BufferedOutputStream(checked, 1 << 16), false, StandardCharsets.UTF_8);
    }

    /**
     * Loads every class of this command, sets the soft limit if asked, and takes the signals: from now on it can be at
     * the limit.
     */
    Session session(Report of, Inquiry inquiry) throws CannotException {
        try {
            FdTable.preload(Main.class);
        } catch (IOException e) {
            throw new CannotException("cannot load this command's classes: " + e.getMessage(), e);
        }
        if (nofile != null) {
            try {
                FdTable.setNofile(nofile);
            } catch (SyscallException e) {
                throw Refusals.nofile(nofile, e);
            }
        }
        Session session = new Session(of, inquiry, verbose, report, duration == null ? 0 : duration);
        // Private tables are not full when the process's own is, and would each inherit what is set aside before they
        // split; the session does it then.
        if (fdTables == 0) {
            inquiry.prepare();
        }
        Signals.onStop(session::stop);
        return session;
    }

    /**
     * @param wanted connections; {@link Values#UNLIMITED} if there is no such number
     * @param listeners descriptors that each table will hold besides
     * @param spares descriptors that each loop will hold besides its own two
     * @param autoLoops what {@code --loops auto} means on one table
     */
    Layout layout(long wanted, int listeners, int spares, int autoLoops) throws CannotException {
        int asked = loops == Values.AUTO ? autoLoops : loops;
        if (fdTables != Values.AUTO) {
            return fdTables == 0 ? new Layout(asked, 0) : new Layout(fdTables, fdTables);
        }
        if (wanted == Values.UNLIMITED) {
            return new Layout(asked, 0);
        }
        int tables = tables(wanted, nofileSoft(), openDescriptors() + listeners, 2 + spares, asked);
        return tables == 0 ? new Layout(asked, 0)
                : loops == Values.AUTO ? new Layout(tables, tables)
                        : new Layout(Math.max(tables, loops), Math.max(tables, loops));
    }

    /**
     * How many private tables hold so many connections. All loops open their own descriptors before the tables split,
     * so that each table has those of every loop.
     *
     * @param soft RLIMIT_NOFILE
     * @param open descriptors that each table begins with
     * @param eachLoop descriptors that each loop adds to every table
     * @param loops of a single table
     * @return 0 if a single table does
     */
    static int tables(long wanted, long soft, long open, int eachLoop, int loops) throws CannotException {
        long room = Math.min(soft, FdTable.CAPACITY) - open - SLACK;
        if (room - (long) loops * eachLoop >= wanted) {
            return 0;
        }
        long most = 0;
        for (int n = 1; n <= MOST_TABLES && room - (long) n * eachLoop > 0; n++) {
            long holds = n * (room - (long) n * eachLoop);
            if (holds >= wanted) {
                return n;
            }
            most = Math.max(most, holds);
        }
        throw new CannotException("--fd-tables auto: no number of tables holds " + Values.text(wanted, "connections")
                + "\n  with a soft limit of " + soft + " descriptors a table the most is " + Values.text(most, "")
                        .strip());
    }

    static long nofileSoft() throws CannotException {
        try {
            return FdTable.nofile();
        } catch (SyscallException e) {
            throw new CannotException("cannot read the limit of descriptors: " + e.getMessage(), e);
        }
    }

    static long nofileHard() throws CannotException {
        try {
            return FdTable.nofileHard();
        } catch (SyscallException e) {
            throw new CannotException("cannot read the limit of descriptors: " + e.getMessage(), e);
        }
    }

    private static long openDescriptors() throws CannotException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            // one of them is the list itself
            return open.count() - 1;
        } catch (IOException e) {
            throw new CannotException("cannot count the open descriptors: " + e.getMessage(), e);
        }
    }
}
