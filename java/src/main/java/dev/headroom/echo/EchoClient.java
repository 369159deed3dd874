package dev.headroom.echo;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

import org.HdrHistogram.Histogram;

import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Engine;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.FdTable;
import dev.headroom.loop.Quota;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.Sysctl;

/**
 * Opens connections until it has enough or a limit stops it, keeps them, and sends a message on each at its interval;
 * checks that the same bytes come back and how long after the <em>intended</em> time of sending, so that a stall shows
 * in full. At a limit it keeps what it holds, waits, and tries again.
 * <p>
 * <b>Thread-safe.</b>
 */
public final class EchoClient implements AutoCloseable {
    /**
     * @param targets where to connect to, in turn; at least one
     * @param sources local addresses to connect from, in turn (their port is not used); empty for the kernel's choice
     * @param sourcePortLow lowest explicit source port, or 0 to let the kernel choose ports
     * @param sourcePortHigh highest explicit source port
     * @param connections how many to open, {@link Integer#MAX_VALUE} for as many as go
     * @param inFlight connections being made at a time, at most
     * @param rate connections to begin a second at most, 0 for as fast as possible
     * @param everyNanos interval between the messages of a connection; 0 sends the next one when the last is back
     * @param size bytes of a message, 1 to {@link Connections#BUFFER}
     * @param timeoutNanos how long a connection may take to be made, and an echo to come back
     * @param retryNanos how long to wait at a limit
     * @param loops threads, at least 1
     * @param privateTables whether each loop has a descriptor table of its own
     * @param paired whether the first source goes with the first target only, the second with the second, and so on,
     *        instead of each with each
     * @param engine how the loops ask the kernel
     */
    public record Options(List<Sockaddr> targets, List<Sockaddr> sources, int sourcePortLow, int sourcePortHigh,
            int connections, int inFlight, double rate, long everyNanos, int size, long timeoutNanos, long retryNanos,
            int loops, boolean privateTables, boolean paired, Engine engine) {
        public Options {
            Objects.requireNonNull(engine, "engine");
            targets = List.copyOf(targets);
            sources = List.copyOf(sources);
            if (targets.isEmpty() || loops < 1 || inFlight < 1 || size < 1 || size > Connections.BUFFER) {
                throw new IllegalArgumentException("targets=" + targets + ", loops=" + loops + ", inFlight=" + inFlight
                        + ", size=" + size + " (1 to " + Connections.BUFFER + ")");
            }
            if (paired && sources.size() != targets.size()) {
                throw new IllegalArgumentException(
                        "paired: " + sources.size() + " sources, " + targets.size() + " targets");
            }
        }

        /** With epoll, each source with each target. */
        public Options(List<Sockaddr> targets, List<Sockaddr> sources, int sourcePortLow, int sourcePortHigh,
                int connections, int inFlight, double rate, long everyNanos, int size, long timeoutNanos,
                long retryNanos, int loops, boolean privateTables) {
            this(targets, sources, sourcePortLow, sourcePortHigh, connections, inFlight, rate, everyNanos, size,
                    timeoutNanos, retryNanos, loops, privateTables, false, Engine.EPOLL);
        }

        /** One loop, kernel-chosen addresses, a message of one byte each ten minutes. */
        public static Options of(Sockaddr target, int connections) {
            return new Options(List.of(target), List.of(), 0, 0, connections, 256, 0, 600_000_000_000L, 1,
                    10_000_000_000L, 10_000_000_000L, 1, false);
        }

        /** How many pairs of addresses there are, each with all ports for itself. */
        public int pairs() {
            return paired ? targets.size() : targets.size() * Math.max(1, sources.size());
        }

        Sockaddr target(int pair) {
            return targets.get(paired ? pair : pair % targets.size());
        }

        /** @return null for the kernel's choice */
        Sockaddr source(int pair) {
            return sources.isEmpty() ? null : sources.get(paired ? pair : pair / targets.size());
        }
    }

    private final Options options;
    private final Loops loops;
    private final List<Caller> callers = new ArrayList<>();
    /** What callers remember of their connections, one for each descriptor table. */
    private final List<Memory> entries = new ArrayList<>();
    private volatile EchoCounters last;

    private EchoClient(Options options, EchoObserver observer) throws IOException {
        this.options = options;
        this.loops = new Loops("echo-client", options.loops, options.privateTables, options.engine,
                observer);
    }

    /**
     * Begins to connect.
     *
     * @throws IOException if the loops cannot be made
     */
    public static EchoClient start(Options options, EchoObserver observer) throws IOException {
        EchoClient client = open(options, observer);
        client.begin();
        return client;
    }

    /**
     * Makes the loops and their memory, and leaves it at that until {@link #begin}.
     *
     * @throws IOException if the loops cannot be made
     */
    public static EchoClient open(Options options, EchoObserver observer) throws IOException {
        EchoClient client = new EchoClient(options, observer);
        try {
            Quota quota = new Quota(options.connections);
            AtomicLong nextTuple = new AtomicLong();
            AtomicIntegerArray nextPort = new AtomicIntegerArray(options.pairs());
            // Read before the loops split, for afterwards they may not open files.
            Sysctl.Range range = new ProcFs().sysctl("net.ipv4.ip_local_port_range").asRange();
            for (EventLoop loop : client.loops.all()) {
                if (client.entries.isEmpty() || options.privateTables) {
                    client.entries.add(FdTable.newArray(Caller.ENTRY));
                }
                client.callers.add(new Caller(client, loop, options, client.entries.getLast(), range, quota,
                        nextTuple, nextPort));
            }
            client.loops.start();
            return client;
        } catch (IOException | RuntimeException e) {
            client.close();
            throw e;
        }
    }

    /** Begins to connect. To be called once. */
    public void begin() {
        callers.forEach(Caller::begin);
    }

    Loops loops() {
        return loops;
    }

    /** One loop cannot go on. That is a limit of the client only when no other loop can either. */
    void limit(String call, int errno, String detail) {
        for (Caller caller : callers) {
            if (!caller.isWaiting()) {
                return;
            }
        }
        if (!loops.mayReport(options.retryNanos())) {
            return;
        }
        loops.report(new EchoObserver.Limit(call, errno, detail, counters().connections(), -1, options.retryNanos()));
    }

    public EchoCounters counters() {
        return last != null ? last : Counters.sum(callers.stream().map(c -> c.counters).toList(), 0);
    }

    /** Connections that are being made at the moment. */
    public int inFlight() {
        int n = 0;
        for (Caller caller : callers) {
            n += caller.inFlight();
        }
        return n;
    }

    /** Whether as many connections as were asked for are open. */
    public boolean isFull() {
        return counters().connections() >= options.connections();
    }

    /** Opens no more connections and sends no more messages; those on their way may come back. */
    public void quiesce() {
        callers.forEach(Caller::quiesce);
    }

    /**
     * Sends one message on every connection there is, evenly spread over a time; latencies are those of this round from
     * now on. It begins when the messages that are on their way have come back. The interval of each connection counts
     * from there. Without an interval, when each message follows the last one, it does nothing.
     */
    public void echoAll(long spreadNanos) {
        callers.forEach(caller -> caller.echoAll(spreadNanos));
    }

    /**
     * Times from intended sending to the last byte of the echo, in microseconds, of all messages that came back.
     *
     * @throws IllegalStateException before {@link #close}
     */
    public Histogram latencyMicros() {
        if (last == null) {
            throw new IllegalStateException("latencies can be read after close");
        }
        Histogram sum = Caller.newHistogram();
        for (Caller caller : callers) {
            sum.add(caller.latency);
        }
        return sum;
    }

    /** Closes every connection. Messages that are out for longer than the timeout count as lost. */
    @Override
    public void close() {
        callers.forEach(Caller::countOverdue);
        loops.close();
        entries.forEach(Memory::close);
        entries.clear();
        last = counters();
    }
}
