package dev.headroom.echo;

import dev.headroom.linux.Sockaddr;

/**
 * Told what happens in a server or client. Methods are called on the loops' threads, several at a time perhaps; where
 * loops have private descriptor tables they must not open files, and their classes must have been loaded
 * ({@link dev.headroom.loop.FdTable#preload}).
 */
public interface EchoObserver {
    /** Nothing but the counters. */
    EchoObserver NONE = new EchoObserver() {
    };

    /**
     * A limit stopped growth.
     *
     * @param call the call that said no, e.g. "accept4"
     * @param errno the positive error, or 0 when it is a limit of our own
     * @param detail what the call was about, e.g. an address; or a sentence where errno is 0
     * @param connections connections held at that moment
     * @param queued connections waiting in the accept queue, or a negative number where that is unknown
     * @param retryNanos when it will try again, unless room appears earlier
     */
    record Limit(String call, int errno, String detail, long connections, int queued, long retryNanos) {
    }

    /** Growth has stopped. At most once a retry interval. */
    default void limit(Limit limit) {
    }

    /** Whether {@link #opened} and {@link #closed} want to be called: it costs two system calls a connection. */
    default boolean wantsConnections() {
        return false;
    }

    default void opened(Sockaddr local, Sockaddr peer) {
    }

    /** @param errno 0 for an orderly end */
    default void closed(Sockaddr local, Sockaddr peer, int errno) {
    }

    /**
     * Something failed that should not have: an exception from this observer, which the loops survive, or the end of a
     * loop.
     */
    default void failed(Throwable t) {
    }
}
