package dev.headroom.diag.cli;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

import org.HdrHistogram.Histogram;

import dev.headroom.echo.EchoCounters;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Sockaddr;

/** What {@code serve} and {@code connect} tell, on stdout, from one thread. */
interface Report {
    /**
     * @param addresses listened on, or connected to
     * @param soft RLIMIT_NOFILE
     * @param hard RLIMIT_NOFILE
     * @param fdTables private descriptor tables, 0 where the process's own is shared
     * @param loops threads
     * @param backlog of the listeners; for the server only
     * @param wanted connections to hold at most, {@link Values#UNLIMITED} for as many as go
     */
    record Start(List<Sockaddr> addresses, long pid, long soft, long hard, int fdTables, int loops, int backlog,
            int wanted) {
    }

    /**
     * @param elapsed seconds
     * @param counters of now
     * @param connecting connections that are being made
     * @param growth connections established a second, since the last report; negative when they become fewer
     * @param rate messages a second, since the last report
     */
    record Progress(double elapsed, EchoCounters counters, int connecting, double growth, double rate) {
    }

    /**
     * @param elapsed seconds
     * @param counters with the connections as they were before they were closed in the end
     * @param most connections seen at a time
     * @param latency microseconds; null for the server
     */
    record Summary(double elapsed, EchoCounters counters, long most, Histogram latency) {
    }

    void start(Start start);

    void progress(Progress progress);

    /** @param why what is behind it, empty if that is not known; asking takes a while */
    void limit(EchoObserver.Limit limit, Supplier<Optional<Inquiry.Answer>> why);

    /** @param peer null if it is not known any more, as {@code local} */
    void opened(Sockaddr local, Sockaddr peer);

    /** @param errno 0 for an orderly end */
    void closed(Sockaddr local, Sockaddr peer, int errno);

    void summary(Summary summary);

    /** Hands over what has been written. @return whether anybody still reads it */
    boolean flush();
}
