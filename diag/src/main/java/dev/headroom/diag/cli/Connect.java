package dev.headroom.diag.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.echo.EchoClient;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Listener;
import dev.headroom.proc.ProcFs;

/** The client that opens connections until the kernel says no, and keeps them. Its help is connect.txt. */
@Command(name = "connect")
final class Connect implements Callable<Integer> {
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LAST_ECHOES_WHEN_STOPPED = TimeUnit.SECONDS.toNanos(1);

    @Mixin
    private LoopOptions common;

    // Not converted by picocli, which takes what it cannot convert for one parameter too many.
    @Parameters(arity = "0..*", split = ",", paramLabel = "TARGET")
    private List<String> targetTexts = List.of();

    @Option(names = {"-n", "--connections"}, defaultValue = "max", converter = Values.NumberOrMax.class)
    private int connections;

    @Option(names = "--source", split = ",", converter = Addresses.SourceConverter.class)
    private List<Addresses.Source> sources = List.of();

    @Option(names = "--source-ports", converter = Addresses.PortsConverter.class)
    private Addresses.Ports sourcePorts;

    @Option(names = "--paired")
    private boolean paired;

    @Option(names = "--in-flight", defaultValue = "512", converter = Values.Number.class)
    private int inFlight;

    @Option(names = "--rate", converter = Values.Rate.class)
    private Integer rate;

    @Option(names = "--every", defaultValue = "10m", converter = Values.Duration.class)
    private long every;

    @Option(names = "--size", defaultValue = "1", converter = Values.Number.class)
    private int size;

    @Option(names = "--timeout", defaultValue = "10s", converter = Values.Duration.class)
    private long timeout;

    @Option(names = "--echo-on-enter", converter = Values.Duration.class)
    private Long echoOnEnter;

    @Option(names = "--hold", converter = Values.Duration.class)
    private Long hold;

    private final List<Addresses.Endpoint> targets = new ArrayList<>();
    private long fullSince;

    @Override
    @SuppressWarnings("try") // closed within: only then are the last numbers known
    public Integer call() throws CannotException, IOException, InterruptedException {
        check();
        List<Sockaddr> to = new ArrayList<>();
        for (Addresses.Endpoint e : targets) {
            to.addAll(e.toConnect());
        }
        List<Sockaddr> from = new ArrayList<>();
        for (Addresses.Source s : sources) {
            from.addAll(s.resolve());
        }
        checkSources(from, to);
        Report report = common.report(false, false);
        Session session = common.session(report, new Inquiry(from, to));
        // One thread begins some 50,000 connections a second, more than an accept queue is emptied of.
        LoopOptions.Layout layout = common.layout(wanted(from, to), 0, 0, 1);
        EchoClient.Options options = new EchoClient.Options(to, from, sourcePorts == null ? 0 : sourcePorts.low(),
                sourcePorts == null ? 0 : sourcePorts.high(), connections, inFlight, rate == null ? 0 : rate, every,
                size, timeout, common.retryNanos(), layout.loops(), layout.tables() > 0, paired,
                common.engine());
        try (EchoClient client = open(options, session)) {
            report.start(new Report.Start(to, ProcessHandle.current().pid(), LoopOptions.nofileSoft(),
                    LoopOptions.nofileHard(), layout.tables(), layout.loops(), 0, connections));
            report.flush();
            client.begin();
            if (echoOnEnter != null) {
                Thread.ofPlatform().name("enter").daemon().start(() -> echoOnEnter(client));
            }
            Session.Ending ending = session.run(client::counters, client::inFlight, () -> patience(client, session));
            EchoCounters held = client.counters();
            lastEchoes(client, ending == Session.Ending.DONE ? timeout : LAST_ECHOES_WHEN_STOPPED);
            client.close();
            EchoCounters all = session.summary(held, client.counters(), client.latencyMicros());
            return Headroom.status(session, ending, verdict(session, ending, all));
        }
    }

    private void check() {
        common.check();
        if (targetTexts.isEmpty()) {
            throw common.wrong("which server? Give a TARGET: headroom connect 127.0.0.1:9999");
        }
        for (String text : targetTexts) {
            try {
                targets.add(Addresses.Endpoint.parse(text));
            } catch (TypeConversionException e) {
                throw common.wrong("TARGET " + text + ": " + e.getMessage());
            }
        }
        for (Addresses.Endpoint e : targets) {
            if (e.ports().low() == 0) {
                throw common.wrong("TARGET " + e.host() + ":0: a port to connect to is 1 to 65535");
            }
        }
        if (sourcePorts != null && sourcePorts.low() == 0) {
            throw common.wrong("--source-ports 0: give 1 to 65535, or leave it out: the kernel chooses then");
        }
        common.within("-n", connections, 1, Values.UNLIMITED);
        common.within("--in-flight", inFlight, 1, 1_000_000);
        common.within("--size", size, 1, Connections.BUFFER);
        common.atLeast("--timeout", timeout, 1_000_000);
        if (every > 0) {
            common.atLeast("--every", every, 1_000_000);
        }
    }

    private void checkSources(List<Sockaddr> from, List<Sockaddr> to) throws CannotException {
        if (paired && from.size() != to.size()) {
            throw common.wrong("--paired: " + from.size() + " --source addresses and " + to.size()
                    + " TARGETs; give as many of each");
        }
        for (Sockaddr source : from) {
            for (Sockaddr target : to) {
                if (source.family() != target.family()) {
                    throw common.wrong("--source " + source.address().getHostAddress() + " is "
                            + Addresses.family(source) + ", TARGET " + target + " is " + Addresses.family(target)
                            + ": one family at a time");
                }
            }
            try {
                Listener.open(source, 1).close();
            } catch (SyscallException e) {
                // Whatever else is wrong shows when it connects; a port of any kind is not needed then.
                if (e.errno() == Errno.EADDRNOTAVAIL.number()) {
                    throw new CannotException("--source " + source.address().getHostAddress()
                            + ": bind says EADDRNOTAVAIL (" + Errno.EADDRNOTAVAIL.text() + ")\n  "
                            + Refusals.notLocal(source), e);
                }
            }
        }
    }

    /** Each line that is typed, until there is nobody who types. */
    private void echoOnEnter(EchoClient client) {
        try {
            for (int c = System.in.read(); c >= 0; c = System.in.read()) {
                if (c == '\n') {
                    client.echoAll(echoOnEnter);
                }
            }
        } catch (IOException e) {
            // Nobody types any more.
            return;
        }
    }

    /** With {@code max}, as many as there are pairs of addresses with a source port each. */
    private long wanted(List<Sockaddr> from, List<Sockaddr> to) {
        if (connections != Values.UNLIMITED) {
            return connections;
        }
        long ports = sourcePorts == null ? portRange() : sourcePorts.count();
        return Math.min(Values.UNLIMITED - 1L, ports * (paired ? 1 : Math.max(1, from.size())) * to.size());
    }

    private static long portRange() {
        try {
            return new ProcFs().sysctl("net.ipv4.ip_local_port_range").asRange().size();
        } catch (IOException e) {
            return 65535;
        }
    }

    private static EchoClient open(EchoClient.Options options, Session session) throws CannotException, IOException {
        try {
            return EchoClient.open(options, session);
        } catch (SyscallException e) {
            throw Refusals.start(e, options.targets());
        }
    }

    /** Nanoseconds until it is worth asking again, 0 when all connections have been held for as long as was asked. */
    private long patience(EchoClient client, Session session) {
        if (hold == null) {
            return Long.MAX_VALUE;
        }
        if (fullSince == 0) {
            boolean there = connections == Values.UNLIMITED ? session.firstLimit() != null : client.isFull();
            if (!there) {
                return LOOK_NANOS;
            }
            fullSince = System.nanoTime();
        }
        return fullSince + hold - System.nanoTime();
    }

    private static void lastEchoes(EchoClient client, long nanos) throws InterruptedException {
        client.quiesce();
        long deadline = System.nanoTime() + nanos;
        do {
            TimeUnit.NANOSECONDS.sleep(LOOK_NANOS);
        } while (client.counters().outstanding() > 0 && System.nanoTime() - deadline < 0);
    }

    private int verdict(Session session, Session.Ending ending, EchoCounters all) throws CannotException {
        if (all.lost() + all.mismatched() > 0) {
            return Headroom.FOUND;
        }
        if (ending != Session.Ending.DONE) {
            return 0;
        }
        if (all.opened() == 0) {
            EchoObserver.Limit why = session.firstLimit();
            throw new CannotException("no connection could be made" + (why == null ? "" : ": " + why.call() + " says "
                    + Errno.name(why.errno()) + " (" + Errno.text(why.errno()) + ")")
                    + (why != null && why.errno() == Errno.ECONNREFUSED.number() ? "\n  nothing listens there" : ""));
        }
        boolean fewer = connections != Values.UNLIMITED && all.connections() < connections;
        return fewer || all.closed() > 0 ? Headroom.FOUND : 0;
    }
}
