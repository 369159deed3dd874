package dev.headroom.diag.cli;

import java.io.PrintWriter;
import java.nio.file.NoSuchFileException;
import java.util.EnumSet;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.plan.HostFacts;
import dev.headroom.diag.plan.Plan;
import dev.headroom.diag.plan.PlanFile;
import dev.headroom.diag.plan.Request;
import dev.headroom.proc.ProcFs;

/** What hosts need for so many connections, and the files that set it. Its help is plan.txt. */
final class PlanCommand implements Callable<Integer> {
    private enum Format {
        TEXT, SYSCTL, SYSTEMD, LIMITS, DOCKER, KUBERNETES, ANSIBLE, JSON
    }

    private enum Role {
        SERVER, CLIENT
    }

    private final CommandSpec spec = Options.of("plan", this)
            .word("N", Integer.class, new Values.Number(), v -> connections = v)
            .value("--clients", "1", Integer.class, new Values.Number(), v -> clients = v)
            .value("--addresses", "1", Integer.class, new Values.Number(), v -> addresses = v)
            .value("--targets", "1", Integer.class, new Values.Number(), v -> targets = v)
            .value("--rate", Integer.class, new Values.Rate(), v -> rate = v)
            .value("--per-connection-memory", "auto", Long.class, new Bytes(), v -> perConnection = v)
            .value("--format", "text", Format.class, text -> one(Format.class, text), v -> format = v)
            .value("--for", "server", Role.class, text -> one(Role.class, text), v -> role = v)
            .flag("--json", v -> json = v)
            .flag("--check", v -> check = v).spec();
    private int connections;
    private int clients;
    private int addresses;
    private int targets;
    private Integer rate;
    private long perConnection;
    private Format format;
    private Role role;
    private boolean json;
    private boolean check;

    CommandSpec spec() {
        return spec;
    }

    @Override
    public Integer call() {
        atLeast("N", connections, 1);
        atLeast("--addresses", addresses, 1);
        atLeast("--targets", targets, 1);
        if (json && format != Format.TEXT && format != Format.JSON) {
            throw new ParameterException(spec.commandLine(), "--json with --format: give one of the two");
        }
        if (role == Role.CLIENT && clients == 0) {
            throw new ParameterException(spec.commandLine(), "--for client with --clients 0: there is none");
        }
        Request request = new Request(connections, clients, addresses, targets, rate == null ? 0 : rate,
                perConnection == Values.AUTO ? OptionalLong.empty() : OptionalLong.of(perConnection));
        ProcFs proc = new ProcFs();
        Snapshot here = HostFacts.addTo(host(), proc);
        Plan plan = Plan.of(request, here);
        String kernel = here.text(Facts.KERNEL).orElse("");
        PrintWriter out = spec.commandLine().getOut();
        out.print(switch (json ? Format.JSON : format) {
            case TEXT -> PlanReport.text(plan, kernel, Terminal.ofStdout().colour());
            case JSON -> PlanReport.json(plan, kernel);
            default -> PlanFile.valueOf(format.name()).text(plan, role == Role.SERVER);
        });
        out.flush();
        return check && !plan.obstacles().isEmpty() ? Headroom.FOUND : 0;
    }

    /** What started this: its limits are those of the next that it starts, and Java has raised its own by now. */
    private static Snapshot host() {
        Capture capture = new Capture();
        long parent = ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);
        for (long pid : new long[] {parent, ProcessHandle.current().pid()}) {
            try {
                if (pid > 0) {
                    return capture.process(pid, Question.empty(), EnumSet.noneOf(Capture.Topic.class));
                }
            } catch (NoSuchFileException e) {
                // hidden from us, or gone
            }
        }
        return capture.machine(Question.empty(), EnumSet.noneOf(Capture.Topic.class));
    }

    private void atLeast(String name, int value, int low) {
        if (value < low) {
            throw new ParameterException(spec.commandLine(), name + " " + value + ": give " + low + " or more");
        }
    }

    private static final class Bytes implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            if (text.equals("auto")) {
                return (long) Values.AUTO;
            }
            String digits = text.toLowerCase(Locale.ROOT).replaceFirst("(kib|ki|kb|k)$", "");
            try {
                double value = Double.parseDouble(digits);
                double bytes = digits.length() < text.length() ? value * 1024 : value;
                if (digits.matches("\\d{1,9}(\\.\\d{1,3})?") && bytes >= 1 && bytes <= Integer.MAX_VALUE) {
                    return Math.round(bytes);
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new TypeConversionException("give bytes for one end of a connection: 4198, 4.1k (KiB), or auto");
        }
    }

    private static <E extends Enum<E>> E one(Class<E> type, String text) {
        StringBuilder all = new StringBuilder();
        for (E e : type.getEnumConstants()) {
            String name = e.name().toLowerCase(Locale.ROOT);
            if (name.equals(text)) {
                return e;
            }
            all.append(all.isEmpty() ? "" : ", ").append(name);
        }
        throw new TypeConversionException("give one of " + all);
    }
}
