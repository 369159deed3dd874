package dev.headroom.linux;

import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;

import java.util.ArrayList;
import java.util.List;

/**
 * A program that fills its descriptor table and then makes calls: a process of its own, because RLIMIT_NOFILE bounds
 * every thread of one. Prints one line a call.
 */
final class FullTable {
    private static final int SOFT_LIMIT = 64;

    private FullTable() {
    }

    public static void main(String[] args) {
        try (Rig rig = new Rig()) {
            // Once with room, so that every class is loaded before the table is full: from then on none can be.
            calls(rig, new Sockets(rig));
            setSoftLimit(rig, SOFT_LIMIT);
            Sockets sockets = new Sockets(rig);
            int last = 0;
            int next = ok(Fcntl.fcntl(rig.state, 0, Fcntl.F_DUPFD, 0));
            while (next >= 0) {
                last = rig.fd(next);
                next = Fcntl.fcntl(rig.state, 0, Fcntl.F_DUPFD, 0);
            }
            List<String> lines = calls(rig, sockets);
            lines.add("the last descriptor of " + SOFT_LIMIT + ": " + last);
            rig.close(last);
            lines.add("accept4 after a close, client waiting: " + outcome(accept(rig, sockets.busy)));

            // The limit goes below what is open: numbers, not a count.
            int number = sockets.idle;
            setSoftLimit(rig, number + 1);
            lines.add("an open descriptor above the limit: "
                    + outcome(Fcntl.fcntl(rig.state, last - 1, Fcntl.F_GETFD, 0)));
            lines.add("F_DUPFD with every number below the limit taken: "
                    + outcome(Fcntl.fcntl(rig.state, 0, Fcntl.F_DUPFD, 0)));
            rig.close(number);
            int free = rig.fd(Fcntl.fcntl(rig.state, 0, Fcntl.F_DUPFD, 0));
            lines.add("F_DUPFD with one number below the limit free: " + (free == number ? "that number" : free));
            lines.forEach(System.out::println);
        }
    }

    private static void setSoftLimit(Rig rig, int limit) {
        ok(Resource.getrlimit(rig.state, Resource.RLIMIT_NOFILE, rig.memory.address()));
        rig.memory.putLong(Rlimit64.rlim_cur, limit);
        ok(Resource.setrlimit(rig.state, Resource.RLIMIT_NOFILE, rig.memory.address()));
    }

    /** What the calls need, opened while there is room. */
    private static final class Sockets {
        final int idle;
        final int idleNonblocking;
        final int busy;
        final int udp;
        final int unconnected;

        Sockets(Rig rig) {
            idle = rig.listener(1);
            idleNonblocking = rig.nonblockingListener(1);
            busy = rig.listener(1);
            ok(rig.connect(rig.tcp(), rig.name(busy)));
            udp = rig.udp();
            unconnected = rig.tcp();
        }
    }

    private static int accept(Rig rig, int listener) {
        return Socket.accept4(rig.state, listener, 0, 0, Socket.SOCK_CLOEXEC);
    }

    /** The outcome of a call that may have opened a descriptor, which is closed again. */
    private static String opened(Rig rig, int rc) {
        if (rc >= 0) {
            ok(Unistd.close(rig.state, rc));
        }
        return outcome(rc);
    }

    private static List<String> calls(Rig rig, Sockets sockets) {
        boolean full = opened(rig, Fcntl.fcntl(rig.state, 0, Fcntl.F_DUPFD, 0)).equals("EMFILE");
        CallState state = rig.state;
        List<String> lines = new ArrayList<>();
        lines.add("accept4, client waiting: " + (full ? opened(rig, accept(rig, sockets.busy)) : "not yet"));
        // A blocking listener: it answers at once all the same.
        lines.add("accept4, nobody waiting, blocking: " + (full ? opened(rig, accept(rig, sockets.idle)) : "not yet"));
        lines.add("accept4, nobody waiting, non-blocking: " + opened(rig, accept(rig, sockets.idleNonblocking)));
        lines.add("accept4, no descriptor: " + opened(rig, accept(rig, -1)));
        lines.add("accept4, unknown flag: " + opened(rig, Socket.accept4(state, sockets.idle, 0, 0, 1)));
        lines.add("socket: " + opened(rig, Socket.socket(state, Socket.AF_INET, Socket.SOCK_STREAM, 0)));
        lines.add("epoll_create1: " + opened(rig, Epoll.epollCreate1(state, 0)));
        lines.add("eventfd: " + opened(rig, Eventfd.eventfd(state, 0, 0)));
        lines.add("open, what is there: " + opened(rig, Fcntl.open(state, rig.path("/dev/null"), Fcntl.O_RDONLY, 0)));
        lines.add("open, what is not there: "
                + opened(rig, Fcntl.open(state, rig.path("/does/not/exist"), Fcntl.O_RDONLY, 0)));
        lines.add("F_DUPFD from 0: " + opened(rig, Fcntl.fcntl(state, 0, Fcntl.F_DUPFD, 0)));
        lines.add("F_DUPFD_CLOEXEC from 0: " + opened(rig, Fcntl.fcntl(state, 0, Fcntl.F_DUPFD_CLOEXEC, 0)));
        lines.add("F_DUPFD from the last number: " + opened(rig, Fcntl.fcntl(state, 0, Fcntl.F_DUPFD, SOFT_LIMIT - 1)));
        lines.add("F_DUPFD from the limit: " + opened(rig, Fcntl.fcntl(state, 0, Fcntl.F_DUPFD, SOFT_LIMIT)));
        lines.add("bind: " + outcome(rig.bind(sockets.unconnected, rig.loopback())));
        lines.add("connect: " + outcome(rig.connect(sockets.unconnected, rig.name(sockets.idle))));
        return lines;
    }
}
