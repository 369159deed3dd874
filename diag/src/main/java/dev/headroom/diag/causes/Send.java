package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNREFUSED;
import static dev.headroom.linux.Errno.ECONNRESET;
import static dev.headroom.linux.Errno.EFBIG;
import static dev.headroom.linux.Errno.EMSGSIZE;
import static dev.headroom.linux.Errno.ENOBUFS;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.EPIPE;
import static dev.headroom.linux.Errno.ETIMEDOUT;
import static dev.headroom.linux.Errno.ETOOMANYREFS;

import java.util.List;
import java.util.OptionalLong;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Facts.Role;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;

/** write, send and recv: a buffer that is full, memory that is short, and a connection that is no more. */
final class Send {
    private static final Set<String> WRITES = Set.of("write", "writev", "send", "sendto", "sendmsg", "sendmmsg",
            "sendfile",
            "splice");
    private static final Set<String> IO = Set.of("write", "writev", "send", "sendto", "sendmsg", "sendmmsg",
            "sendfile",
            "splice", "read", "readv", "recv", "recvfrom", "recvmsg");
    private static final int MAX_UDP = 65507;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_SYS_RESOURCE = 24;

    private static final String UNREACHABLE = Facts.counter("Icmp.InDestUnreachs");
    /** What says EPIPE, the likeliest first. */
    private static final List<Role> OVER = List.of(Role.BROKEN_PIPE, Role.SHUT, Role.OVER, Role.UNCONNECTED);

    static final List<Cause> ALL = causes();
    private static final Supplier<List<Cause>> FULL_TCP = () -> ALL.stream()
            .filter(x -> x.id().equals("sndbuf-full")).toList();
    /** What resets connections and is counted. */
    private static final List<Cause> RESETTERS = Stream.concat(Connect.ALL.stream(), Losses.ALL.stream())
            .filter(x -> x.errnos().contains(ECONNRESET)).toList();

    private Send() {
    }

    private static List<Cause> causes() {
        return List.of(
                Row.of("sndbuf-full", EAGAIN).calls(WRITES)
                        .evidence(Facts.SEND_QUEUE, Facts.sysctl("net.core.wmem_max"))
                        .rule("sk_stream_wait_memory: sk_wmem_queued >= sk_sndbuf, for the peer does not read and its window is 0 (all "
                                + "kernels)")
                        .remedies(c -> List.of(
                                Remedy.now("wait for EPOLLOUT; look at the peer, whose Recv-Q is as full", "ss -tinp"),
                                Remedy.persistent("bound what one slow reader may hold, and drop or slow it down")))
                        .dont("A larger SO_SNDBUF or wmem_max moves the moment, not the cause: the reader is too slow.")
                        .next("each write says EAGAIN until the peer reads").provoked("6.18 by test")
                        .judge(Send::tcpFull),
                Row.of("unix-stream-sndbuf", EAGAIN).calls(WRITES).evidence(Fds.evidence(Role.FULL_UNIX_STREAM))
                        .rule("sock_alloc_send_pskb: sk_wmem_alloc >= SO_SNDBUF, overhead included (180,224 bytes of 212,992 fit)")
                        .remedies(c -> List.of(Remedy.now("see Send-Q and who reads", "ss -xp")))
                        .provoked("6.18 by test")
                        .judge(c -> unix(c, Role.FULL_UNIX_STREAM,
                                "the reader of the unix stream is slow")),
                Row.of("unix-dgram-qlen", EAGAIN).calls(WRITES)
                        .evidence(ConnectPorts.plus(Fds.evidence(Role.FULL_UNIX_DGRAM), Facts.UNIX_RECEIVER_FULL,
                                Facts.sysctl("net.unix.max_dgram_qlen")))
                        .rule("unix_dgram_sendmsg: the receiver's queue > net.unix.max_dgram_qlen, so qlen + 1 datagrams wait; writers "
                                + "that block stand still (syslog, journald)")
                        .remedies(c -> Signs.netnsSysctl(c, "net.unix.max_dgram_qlen", "512",
                                "let more datagrams wait; for sockets made after it"))
                        .provoked("6.18 by test").judge(Send::dgram),
                Row.of("pipe-full", EAGAIN).calls(WRITES).evidence(Fds.evidence(Role.FULL_PIPE))
                        .rule("pipe_write: no slot is free in the pipe, 16 of a page each, 64 KiB by default "
                                + "(F_SETPIPE_SZ)")
                        .remedies(c -> List.of(Remedy.now(
                                "wait for EPOLLOUT, or let more fit: fcntl(fd, F_SETPIPE_SZ, 1048576)")))
                        .dont("A larger pipe moves the moment, not the cause: the reader is too slow.")
                        .provoked("6.18 by test")
                        .judge(c -> c.question().peer()
                                .map(p -> Finding.ruledOut("a pipe has no peer, and this one is " + p))
                                .orElseGet(() -> Signs.remainder(c, FULL_TCP, Fds.full(c, Role.FULL_PIPE,
                                        "the reader of the pipe is slow")))),
                Row.of("udp-sndbuf", EAGAIN).calls(WRITES).evidence(Fds.evidence(Role.FULL_UDP))
                        .rule("sock_alloc_send_pskb: sk_wmem_alloc >= SO_SNDBUF, for the device is slower than the "
                                + "program")
                        .remedies(c -> List.of(Remedy.now("see what waits in the device's queue",
                                ConnectTimeouts.inNamespace(c, "tc -s qdisc")),
                                Remedy.now("wait for EPOLLOUT, or raise SO_SNDBUF (up to net.core.wmem_max)")))
                        .provoked("6.18 by test")
                        .judge(c -> c.question().peer().filter(Send::isUnix)
                                .map(p -> Finding.ruledOut(p + " is a unix socket"))
                                .orElseGet(() -> Signs.remainder(c, FULL_TCP, Fds.full(c, Role.FULL_UDP,
                                        "what it sent before is still in the queue of the device")))),
                Row.of("qdisc-or-nic-drop", ENOBUFS).calls(WRITES).evidence(Facts.counter("Udp.SndbufErrors"))
                        .rule("dev_queue_xmit drops in the queueing discipline or the device; UDP says so only with IP_RECVERR "
                                + "(udp_send_skb), packet sockets always (all kernels)")
                        .remedies(
                                c -> List.of(Remedy.now("see who drops", ConnectTimeouts.inNamespace(c, "tc -s qdisc")),
                                        Remedy.persistent(
                                                "send more slowly, or with a longer queue (txqueuelen, limit)")))
                        .dont("Larger socket buffers send more into the same queue.")
                        .next("without IP_RECVERR the same packets are lost in silence").provoked("6.18 by test")
                        .judge(c -> Signs.counter(c, Facts.counter("Udp.SndbufErrors"),
                                "%d UDP {datagram was|datagrams were} refused by the queue of the device between the two readings")),
                Row.of("netlink-overrun", ENOBUFS).calls("recv", "recvmsg", "recvfrom", "read")
                        .evidence(Facts.NETLINK_DROPS)
                        .rule("netlink_overrun: the socket's buffer was full and events were lost; ENOBUFS says so once")
                        .remedies(c -> List
                                .of(Remedy.now("read the state anew, for events are missing; raise SO_RCVBUFFORCE")))
                        .dont("Going on as if nothing was lost.").provoked("6.18 by test")
                        .judge(c -> Signs.missing(c, Facts.NETLINK_DROPS).orElseGet(() -> {
                            long n = c.number(Facts.NETLINK_DROPS).orElse(0);
                            return n > 0
                                    ? Finding
                                            .confirmed("netlink sockets of the process lost " + Say.count(n, "message"))
                                    : Finding.ruledOut("netlink sockets of the process lost nothing");
                        })),
                Row.of("send-memory", ENOMEM, ENOBUFS).calls(WRITES).evidence(Shapes.MEMORY_EVIDENCE)
                        .rule("__alloc_skb or the memory cgroup refuses the buffer").remedies(Remedies::memory)
                        .provoked("source only").judge(c -> Shapes.kernelMemory(c, "socket buffers")),
                Row.of("own-shutdown", EPIPE).calls(WRITES).evidence(Fds.evidence(OVER.toArray(Role[]::new)))
                        .rule("sk_stream_error: SEND_SHUTDOWN is set, by shutdown(SHUT_WR) or a peer's reset that "
                                + "was reported before; pipe_write: no reader; SIGPIPE goes with it unless MSG_NOSIGNAL")
                        .remedies(c -> List.of(Remedy.now(
                                "close the socket and connect anew; MSG_NOSIGNAL spares the process SIGPIPE")))
                        .dont("No buffer is full and no limit is reached: nothing is to be raised.")
                        .next("each further write says EPIPE").provoked("6.18 by test").judge(Send::over),
                Row.of("peer-reset", ECONNRESET).calls(IO)
                        .evidence(ConnectPorts.plus(Fds.evidence(Role.OVER), Facts.counter("Tcp.EstabResets")))
                        .rule("tcp_reset: a RST came; the first call says ECONNRESET, a later write EPIPE")
                        .remedies(c -> List.of(
                                Remedy.now("look at the peer's end for why it closed, then connect anew")))
                        .dont("No limit of this side is behind it: larger queues and buffers change nothing.")
                        .next("what was sent and not acknowledged is lost").provoked("6.18 by test")
                        .judge(Send::reset),
                Row.of("datagram-too-long", EMSGSIZE).calls(WRITES)
                        .rule("udp_sendmsg: more than 65,507 bytes do not fit into a datagram; with IP_PMTUDISC_DO more than the path takes")
                        .remedies(c -> List.of(Remedy.now("send less at a time"))).provoked("6.18 by test")
                        .judge(c -> c.question().requested().isPresent()
                                && c.question().requested().getAsLong() > MAX_UDP
                                        ? Finding.confirmed(c.question().requested().getAsLong()
                                                + " bytes are more than the " + MAX_UDP
                                                + " that a UDP datagram holds")
                                        : Finding.possible(
                                                "the message is longer than a datagram (65,507 bytes for UDP), or than the path takes")),
                Row.of("udp-port-unreachable", ECONNREFUSED).calls(IO)
                        .evidence(ConnectPorts.plus(Fds.evidence(Role.UDP_CONNECTED), Facts.UDP_AT_PEER, UNREACHABLE))
                        .rule("udp_err → sk_err: an ICMP port unreachable answered an earlier datagram")
                        .remedies(c -> List.of(Remedy.now("see who has the port on the peer", "ss -lunp"),
                                Remedy.now("send again: the error was that of an earlier datagram")))
                        .dont("It is not this datagram that failed: it was not sent, and may be sent again.")
                        .provoked("6.18 by test").judge(Send::unreachable),
                Row.of("established-timeout", ETIMEDOUT).calls(IO)
                        .evidence(Facts.sysctl("net.ipv4.tcp_retries2"), Facts.counter("TcpExt.TCPAbortOnTimeout"))
                        .rule("tcp_write_timeout: net.ipv4.tcp_retries2 (15, about 15 minutes) retransmissions, TCP_USER_TIMEOUT or "
                                + "keepalive without an answer end an established connection")
                        .remedies(c -> List.of(Remedy.now("is the peer there? see the timers", "ss -tno"),
                                Remedy.persistent("choose a deadline: TCP_USER_TIMEOUT")))
                        .provoked("source only").judge(c -> Signs.quiet(c, Facts.counter("TcpExt.TCPAbortOnTimeout"))
                                ? Finding.ruledOut(
                                        "no connection of this network namespace was given up (TCPAbortOnTimeout)")
                                : Finding.possible("the peer acknowledged nothing any more")),
                Row.of("unix-fds-in-flight", ETOOMANYREFS).calls("sendmsg")
                        .evidence(Facts.UNIX_IN_FLIGHT_USER, Facts.limitSoft("nofile"), Facts.CAP_EFF)
                        .rule("too_many_unix_fds: the user's descriptors in flight > RLIMIT_NOFILE soft without CAP_SYS_RESOURCE or "
                                + "CAP_SYS_ADMIN; or unix sockets nested deeper than 4 in SCM_RIGHTS")
                        .remedies(c -> List.of(Remedy.now("let the receivers read what was sent"),
                                Remedy.now("raise the soft limit", "prlimit --pid " + c.text(Facts.PID).orElse("PID")
                                        + " --nofile=SOFT:HARD")))
                        .provoked("6.1 by test in a guest").judge(c -> Signs.missing(c, Facts.CAP_EFF).orElseGet(() -> {
                            long caps = Long.parseUnsignedLong(c.text(Facts.CAP_EFF).orElseThrow(), 16);
                            boolean exempt = (caps >>> CAP_SYS_ADMIN & 1) == 1 || (caps >>> CAP_SYS_RESOURCE & 1) == 1;
                            OptionalLong soft = c.number(Facts.limitSoft("nofile"));
                            long inFlight = c.number(Facts.UNIX_IN_FLIGHT_USER).orElse(0);
                            if (exempt) {
                                return Finding.possible("sockets are nested more than 4 deep in SCM_RIGHTS, for "
                                        + Say.process(c) + " may have any number of descriptors in flight");
                            }
                            // Those that another user's socket holds are not among them.
                            return soft.isPresent() && inFlight > soft.getAsLong()
                                    ? Finding.confirmed(inFlight + " descriptors of " + Say.realUser(c)
                                            + " are on their way in unix sockets, and RLIMIT_NOFILE is "
                                            + soft.getAsLong())
                                    : Finding.possible(
                                            "more descriptors of its user are in flight than RLIMIT_NOFILE allows ("
                                                    + c.text(Facts.limitSoft("nofile")).orElse("?") + ")");
                        })),
                Row.of("file-size-limit", EFBIG).calls("write", "writev", "pwrite64", "ftruncate", "fallocate")
                        .evidence(Facts.limitSoft("fsize"))
                        .rule("generic_write_check_limits: the offset reaches RLIMIT_FSIZE (SIGXFSZ goes with it) or the file system's "
                                + "largest file")
                        .remedies(c -> Remedies.limit(c, "fsize", Long.MAX_VALUE)).provoked("source only")
                        .judge(c -> Signs.missing(c, Facts.limitSoft("fsize")).orElseGet(() -> {
                            long limit = c.number(Facts.limitSoft("fsize")).orElse(Long.MAX_VALUE);
                            return Say.unlimited(limit) ? Finding.ruledOut("RLIMIT_FSIZE is unlimited")
                                    : Finding.possible("RLIMIT_FSIZE is " + Say.bytes(limit));
                        })));
    }

    private static Finding tcpFull(Case c) {
        Optional<Finding> not = Fds.notOfKind(c, Role.FULL_TCP);
        boolean exact = c.now().fact(Facts.TUPLE_STATE).isPresent();
        Optional<String> other = exact ? Optional.empty() : Fds.otherFull(c, Role.FULL_TCP);
        if (not.isPresent() || other.isPresent() && Fds.count(c, Role.FULL_TCP) == 0) {
            return not.orElseGet(() -> Finding.ruledOut("no TCP socket is full, and " + other.get() + ", is"));
        }
        return Signs.missing(c, Facts.SEND_QUEUE).orElseGet(() -> {
            long queued = c.number(Facts.SEND_QUEUE).orElse(0);
            String waits = queued + " bytes wait to be sent";
            if (queued == 0) {
                return Finding.ruledOut("nothing waits to be sent");
            }
            if (Losses.tcpMem(c).verdict() == Verdict.CONFIRMED) {
                return Finding.possible(waits + ", and TCP's memory is short, too");
            }
            return other.map(o -> Finding.possible(waits + "; but full is also " + o))
                    .orElseGet(() -> Finding.confirmed(waits + ": the peer reads more slowly than this side writes"));
        });
    }

    private static boolean isUnix(String peer) {
        return peer.startsWith("/") || peer.startsWith("@");
    }

    private static Finding unix(Case c, Role role, String because) {
        return c.question().peer().filter(p -> !isUnix(p)).isPresent()
                ? Finding.ruledOut(c.question().peer().get() + " is no unix socket")
                : Signs.remainder(c, FULL_TCP, Fds.full(c, role, because));
    }

    private static Finding dgram(Case c) {
        String most = "more than " + c.text(Facts.sysctl("net.unix.max_dgram_qlen")).orElse("net.unix.max_dgram_qlen");
        String full = c.text(Facts.UNIX_RECEIVER_FULL).orElse("");
        return full.equals("yes")
                ? Finding.confirmed("the receiver " + c.question().peer().orElse("") + " holds " + most
                        + " datagrams that it has not read (net.unix.max_dgram_qlen when it was made)")
                : unix(c, Role.FULL_UNIX_DGRAM, "its receiver holds " + most + " datagrams that it has not read");
    }

    private static Finding over(Case c) {
        String nothing = "this side was shut down for writing, was never connected, or was told of the peer's reset before";
        if (Fds.first(c, OVER).isEmpty()) {
            return Finding.possible(nothing + Fds.wanted(c, Role.SHUT));
        }
        Role role = Fds.first(c, OVER).get();
        String sentence = Fds.one(c, role) + switch (role) {
            case SHUT -> " was shut down for writing by its own side";
            case BROKEN_PIPE -> " is a pipe that nobody reads any more";
            case UNCONNECTED -> " has never been connected";
            default -> " was connected, and the connection is over: the peer reset it, or both sides have closed it";
        };
        long several = Fds.count(c, Role.BROKEN_PIPE, Role.SHUT, Role.OVER);
        return Fds.named(c) || several == 1 ? Finding.confirmed(sentence)
                : Finding.possible(several == 0 ? nothing + Fds.wanted(c, Role.SHUT)
                        : sentence + ", as " + (several - 1) + " more are" + Fds.wanted(c, role));
    }

    private static Finding reset(Case c) {
        String sentence = "the peer sent a RST: it closed with data unread, was killed, or does not know the connection any "
                + "more";
        long over = Fds.count(c, Role.OVER);
        return Signs.remainder(c, () -> RESETTERS, over == 1 || over > 0 && Fds.named(c)
                ? Finding
                        .confirmed(Fds.one(c, Role.OVER) + " was connected and is not any more, without a close of its "
                                + "own: " + sentence)
                : Finding.possible(sentence + Fds.wanted(c, Role.OVER)));
    }

    private static Finding unreachable(Case c) {
        String sentence = "an earlier datagram was answered with ICMP port unreachable: nobody has that UDP port";
        Optional<String> other = c.text(Facts.FD_ASKED).filter(kind -> !kind.equals("UDP socket"));
        if (other.isPresent()) {
            return Finding.ruledOut("descriptor " + c.question().fd().orElse(0) + " is a " + other.get());
        }
        if (Fds.count(c, Role.UDP_CONNECTED) == 0 || !Fds.named(c)) {
            return Finding.possible(sentence + Fds.wanted(c, Role.UDP_CONNECTED));
        }
        String whose = Fds.one(c, Role.UDP_CONNECTED) + " is UDP: ";
        boolean here = Endpoint.peerIsHere(c).orElse(false);
        return here && c.number(Facts.UDP_AT_PEER).orElse(0) > 0
                ? Finding.possible(whose + sentence + ", though somebody has it now")
                : Finding.confirmed(whose + sentence + (here ? ", now neither" : ""));
    }
}
