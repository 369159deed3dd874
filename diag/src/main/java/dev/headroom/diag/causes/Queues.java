package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EADDRINUSE;
import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNABORTED;
import static dev.headroom.linux.Errno.EINVAL;

import java.util.List;
import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Facts.Role;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Snapshot;

/** listen(2) and accept(2): what the backlog became, and what accept says when it takes nothing. */
final class Queues {
    private static final String SOMAXCONN = Facts.sysctl("net.core.somaxconn");

    static final List<Cause> ALL = causes();

    private Queues() {
    }

    private static List<Cause> causes() {
        return List.of(
                Row.of("backlog-truncated").calls("listen").evidence(SOMAXCONN, Facts.LISTENERS)
                        .rule("__sys_listen: backlog becomes min((unsigned) backlog, net.core.somaxconn), silently; a negative one "
                                + "becomes somaxconn (default 4096 since 5.4, 128 before)")
                        .remedies(ConnectTimeouts::queueRemedies)
                        .dont("A larger backlog in the program alone, while net.core.somaxconn is the smaller of the two.",
                                "Setting somaxconn and leaving the server running: it takes effect at the next listen().")
                        .next("min(backlog, somaxconn) + 1 connections wait; the SYNs of further clients are dropped")
                        .provoked("6.18 by test").judge(Queues::truncated),
                Row.of("already-listening", EADDRINUSE).calls("listen").evidence(Facts.LISTENERS)
                        .rule("inet_csk_listen_start asks for the port once more: of two sockets bound to it with SO_REUSEADDR only one "
                                + "may listen (all kernels)")
                        .remedies(c -> List.of(Remedy.now("see who listens", "ss -ltnp"),
                                Remedy.now("to share the port set SO_REUSEPORT in both, before bind")))
                        .provoked("6.18 by test")
                        .judge(c -> c.question().errno().isEmpty() ? Finding.unknown("whether listen failed would tell")
                                : Endpoint.local(c).filter(l -> l.port() != 0)
                                        .map(l -> c.now().listeners().stream()
                                                .filter(x -> Endpoint.parse(x.address()).overlaps(l)).findFirst()
                                                .map(x -> Finding.confirmed(x.address() + " is listened on already"
                                                        + ConnectTimeouts.owner(x)))
                                                .orElseGet(
                                                        () -> Finding.ruledOut("nobody listens on port " + l.port())))
                                        .orElseGet(() -> Finding
                                                .unknown(
                                                        "the address that was bound to would tell (--from ADDRESS:PORT)"))),
                Row.of("accept-queue-empty", EAGAIN).calls("accept", "accept4").evidence(Facts.LISTENERS)
                        .rule("inet_csk_accept: the listener does not block and no connection waits, or SO_RCVTIMEO is over; another "
                                + "worker of the same listener may have taken it (all kernels)")
                        .remedies(c -> List.of(
                                Remedy.now("wait for EPOLLIN again; with several workers EPOLLEXCLUSIVE wakes one")))
                        .dont("It is no error and no limit: nothing is to be raised.").provoked("6.18 by test")
                        .judge(c -> listener(c).map(l -> l.queue() == 0
                                ? Finding.confirmed("no connection waits in the accept queue of " + l.address())
                                : Finding.ruledOut(ConnectTimeouts.capacity(c, l)))
                                .orElseGet(() -> Finding.possible("no connection waited"))),
                Row.of("accept-aborted", ECONNABORTED).calls("accept", "accept4")
                        .rule("do_accept says it only if the new socket has no peer any more (getname fails): a client that reset before "
                                + "accept does not cause it for TCP, accept succeeds and the first read says ECONNRESET")
                        .remedies(c -> List.of(Remedy.now("accept again: nothing is lost but that one client")))
                        .dont("No queue and no limit is behind it.").provoked("source only")
                        .judge(c -> Finding.possible("the connection was gone before it could be handed over")),
                Row.of("not-listening", EINVAL).calls("accept", "accept4", "listen")
                        .evidence(Fds.evidence(Role.NOT_LISTENING))
                        .rule("inet_csk_accept: the socket is not in TCP_LISTEN: listen() was not called, or shutdown() by another thread "
                                + "ended it")
                        .remedies(c -> List.of(Remedy.now("call listen() first; to stop, close rather than shut down")))
                        .provoked("6.18 by test")
                        .judge(Queues::notListening));
    }

    private static Finding notListening(Case c) {
        Optional<Snapshot.Listening> listener = listener(c);
        boolean numbered = Fds.numbered(c);
        if (listener.isPresent() && !numbered) {
            return Finding.ruledOut(listener.get().address() + " is listening now");
        }
        String how = "listen() was not called, or another thread shut it down";
        if (Fds.named(c) && Fds.count(c, Role.NOT_LISTENING) > 0) {
            return Finding.confirmed(Fds.one(c, Role.NOT_LISTENING) + " is not listening: " + how);
        }
        return numbered && Fds.known(c, Role.NOT_LISTENING)
                ? Finding.ruledOut("descriptor " + c.question().fd().orElse(0) + " is listening, or is connected")
                : Finding.possible("the socket was not listening: " + how + Fds.wanted(c, Role.NOT_LISTENING));
    }

    /** The listener that the question's local address names, or the only one of the process. */
    static Optional<Snapshot.Listening> listener(Case c) {
        Optional<Endpoint> local = Endpoint.local(c).filter(l -> l.port() != 0);
        List<Snapshot.Listening> all = c.now().listeners().stream().filter(l -> local.isPresent()
                ? Endpoint.parse(l.address()).overlaps(local.get())
                : c.question().pid().isPresent() && l.pid() == c.question().pid().getAsLong()).toList();
        return local.isPresent() || all.size() == 1 ? all.stream().findFirst() : Optional.empty();
    }

    private static Finding truncated(Case c) {
        Optional<Snapshot.Listening> found = listener(c);
        return Signs.missing(c, SOMAXCONN).orElseGet(() -> {
            long somaxconn = c.number(SOMAXCONN).orElse(0);
            if (c.question().requested().isPresent()) {
                long asked = c.question().requested().getAsLong();
                return asked < 0
                        ? Finding.confirmed("a backlog of " + asked + " becomes net.core.somaxconn, " + somaxconn)
                        : asked > somaxconn
                                ? Finding.confirmed("a backlog of " + asked + " was cut to net.core.somaxconn, "
                                        + somaxconn + ": " + (somaxconn + 1) + " connections wait at most")
                                : Finding.ruledOut(
                                        "a backlog of " + asked + " is within net.core.somaxconn, " + somaxconn);
            }
            if (found.isEmpty()) {
                return Finding.unknown("the listener would tell (--from ADDRESS:PORT)");
            }
            long limit = found.get().limit();
            return limit < somaxconn ? Finding.ruledOut("the backlog of " + found.get().address() + " is " + limit
                    + ", as the program asked: net.core.somaxconn is " + somaxconn)
                    : limit == somaxconn ? Finding.possible("the backlog of " + found.get().address() + " is " + limit
                            + ", exactly net.core.somaxconn: the program probably asked for more")
                            : Finding.ruledOut("the backlog of " + found.get().address() + " is " + limit
                                    + ", from when net.core.somaxconn was larger than " + somaxconn);
        });
    }
}
