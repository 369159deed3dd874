package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EHOSTUNREACH;
import static dev.headroom.linux.Errno.ENETUNREACH;
import static dev.headroom.linux.Errno.EPERM;
import static dev.headroom.linux.Errno.ETIMEDOUT;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Snapshot;

/**
 * connect(2) and ETIMEDOUT: nobody answered the SYN, or this kernel dropped it itself. tcp_connect ignores every error
 * of sending but ECONNREFUSED, so a local drop is silent too; it shows in TCPRetransFail, for the retransmissions fail.
 */
final class ConnectTimeouts {
    static final String OVERFLOWS = Facts.counter("TcpExt.ListenOverflows");
    static final String DROPS = Facts.counter("TcpExt.ListenDrops");
    static final String REQ_DROP = Facts.counter("TcpExt.TCPReqQFullDrop");
    private static final String RETRANS_FAIL = Facts.counter("TcpExt.TCPRetransFail");
    private static final String SYN_RETRANS = Facts.counter("TcpExt.TCPSynRetrans");
    private static final String SOMAXCONN = Facts.sysctl("net.core.somaxconn");
    private static final String CT_DROP = Facts.stat("nf_conntrack", "drop");
    private static final String CT_FAILED = Facts.stat("nf_conntrack", "insert_failed");
    private static final String CT_MAX = Facts.sysctl("net.netfilter.nf_conntrack_max");
    private static final String COOKIES = "net.ipv4.tcp_syncookies";
    private static final String NO_ABORT = "net.ipv4.tcp_abort_on_overflow=1 makes no room: it changes nothing for a SYN that "
            + "meets a full queue, and resets clients that believe they are connected.";
    private static final String NO_SYN_BACKLOG = "net.ipv4.tcp_max_syn_backlog alone makes no room: the queue is bounded by "
            + "min(backlog, net.core.somaxconn).";
    private static final String NO_COOKIES_OFF = "net.ipv4.tcp_syncookies=0 turns a slow server into an unreachable one.";
    private static final String[] PATIENCE = {"the client repeats its SYN, each attempt further apart",
            "with the defaults it gives up after 131 s (127 s before Linux 6.5); most programs have a shorter timer"};

    private static final List<Cause> EVIDENT = evident();
    static final List<Cause> ALL = causes();

    private ConnectTimeouts() {
    }

    private static List<Cause> causes() {
        List<Cause> all = new ArrayList<>(EVIDENT);
        all.add(Row.of("peer-blackhole", ETIMEDOUT).calls("connect")
                .evidence(SYN_RETRANS, RETRANS_FAIL, Facts.sysctl("net.ipv4.tcp_syn_retries"),
                        Facts.sysctl("net.ipv4.tcp_syn_linear_timeouts"), Facts.ROUTE_TYPE, Facts.ROUTE_DEVICE,
                        Facts.NEIGH_STATE)
                .rule("tcp_write_timeout gives up after net.ipv4.tcp_syn_retries (plus tcp_syn_linear_timeouts, 6.5) "
                        + "retransmissions of the SYN")
                .remedies(c -> List.of(Remedy.now("look on the peer: is its accept queue full?",
                        "headroom check --listen " + Endpoint.peer(c).map(p -> "" + p.port()).orElse("PORT")),
                        Remedy.now("does the SYN leave, and does it arrive?",
                                "tcpdump -ni any 'tcp[tcpflags] & tcp-syn != 0"
                                        + Endpoint.peer(c).map(p -> " and port " + p.port()).orElse("") + "'")))
                .dont("Nothing that is tuned on this host can make the peer answer.").next(PATIENCE)
                .provoked("6.18 by test")
                .judge(c -> Signs.remainder(c, ConnectTimeouts::local, blackhole(c))));
        all.add(Row.of("firewall-drop", ETIMEDOUT, EPERM).calls("connect", "sendto", "sendmsg", "send", "write")
                .evidence(ConnectPorts.plus(Rules.EVIDENCE, RETRANS_FAIL, SYN_RETRANS, Facts.ROUTE_TYPE))
                .rule("NF_DROP on the way out frees the packet and TCP goes on as if it had been lost: ETIMEDOUT, never EPERM "
                        + "(tcp_connect); UDP, ping and raw sockets do get EPERM from sendto. A drop on the way in or at the peer "
                        + "is silent to both (all kernels)")
                .remedies(c -> List.of(
                        Remedy.now("look at the counters of the rules while it happens",
                                inNamespace(c, "nft list ruleset"),
                                inNamespace(c, "iptables-save -c | grep -i drop")),
                        Remedy.persistent("accept the connection in the rules, before the rule that counts")))
                .dont("No queue and no port is short here: larger ones change nothing.").next(PATIENCE)
                .provoked("6.18 by test").judge(ConnectTimeouts::firewall));
        all.add(Row.of("cgroup-bpf-egress", ETIMEDOUT, EPERM).calls("connect", "sendto", "sendmsg", "send", "write")
                .evidence(ConnectPorts.plus(Rules.EVIDENCE, RETRANS_FAIL))
                .rule("a BPF program at the cgroup's egress hook (systemd's IPAddressDeny=, Cilium) refuses packets in "
                        + "ip_finish_output: to the socket it looks like a firewall's drop (all kernels since 4.10)")
                .remedies(c -> List.of(Remedy.now("see what is attached", "bpftool cgroup tree"),
                        Remedy.systemd("allow the address", "systemctl edit UNIT", "[Service]",
                                "IPAddressAllow=ADDRESS")))
                .next(PATIENCE).provoked("source only").judge(ConnectTimeouts::cgroupBpf));
        return List.copyOf(all);
    }

    private static List<Cause> local() {
        return ALL.stream().filter(x -> !x.id().equals("peer-blackhole")).toList();
    }

    /** All that have a counter or a state of their own. */
    private static List<Cause> evident() {
        return List.of(
                Row.of("accept-queue-full", ETIMEDOUT).calls("connect")
                        .evidence(OVERFLOWS, DROPS, SOMAXCONN)
                        .rule("tcp_conn_request drops the SYN while sk_acceptq_is_full: sk_ack_backlog > sk_max_ack_backlog, so "
                                + "min(backlog, net.core.somaxconn) + 1 connections wait (since 4.10; before, the SYN was answered)")
                        .remedies(ConnectTimeouts::queueRemedies).dont(NO_ABORT, NO_SYN_BACKLOG)
                        .next("each SYN adds 1 to ListenOverflows and ListenDrops and is not answered",
                                "the client repeats it and gives up after 131 s (127 s before Linux 6.5) with ETIMEDOUT",
                                "a client whose last ACK met the full queue believes it is connected: its data is ignored, and "
                                        + "after about 63 s it is reset")
                        .provoked("6.18 by test").judge(ConnectTimeouts::acceptQueue),
                Row.of("syn-queue-full-nocookies", ETIMEDOUT).calls("connect")
                        .evidence(REQ_DROP, DROPS, Facts.sysctl(COOKIES))
                        .rule("inet_csk_reqsk_queue_is_full: more half-open connections than min(backlog, somaxconn), and "
                                + "tcp_syn_flood_action drops the SYN because net.ipv4.tcp_syncookies is 0 (all kernels)")
                        .remedies(c -> Signs.netnsSysctl(c, COOKIES, "1", "let the kernel answer with cookies"))
                        .dont(NO_SYN_BACKLOG, NO_COOKIES_OFF).next(PATIENCE).provoked("6.18 by test")
                        .judge(atServer(c -> Signs.is(c, COOKIES, 0) ? Signs.counter(c, REQ_DROP,
                                "the queue of half-open connections was full for %d {SYN|SYNs} between the two readings, and "
                                        + "net.ipv4.tcp_syncookies is 0")
                                : cookiesOn(c))),
                Row.of("syn-backlog-last-quarter", ETIMEDOUT).calls("connect")
                        .evidence(DROPS, OVERFLOWS, REQ_DROP, Facts.sysctl(COOKIES),
                                Facts.sysctl("net.ipv4.tcp_max_syn_backlog"))
                        .rule("tcp_conn_request without cookies keeps the last quarter of net.ipv4.tcp_max_syn_backlog for peers "
                                + "it knows: a stranger gets in up to max - max/4 + 1 half-open connections (all kernels)")
                        .remedies(c -> Signs.netnsSysctl(c, COOKIES, "1", "let the kernel answer with cookies"))
                        .dont(NO_COOKIES_OFF).next(PATIENCE).provoked("6.18 by test")
                        .judge(atServer(ConnectTimeouts::lastQuarter)),
                Row.of("conntrack-full-local", ETIMEDOUT, EPERM)
                        .calls("connect", "sendto", "sendmsg", "send", "write")
                        .evidence(Facts.CONNTRACK_COUNT, CT_MAX, CT_DROP, Facts.stat("nf_conntrack", "early_drop"))
                        .rule("__nf_conntrack_alloc: the network namespace's count > nf_conntrack_max and early_drop finds no "
                                + "unanswered entry to evict, so packets of new connections are dropped: ETIMEDOUT for TCP, EPERM "
                                + "for UDP and ping (all kernels)")
                        .remedies(c -> plus(Remedies.roomierSysctl(c, "net.netfilter.nf_conntrack_max"),
                                Remedy.persistent("let idle entries go sooner (5 days by default)",
                                        "net.netfilter.nf_conntrack_tcp_timeout_established = 86400"),
                                Remedy.persistent("do not track what needs no tracking",
                                        "nft add rule inet raw prerouting tcp dport PORT notrack")))
                        .dont("Restarting the program empties no table: entries outlive their connections.")
                        .next("connections that exist go on; every new one is dropped until entries expire",
                                "the kernel logs nf_conntrack: table full, dropping packet (6.18: in netns INODE)")
                        .provoked("6.18 by test").judge(ConnectTimeouts::conntrackFull),
                Row.of("nat-ports-exhausted", ETIMEDOUT, EPERM).calls("connect", "sendto", "sendmsg", "send", "write")
                        .evidence(CT_FAILED, CT_DROP, Facts.CONNTRACK_COUNT, CT_MAX)
                        .rule("nf_nat_setup_info finds no free port for SNAT or MASQUERADE to that destination: the packet is "
                                + "dropped, insert_failed and drop rise, nothing is logged (all kernels)")
                        .remedies(c -> List.of(
                                Remedy.now("see the ranges of the NAT rules", inNamespace(c, "nft list ruleset")),
                                Remedy.persistent("give SNAT more ports or more addresses",
                                        "nft add rule ip nat postrouting snat to ADDRESS-ADDRESS:1024-65535")))
                        .dont("A larger nf_conntrack_max does not help: the table has room.").next(PATIENCE)
                        .provoked("6.18 by test").judge(ConnectTimeouts::nat),
                Row.of("conntrack-chain-too-long", ETIMEDOUT, EPERM).calls("connect", "sendto", "sendmsg")
                        .evidence(chainColumn(), Facts.CONNTRACK_COUNT, CT_MAX,
                                Facts.sysctl("net.netfilter.nf_conntrack_buckets"))
                        .rule("__nf_conntrack_confirm drops a new entry whose hash chain is longer than a random 50 to 79 (5.15)")
                        .remedies(c -> Remedies.roomierSysctl(c, "net.netfilter.nf_conntrack_buckets")).next(PATIENCE)
                        .provoked("source only")
                        .judge(c -> untracked(c).orElseGet(() -> Signs.counter(c, chainColumn(c),
                                "%d new {connection|connections} met a hash chain of conntrack that is too long between the two readings"))),
                Row.of("neigh-table-overflow", ETIMEDOUT)
                        .calls("connect").evidence(Facts.stat("arp_cache", "table_fulls"),
                                Facts.sysctl("net.ipv4.neigh.default.gc_thresh3"))
                        .rule("neigh_alloc refuses an entry above net.ipv4.neigh.default.gc_thresh3: TCP times out, UDP's sendto "
                                + "succeeds and the packet is lost (all kernels); the number is the whole machine's")
                        .remedies(c -> Remedies.roomierSysctl(c, "net.ipv4.neigh.default.gc_thresh3"))
                        .next("the kernel logs neighbour: arp_cache: neighbor table overflow!")
                        .provoked("6.1 by test in a guest")
                        .judge(c -> Endpoint.peerIsHere(c).orElse(false)
                                ? Finding.ruledOut("the peer is this host, which needs no neighbour")
                                : Signs.counter(c, Facts.stat("arp_cache", "table_fulls"),
                                        "the neighbour table is full "
                                                + "(net.ipv4.neigh.default.gc_thresh3): %d {entry was|entries were} refused between the two "
                                                + "readings")),
                Row.of("bound-to-wrong-device", ETIMEDOUT, EHOSTUNREACH).calls("connect")
                        .evidence(Facts.CALLER_DEVICE, Facts.ROUTE_DEVICE)
                        .rule("SO_BINDTODEVICE sends through that device whatever the routes say (ip_route_output_key_hash_rcu), "
                                + "and nobody there knows the peer")
                        .remedies(c -> List.of(Remedy.now("leave SO_BINDTODEVICE away, or name the device of the route",
                                "ip route get " + Endpoint.peer(c).map(Endpoint::host).orElse("PEER"))))
                        .next(PATIENCE).provoked("6.18 by test").judge(ConnectTimeouts::device),
                Row.of("loopback-down", ETIMEDOUT, ENETUNREACH).calls("connect").evidence(Facts.LO_UP)
                        .rule("a new network namespace has lo down: before it was ever up there is no route to 127.0.0.1 "
                                + "(ENETUNREACH), after it was set down again the SYN is lost in it (ETIMEDOUT)")
                        .remedies(c -> List.of(Remedy.now("set it up", inNamespace(c, "ip link set lo up"))))
                        .next("nothing in this network namespace can call itself").provoked("6.18 by test")
                        .judge(ConnectTimeouts::loopback));
    }

    private static List<Remedy> plus(List<Remedy> some, Remedy... more) {
        List<Remedy> all = new ArrayList<>(some);
        all.addAll(List.of(more));
        return all;
    }

    static String inNamespace(Case c, String command) {
        return c.text(Facts.NET_SCOPE).filter(s -> !s.equals("self")).flatMap(s -> c.text(Facts.PID))
                .map(pid -> "nsenter -t " + pid + " -n " + command).orElse(command);
    }

    /** Since 5.15 the column of chaintoolong has the header chainlength, as the columns' names were not kept in step. */
    private static String chainColumn() {
        return Facts.stat("nf_conntrack", "chainlength");
    }

    private static String chainColumn(Case c) {
        String own = Facts.stat("nf_conntrack", "chaintoolong");
        return c.now().fact(own).isPresent() ? own : chainColumn();
    }

    // ---- accept queue

    /** The capacity in words, and which of its two terms binds: the program's backlog or the sysctl. */
    static String capacity(Case c, Snapshot.Listening l) {
        long somaxconn = c.number(SOMAXCONN).orElse(-1);
        String by = somaxconn < 0 ? "min(backlog, net.core.somaxconn)"
                : l.limit() < somaxconn ? "the program's backlog" : "net.core.somaxconn";
        return l.queue() + " of "
                + Say.agree("%d {connection waits|connections wait} in the accept queue of ", l.limit() + 1)
                + l.address()
                + owner(l)
                + " (" + by + " is " + l.limit() + ", and one more fits)";
    }

    static String owner(Snapshot.Listening l) {
        return l.pid() == 0 ? "" : " of process " + l.pid() + (l.command().isEmpty() ? "" : " (" + l.command() + ")");
    }

    static boolean full(Snapshot.Listening l) {
        return l.queue() > l.limit();
    }

    private static Finding acceptQueue(Case c) {
        Optional<Snapshot.Listening> named = Endpoint.listener(c);
        boolean dropping = Signs.grew(c, OVERFLOWS);
        if (named.isPresent() && Endpoint.peerIsHere(c).orElse(true)) {
            Snapshot.Listening l = named.get();
            if (full(l)) {
                return Finding.confirmed(capacity(c, l) + overflowed(c));
            }
            return dropping ? Finding.possible(capacity(c, l) + " now" + overflowed(c))
                    : Finding.ruledOut(capacity(c, l));
        }
        if (c.question().peer().isPresent()) {
            return Endpoint.peerIsHere(c).orElse(false)
                    ? Finding.ruledOut("nobody listens on " + c.question().peer().get())
                    : Finding.unknown("the peer's host would tell (headroom check --listen "
                            + Endpoint.peer(c).orElseThrow().port()
                            + " there): its listeners cannot be seen from here");
        }
        Optional<Snapshot.Listening> any = c.now().listeners().stream().filter(ConnectTimeouts::full).findFirst();
        if (any.isPresent()) {
            String sentence = capacity(c, any.get()) + overflowed(c);
            return dropping || c.question().errno().isEmpty() ? Finding.confirmed(sentence)
                    : Finding.possible(sentence);
        }
        if (dropping) {
            return Finding.possible("an accept queue of this network namespace was full" + overflowed(c)
                    + ", though none is now");
        }
        return Signs.missing(c, Facts.LISTENERS, OVERFLOWS)
                .orElseGet(
                        () -> Finding.ruledOut(switch (c.now().listeners().size()) {
                            case 0 -> "there is no accept queue that could be full";
                            case 1 -> "the accept queue of " + c.now().listeners().getFirst().address()
                                    + " is not full";
                            default -> "none of the " + c.now().listeners().size() + " accept queues is full";
                        }));
    }

    private static String overflowed(Case c) {
        long n = c.delta(OVERFLOWS).orElse(0);
        return n > 0 ? "; ListenOverflows grew by " + n + " between the two readings" : "";
    }

    static List<Remedy> queueRemedies(Case c) {
        List<Remedy> all = new ArrayList<>();
        Optional<Snapshot.Listening> l = Endpoint.listener(c)
                .or(() -> c.now().listeners().stream().filter(ConnectTimeouts::full).findFirst());
        long limit = l.map(Snapshot.Listening::limit).orElse(128L);
        all.add(Remedy.now("accept faster; a process that was stopped or is out of descriptors accepts nothing",
                l.filter(x -> x.pid() != 0).map(x -> "headroom explain EMFILE --call accept4 --pid " + x.pid())
                        .orElse("headroom check --all")));
        if (limit >= c.number(SOMAXCONN).orElse(0)) {
            all.addAll(Signs.netnsSysctl(c, "net.core.somaxconn", Long.toString(Math.max(4096, Say.roomier(limit))),
                    "raise the ceiling of all backlogs, then restart the server: the clamp is applied by listen()"));
        }
        all.add(Remedy
                .persistent("raise the program's backlog (nginx: listen … backlog=N; Java: ServerSocket(port, N)) and "
                        + "restart it"));
        all.add(Remedy.systemd("for a socket unit", "systemctl edit UNIT.socket", "[Socket]", "Backlog=4096"));
        return all;
    }

    // ---- half-open connections

    /** Judges only where the listener may be in this network namespace. */
    private static Function<Case, Finding> atServer(Function<Case, Finding> judge) {
        return c -> Endpoint.peerIsHere(c).filter(here -> !here).isPresent()
                ? Finding.unknown("the peer's host would tell: its counters cannot be read from here") : judge.apply(c);
    }

    private static Finding cookiesOn(Case c) {
        return Signs.missing(c, Facts.sysctl(COOKIES)).orElseGet(() -> Finding.ruledOut(COOKIES + " is "
                + c.text(Facts.sysctl(COOKIES)).orElseThrow()
                + ": a full queue answers with cookies and drops nothing"));
    }

    private static Finding lastQuarter(Case c) {
        if (!Signs.is(c, COOKIES, 0)) {
            return cookiesOn(c);
        }
        if (Signs.grew(c, OVERFLOWS) || Signs.grew(c, REQ_DROP)) {
            return Finding.ruledOut("the drops came with ListenOverflows or TCPReqQFullDrop, and these come alone");
        }
        return Signs.counter(c, DROPS,
                "%d {SYN of a stranger was|SYNs of strangers were} dropped between the two readings to keep the last quarter "
                        + "of net.ipv4.tcp_max_syn_backlog ("
                        + c.text(Facts.sysctl("net.ipv4.tcp_max_syn_backlog")).orElse("?")
                        + ") free: ListenDrops grew alone");
    }

    // ---- conntrack and NAT

    /** Ruled out where nf_conntrack is not loaded: neither its sysctl nor its counters have a file. */
    private static Optional<Finding> untracked(Case c) {
        return Stream.of(Facts.CONNTRACK_COUNT, CT_DROP).allMatch(f -> c.now().whyUnread(f).contains("is not there"))
                ? Optional.of(Finding.ruledOut("connections are not tracked here (no nf_conntrack)"))
                : Optional.empty();
    }

    private static Finding conntrackFull(Case c) {
        Optional<Finding> missing = untracked(c).or(() -> Signs.missing(c, Facts.CONNTRACK_COUNT, CT_MAX));
        if (missing.isPresent()) {
            return missing.get();
        }
        long count = c.number(Facts.CONNTRACK_COUNT).orElse(0);
        long max = c.number(CT_MAX).orElse(Long.MAX_VALUE);
        String use = count + " of " + max + " conntrack entries are in use in this network namespace";
        if (count < max) {
            return Finding.ruledOut(use);
        }
        return Signs.grew(c, CT_DROP)
                ? Finding.confirmed(
                        use + Say.agree(", and %d {packet was|packets were} dropped between the two readings",
                                c.delta(CT_DROP).orElse(0)))
                : Finding.possible(use);
    }

    private static Finding nat(Case c) {
        Optional<Finding> untracked = untracked(c);
        if (untracked.isPresent()) {
            return untracked.get();
        }
        long count = c.number(Facts.CONNTRACK_COUNT).orElse(0);
        if (count >= c.number(CT_MAX).orElse(Long.MAX_VALUE)) {
            return Finding.ruledOut("the table itself is full");
        }
        Finding failed = Signs.counter(c, CT_FAILED,
                "NAT found no free source port for that destination %d {time|times} between the "
                        + "two readings (insert_failed), while the conntrack table holds only " + count + " of "
                        + c.text(CT_MAX).orElse("?") + " entries");
        return Signs.grew(c, CT_FAILED) && Signs.quiet(c, CT_DROP)
                ? Finding.possible(
                        "insert_failed grew and nothing was dropped: two packets of one connection may have met")
                : failed;
    }

    // ---- this host

    private static Finding device(Case c) {
        return Signs.missing(c, Facts.CALLER_DEVICE).orElseGet(() -> {
            String bound = c.text(Facts.CALLER_DEVICE).orElseThrow();
            if (bound.equals("none")) {
                return Finding.ruledOut("the socket is bound to no device");
            }
            return Signs.missing(c, Facts.ROUTE_DEVICE).orElseGet(() -> {
                String route = c.text(Facts.ROUTE_DEVICE).orElseThrow();
                return bound.equals(route) ? Finding.ruledOut("the socket is bound to " + bound + ", as the route is")
                        : Finding.confirmed(
                                "the socket is bound to device " + bound + " (SO_BINDTODEVICE), and the route to "
                                        + c.question().peer().orElse("the peer") + " is by " + route);
            });
        });
    }

    private static Finding loopback(Case c) {
        boolean concerns = Endpoint.peer(c).map(Endpoint::loopback).orElse(true)
                || Endpoint.peerIsHere(c).orElse(false);
        if (!concerns) {
            return Finding.ruledOut("the peer is not this host");
        }
        return Signs.missing(c, Facts.LO_UP).orElseGet(() -> c.text(Facts.LO_UP).orElseThrow().equals("yes")
                ? Finding.ruledOut("lo is up")
                : Endpoint.peer(c).isPresent() ? Finding.confirmed("lo is down in this network namespace")
                        : Finding.possible("lo is down in this network namespace"));
    }

    /** Whether a call to the question's peer is still waiting for its answer. */
    private static boolean calling(Case c) {
        return c.now().flows().stream().filter(f -> f.state("SYN-SENT") > 0)
                .anyMatch(f -> Endpoint.peer(c).map(p -> Endpoint.parse(f.target()).equals(p)).orElse(false));
    }

    private static Finding firewall(Case c) {
        return Signs.remainder(c, () -> EVIDENT, ruleOfThisHost(c));
    }

    private static Finding ruleOfThisHost(Case c) {
        boolean udp = c.question().errno().filter(e -> e == EPERM).isPresent();
        boolean here = Endpoint.peerIsHere(c).orElse(false);
        if (udp && c.question().call().equals("connect")) {
            return Finding.ruledOut("netfilter never gives EPERM to connect");
        }
        if (Rules.certain(c, "out", "drop") || udp && Rules.certain(c, "out", "reject")) {
            return Finding.confirmed(Rules.sentence(c, "out", "on its way out"));
        }
        if (!udp && Rules.certain(c, "in", "drop")) {
            return Finding.confirmed(Rules.sentence(c, "in", here ? "on its way in" : "or rather the answer to it"));
        }
        boolean noneOut = Rules.none(c, "out");
        if (noneOut && (udp || Rules.none(c, "in") && here)) {
            return Finding.ruledOut(Rules.nothing(c));
        }
        if (udp) {
            return Rules.perhaps(c, "out", "drop") ? Finding.possible(Rules.sentence(c, "out", "on its way out"))
                    : Finding.possible(
                            "a firewall rule on the way out drops or rejects the packet: for UDP, ping and raw sockets "
                                    + "sendto then says EPERM" + Rules.unread(c));
        }
        long failed = c.delta(RETRANS_FAIL).orElse(0);
        if (failed > 0 && noneOut) {
            return Finding.ruledOut(Rules.nothing(c));
        }
        if (failed > 0) {
            String sentence = "this host drops its own SYNs on their way out: " + Say.count(failed, "retransmission")
                    + " could not be sent "
                    + "between the two readings (TCPRetransFail), and neither conntrack nor a missing neighbour did it, so "
                    + (Rules.perhaps(c, "out", "drop") ? "a rule did, perhaps that of " + Rules.rule(c, "out")
                            : "a rule of netfilter or of the cgroup did" + Rules.unread(c));
            return calling(c) && Rules.counted(c, "out") ? Finding.confirmed(sentence + ", whose counter grew")
                    : Finding.possible(sentence);
        }
        if (here) {
            String queue = Endpoint.listener(c).map(l -> capacity(c, l))
                    .orElse("nobody listens there, which a reset would say");
            String sentence = "the peer is this host, whose kernel answers each SYN unless a rule drops it: " + queue;
            return calling(c) && Signs.quiet(c, DROPS) ? Finding.confirmed(sentence) : Finding.possible(sentence);
        }
        if (Rules.perhaps(c, "out", "drop")) {
            return Finding.possible(Rules.sentence(c, "out", "on its way out"));
        }
        if (c.delta(RETRANS_FAIL).isPresent()) {
            return Finding.possible(
                    "no SYN was dropped on its way out here (TCPRetransFail did not grow); a rule on the way, at the "
                            + "peer, or for the answer looks like a peer that is silent");
        }
        return noneOut ? Finding.possible(Rules.nothing(c) + "; one on the way or at the peer may")
                : Finding.unknown(
                        "a second reading would tell (--watch 2s, while the call waits): TCPRetransFail grows when this "
                                + "host drops its own SYNs" + Rules.unread(c));
    }

    private static Finding cgroupBpf(Case c) {
        if (Rules.certain(c, "out", "drop") || Rules.certain(c, "out", "reject")) {
            return Finding.ruledOut("the packet does not get as far: " + Rules.rule(c, "out") + " stops it before");
        }
        String attached = "what is attached to the cgroup would tell: bpftool cgroup tree";
        if (c.question().errno().filter(e -> e == EPERM).isPresent()) {
            return Rules.none(c, "out")
                    ? Signs.remainder(c, () -> EVIDENT, Finding.possible(
                            Rules.nothing(c) + ", so a BPF program of the cgroup may; " + attached))
                    : Finding.unknown(attached);
        }
        if (c.delta(RETRANS_FAIL).isPresent() && c.delta(RETRANS_FAIL).getAsLong() == 0
                || Signs.quiet(c, RETRANS_FAIL)) {
            return Finding.ruledOut("no SYN of this network namespace failed to leave (TCPRetransFail)");
        }
        if (Signs.grew(c, RETRANS_FAIL) && Rules.none(c, "out")) {
            return Signs.remainder(c, () -> EVIDENT, Finding.confirmed(Say.count(c.delta(RETRANS_FAIL).getAsLong(),
                    "SYN")
                    + " could not leave between the two readings (TCPRetransFail), and " + Rules.nothing(c)
                    + ": a BPF program of the cgroup drops "
                    + (c.delta(RETRANS_FAIL).getAsLong() == 1 ? "it" : "them")));
        }
        return Signs.remainder(c, () -> EVIDENT, Finding.unknown(attached));
    }

    private static Finding blackhole(Case c) {
        StringBuilder s = new StringBuilder("nothing on this host speaks for a local cause: the SYN to ")
                .append(c.question().peer().orElse("the peer")).append(" leaves");
        c.text(Facts.ROUTE_DEVICE).ifPresent(d -> s.append(" by ").append(d));
        s.append(" and nobody answers");
        double patience = patience(c);
        c.question().seconds().filter(t -> patience > 0 && t < patience * 0.95 - 0.5)
                .ifPresent(t -> s.append(String.format(Locale.ROOT,
                        "; the call ended after %.1f s and the kernel tries for %.0f s, "
                                + "so the program's own timer (or TCP_USER_TIMEOUT, TCP_SYNCNT) ended it",
                        t, patience)));
        return Endpoint.peerIsHere(c).orElse(false) ? Finding.ruledOut("the peer is this host")
                : Finding.possible(s.toString());
    }

    /** For how long the kernel repeats a SYN, in seconds; 0 if unknown. */
    static double patience(Case c) {
        long retries = c.number(Facts.sysctl("net.ipv4.tcp_syn_retries")).orElse(-1);
        return retries < 0 || retries > 60 ? 0
                : patience(retries, c.number(Facts.sysctl("net.ipv4.tcp_syn_linear_timeouts")).orElse(0));
    }

    /** Timers of 1 s for the first linear + 1 attempts, then doubling, until 2^(retries + 1) - 1 s have passed. */
    static double patience(long retries, long linear) {
        double bound = Math.pow(2, retries + 1) - 1;
        double elapsed = 0;
        for (int i = 0;; i++) {
            elapsed += i <= linear ? 1 : Math.pow(2, i - linear);
            if (elapsed >= bound || i >= retries + linear) {
                return elapsed;
            }
        }
    }
}
