package dev.headroom.diag.cli;

import java.io.PrintWriter;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/** Every limit of a process or of the machine, the nearest first. Its help is check.txt. */
final class Check implements Callable<Integer> {
    private static final long SHORTEST = 100_000_000;

    private final CommandSpec spec = Options.of("check", this)
            .value("--pid", Long.class, new Values.Pid(), v -> pid = v)
            .value("--listen", Integer.class, new Port(), v -> port = v)
            .flag("--all", v -> all = v)
            .optionalValue("--watch", "2s", Long.class, new Values.Duration(), v -> watch = v)
            .value("--warn", "80", Double.class, new Percent(), v -> warn = v)
            .flag("--thorough", v -> thorough = v)
            .flag("--json", v -> json = v).spec();
    private Long pid;
    private Integer port;
    private boolean all;
    private Long watch;
    private double warn;
    private boolean thorough;
    private boolean json;

    CommandSpec spec() {
        return spec;
    }

    @Override
    public Integer call() throws CannotException, InterruptedException {
        if ((pid == null ? 0 : 1) + (port == null ? 0 : 1) + (all ? 1 : 0) > 1) {
            throw new ParameterException(spec.commandLine(), "give one of --pid, --listen and --all");
        }
        if (watch != null && watch < SHORTEST) {
            throw new ParameterException(spec.commandLine(),
                    "--watch " + Values.text(watch) + ": give " + Values.text(SHORTEST) + " or longer");
        }
        CheckTarget target = new CheckTarget(thorough);
        CheckTarget.Reading first = read(target);
        if (watch == null) {
            print(new CheckReport(first.title(), first.subject(), first.report(), OptionalLong.empty()));
            return first.report().reaches(warn) ? Headroom.FOUND : 0;
        }
        return watch(target, first);
    }

    private CheckTarget.Reading read(CheckTarget target) throws CannotException {
        return pid != null ? target.process(pid) : port != null ? target.listener(port)
                : all ? target.all() : target.machine();
    }

    private int watch(CheckTarget target, CheckTarget.Reading first) throws InterruptedException, CannotException {
        CountDownLatch stop = new CountDownLatch(1);
        Signals.onStop(stop::countDown);
        CheckTarget.Reading last = first;
        print(new CheckReport(first.title(), first.subject(), first.report(), OptionalLong.empty()));
        int readings = 1;
        int found = first.report().reaches(warn) ? 1 : 0;
        while (!stop.await(watch, TimeUnit.NANOSECONDS)) {
            CheckTarget.Reading now;
            try {
                now = read(target);
            } catch (CannotException e) {
                if (readings == 1) {
                    throw e;
                }
                spec.commandLine().getErr().println("headroom check: " + e.getMessage());
                break;
            }
            if (!json) {
                spec.commandLine().getOut().println();
            }
            CheckReport report = new CheckReport(now.title(), now.subject(), now.report(), now.overflowsSince(last));
            if (json) {
                print(report);
            } else {
                spec.commandLine().getOut().print(report.brief(
                        LocalTime.now().truncatedTo(ChronoUnit.SECONDS).toString(), warn,
                        Terminal.ofStdout().colour()));
                spec.commandLine().getOut().flush();
            }
            readings++;
            found += now.report().reaches(warn) ? 1 : 0;
            last = now;
            if (spec.commandLine().getOut().checkError()) {
                break;
            }
        }
        if (!json) {
            spec.commandLine().getOut().println("\n" + Values.text(readings, readings == 1 ? "reading" : "readings")
                    + ", " + found + " with a limit at " + String.format(Locale.ROOT, "%.0f", warn) + " % or above");
            spec.commandLine().getOut().flush();
        }
        return found > 0 ? Headroom.FOUND : 0;
    }

    private void print(CheckReport report) {
        PrintWriter out = spec.commandLine().getOut();
        out.print(json ? report.json(watch == null) : report.text(warn, Terminal.ofStdout().colour()));
        out.flush();
    }

    private static final class Port implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            String digits = text.substring(text.lastIndexOf(':') + 1);
            if (digits.matches("\\d{1,5}") && Integer.parseInt(digits) >= 1 && Integer.parseInt(digits) <= 65535) {
                return Integer.parseInt(digits);
            }
            throw new TypeConversionException("give the port of a listener, 1 to 65535");
        }
    }

    private static final class Percent implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            String digits = text.endsWith("%") ? text.substring(0, text.length() - 1) : text;
            if (digits.matches("\\d{1,3}(\\.\\d{1,3})?") && Double.parseDouble(digits) >= 1
                    && Double.parseDouble(digits) <= 100) {
                return Double.parseDouble(digits);
            }
            throw new TypeConversionException("give a percentage, 1 to 100");
        }
    }
}
