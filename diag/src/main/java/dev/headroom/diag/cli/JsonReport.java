package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

import org.HdrHistogram.Histogram;
import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.Verdict;
import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

/** For a program: one JSON object a line, the first field of which is {@code event}. */
final class JsonReport implements Report {
    private static final JSON WRITER = JSON.std.with(JSON.Feature.WRITE_NULL_PROPERTIES);

    private final PrintStream out;
    private final boolean server;
    private final boolean sheds;

    /** @param sheds whether the server resets clients at a limit, and the number of these is told */
    JsonReport(PrintStream out, boolean server, boolean sheds) {
        this.out = out;
        this.server = server;
        this.sheds = sheds;
        // Everything that a line may need is loaded now: at a limit no jar can be opened any more.
        json(Map.of("text", "", "whole", 1, "long", 1L, "part", 1.5, "list", List.of(""), "map", Map.of("", 1L)));
    }

    private static String json(Map<String, ?> object) {
        try {
            return WRITER.asString(object);
        } catch (RuntimeException e) {
            throw new UncheckedIOException(new IOException("cannot write as JSON: " + object, e));
        }
    }

    private static Map<String, Object> event(String name) {
        Map<String, Object> event = new LinkedHashMap<>();
        event.put("event", name);
        return event;
    }

    @Override
    public void start(Start s) {
        Map<String, Object> e = event(server ? "listening" : "connecting");
        e.put(server ? "addresses" : "targets", s.addresses().stream().map(Sockaddr::toString).toList());
        e.put("pid", s.pid());
        Map<String, Object> nofile = new LinkedHashMap<>();
        nofile.put("soft", s.soft());
        nofile.put("hard", s.hard());
        e.put("nofile", nofile);
        e.put("fd_tables", s.fdTables());
        if (server) {
            e.put("backlog", s.backlog());
        }
        out.println(json(e));
    }

    @Override
    public void progress(Progress p) {
        out.println(json(counters("progress", p.elapsed(), p.counters())));
    }

    private Map<String, Object> counters(String name, double elapsed, EchoCounters c) {
        Map<String, Object> e = event(name);
        e.put("elapsed_s", Math.round(elapsed * 1000) / 1000.0);
        e.put("connections", c.connections());
        e.put(server ? "accepted" : "connected", c.opened());
        e.put("closed", c.closed());
        e.put("messages", c.messages());
        e.put("bytes", c.bytes());
        e.put("lost", c.lost());
        e.put("mismatched", c.mismatched());
        if (sheds) {
            e.put("shed", c.shed());
        }
        e.put("errors", new TreeMap<>(c.errors()));
        return e;
    }

    @Override
    public void limit(EchoObserver.Limit l, Supplier<Optional<Inquiry.Answer>> why) {
        Map<String, Object> e = event("limit");
        e.put("call", l.call());
        if (l.errno() == 0) {
            // A limit of our own, not the kernel's.
            e.put("errno", null);
            e.put("text", l.detail());
        } else {
            e.put("errno", Errno.name(l.errno()));
            e.put("text", Errno.text(l.errno()));
        }
        e.put("connections", l.connections());
        if (l.queued() >= 0) {
            e.put("queued", l.queued());
        }
        e.put("retry_s", l.retryNanos() / 1_000_000 / 1000.0);
        Optional<Inquiry.Reason> reason = why.get().map(Inquiry.Answer::reason);
        e.put("cause", reason.map(Inquiry.Reason::cause).orElse(null));
        e.put("verdict", reason.map(Inquiry.Reason::verdict).map(Verdict::name).orElse(null));
        e.put("because", reason.map(Inquiry.Reason::sentence).orElse(null));
        out.println(json(e));
    }

    @Override
    public void opened(Sockaddr local, Sockaddr peer) {
        out.println(json(connection("opened", local, peer)));
    }

    @Override
    public void closed(Sockaddr local, Sockaddr peer, int errno) {
        Map<String, Object> e = connection("closed", local, peer);
        e.put("errno", errno == 0 ? null : Errno.name(errno));
        out.println(json(e));
    }

    private static Map<String, Object> connection(String name, Sockaddr local, Sockaddr peer) {
        Map<String, Object> e = event(name);
        e.put("local", local == null ? null : local.toString());
        e.put("peer", peer == null ? null : peer.toString());
        return e;
    }

    @Override
    public void summary(Summary s) {
        Map<String, Object> e = counters("summary", s.elapsed(), s.counters());
        if (s.latency() != null) {
            e.put("latency_us", latency(s.latency()));
        }
        out.println(json(e));
    }

    /** Without a single message there is no latency, not one of 0. */
    private static Map<String, Object> latency(Histogram h) {
        boolean none = h.getTotalCount() == 0;
        Map<String, Object> latency = new LinkedHashMap<>();
        latency.put("p50", none ? null : h.getValueAtPercentile(50));
        latency.put("p90", none ? null : h.getValueAtPercentile(90));
        latency.put("p99", none ? null : h.getValueAtPercentile(99));
        latency.put("p999", none ? null : h.getValueAtPercentile(99.9));
        latency.put("p9999", none ? null : h.getValueAtPercentile(99.99));
        latency.put("p99999", none ? null : h.getValueAtPercentile(99.999));
        latency.put("max", none ? null : h.getMaxValue());
        return latency;
    }

    @Override
    public boolean flush() {
        return !out.checkError();
    }
}
