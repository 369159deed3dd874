package dev.headroom.diag.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoServer;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Acceptor;

/** The echo server that accepts until the kernel says no. Its help is serve.txt. */
@Command(name = "serve")
final class Serve implements Callable<Integer> {
    /** More threads than that only take turns at one accept queue. */
    private static final int MOST_LOOPS = 4;

    @Mixin
    private LoopOptions common;

    @Option(names = "--listen", split = ",", defaultValue = "127.0.0.1:9999",
            converter = Addresses.EndpointConverter.class)
    private List<Addresses.Endpoint> listen;

    @Option(names = "--backlog", defaultValue = "4096", converter = Values.Number.class)
    private int backlog;

    @Option(names = "--max-connections", converter = Values.NumberOrMax.class)
    private Integer maxConnections;

    @Option(names = "--on-limit", defaultValue = "pause", converter = Values.Limit.class)
    private Acceptor.OnLimit onLimit;

    @Override
    @SuppressWarnings("try") // closed within: only then are the last numbers known
    public Integer call() throws CannotException, IOException, InterruptedException {
        common.check();
        int wanted = maxConnections == null ? Values.UNLIMITED : maxConnections;
        common.within("--max-connections", wanted, 1, Values.UNLIMITED);
        List<Sockaddr> addresses = new ArrayList<>();
        for (Addresses.Endpoint e : listen) {
            addresses.addAll(e.toListen());
        }
        boolean sheds = onLimit == Acceptor.OnLimit.SHED;
        Report report = common.report(true, sheds);
        Session session = common.session(report, new Inquiry());
        LoopOptions.Layout layout = common.layout(wanted, addresses.size(), sheds ? addresses.size() : 0,
                Math.min(MOST_LOOPS, Runtime.getRuntime().availableProcessors()));
        EchoServer.Options options = new EchoServer.Options(addresses, backlog, layout.loops(), layout.tables() > 0,
                wanted, onLimit, common.retryNanos(), common.engine());
        try (EchoServer server = start(options, session)) {
            report.start(new Report.Start(server.addresses(), ProcessHandle.current().pid(), LoopOptions.nofileSoft(),
                    LoopOptions.nofileHard(), layout.tables(), layout.loops(), backlog, wanted));
            Session.Ending ending = session.run(server::counters, () -> 0, () -> Long.MAX_VALUE);
            EchoCounters held = server.counters();
            server.close();
            session.summary(held, server.counters(), null);
            return Headroom.status(session, ending, 0);
        }
    }

    private static EchoServer start(EchoServer.Options options, Session session) throws CannotException, IOException {
        try {
            return EchoServer.start(options, session);
        } catch (SyscallException e) {
            throw Refusals.start(e, options.listen());
        }
    }
}
