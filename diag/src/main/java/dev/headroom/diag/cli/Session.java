package dev.headroom.diag.cli;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import org.HdrHistogram.Histogram;

import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Sockaddr;

/**
 * The time between the first line of {@code serve} or {@code connect} and its summary. What the loops tell is put into
 * a queue, which the main thread writes out: a loop must neither wait for a terminal nor, on a descriptor table of its
 * own, load a class to format a line.
 */
final class Session implements EchoObserver {
    /** Why it ended. */
    enum Ending {
        /** The time was over, or what was asked for is there. */
        DONE,
        /** Somebody asked for it. */
        STOPPED,
        /** A loop failed. */
        FAILED
    }

    private record Opened(Sockaddr local, Sockaddr peer) {
    }

    private record Closed(Sockaddr local, Sockaddr peer, int errno) {
    }

    private record Failed(Throwable why) {
    }

    private static final Object WAKE_UP = new Object();
    private static final int MOST_EVENTS = 1 << 20;
    private static final int A_SWEEP = 1000;

    private final Report report;
    private final Inquiry inquiry;
    private final boolean verbose;
    private final long reportNanos;
    private final long durationNanos;
    private final long began = System.nanoTime();
    private final BlockingQueue<Object> events = new LinkedBlockingQueue<>(MOST_EVENTS);
    private final AtomicLong leftOut = new AtomicLong();
    private volatile boolean stop;
    private EchoObserver.Limit firstLimit;
    private Throwable failure;
    private long most;
    /** What held the connections has been closed: nothing of it is left to be read. */
    private boolean ended;

    /** @param durationNanos when to end, or 0 for never */
    Session(Report report, Inquiry inquiry, boolean verbose, long reportNanos, long durationNanos) {
        this.report = report;
        this.inquiry = inquiry;
        this.verbose = verbose;
        this.reportNanos = reportNanos;
        this.durationNanos = durationNanos;
    }

    // ---- on the loops' threads ----

    @Override
    public void limit(Limit limit) {
        put(limit);
    }

    @Override
    public boolean wantsConnections() {
        return verbose;
    }

    @Override
    public void opened(Sockaddr local, Sockaddr peer) {
        put(new Opened(local, peer));
    }

    @Override
    public void closed(Sockaddr local, Sockaddr peer, int errno) {
        put(new Closed(local, peer, errno));
    }

    @Override
    public void failed(Throwable t) {
        put(new Failed(t));
    }

    private void put(Object event) {
        if (!events.offer(event)) {
            leftOut.incrementAndGet();
        }
    }

    // ---- on any thread ----

    /** Ends it soon. */
    void stop() {
        stop = true;
        put(WAKE_UP);
    }

    // ---- on the main thread ----

    /**
     * Writes what happens, and a line of progress each interval, until there is a reason to end.
     *
     * @param counters of now
     * @param connecting connections that are being made now
     * @param patience nanoseconds until there may be a reason to end, 0 or less when there is one
     */
    Ending run(Supplier<EchoCounters> counters, IntSupplier connecting, LongSupplier patience)
            throws InterruptedException {
        inquiry.prepare();
        EchoCounters last = new EchoCounters(0, 0, 0, 0, 0, 0, 0, 0, Map.of());
        long lastAt = began;
        long next = began + reportNanos;
        while (true) {
            long now = System.nanoTime();
            if (now - next >= 0) {
                EchoCounters c = counters.get();
                double seconds = (now - lastAt) / 1e9;
                report.progress(new Report.Progress((now - began) / 1e9, c, connecting.getAsInt(),
                        (c.connections() - last.connections()) / seconds, (c.messages() - last.messages()) / seconds));
                most = Math.max(most, c.connections());
                last = c;
                lastAt = now;
                next += Math.ceilDiv(now - next + 1, reportNanos) * reportNanos;
            }
            if (!report.flush()) {
                // Nobody reads any more, as when the other end of a pipe has gone.
                stop = true;
            }
            long wait = Math.min(next - now, patience.getAsLong());
            if (durationNanos > 0) {
                wait = Math.min(wait, began + durationNanos - now);
            }
            if (stop || failure != null || wait <= 0) {
                return failure != null ? Ending.FAILED : stop ? Ending.STOPPED : Ending.DONE;
            }
            Object event = events.poll(wait, TimeUnit.NANOSECONDS);
            for (int i = 0; i < A_SWEEP && event != null; i++) {
                tell(event);
                event = events.poll();
            }
            if (event != null) {
                tell(event);
            }
        }
    }

    private void tell(Object event) {
        switch (event) {
            case Limit limit -> {
                firstLimit = firstLimit == null ? limit : firstLimit;
                report.limit(limit, () -> ended ? Optional.empty() : inquiry.why(limit));
            }
            case Opened o -> report.opened(o.local, o.peer);
            case Closed c -> report.closed(c.local, c.peer, c.errno);
            case Failed f -> failure = failure == null ? f.why : failure;
            default -> {
                // only to wake up
            }
        }
    }

    /**
     * The last lines.
     *
     * @param held as they were before the end closed all connections
     * @param after when that had been done
     * @param latency or null
     * @return what the summary said
     */
    EchoCounters summary(EchoCounters held, EchoCounters after, Histogram latency) {
        ended = true;
        for (Object event = events.poll(); event != null; event = events.poll()) {
            tell(event);
        }
        EchoCounters all = new EchoCounters(held.opened(), held.closed(), after.sent(), after.messages(), after.bytes(),
                after.lost(), after.mismatched(), after.shed(), after.errors());
        report.summary(new Report.Summary(seconds(), all, Math.max(most, held.connections()), latency));
        report.flush();
        return all;
    }

    double seconds() {
        return (System.nanoTime() - began) / 1e9;
    }

    /** Lines about connections that came too fast to be written. */
    long leftOut() {
        return leftOut.get();
    }

    /** The limit that stopped growth first, or null. */
    Limit firstLimit() {
        return firstLimit;
    }

    /** What a loop failed of, or null. */
    Throwable failure() {
        return failure;
    }
}
