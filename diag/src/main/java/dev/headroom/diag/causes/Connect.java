package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNREFUSED;
import static dev.headroom.linux.Errno.ECONNRESET;
import static dev.headroom.linux.Errno.EADDRINUSE;
import static dev.headroom.linux.Errno.ENOBUFS;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.EPERM;

import java.util.List;
import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Verdict;

/** connect(2): the answers other than silence. Refused, reset, not permitted, and no room in a queue or of ports. */
final class Connect {
    private static final String EMBRYONIC = Facts.counter("TcpExt.EmbryonicRsts");
    private static final String ABORT_ON_OVERFLOW = Facts.sysctl("net.ipv4.tcp_abort_on_overflow");
    private static final String UNREACHABLE = Facts.counter("Icmp.InDestUnreachs");
    private static final String ON_CLOSE = Facts.counter("TcpExt.TCPAbortOnClose");
    private static final String BACKLOG_FOLKLORE = "A full accept queue does not refuse on Linux: it times out.";
    /** A local ICMP reject meets a locked socket: the error is only taken when the SYN is repeated after 1 s. */
    private static final double ONE_RTO_FROM = 0.95;
    private static final double ONE_RTO_TO = 1.4;

    static final List<Cause> ALL = causes();

    private Connect() {
    }

    private static List<Cause> causes() {
        return List.of(unixBacklog(), udpAutobind(),
                Row.of("no-listener", ECONNREFUSED).calls("connect")
                        .evidence(Facts.LISTENERS, Facts.ROUTE_TYPE, Facts.counter("Tcp.OutRsts"))
                        .rule("tcp_v4_rcv finds no listener for the address and port and answers with RST (all kernels)")
                        .remedies(c -> List.of(Remedy.now("see what listens, and on which address", "ss -ltn")))
                        .dont(BACKLOG_FOLKLORE)
                        .next("each connect fails at once until somebody listens on that address")
                        .provoked("6.18 by test").judge(Connect::noListener),
                Row.of("reject-icmp-port", ECONNREFUSED).calls("connect")
                        .evidence(ConnectPorts.plus(Rules.EVIDENCE, UNREACHABLE))
                        .rule("a REJECT rule answers with ICMP port unreachable; from this host's own output chain tcp_v4_err takes it as "
                                + "a soft error and connect fails after one RTO, 1.02 s")
                        .remedies(Connect::rules).dont(BACKLOG_FOLKLORE)
                        .next("each connect fails as long as the rule stands").provoked("6.18 by test")
                        .judge(Connect::rejectIcmp),
                Row.of("reject-rst", ECONNREFUSED).calls("connect")
                        .evidence(ConnectPorts.plus(Rules.EVIDENCE, Facts.LISTENERS))
                        .rule("a REJECT rule with tcp-reset sends the RST that a host without a listener would send: the client sees no "
                                + "difference")
                        .remedies(Connect::rules).dont(BACKLOG_FOLKLORE)
                        .next("each connect fails as long as the rule stands").provoked("6.18 by test")
                        .judge(Connect::rejectRst),
                Row.of("unix-no-listener", ECONNREFUSED).calls("connect").evidence(Facts.UNIX_LIMIT)
                        .rule("unix_find_other: the path is there and no socket listens on it, or it is of another type, or no socket; "
                                + "for an abstract name that is missing too (a missing path is ENOENT)")
                        .remedies(c -> List.of(Remedy.now("see who listens", "ss -lxp"),
                                Remedy.now("a left-over path must be unlinked before the server binds again")))
                        .next("each connect fails at once until a server listens on that path").provoked("6.18 by test")
                        .judge(Connect::unixNoListener),
                Row.of("abort-on-overflow", ECONNRESET)
                        .evidence(ABORT_ON_OVERFLOW, EMBRYONIC, ConnectTimeouts.OVERFLOWS)
                        .rule("tcp_check_req with net.ipv4.tcp_abort_on_overflow=1 resets a client whose last ACK meets a full accept "
                                + "queue: it was connected already (all kernels)")
                        .remedies(c -> ConnectPorts.plusFirst(
                                Remedy.now("put it back to 0", "sysctl -w net.ipv4.tcp_abort_on_overflow=0"),
                                ConnectTimeouts.queueRemedies(c)))
                        .dont("net.ipv4.tcp_abort_on_overflow=1 is no remedy for a full queue.")
                        .next("with 0 the client would go on to believe it is connected, until it is reset after about 63 s")
                        .provoked("6.18 by test").judge(Connect::abortOnOverflow),
                Row.of("peer-closed-with-unread-data", ECONNRESET).evidence(ON_CLOSE)
                        .rule("tcp_close sends RST instead of FIN when data is left unread in the receive queue (RFC 2525, all kernels)")
                        .remedies(c -> List.of(Remedy
                                .persistent("on the side that closes: shutdown(SHUT_WR), read to the end, then close")))
                        .dont("No limit is behind it: larger queues and buffers change nothing.")
                        .next("what was sent and not read yet is lost to the other side").provoked("6.18 by test")
                        .judge(Connect::closedWithUnreadData),
                Row.of("listener-closed", ECONNRESET)
                        .rule("inet_csk_listen_stop resets what waits in the accept queue when the listener is closed, unless "
                                + "SO_REUSEPORT and net.ipv4.tcp_migrate_req=1 (5.14) hand it on")
                        .remedies(c -> List.of(Remedy
                                .persistent("drain before closing; systemd socket activation keeps the listener open "
                                        + "over a restart")))
                        .next("clients that were waiting must connect again").provoked("source only")
                        .judge(c -> Endpoint.peerIsHere(c).orElse(false) && Endpoint.listener(c).isPresent()
                                ? Finding.ruledOut(
                                        "somebody listens on " + Endpoint.listener(c).get().address() + " now")
                                : Finding.possible("the listener may have been closed with connections waiting")),
                Row.of("cgroup-bpf-connect", EPERM).calls("connect", "bind", "sendto", "sendmsg")
                        .rule("a BPF program at the cgroup's connect4/6, bind4/6 or post_bind hook refuses the address "
                                + "(__cgroup_bpf_run_filter_sock_addr, 4.17)")
                        .remedies(c -> List.of(Remedy.now("see what is attached", "bpftool cgroup tree")))
                        .dont("Looking for a firewall rule: netfilter never gives EPERM to a TCP connect.")
                        .provoked("source only")
                        .judge(c -> Finding.possible(
                                "a BPF program of the cgroup, a security module or seccomp refused it: netfilter "
                                        + "never gives EPERM to a TCP connect; bpftool cgroup tree would tell")),
                Row.of("connect-memory", ENOBUFS, ENOMEM).calls("connect").evidence(Shapes.MEMORY_EVIDENCE)
                        .rule("tcp_connect cannot allocate the SYN (ENOBUFS) or inet_bind_bucket_create its bucket (ENOMEM): memory only")
                        .remedies(Remedies::memory)
                        .dont("Ports are not short: ENOBUFS for ports is Windows' answer, here it is EADDRNOTAVAIL.")
                        .provoked("source only").judge(c -> Shapes.kernelMemory(c, "the SYN and its port")));
    }

    private static List<Remedy> rules(Case c) {
        return List.of(Remedy.now("look for reject in the rules", ConnectTimeouts.inNamespace(c, "nft list ruleset"),
                ConnectTimeouts.inNamespace(c, "iptables-save -c | grep REJECT")));
    }

    private static Cause unixBacklog() {
        return Row.of("unix-backlog", EAGAIN).calls("connect")
                .evidence(Facts.UNIX_QUEUE, Facts.UNIX_LIMIT, Facts.sysctl("net.core.somaxconn"))
                .rule("unix_stream_connect: the listener's queue holds more than its backlog (unix_recvq_full), so "
                        + "min(backlog, net.core.somaxconn) + 1 wait; a blocking connect sleeps instead (all kernels)")
                .remedies(c -> ConnectPorts.plusFirst(Remedy.now("accept faster, and raise the server's backlog"),
                        Signs.netnsSysctl(c, "net.core.somaxconn", "4096",
                                "raise the ceiling of all backlogs, then restart the server")))
                .dont("There is no counter for it: TcpExt.ListenOverflows is of TCP alone.")
                .next("clients that do not block fail at once, those that do wait for ever").provoked("6.18 by test")
                .judge(c -> {
                    Optional<String> peer = c.question().peer();
                    if (peer.isPresent() && !unixPath(peer.get())) {
                        return Finding.ruledOut(peer.get() + " is no unix socket");
                    }
                    return Signs.missing(c, Facts.UNIX_QUEUE, Facts.UNIX_LIMIT).orElseGet(() -> {
                        long queue = c.number(Facts.UNIX_QUEUE).orElse(0);
                        long limit = c.number(Facts.UNIX_LIMIT).orElse(Long.MAX_VALUE);
                        String use = queue + " of "
                                + Say.agree("%d {connection waits|connections wait} in the queue of ", limit + 1)
                                + peer.orElse("the unix listener") + " (its backlog is " + limit
                                + ", and one more fits)";
                        return queue > limit ? Finding.confirmed(use) : Finding.ruledOut(use);
                    });
                });
    }

    private static Cause udpAutobind() {
        Gauge ports = new Gauge(Facts.UDP_PORTS_BOUND, Facts.PORT_HIGH, c -> "");
        return Row.of("udp-autobind", EAGAIN, EADDRINUSE).calls("connect", "sendto", "sendmsg", "sendmmsg", "bind")
                .evidence(ports.used(), Facts.PORT_LOW, ports.ceiling(), Facts.PORTS_RESERVED)
                .rule("inet_autobind: udp_v4_get_port finds no free port in net.ipv4.ip_local_port_range and connect or sendto says "
                        + "EAGAIN; bind(0) says EADDRINUSE. A UDP port is taken for all destinations (all kernels)")
                .remedies(c -> Signs.netnsSysctl(c, "net.ipv4.ip_local_port_range", "1024 65535", "widen the range"))
                .dont("Waiting and trying again, as EAGAIN suggests, helps only when sockets are closed.")
                .next("no further UDP socket of this network namespace gets a port, resolvers among them")
                .provoked("6.18 by test")
                .judge(c -> Signs.missing(c, Facts.UDP_PORTS_BOUND, Facts.PORT_LOW, Facts.PORT_HIGH).orElseGet(() -> {
                    long n = c.number(Facts.PORT_HIGH).orElse(0) - c.number(Facts.PORT_LOW).orElse(0) + 1
                            - c.number(Facts.PORTS_RESERVED).orElse(0);
                    long used = c.number(Facts.UDP_PORTS_BOUND).orElse(0);
                    return used >= n ? Finding.confirmed("all " + n + " UDP ports of the range are in use")
                            : Finding.ruledOut(used + " of " + n + " UDP ports of the range are in use");
                }));
    }

    private static boolean unixPath(String peer) {
        return peer.startsWith("/") || peer.startsWith("@");
    }

    private static Finding noListener(Case c) {
        if (c.question().peer().isEmpty()) {
            return Finding.possible("nobody listened on the address that was called");
        }
        String peer = c.question().peer().get();
        if (unixPath(peer)) {
            return Finding.ruledOut(peer + " is a unix socket");
        }
        Optional<Snapshot.Listening> l = Endpoint.listener(c);
        boolean known = c.now().fact(Facts.LISTENERS).isPresent();
        Optional<String> rejecting = rejecting(c);
        if (rejecting.isPresent()) {
            return Finding.ruledOut("the SYN is refused before anybody is looked for: by " + rejecting.get());
        }
        if (!Endpoint.peerIsHere(c).orElse(false)) {
            return Finding
                    .possible("the host of " + peer + " answered that nobody listens there, or a rule on the way did");
        }
        return l.isPresent()
                ? Finding.ruledOut("somebody listens on " + l.get().address() + ConnectTimeouts.owner(l.get()))
                : known ? Finding.confirmed("nobody listens on " + peer + elsewhere(c))
                        : Signs.missing(c, Facts.LISTENERS).orElseThrow();
    }

    /** The usual mistake: the right port on another address. */
    private static String elsewhere(Case c) {
        int port = Endpoint.peer(c).map(Endpoint::port).orElse(0);
        return c.now().listeners().stream().filter(l -> Endpoint.parse(l.address()).port() == port).findFirst()
                .map(l -> "; there is one on " + l.address() + ", which is another address").orElse("");
    }

    /** The rule that certainly refuses the SYN. */
    private static Optional<String> rejecting(Case c) {
        return Rules.certain(c, "out", "reject") ? Optional.of(Rules.rule(c, "out"))
                : Endpoint.peerIsHere(c).orElse(false) && Rules.certain(c, "in", "reject")
                        ? Optional.of(Rules.rule(c, "in")) : Optional.empty();
    }

    /** What a rule of this host says of a refusal of one kind: certain, or certain to be another. */
    private static Optional<Finding> rejects(Case c, String how) {
        boolean here = Endpoint.peerIsHere(c).orElse(false);
        for (String way : here ? new String[] {"out", "in"} : new String[] {"out"}) {
            if (Rules.certain(c, way, how)) {
                return Optional.of(Finding.confirmed(Rules.sentence(c, way, way.equals("out") ? "on its way out"
                        : "on its way in")));
            }
            if (Rules.certain(c, way, "reject")) {
                return Optional.of(Finding.ruledOut(Rules.rule(c, way) + " refuses it in another way"));
            }
        }
        return here && Rules.none(c, "out") && Rules.none(c, "in") ? Optional.of(Finding.ruledOut(Rules.nothing(c)))
                : Optional.empty();
    }

    private static boolean oneRto(Case c) {
        return c.question().seconds().filter(t -> t >= ONE_RTO_FROM && t <= ONE_RTO_TO).isPresent();
    }

    private static Finding rejectIcmp(Case c) {
        boolean icmp = Signs.grew(c, UNREACHABLE);
        Optional<Finding> rule = rejects(c, "reject-icmp");
        if (rule.isPresent()) {
            return rule.get();
        }
        if (oneRto(c)) {
            return Finding.confirmed(String.format(java.util.Locale.ROOT,
                    "it was refused after %.2f s, the time of one "
                            + "retransmission: so an ICMP reject of this host's own output chain shows itself, while a RST comes at once",
                    c.question().seconds().get()));
        }
        if (c.question().seconds().isPresent() && !icmp) {
            return Finding.ruledOut("it was refused after " + c.question().seconds().get()
                    + " s, and a reject of this host's own output chain takes 1.02 s");
        }
        return icmp
                ? Finding.possible(
                        c.delta(UNREACHABLE).orElse(0) + " ICMP unreachables came in between the two readings")
                : Signs.quiet(c, UNREACHABLE) ? Finding.ruledOut("no ICMP unreachable came in")
                        : Finding.unknown(
                                "how long it took would tell (1.02 s for a local reject), or a second reading");
    }

    private static Finding rejectRst(Case c) {
        if (oneRto(c)) {
            return Finding.ruledOut("a RST comes at once, not after a retransmission");
        }
        Optional<Finding> rule = rejects(c, "reject-rst");
        if (rule.isPresent()) {
            return rule.get();
        }
        Optional<Snapshot.Listening> l = Endpoint.listener(c);
        return Endpoint.peerIsHere(c).orElse(false)
                ? l.isPresent()
                        ? Finding.possible(
                                "somebody listens on " + l.get().address() + ", so a rule sent the RST, unless the "
                                        + "listener is younger than the failure")
                        : Finding.ruledOut("nobody listens on " + c.question().peer().orElse("that address")
                                + ", which is reason enough")
                : Finding.possible("a rule at the peer or on the way may have sent the RST");
    }

    private static Finding unixNoListener(Case c) {
        if (c.question().peer().filter(p -> !unixPath(p)).isPresent()) {
            return Finding.ruledOut(c.question().peer().get() + " is no unix socket");
        }
        if (c.question().peer().isEmpty()) {
            return Finding.possible("if it was a unix socket: its path is there and nobody listens on it");
        }
        return c.number(Facts.UNIX_LIMIT).isPresent()
                ? Finding.ruledOut("somebody listens on " + c.question().peer().get())
                : c.now().whyUnread(Facts.UNIX_LIMIT).startsWith("absent")
                        ? Finding.confirmed("nobody listens on " + c.question().peer().get())
                        : Signs.missing(c, Facts.UNIX_LIMIT).orElseThrow();
    }

    private static Finding abortOnOverflow(Case c) {
        return Signs.missing(c, ABORT_ON_OVERFLOW).orElseGet(() -> {
            if (c.number(ABORT_ON_OVERFLOW).orElse(0) == 0) {
                return Finding.ruledOut("net.ipv4.tcp_abort_on_overflow is 0");
            }
            return Signs.quiet(c, ConnectTimeouts.OVERFLOWS)
                    ? Finding.ruledOut("no accept queue of this network namespace overflowed")
                    : Signs.counter(c, EMBRYONIC,
                            "%d {client was|clients were} reset between the two readings because an accept queue was full and "
                                    + "net.ipv4.tcp_abort_on_overflow is 1");
        });
    }

    private static Finding closedWithUnreadData(Case c) {
        if (Endpoint.peerIsHere(c).filter(here -> !here).isPresent()) {
            return Finding.possible("the peer may have closed with data unread; TCPAbortOnClose counts it there");
        }
        Finding counted = Signs.counter(c, ON_CLOSE,
                "%d {connection|connections} of this network namespace {was|were} closed with data unread between the two "
                        + "readings, which sends RST");
        return counted.verdict() == Verdict.CONFIRMED && Signs.grew(c, Losses.ON_MEMORY)
                ? Finding.possible(counted.sentence() + "; others were reset for memory (TCPAbortOnMemory)")
                : counted;
    }
}
