package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;
import java.util.Map;

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
        long limit = watches(t, q) + margin;
        if (limit >= was) {
            throw new NotHereException("room below " + LIMIT + ", which is " + was + ", and " + (limit - margin)
                    + " of it are in use");
        }
        CallState state = new CallState();
        try (EpollEvents event = new EpollEvents(1); Sockets sockets = new Sockets()) {
            int epoll = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC");
            try {
                t.lab().set(LIMIT, "" + limit);
                // Once more, for it may have changed until the limit stood.
                long has = watches(t, q);
                t.read(LIMIT, limit, "was " + was + ", and is put back");
                t.read("watches of this user", has, "the tfd: lines of all its processes, /proc/*/fdinfo");
                t.predict("more watches", limit - has, limit + " - " + has + " that are there already");
                t.predict("refused then", Expected.exactly(Errno.ENOSPC.name()), "the " + (limit + 1) + "th");
                t.begin();
                Sockets.Calls calls = Sockets.until(() -> watch(state, epoll, event, sockets), margin + 1);
                t.observe("more watches", calls.fds().size());
                t.observe("refused then", Errno.name(-calls.rc()));
                t.wall("epoll-user-watches", q);
            } finally {
                Unistd.close(state, epoll);
            }
        }
    }

    private static long watches(Trial t, Question q) throws NotHereException {
        Snapshot now = t.snapshot(q);
        return now.number(Facts.EPOLL_WATCHES_USER).orElseThrow(() -> new NotHereException("to count epoll watches: "
                + now.whyUnread(Facts.EPOLL_WATCHES_USER)));
    }

    /** Watches one more socket. @return its descriptor or {@code -errno} */
    private static int watch(CallState state, int epoll, EpollEvents event, Sockets sockets) {
        int fd = sockets.socket();
        if (fd < 0) {
            return fd;
        }
        event.set(0, Epoll.EPOLLIN, fd);
        int rc = Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_ADD, fd, event.address());
        return rc < 0 ? rc : fd;
    }
}
