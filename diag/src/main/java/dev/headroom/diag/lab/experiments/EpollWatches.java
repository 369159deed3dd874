package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.function.IntSupplier;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.NotHereException;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.EpollEvents;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Unistd;
import dev.headroom.proc.ProcFs;

/** Watches until the user has all it may have, in all its processes. */
final class EpollWatches implements Experiment {
    private static final String LIMIT = "fs.epoll.max_user_watches";

    @Override
    public String name() {
        return "epoll-watches";
    }

    @Override
    public String shows() {
        return "What a user watches with epoll is counted over all its processes, root's too; the next EPOLL_CTL_ADD says"
                + " \"No space left on device\", which no disk is meant by.";
    }

    @Override
    public String decidedBy() {
        return "ep_alloc_epitem (fs/eventpoll.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("margin", "100");
    }

    @Override
    public List<String> touches() {
        return List.of(LIMIT);
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long margin = t.number("margin", 1, 5000);
        Question q = Question.of(Errno.ENOSPC, "epoll_ctl").withPid(ProcessHandle.current().pid());
        long was = new ProcFs().sysctl(LIMIT).asLong();
        t.read(LIMIT, was, "/proc/sys/fs/epoll/max_user_watches");
        CallState state = new CallState();
        try (EpollEvents event = new EpollEvents(1); Sockets sockets = new Sockets()) {
            int epoll = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC");
            try {
                IntSupplier one = () -> watch(state, epoll, event, sockets);
                long seen = seen(t, q);
                if (seen + margin >= was) {
                    throw new NotHereException("room below " + LIMIT + ", " + was + ", of which " + seen
                            + " are in use");
                }
                long has = all(t, one, sockets, seen, was);
                long limit = has + margin;
                t.lab().set(LIMIT, "" + limit);
                t.read("watches of this user", has, "tfd: lines of all its processes, /proc/*/fdinfo, " + seen
                        + (has == seen ? "" : "; the rest of processes that cannot be seen, found by trying"));
                t.predict("more watches", margin, "a limit of " + limit + ", less " + has + " that are there already");
                t.predict("refused then", Expected.exactly(Errno.ENOSPC.name()), "watch " + (limit + 1));
                t.begin();
                Sockets.Calls calls = Sockets.until(one, margin + 1);
                t.observe("more watches", calls.fds().size());
                t.observe("refused then", Errno.name(-calls.rc()));
                t.wall("epoll-user-watches", q);
            } finally {
                Unistd.close(state, epoll);
            }
        }
    }

    private static long seen(Trial t, Question q) throws NotHereException {
        Snapshot now = t.snapshot(q);
        return now.number(Facts.EPOLL_WATCHES_USER).orElseThrow(() -> new NotHereException("to count epoll watches: "
                + now.whyUnread(Facts.EPOLL_WATCHES_USER)));
    }

    /**
     * The kernel shows its counter to nobody: the least limit under which one more watch is allowed is one above it. It is
     * looked for from what can be seen upwards, so that others feel a limit too low for as short as may be.
     */
    private static long all(Trial t, IntSupplier one, Sockets sockets, long seen, long was) throws IOException {
        long low = seen;
        long step = 1;
        while (!allows(t, one, sockets, low + step)) {
            low += step;
            step *= 2;
            if (low + step >= was) {
                throw new NotHereException("room below " + LIMIT + ", " + was);
            }
        }
        // Not allowed at low or below, allowed at low + step.
        long high = low + step;
        while (high - low > 1) {
            long middle = (low + high) / 2;
            if (allows(t, one, sockets, middle)) {
                high = middle;
            } else {
                low = middle;
            }
        }
        t.lab().set(LIMIT, "" + was);
        return high - 1;
    }

    private static boolean allows(Trial t, IntSupplier one, Sockets sockets, long limit) throws IOException {
        t.lab().set(LIMIT, "" + limit);
        int fd = one.getAsInt();
        if (fd >= 0) {
            sockets.close(fd);
        }
        return fd >= 0;
    }

    /** Watches one more socket. @return its descriptor or {@code -errno} */
    private static int watch(CallState state, int epoll, EpollEvents event, Sockets sockets) {
        int fd = sockets.socket();
        if (fd < 0) {
            return fd;
        }
        event.set(0, Epoll.EPOLLIN, fd);
        int rc = Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_ADD, fd, event.address());
        if (rc < 0) {
            sockets.close(fd);
        }
        return rc < 0 ? rc : fd;
    }
}
