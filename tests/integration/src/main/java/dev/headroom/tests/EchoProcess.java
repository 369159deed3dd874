package dev.headroom.tests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.Supplier;

import dev.headroom.echo.EchoClient;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.echo.EchoServer;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.Acceptor;
import dev.headroom.loop.FdTable;

/**
 * One half of the pair in a process of its own, with settings as {@code name=value}, that answers the commands
 * {@code stats}, {@code nofile N}, {@code quiesce} and {@code stop} on its standard input with a line of
 * {@code name=value} each.
 */
public final class EchoProcess {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final Map<String, String> settings = new HashMap<>();
    private final AtomicInteger limits = new AtomicInteger();
    private volatile String lastLimit = "";
    private volatile String failure = "";

    private final EchoObserver observer = new EchoObserver() {
        @Override
        public void limit(Limit limit) {
            lastLimit = limit.call() + "/" + (limit.errno() == 0 ? "0" : Errno.name(limit.errno())) + "/"
                    + limit.connections() + "/" + limit.queued();
            limits.incrementAndGet();
        }

        @Override
        public void failed(Throwable t) {
            failure = t.toString().replace(' ', '_');
        }
    };

    public static void main(String[] args) throws IOException {
        new EchoProcess().run(args);
    }

    private void run(String[] args) throws IOException {
        for (int i = 1; i < args.length; i++) {
            settings.put(args[i].substring(0, args[i].indexOf('=')), args[i].substring(args[i].indexOf('=') + 1));
        }
        FdTable.preload(EchoProcess.class);
        // An answer loads what later ones need, when there is no descriptor left to load it with.
        answer(new EchoCounters(0, 0, 0, 0, 0, 0, 0, 0, Map.of()), 0, "");
        if (settings.containsKey("nofile")) {
            FdTable.setNofile(number("nofile", 0));
        }
        if (args[0].equals("server")) {
            EchoServer server = EchoServer.start(new EchoServer.Options(addresses("listen", "127.0.0.1:0"),
                    number("backlog", 4096), number("loops", 1), settings.containsKey("private"),
                    number("max", Integer.MAX_VALUE),
                    Acceptor.OnLimit.valueOf(settings.getOrDefault("on_limit", "PAUSE")),
                    number("retry_ms", 50) * 1_000_000L), observer);
            serve(server::counters, () -> 0, () -> server.addresses().toString().replaceAll("[\\[\\] ]", ""), () -> {
            }, server::close);
        } else {
            EchoClient client = EchoClient.start(new EchoClient.Options(addresses("targets", ""),
                    addresses("sources", ""), 0, 0, number("n", Integer.MAX_VALUE), number("in_flight", 64), 0,
                    number("every_ms", 10) * 1_000_000L, number("size", 100), number("timeout_ms", 10_000) * 1_000_000L,
                    number("retry_ms", 50) * 1_000_000L, number("loops", 1), settings.containsKey("private")),
                    observer);
            serve(client::counters, client::inFlight, () -> "", client::quiesce, client::close);
        }
    }

    private int number(String name, int otherwise) {
        return Integer.parseInt(settings.getOrDefault(name, Integer.toString(otherwise)));
    }

    private List<Sockaddr> addresses(String name, String otherwise) {
        List<Sockaddr> all = new ArrayList<>();
        for (String a : settings.getOrDefault(name, otherwise).split(",")) {
            int colon = a.indexOf(':');
            if (!a.isEmpty()) {
                all.add(Sockaddr.of(colon < 0 ? a : a.substring(0, colon),
                        colon < 0 ? 0 : Integer.parseInt(a.substring(colon + 1))));
            }
        }
        return all;
    }

    private void serve(Supplier<EchoCounters> counters, IntSupplier inFlight, Supplier<String> addresses,
            Runnable quiesce, Runnable close) throws IOException {
        System.out.println(answer(counters.get(), inFlight.getAsInt(), addresses.get()));
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (line.startsWith("nofile ")) {
                    FdTable.setNofile(Long.parseLong(line.substring("nofile ".length())));
                } else if (line.equals("quiesce")) {
                    quiesce.run();
                } else if (line.equals("stop")) {
                    close.run();
                }
                System.out.println(answer(counters.get(), inFlight.getAsInt(), addresses.get()));
                if (line.equals("stop")) {
                    return;
                }
            }
        }
    }

    private String answer(EchoCounters c, int inFlight, String addresses) {
        Map<String, Object> all = new TreeMap<>();
        all.put("pid", ProcessHandle.current().pid());
        all.put("addresses", addresses);
        all.put("opened", c.opened());
        all.put("closed", c.closed());
        all.put("connections", c.connections());
        all.put("messages", c.messages());
        all.put("outstanding", c.outstanding());
        all.put("lost", c.lost());
        all.put("mismatched", c.mismatched());
        all.put("shed", c.shed());
        all.put("in_flight", inFlight);
        all.put("limits", limits.get());
        all.put("limit", lastLimit);
        all.put("failure", failure);
        all.put("cpu_ms", loopNanos() / 1_000_000);
        c.errors().forEach(all::put);
        StringBuilder s = new StringBuilder();
        all.forEach((name, value) -> s.append(name).append('=').append(value).append(' '));
        return s.toString();
    }

    private static long loopNanos() {
        long sum = 0;
        for (ThreadInfo info : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (info != null && info.getThreadName().startsWith("echo-")) {
                sum += THREADS.getThreadCpuTime(info.getThreadId());
            }
        }
        return sum;
    }
}
