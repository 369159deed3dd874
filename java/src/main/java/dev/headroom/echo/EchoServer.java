package dev.headroom.echo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.Acceptor;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Engine;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.Listener;
import dev.headroom.loop.Quota;

/**
 * Sends back every byte it receives. A peer that does not read finds that its own bytes are no longer taken; one that
 * half-closes gets the rest of its echo, then the end. At a limit it goes on serving what it has.
 * <p>
 * <b>Thread-safe.</b>
 */
public final class EchoServer implements AutoCloseable {
    /**
     * @param listen addresses to listen on, at least one
     * @param backlog for listen(2)
     * @param loops threads, at least 1
     * @param privateTables whether each loop has a descriptor table of its own
     * @param maxConnections connections to hold at most, {@link Integer#MAX_VALUE} for as many as go
     * @param onLimit what to do with further clients at a limit
     * @param retryNanos how long to leave the listeners alone at a limit, unless room appears earlier
     * @param engine how the loops ask the kernel
     */
    public record Options(List<Sockaddr> listen, int backlog, int loops, boolean privateTables, int maxConnections,
            Acceptor.OnLimit onLimit, long retryNanos, Engine engine) {
        public Options {
            listen = List.copyOf(listen);
            Objects.requireNonNull(onLimit, "onLimit");
            Objects.requireNonNull(engine, "engine");
            if (listen.isEmpty() || loops < 1) {
                throw new IllegalArgumentException("listen=" + listen + ", loops=" + loops);
            }
        }

        /** With epoll. */
        public Options(List<Sockaddr> listen, int backlog, int loops, boolean privateTables, int maxConnections,
                Acceptor.OnLimit onLimit, long retryNanos) {
            this(listen, backlog, loops, privateTables, maxConnections, onLimit, retryNanos, Engine.EPOLL);
        }

        /** One loop, as many connections as go. */
        public static Options of(Sockaddr listen) {
            return new Options(List.of(listen), 4096, 1, false, Integer.MAX_VALUE, Acceptor.OnLimit.PAUSE,
                    1_000_000_000L);
        }
    }

    private final Options options;
    private final Quota quota;
    private final List<Listener> listeners = new ArrayList<>();
    private final List<Acceptor> acceptors = new ArrayList<>();
    private final List<Serving> servings = new ArrayList<>();
    private final Loops loops;
    private volatile EchoCounters last;

    private EchoServer(Options options, EchoObserver observer) throws IOException {
        this.options = options;
        this.quota = new Quota(options.maxConnections);
        this.loops = new Loops("echo-server", options.loops, options.privateTables, options.engine,
                observer);
    }

    /**
     * Listens on all addresses and begins to serve.
     *
     * @throws IOException if an address cannot be listened on; nothing is left open then
     */
    public static EchoServer start(Options options, EchoObserver observer) throws IOException {
        EchoServer server = new EchoServer(options, observer);
        try {
            server.listen();
            server.loops.start();
            return server;
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    private void listen() throws IOException {
        for (Sockaddr address : options.listen) {
            listeners.add(Listener.open(address, options.backlog));
        }
        for (EventLoop loop : loops.all()) {
            Serving serving = new Serving();
            servings.add(serving);
            for (Listener listener : listeners) {
                acceptors.add(loop.listen(listener, serving, new Acceptor.Options(options.loops > 1, quota,
                        options.onLimit, options.retryNanos, this::limit)));
            }
        }
    }

    /** One loop is full. That is a limit of the server when it sheds, or when no other loop accepts from that listener. */
    private void limit(Acceptor full, String call, int errno, int queued) {
        for (Acceptor other : full.isArmed() ? List.<Acceptor>of() : acceptors) {
            if (other != full && other.listener() == full.listener() && other.isArmed()) {
                return;
            }
        }
        if (!loops.mayReport(options.retryNanos)) {
            return;
        }
        Sockaddr address = full.listener().address();
        String detail = errno != 0 ? address.toString() : "max-connections " + quota.limit() + " reached on " + address;
        loops.report(new EchoObserver.Limit(call, errno, detail, counters().connections(), queued, options.retryNanos));
    }

    /** The addresses it listens on, with the ports that the kernel chose. */
    public List<Sockaddr> addresses() {
        return listeners.stream().map(Listener::address).toList();
    }

    public EchoCounters counters() {
        if (last != null) {
            return last;
        }
        long shed = 0;
        for (Acceptor a : acceptors) {
            shed += a.shed();
        }
        return Counters.sum(servings.stream().map(s -> s.counters).toList(), shed);
    }

    /** Stops listening and closes every connection. The counters remain. */
    @Override
    public void close() {
        loops.close();
        last = counters();
        listeners.forEach(Listener::close);
        listeners.clear();
    }

    /** The connections of one loop. */
    private final class Serving implements ConnectionHandler {
        final Counters counters = new Counters();

        @Override
        public void opened(Connections connections, int fd) {
            Counters.add(counters.opened, 1);
            loops.opened(connections, fd);
        }

        @Override
        public void received(Connections connections, int fd, ByteBuffer data) throws IOException {
            int n = data.remaining();
            connections.send(fd, data);
            Counters.add(counters.messages, 1);
            Counters.add(counters.bytes, n - data.remaining());
        }

        @Override
        public void closed(Connections connections, int fd, int errno) {
            quota.release();
            if (errno != 0) {
                counters.error(errno);
            }
            Counters.add(counters.closed, 1);
            loops.closed(connections, fd, errno);
        }
    }
}
