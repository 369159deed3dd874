package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.EpollEvents;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Fcntl;
import dev.headroom.linux.Sched;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;
import dev.headroom.loop.FdTable;
import dev.headroom.proc.ProcPid;

/** Two servers without a free descriptor, and a client that waits: one written as many are, and ours. */
final class EmfileSpin implements Experiment {
    private static final int NAIVE_PORT = Addresses.PORT + 1;
    /** More clients than the server holds. */
    private static final int TOO_MANY = 20;

    @Override
    public String name() {
        return "emfile-spin";
    }

    @Override
    public String shows() {
        return "At its limit of descriptors an accept loop on level-triggered epoll spins: the client that it cannot accept"
                + " makes the listener ready for ever. A server that disarms its listener sleeps.";
    }

    @Override
    public String decidedBy() {
        return "alloc_fd (fs/file.c) before accept looks at the queue, and ep_send_events (fs/eventpoll.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("nofile", "256", "seconds", "1");
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long nofile = t.number("nofile", 128, 10_000);
        long seconds = t.number("seconds", 1, 60);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        String at = server.at(Addresses.PORT).toString();
        Child serve = t.lab().start(server, "serve", "--listen", at, "--nofile", "" + nofile, "--loops", "1", "--retry",
                "60s", "--report", "100ms");
        serve.await("listening", 20);
        t.read("RLIMIT_NOFILE", nofile, "soft limit of both; each has one client more than that");
        t.predict("naive loop wakes", Expected.atLeast(1000 * seconds),
                "epoll_wait returns at once, accept4 says EMFILE, and so on, for " + seconds + " s");
        t.predict("its accept4 refused", Expected.atLeast(1000 * seconds), "one each time");
        t.predict("headroom serve wakes", Expected.atMost(2 * seconds),
                "its listener is disarmed until a descriptor is free, or --retry is over");
        t.predict("its CPU ticks", Expected.atMost(2 * seconds), "a thread that sleeps uses none");
        t.begin();
        try (Sockets listening = server.call(Sockets::new);
                Sockets calling = client.call(Sockets::new);
                NaiveLoop naive = new NaiveLoop(listen(server, listening))) {
            naive.rehearse();
            client.call(() -> Sockets.until(() -> calling.call(server.at(Addresses.PORT)), nofile + TOO_MANY));
            Map<String, Object> limit = serve.await("limit", 20);
            client.call(() -> Errno.check(calling.call(server.at(NAIVE_PORT)), "connect", server.at(NAIVE_PORT)));
            Sockets.settle();
            ProcPid ours = Threads.named(serve.proc(), "echo-server").getFirst();
            long wakeups = wakeups(ours);
            long ticks = ticks(ours);
            naive.spin(nofile, TimeUnit.SECONDS.toNanos(seconds));
            long slept = wakeups(ours) - wakeups;
            t.observe("naive loop wakes", naive.wakeups());
            t.observe("its accept4 refused", naive.refusals());
            t.observe("headroom serve wakes", slept);
            t.observe("its CPU ticks", ticks(ours) - ticks);
            t.wall("nofile-soft", limit);
        }
    }

    private static int listen(Host server, Sockets listening) throws IOException, InterruptedException {
        return server.call(() -> Errno.check(listening.listen(server.at(NAIVE_PORT), 16), "listen",
                server.at(NAIVE_PORT), 16));
    }

    private static long wakeups(ProcPid thread) throws IOException {
        return thread.status().voluntaryCtxtSwitches().orElseThrow();
    }

    private static long ticks(ProcPid thread) throws IOException {
        return thread.stat().utime() + thread.stat().stime();
    }

    /**
     * As many servers are written: level-triggered, and an error of accept is taken for one that passes. It has a
     * descriptor table of its own, which it fills. Nothing is loaded after the split: see {@link FdTable}.
     */
    private static final class NaiveLoop implements AutoCloseable {
        private final CallState state = new CallState();
        private final int listener;
        private final int epoll;
        private final EpollEvents events;
        private long wakeups;
        private long refusals;
        private int failure;

        NaiveLoop(int listener) throws SyscallException {
            this.listener = listener;
            this.events = new EpollEvents(1);
            this.epoll = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC");
            events.set(0, Epoll.EPOLLIN, listener);
            Errno.check(Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_ADD, listener, events.address()), "epoll_ctl",
                    epoll, "EPOLL_CTL_ADD", listener);
        }

        long wakeups() {
            return wakeups;
        }

        long refusals() {
            return refusals;
        }

        /** Everything once, with nobody waiting and descriptors free, so that all classes are there. */
        void rehearse() {
            Unistd.close(state, Fcntl.fcntl(state, epoll, Fcntl.F_DUPFD_CLOEXEC, 0));
            accept();
            turn(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(10));
        }

        /** Fills a table of so many descriptors and serves from it. */
        void spin(long nofile, long nanos) throws IOException, InterruptedException {
            long was = FdTable.nofile();
            FdTable.setNofile(nofile);
            try {
                Thread thread = Thread.ofPlatform().name("lab-naive").start(() -> {
                    failure = Sched.unshare(state, Sched.CLONE_FILES);
                    if (failure == 0) {
                        fill();
                        wakeups = 0;
                        refusals = 0;
                        turn(System.nanoTime() + nanos);
                    }
                });
                thread.join();
            } finally {
                FdTable.setNofile(was);
            }
            Errno.check(failure, "unshare", "CLONE_FILES");
        }

        private void fill() {
            int fd = 0;
            while (fd >= 0) {
                fd = Fcntl.fcntl(state, epoll, Fcntl.F_DUPFD_CLOEXEC, 0);
            }
        }

        private void turn(long until) {
            while (System.nanoTime() < until) {
                if (Epoll.epollWait(state, epoll, events.address(), 1, 1) > 0) {
                    wakeups++;
                    accept();
                }
            }
        }

        private void accept() {
            int fd = Socket.accept4(state, listener, 0, 0, Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC);
            if (fd == -Errno.EMFILE.number()) {
                refusals++;
            }
        }

        @Override
        public void close() {
            Unistd.close(state, epoll);
            events.close();
        }
    }
}
