package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EADDRNOTAVAIL;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToLongFunction;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Facts.Role;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;

/**
 * connect(2) and EADDRNOTAVAIL: no source port is left for these two addresses and this destination port. Who holds the
 * most ports of the range is the cause; the others that hold some are named beside it.
 */
final class ConnectPorts {
    private static final String RANGE = "net.ipv4.ip_local_port_range";
    private static final String[] EVIDENCE = {Facts.PORT_LOW, Facts.PORT_HIGH, Facts.PORTS_RESERVED, Facts.PORTS_BOUND,
            Facts.PORTS_BLOCKED, Facts.FLOW_SOCKETS, Facts.NET_SCOPE};
    private static final String NO_LIMIT = "Raising ulimit -n changes nothing: no descriptor is missing.";
    private static final String NO_FIN = "net.ipv4.tcp_fin_timeout does not shorten TIME_WAIT, which is 60 s always, and "
            + "net.ipv4.tcp_max_tw_buckets throws away what protects the next connection.";
    private static final String NO_RECYCLE = "net.ipv4.tcp_tw_recycle is gone since Linux 4.12; it broke clients behind NAT.";
    private static final List<String> NEXT = List.of("each further connect to this destination fails at once",
            "connects to another address or port go on: the limit is per source address, destination address and port");

    private static final List<Cause> EVIDENT = evident();
    static final List<Cause> ALL = causes();

    private ConnectPorts() {
    }

    private static Row row(String id) {
        return Row.of(id, EADDRNOTAVAIL).calls("connect").evidence(EVIDENCE);
    }

    private static List<Cause> causes() {
        List<Cause> all = new ArrayList<>(EVIDENT);
        all.add(row("socket-local-port-range")
                .evidence(plus(EVIDENCE, Role.RANGED.example(), Facts.FD_RANGE, Facts.FD_RANGE_TAKEN))
                .rule("IP_LOCAL_PORT_RANGE on a socket narrows the range for it alone (inet_sk_get_local_port_range, "
                        + "Linux 6.3); bounds outside the sysctl's range are ignored")
                .remedies(c -> List.of(Remedy.now("widen or remove the option in the program",
                        "setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE /* 51 */, &(uint32_t){0}, 4)")))
                .dont(NO_LIMIT).next(NEXT.toArray(String[]::new)).provoked("6.18 by test")
                .judge(c -> Signs.remainder(c, () -> EVIDENT, ownRange(c).orElseGet(() -> room(c)))));
        return List.copyOf(all);
    }

    /** All that show themselves outside the process. */
    private static List<Cause> evident() {
        return List.of(
                row("explicit-tuple-in-use").evidence(Facts.TUPLE_STATE)
                        .rule("a source port that the caller chose must be free for that peer: __inet_check_established "
                                + "finds the same four numbers, a TIME_WAIT that may not be reused among them (all kernels)")
                        .remedies(c -> List.of(Remedy.now("let the kernel choose the source port: bind to port 0, with "
                                + "IP_BIND_ADDRESS_NO_PORT if the address matters",
                                "setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT /* 24 */, &(int){1}, 4)")))
                        .dont(NO_LIMIT, "A wider " + RANGE + " does not help: the kernel chose no port here.")
                        .next("the same connect succeeds when that connection is gone, 60 s later after an active close",
                                "to another address or port it succeeds now")
                        .provoked("6.18 by test").judge(ConnectPorts::explicitTuple),
                row("time-wait-holds-tuple")
                        .evidence(plus(EVIDENCE, Facts.sysctl("net.ipv4.tcp_tw_reuse"),
                                Facts.sysctl("net.ipv4.tcp_tw_reuse_delay"), Facts.sysctl("net.ipv4.tcp_timestamps"),
                                Facts.counter("TcpExt.TWRecycled")))
                        .rule("tcp_twsk_unique gives a TIME_WAIT away only if both ends had timestamps, net.ipv4.tcp_tw_reuse"
                                + " allows it (1; 2, the default since 4.19, for loopback only) and tcp_tw_reuse_delay (6.14; 1 s "
                                + "before) is over; the side that closes first has it, for 60 s")
                        .remedies(ConnectPorts::timeWaitRemedies).dont(NO_FIN, NO_RECYCLE, NO_LIMIT)
                        .next("a port comes back 60 s after its connection was closed here: more than "
                                + "ports / 60 s new connections a second cannot be sustained")
                        .provoked("6.18 by test").judge(holder(PortUse::timeWait, ConnectPorts::timeWait)),
                row("ports-bound-by-others")
                        .rule("__inet_hash_connect skips a port whose bind bucket belongs to an explicit bind(), whatever its "
                                + "address (fastreuse or fastreuseport >= 0); before 6.18 (and its backports) until every "
                                + "socket on the port is gone, since then until the bound one is")
                        .remedies(c -> List.of(Remedy.now("see who has them, idle bound sockets too (iproute2 6.8)",
                                "ss -tanp --bound-inactive"),
                                Remedy.persistent("in clients that bind an address, leave the port to connect",
                                        "setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT /* 24 */, &(int){1}, 4)"),
                                Remedy.persistent("move listeners out of the range")))
                        .dont(NO_LIMIT, "ss without --bound-inactive and /proc/net/tcp do not show idle bound sockets.")
                        .next(NEXT.toArray(String[]::new)).provoked("6.18 by test")
                        .judge(ConnectPorts::boundByOthers),
                row("reserved-ports").evidence(plus(EVIDENCE, Facts.sysctl("net.ipv4.ip_local_reserved_ports")))
                        .rule("__inet_hash_connect passes over net.ipv4.ip_local_reserved_ports (inet_is_local_reserved_port); "
                                + "a bind() to one of them works")
                        .remedies(c -> List.of(
                                Remedy.now("release ports that nothing needs; a newline empties the list, "
                                        + "zero bytes do not", "sysctl -w net.ipv4.ip_local_reserved_ports=''"),
                                Remedy.persistent("the same after a restart: correct the line in", "/etc/sysctl.d/")))
                        .dont(NO_LIMIT).next(NEXT.toArray(String[]::new)).provoked("6.18 by test")
                        .judge(holder(PortUse::reserved, u -> u.reserved() + " of the " + u.size() + " ports of "
                                + u.range() + " are reserved (net.ipv4.ip_local_reserved_ports)")),
                row("odd-range-miss")
                        .rule("__inet_hash_connect walks the range by twos and rounds its length down (remaining &= ~1U): of an "
                                + "odd number of ports one is never tried (seen on 6.1 to 6.18)")
                        .remedies(c -> Signs.netnsSysctl(c, RANGE, PortUse.of(c)
                                .map(u -> u.low() == 1024 ? u.low() + " " + (u.high() - 1)
                                        : u.low() - 1 + " " + u.high())
                                .orElse("32768 60999"), "give the range an even number of ports"))
                        .dont(NO_LIMIT).next(NEXT.toArray(String[]::new)).provoked("6.18 by test")
                        .judge(ConnectPorts::oddRange),
                row("tuple-range-exhausted")
                        .rule("__inet_hash_connect tries each port of " + RANGE
                                + " once (low's parity first) and needs the four "
                                + "numbers free: N = high - low + 1 - reserved connections per source address, destination "
                                + "address and destination port, not per host (all kernels)")
                        .remedies(ConnectPorts::rangeRemedies).dont(NO_LIMIT, NO_FIN)
                        .next(NEXT.toArray(String[]::new)).provoked("6.18 by test")
                        .judge(holder(PortUse::live, ConnectPorts::exhausted)),
                row("no-source-address").evidence(Facts.IPV6_ADDRESSES, Facts.sysctl("net.ipv6.conf.all.disable_ipv6"))
                        .rule("ip6_dst_lookup_tail → ipv6_dev_get_saddr finds no address to call from: IPv6 is disabled in this "
                                + "network namespace, usual in containers where localhost is ::1 first")
                        .remedies(c -> plusFirst(Remedy.now("call the IPv4 address (127.0.0.1 instead of localhost)"),
                                Signs.netnsSysctl(c, "net.ipv6.conf.all.disable_ipv6", "0", "or enable IPv6")))
                        .dont(NO_LIMIT, "A wider " + RANGE + " does not help: no address is missing a port.")
                        .next("every connect to an IPv6 address fails at once; IPv4 works").provoked("6.18 by test")
                        .judge(ConnectPorts::noSource));
    }

    /** Where bound and reserved ports overlap they are counted as reserved. */
    private static long overlap(PortUse u) {
        return u.bound() + u.reserved() - u.blocked();
    }

    private static Optional<Finding> chosenPort(Case c) {
        return Endpoint.local(c).filter(l -> l.port() != 0)
                .map(l -> Finding
                        .ruledOut("the caller chose source port " + l.port() + ", so the range plays no part"));
    }

    private static Finding unread(Case c) {
        return Signs.missing(c, Facts.PORT_LOW, Facts.PORT_HIGH, Facts.FLOW_SOCKETS).orElseThrow();
    }

    /** CONFIRMED for the one that holds the most of a full range, POSSIBLE for another that holds some of it. */
    private static Function<Case, Finding> holder(ToLongFunction<PortUse> share, Function<PortUse, String> sentence) {
        return c -> chosenPort(c).or(() -> PortUse.of(c).map(u -> {
            long mine = share.applyAsLong(u);
            if (!u.full()) {
                return Finding.ruledOut(u.shares());
            }
            long most = Math.max(Math.max(u.live(), u.timeWait()), Math.max(u.bound() - overlap(u), u.reserved()));
            if (mine <= 0) {
                return Finding.ruledOut(u.shares() + ", none of them this way");
            }
            return mine == most ? Finding.confirmed(sentence.apply(u) + also(u, mine))
                    : Finding.possible(u.shares() + ": these alone do not fill the range");
        })).orElseGet(() -> unread(c));
    }

    private static Finding boundByOthers(Case c) {
        Optional<PortUse> use = PortUse.of(c);
        long all = c.number(Facts.PORTS_IN_USE).orElse(0);
        if (chosenPort(c).isEmpty() && use.filter(u -> !u.full() && all >= u.size() - u.reserved()).isPresent()) {
            return Finding
                    .possible(use.get().shares() + ", but " + all + " of them are some socket's: connect passes over "
                            + "those that were bound before they were connected, which cannot be told from outside");
        }
        return holder(u -> u.bound() - overlap(u), u -> u.bound() + " of the " + u.size() + " ports of " + u.range()
                + " belong to listeners and bound sockets, on whatever address, and connect passes such ports over")
                .apply(c);
    }

    private static String also(PortUse u, long mine) {
        return mine < u.size() ? ": " + u.shares() : "";
    }

    private static String exhausted(PortUse u) {
        return "all " + (u.size() - u.blocked() - u.timeWait()) + " ports that may be chosen from " + u.range()
                + " already serve connections from " + u.flow();
    }

    private static String timeWait(PortUse u) {
        return u.timeWait() + " of the " + u.size() + " ports of " + u.range() + " are held by closed connections from "
                + u.flow() + " in TIME_WAIT, for 60 s each";
    }

    private static List<Remedy> timeWaitRemedies(Case c) {
        List<Remedy> all = new ArrayList<>();
        boolean stamps = !Signs.is(c, "net.ipv4.tcp_timestamps", 0);
        if (!stamps) {
            all.addAll(Signs.netnsSysctl(c, "net.ipv4.tcp_timestamps", "1",
                    "turn timestamps on: without them no TIME_WAIT is ever reused"));
        }
        if (!Signs.is(c, "net.ipv4.tcp_tw_reuse", 1)) {
            all.addAll(Signs.netnsSysctl(c, "net.ipv4.tcp_tw_reuse", "1", "let outgoing connections reuse a TIME_WAIT "
                    + "after " + c.text(Facts.sysctl("net.ipv4.tcp_tw_reuse_delay")).orElse("1000") + " ms"));
        }
        all.add(Remedy.persistent("keep connections open and pool them, or let the server close first"));
        return all;
    }

    private static List<Remedy> rangeRemedies(Case c) {
        List<Remedy> all = new ArrayList<>();
        if (c.number(Facts.PORT_LOW).orElse(0) > 1024) {
            all.addAll(
                    Signs.netnsSysctl(c, RANGE, "1024 65535", "widen the range; reserve the ports of listeners in it "
                            + "(net.ipv4.ip_local_reserved_ports)"));
        }
        all.add(Remedy.persistent("call from or to more addresses: each pair of addresses has the range anew"));
        all.add(Remedy.persistent("keep connections open and pool them"));
        return all;
    }

    private static Finding explicitTuple(Case c) {
        Optional<Endpoint> chosen = Endpoint.local(c).filter(l -> l.port() != 0);
        if (chosen.isEmpty()) {
            return Finding.ruledOut("the caller is not known to have chosen a source port");
        }
        String pair = chosen.get() + " to " + c.question().peer().orElse("the peer");
        return Signs.missing(c, Facts.TUPLE_STATE).orElseGet(() -> {
            String state = c.text(Facts.TUPLE_STATE).orElseThrow();
            return state.equals("none") ? Finding.ruledOut("there is no connection from " + pair)
                    : Finding.confirmed("the connection from " + pair + " exists already, in " + state);
        });
    }

    private static Finding oddRange(Case c) {
        return chosenPort(c).or(() -> PortUse.of(c).map(u -> {
            if (!u.odd()) {
                return Finding.ruledOut(
                        u.range() + " has " + (u.size() == 1 ? "one port" : u.size() + " ports, an even number"));
            }
            return u.allButTheOddOne()
                    ? Finding.confirmed(
                            u.range() + " has an odd number of ports, " + u.size() + ", and the walk by twos never "
                                    + "tries one of them: the other " + (u.size() - 1) + " are taken")
                    : Finding.ruledOut(u.shares());
        })).orElseGet(() -> unread(c));
    }

    private static Finding noSource(Case c) {
        Optional<Endpoint> peer = Endpoint.peer(c);
        if (peer.isPresent() && !peer.get().ipv6()) {
            return Finding.ruledOut(peer.get().host() + " is not an IPv6 address");
        }
        return Signs.missing(c, Facts.IPV6_ADDRESSES).orElseGet(() -> {
            boolean disabled = Signs.is(c, "net.ipv6.conf.all.disable_ipv6", 1);
            long addresses = c.number(Facts.IPV6_ADDRESSES).orElse(0);
            if (addresses > 0 && !disabled) {
                return Finding.ruledOut((addresses == 1 ? "there is " : "there are ")
                        + Say.count(addresses, "IPv6 address") + " to call from");
            }
            String sentence = "this network namespace has no IPv6 address to call from"
                    + (disabled ? ": net.ipv6.conf.all.disable_ipv6 is 1" : "");
            return peer.isPresent() ? Finding.confirmed(sentence)
                    : Finding.possible(sentence + "; if the call was to an IPv6 address, that is it");
        });
    }

    /** A range of the socket's own, where a descriptor of the process shows one. */
    private static Optional<Finding> ownRange(Case c) {
        Optional<String> range = c.text(Facts.FD_RANGE);
        if (chosenPort(c).isPresent()) {
            return Optional.empty();
        }
        if (range.isEmpty()) {
            return Fds.numbered(c)
                    ? Optional.of(Finding.ruledOut("descriptor " + c.question().fd().orElse(0)
                            + " has no range of its own (IP_LOCAL_PORT_RANGE)"))
                    : Optional.empty();
        }
        String[] ends = range.get().split("-");
        long size = Long.parseLong(ends[1]) - Long.parseLong(ends[0]) + 1;
        long taken = c.number(Facts.FD_RANGE_TAKEN).orElse(0);
        String sentence = Fds.one(c, Role.RANGED) + " may be given ports " + range.get()
                + " only (IP_LOCAL_PORT_RANGE), of which " + taken + " of " + size + " are taken";
        return Optional.of(taken >= size ? Finding.confirmed(sentence) : Finding.ruledOut(sentence));
    }

    /** What is left if the range has room: a range of the socket's own, or binds that cannot be seen. */
    private static Finding room(Case c) {
        if (c.text(Facts.PID).isEmpty() && PortUse.of(c).isPresent()) {
            return Finding.unknown("the process would tell (--pid PID): its network namespace, and whether its socket "
                    + "has a range of its own (IP_LOCAL_PORT_RANGE)");
        }
        return chosenPort(c).or(() -> PortUse.of(c).map(u -> Finding.possible(u.shares()
                + ", so the socket may have a smaller range of its own (IP_LOCAL_PORT_RANGE)"
                + (Fds.known(c, Role.RANGED) ? ", though none that is open now has" : Fds.wanted(c, Role.RANGED))
                + (c.now().fact(Facts.PORTS_BOUND).isEmpty() ? "; or others' bound sockets, which were not seen: "
                        + c.now().whyUnread(Facts.PORTS_BOUND) : ""))))
                .orElseGet(() -> unread(c));
    }

    static String[] plus(String[] some, String... more) {
        List<String> all = new ArrayList<>(List.of(some));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    static List<Remedy> plusFirst(Remedy first, List<Remedy> more) {
        List<Remedy> all = new ArrayList<>(List.of(first));
        all.addAll(more);
        return all;
    }
}
