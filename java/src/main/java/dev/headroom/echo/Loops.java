package dev.headroom.echo;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import org.HdrHistogram.Histogram;

import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Engine;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.FdTable;

/** The loops of a server or client, their tables and threads. */
final class Loops implements AutoCloseable {
    private final List<FdTable> tables = new ArrayList<>();
    private final List<EventLoop> loops = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final EchoObserver observer;
    private final AtomicLong reportedAt = new AtomicLong(System.nanoTime() - Long.MAX_VALUE / 2);

    /** @param privateTables whether each loop has a descriptor table of its own */
    Loops(String name, int count, boolean privateTables, Engine engine, EchoObserver observer) throws IOException {
        this.observer = observer;
        try {
            FdTable.preload(FdTable.class);
            FdTable.preload(Histogram.class);
            if (!privateTables) {
                tables.add(FdTable.shared());
            }
            for (int i = 0; i < count; i++) {
                if (privateTables) {
                    tables.add(FdTable.privateCopy());
                }
                EventLoop loop = EventLoop.open(name + "-" + i, tables.getLast(), engine);
                loops.add(loop);
                loop.onError((fd, t) -> {
                    if (!(t instanceof IOException)) {
                        observer.failed(t);
                    }
                });
            }
        } catch (IOException | RuntimeException e) {
            close();
            throw e;
        }
    }

    List<EventLoop> all() {
        return loops;
    }

    void start() {
        for (EventLoop loop : loops) {
            Thread thread = new Thread(() -> run(loop), loop.name());
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    private void run(EventLoop loop) {
        try {
            loop.run();
        } catch (SyscallException | RuntimeException | Error e) {
            observer.failed(e);
        }
    }

    /** Whether it is time to report a limit again: at most once an interval, which begins now. */
    boolean mayReport(long intervalNanos) {
        long last = reportedAt.get();
        long now = System.nanoTime();
        // A tenth early, so that a retry which fails again on time is told again.
        return now - last >= intervalNanos - intervalNanos / 10 && reportedAt.compareAndSet(last, now);
    }

    void report(EchoObserver.Limit limit) {
        observer.limit(limit);
    }

    void opened(Connections connections, int fd) {
        if (observer.wantsConnections()) {
            try {
                observer.opened(connections.localAddress(fd), connections.peerAddress(fd));
            } catch (SyscallException e) {
                // The peer has gone already (ENOTCONN); closed follows.
                return;
            }
        }
    }

    void closed(Connections connections, int fd, int errno) {
        if (observer.wantsConnections()) {
            Sockaddr local = null;
            Sockaddr peer = null;
            try {
                local = connections.localAddress(fd);
                peer = connections.peerAddress(fd);
            } catch (SyscallException e) {
                // After a RST the socket has no peer any more; the observer gets what there is.
            }
            observer.closed(local, peer, errno);
        }
    }

    /** Ends the threads, which close their connections, and frees everything. */
    @Override
    public void close() {
        for (EventLoop loop : loops) {
            loop.stop();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        threads.clear();
        for (EventLoop loop : loops) {
            loop.close();
        }
        loops.clear();
        for (FdTable table : tables) {
            table.close();
        }
        tables.clear();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
