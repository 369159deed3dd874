package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EACCES;
import static dev.headroom.linux.Errno.EADDRINUSE;
import static dev.headroom.linux.Errno.EADDRNOTAVAIL;
import static dev.headroom.linux.Errno.EINVAL;

import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Facts.Role;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Verdict;

/** bind(2), and listen(2) where it binds: who has the port, whose the address is, and who may. */
final class Bind {
    private static final String TIME_WAIT = Facts.portState("TIME-WAIT");
    private static final String BOUND = Facts.portState("BOUND");
    private static final String UNPRIVILEGED = Facts.sysctl("net.ipv4.ip_unprivileged_port_start");
    private static final String NONLOCAL = Facts.sysctl("net.ipv4.ip_nonlocal_bind");
    private static final String RESERVED = "net.ipv4.ip_local_reserved_ports";
    private static final int CAP_NET_BIND_SERVICE = 10;
    private static final int IFA_F_DADFAILED = 0x08;
    private static final int IFA_F_TENTATIVE = 0x40;
    private static final String NO_TW = "Waiting 60 s helps once; lowering net.ipv4.tcp_max_tw_buckets or tcp_fin_timeout does not "
            + "help at all.";

    static final List<Cause> ALL = causes();

    private Bind() {
    }

    private static List<Cause> causes() {
        return List.of(
                inUse("listener-present")
                        .rule("inet_csk_get_port → inet_csk_bind_conflict: a listener on the same address, or on all of them, keeps "
                                + "the port; SO_REUSEADDR does not lift that, and [::] takes IPv4 too unless IPV6_V6ONLY")
                        .remedies(c -> List.of(Remedy.now("see who listens, then stop it or take another port",
                                "ss -ltnp 'sport = :" + port(c) + "'")))
                        .dont("SO_REUSEADDR does not get a port away from a listener.",
                                "Killing whatever holds the port, unseen: it may be the service's own first instance.")
                        .next("the port is free as soon as that listener is closed").judge(named(Bind::listener)),
                inUse("reuseport-mismatch").evidence(Facts.PORT_OWNER, Facts.PORT_OWNER_UID, Facts.PORT_OWNER_REUSEPORT,
                        Facts.EUID)
                        .rule("inet_csk_bind_conflict: sockets share a port by SO_REUSEPORT only if all have set it and all belong to "
                                + "one effective user (sk_reuseport_match, 3.9)")
                        .remedies(c -> List
                                .of(Remedy.now("set SO_REUSEPORT before bind in all of them and run them as one user")))
                        .judge(named(Bind::reuseport)),
                inUse("client-ephemeral-collision").evidence(Facts.PORT_OUTGOING, Facts.PORT_EXAMPLE, Facts.PORT_LOW,
                        Facts.PORT_HIGH, Facts.sysctl(RESERVED))
                        .rule("an outgoing connection was given the port by __inet_hash_connect; its bucket has no SO_REUSEADDR, so "
                                + "inet_csk_bind_conflict refuses even a socket that has, until 60 s of TIME_WAIT are over")
                        .remedies(c -> Signs.netnsSysctl(c, RESERVED, port(c),
                                "keep the port out of automatic choice (name all "
                                        + "ports that are reserved already, too)"))
                        .dont("SO_REUSEADDR on the server's socket does not help: the client's has it not.", NO_TW)
                        .next("the port is free when that connection is over, at the latest 60 s after its close")
                        .judge(named(Bind::ephemeral)),
                inUse("time-wait-no-reuseaddr").evidence(TIME_WAIT, Facts.portState("ESTAB"), Facts.PORT_OUTGOING,
                        Facts.PORT_EXAMPLE)
                        .rule("inet_csk_bind_conflict: connections of the old listener keep the port unless both it and the new socket "
                                + "set SO_REUSEADDR, for a TIME_WAIT socket remembers the flag (all kernels)")
                        .remedies(
                                c -> List.of(
                                        Remedy.persistent(
                                                "set SO_REUSEADDR before bind, always: the next listener needs it of "
                                                        + "this one too (Java's ServerSocket does)",
                                                "setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, 4)"),
                                        Remedy.now("wait for 60 s after the last close")))
                        .dont(NO_TW,
                                "SO_REUSEADDR on the new socket alone does not help: the old listener must have had it.")
                        .next("the port is free 60 s after the last of these connections was closed")
                        .judge(named(Bind::timeWait)),
                inUse("bound-not-listening").evidence(BOUND, Facts.PORT_OWNER)
                        .rule("a socket that is bound and neither listens nor is connected holds its port like any other; /proc/net/tcp "
                                + "and ss do not show it (sock_diag does from 6.8, as TCP_BOUND_INACTIVE)")
                        .remedies(
                                c -> List.of(Remedy.now("see who has it (iproute2 6.8)", "ss -tanp --bound-inactive")))
                        .dont("Believing ss: what it does not list may still be bound.").judge(named(Bind::boundOnly)),
                bind0("bind0-exhausted", "sockets bound there hold", (c, held) -> !byConnections(c, held)),
                bind0("bind0-steals-range",
                        "mostly connections, which bound the address before they were connected, hold",
                        Bind::byConnections),
                Row.of("not-local", EADDRNOTAVAIL).calls("bind").evidence(Facts.LOCAL_TYPE, NONLOCAL)
                        .rule("inet_addr_valid_or_nonlocal: the address is none of this network namespace's own, and neither "
                                + "net.ipv4.ip_nonlocal_bind nor IP_FREEBIND nor IP_TRANSPARENT allows it (all kernels)")
                        .remedies(c -> ConnectPorts.plusFirst(
                                Remedy.now("see the addresses that are here; in a container bind to "
                                        + "0.0.0.0, for the published address is the host's",
                                        ConnectTimeouts.inNamespace(c, "ip addr")),
                                Signs.netnsSysctl(c, "net.ipv4.ip_nonlocal_bind", "1",
                                        "for an address that comes later (VRRP)")))
                        .dont("No port is short: a wider range does not help.").provoked("6.18 by test")
                        .judge(Bind::notLocal),
                Row.of("ipv6-tentative", EADDRNOTAVAIL).calls("bind").evidence(Facts.LOCAL_IPV6_FLAGS)
                        .rule("ipv6_chk_addr passes over an address until duplicate address detection is over (IFA_F_TENTATIVE), and for "
                                + "ever if it found one (IFA_F_DADFAILED)")
                        .remedies(c -> List.of(Remedy.now("wait a second, or do without the detection",
                                "ip addr add ADDRESS dev DEV nodad")))
                        .provoked("source only").judge(c -> Signs.missing(c, Facts.LOCAL_IPV6_FLAGS)
                                .filter(f -> Endpoint.local(c).map(Endpoint::ipv6).orElse(true))
                                .map(f -> Endpoint.local(c).isPresent()
                                        && c.now().fact(Facts.IPV6_ADDRESSES).isPresent()
                                                ? Finding.ruledOut(Endpoint.local(c).get().host() + " is on no device")
                                                : f)
                                .orElseGet(() -> tentative(c))),
                Row.of("bind-ipv6-disabled", EADDRNOTAVAIL).calls("bind").evidence(Facts.IPV6_ADDRESSES)
                        .rule("with net.ipv6.conf.all.disable_ipv6=1 no IPv6 address is local, ::1 neither")
                        .remedies(c -> Signs.netnsSysctl(c, "net.ipv6.conf.all.disable_ipv6", "0", "enable IPv6"))
                        .provoked("6.18 by test").judge(c -> {
                            if (Endpoint.local(c).filter(l -> !l.ipv6()).isPresent()) {
                                return Finding.ruledOut(Endpoint.local(c).get().host() + " is not an IPv6 address");
                            }
                            return Signs.missing(c, Facts.IPV6_ADDRESSES).orElseGet(() -> {
                                long n = c.number(Facts.IPV6_ADDRESSES).orElse(0);
                                return n > 0
                                        ? Finding.ruledOut("this network namespace has " + Say.count(n, "IPv6 address"))
                                        : Endpoint.local(c).isPresent()
                                                ? Finding.confirmed("this network namespace has no IPv6 address")
                                                : Finding.possible("this network namespace has no IPv6 address");
                            });
                        }),
                Row.of("privileged-port", EACCES).calls("bind").evidence(UNPRIVILEGED, Facts.CAP_EFF, Facts.EUID)
                        .rule("__inet_bind: port < net.ipv4.ip_unprivileged_port_start (1024) without CAP_NET_BIND_SERVICE in the user "
                                + "namespace that owns the network namespace (sysctl since 4.11)")
                        .remedies(c -> List.of(
                                Remedy.now(
                                        "let all users bind from this port on (in the network namespace of the process)",
                                        ConnectTimeouts.inNamespace(c,
                                                "sysctl -w net.ipv4.ip_unprivileged_port_start=" + port(c))),
                                Remedy.persistent("give the program the capability",
                                        "setcap cap_net_bind_service+ep PROGRAM"),
                                Remedy.systemd("for a unit, or socket activation", "systemctl edit UNIT", "[Service]",
                                        "AmbientCapabilities=CAP_NET_BIND_SERVICE"),
                                Remedy.container("in a container or pod",
                                        "docker run --sysctl net.ipv4.ip_unprivileged_port_start=0 …",
                                        "spec.securityContext.sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: \"0\"}]")))
                        .dont("Running the whole program as root for one port.")
                        .next("ports from that number on work for everybody")
                        .provoked("6.18 by test").judge(Bind::privileged),
                Row.of("already-bound", EINVAL).calls("bind").evidence(Fds.evidence(Role.BOUND))
                        .rule("__inet_bind: the socket has a port already (inet_num), or its state is not TCP_CLOSE; or addrlen is too short")
                        .remedies(c -> List.of(Remedy.now("bind a socket once; a new address needs a new socket")))
                        .dont("The address is not in use: that would be EADDRINUSE.").provoked("6.18 by test")
                        .judge(c -> Endpoint.local(c)
                                .filter(l -> l.host().startsWith("fe80:") && !l.host().contains("%")).isPresent()
                                        ? Finding.ruledOut("the address is link-local and lacks its device")
                                        : alreadyBound(c)));
    }

    private static Finding alreadyBound(Case c) {
        String other = "the address is shorter than its family's";
        long bound = Fds.count(c, Role.BOUND);
        if (Fds.numbered(c)) {
            return bound > 0
                    ? Finding.confirmed(Fds.one(c, Role.BOUND) + " is bound already, and a socket is bound once")
                    : Finding.possible("descriptor " + c.question().fd().orElse(0) + " is not bound: " + other);
        }
        return Finding
                .possible("the socket is bound already" + (bound > 0 ? ", as " + Fds.one(c, Role.BOUND) + " is" : "")
                        + ", or " + other + Fds.wanted(c, Role.BOUND));
    }

    private static Row inUse(String id) {
        return Row.of(id, EADDRINUSE).calls("bind").evidence(Facts.LISTENERS, BOUND, TIME_WAIT)
                .next("bind fails until the port is free").provoked("6.18 by test");
    }

    private static String port(Case c) {
        return Endpoint.local(c).filter(l -> l.port() != 0).map(l -> "" + l.port()).orElse("PORT");
    }

    // ---- a port that was named

    /** Judges only a bind to a port that the caller named. */
    private static Function<Case, Finding> named(BiFunction<Case, Endpoint, Finding> judge) {
        return c -> {
            Optional<Endpoint> local = Endpoint.local(c);
            if (local.isEmpty()) {
                return Finding.unknown("the address that was bound to would tell (--from ADDRESS:PORT)");
            }
            return local.get().port() == 0 ? Finding.ruledOut("no port was named: the kernel was to choose one")
                    : judge.apply(c, local.get());
        };
    }

    private static Optional<Snapshot.Listening> rival(Case c, Endpoint local) {
        return c.now().listeners().stream().filter(l -> Endpoint.parse(l.address()).overlaps(local)).findFirst();
    }

    private static Finding listener(Case c, Endpoint local) {
        Optional<Snapshot.Listening> rival = rival(c, local);
        if (rival.isPresent()) {
            String has = "port " + local.port() + " has a listener already, on " + rival.get().address()
                    + ConnectTimeouts.owner(rival.get());
            return reuseport(c, local).verdict() == Verdict.CONFIRMED
                    ? Finding.ruledOut(has + ", which would share it: reuseport-mismatch") : Finding.confirmed(has);
        }
        return Signs.missing(c, Facts.LISTENERS)
                .orElseGet(() -> Finding.ruledOut("nobody listens on port " + local.port()));
    }

    private static Finding reuseport(Case c, Endpoint local) {
        if (rival(c, local).isEmpty()) {
            return Signs.missing(c, Facts.LISTENERS)
                    .orElseGet(
                            () -> Finding.ruledOut("nobody listens on port " + local.port() + ", so nobody shares it"));
        }
        return Signs.missing(c, Facts.PORT_OWNER_UID, Facts.EUID).orElseGet(() -> {
            String owner = c.text(Facts.PORT_OWNER_UID).orElseThrow();
            String own = c.text(Facts.EUID).orElseThrow();
            String shares = c.text(Facts.PORT_OWNER_REUSEPORT).orElse("");
            if (shares.equals("no")) {
                return Finding.ruledOut("the listener has not set SO_REUSEPORT: it shares its port with nobody");
            }
            if (Fds.numbered(c) && Fds.count(c, Role.NOT_SHARING) > 0) {
                return Finding
                        .ruledOut(Fds.one(c, Role.NOT_SHARING) + " has not set SO_REUSEPORT: it asks for a port of "
                                + "its own");
            }
            if (owner.equals(own)) {
                return Finding.ruledOut("both sockets are user " + own + "'s: if they are to share the port, one of "
                        + "the two lacks SO_REUSEPORT");
            }
            String sentence = "the listener is user " + owner + "'s and the call was user " + own
                    + "'s: SO_REUSEPORT shares a port among one user's sockets only";
            return shares.equals("yes") ? Finding.confirmed(sentence)
                    : Finding.possible(sentence + (c.now().unread().containsKey(Facts.PORT_OWNER_REUSEPORT)
                            ? "; whether it is set is not known: " + c.now().whyUnread(Facts.PORT_OWNER_REUSEPORT)
                            : ""));
        });
    }

    private static Finding ephemeral(Case c, Endpoint local) {
        return Signs.missing(c, Facts.PORT_OUTGOING, Facts.PORT_LOW, Facts.PORT_HIGH).orElseGet(() -> {
            long low = c.number(Facts.PORT_LOW).orElse(0);
            long high = c.number(Facts.PORT_HIGH).orElse(0);
            boolean within = local.port() >= low && local.port() <= high;
            long outgoing = c.number(Facts.PORT_OUTGOING).orElse(0);
            if (outgoing == 0) {
                return Finding.ruledOut("no outgoing connection has port " + local.port());
            }
            String sentence = Say.count(outgoing, "outgoing connection") + (outgoing == 1 ? " has" : " have") + " port "
                    + local.port()
                    + " as " + (outgoing == 1 ? "its" : "their") + " own"
                    + c.text(Facts.PORT_EXAMPLE).map(e -> " (" + e + ")").orElse("");
            if (rival(c, local).isPresent()) {
                return Finding.possible(sentence + ", beside the listener");
            }
            return within ? Finding.confirmed(sentence + ": the port lies in the range " + low + "-" + high
                    + " that the kernel gives to clients")
                    : Finding.possible(sentence + ", outside the range " + low + "-" + high
                            + ": its program bound it, or the range was wider then");
        });
    }

    private static Finding timeWait(Case c, Endpoint local) {
        if (rival(c, local).isPresent()) {
            return Finding.ruledOut("a listener has the port, whatever else does");
        }
        return Signs.missing(c, TIME_WAIT).orElseGet(() -> {
            long old = c.number(TIME_WAIT).orElse(0);
            long live = 0;
            for (String state : List.of("ESTAB", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "CLOSING",
                    "SYN-RECV")) {
                live += c.number(Facts.portState(state)).orElse(0);
            }
            long accepted = old + live - c.number(Facts.PORT_OUTGOING).orElse(0);
            return accepted <= 0 ? Finding.ruledOut("no connection of a former listener has port " + local.port())
                    : Finding.confirmed(Say.count(accepted, "connection")
                            + " of a former listener still " + (accepted == 1 ? "has" : "have") + " port "
                            + local.port() + " (" + old
                            + " in TIME_WAIT), and it or the new socket has not set SO_REUSEADDR");
        });
    }

    private static Finding boundOnly(Case c, Endpoint local) {
        if (rival(c, local).isPresent()) {
            return Finding.ruledOut("a listener has the port");
        }
        return Signs.missing(c, BOUND).orElseGet(() -> {
            long n = c.number(BOUND).orElse(0);
            return n == 0 ? Finding.ruledOut("no idle socket is bound to port " + local.port())
                    : Finding.confirmed("a socket that neither listens nor is connected is bound to port "
                            + local.port()
                            + c.text(Facts.PORT_OWNER).map(o -> ": process " + o).orElse("") + "; ss does not list it");
        });
    }

    // ---- a port that the kernel was to choose

    private static boolean byConnections(Case c, long held) {
        return c.number(Facts.PORTS_BOUND).orElse(held) * 2 < held;
    }

    private static Cause bind0(String id, String who, BiFunction<Case, Long, Boolean> mine) {
        return Row.of(id, EADDRINUSE).calls("bind", "listen")
                .evidence(Facts.PORTS_OF_LOCAL, Facts.PORT_LOW, Facts.PORT_HIGH, Facts.PORTS_RESERVED,
                        Facts.PORTS_BOUND)
                .rule("inet_csk_find_open_port: bind to port 0 takes a port for its local address whole, for all destinations, unless "
                        + "IP_BIND_ADDRESS_NO_PORT (4.2) leaves the choice to connect, which then needs the four numbers free only")
                .remedies(c -> ConnectPorts.plusFirst(
                        Remedy.persistent("in clients: leave the port to connect, before bind",
                                "setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT /* 24 */, &(int){1}, 4)"),
                        Signs.netnsSysctl(c, "net.ipv4.ip_local_port_range", "1024 65535", "widen the range")))
                .dont("SO_REUSEADDR does not help here, and net.ipv4.ip_autobind_reuse=1 moves the failure to connect, at random.",
                        "Raising ulimit -n changes nothing: no descriptor is missing.")
                .next("other local addresses still have their own ports").provoked("6.18 by test").judge(c -> {
                    if (Endpoint.local(c).filter(l -> l.port() != 0).isPresent()) {
                        return Finding.ruledOut("port " + port(c) + " was named: the range plays no part");
                    }
                    return Signs.missing(c, Facts.PORTS_OF_LOCAL, Facts.PORT_LOW, Facts.PORT_HIGH).orElseGet(() -> {
                        long n = c.number(Facts.PORT_HIGH).orElse(0) - c.number(Facts.PORT_LOW).orElse(0) + 1
                                - c.number(Facts.PORTS_RESERVED).orElse(0);
                        long held = c.number(Facts.PORTS_OF_LOCAL).orElse(0);
                        String local = Endpoint.local(c).map(Endpoint::host).filter(h -> !h.isEmpty())
                                .orElse("the local address");
                        // Of an odd range bind(0), too, may leave one port out.
                        long reach = n > 1 && n % 2 == 1 ? n - 1 : n;
                        if (held < reach) {
                            return Finding.ruledOut(held + " of " + n + " ports of the range are in use on " + local);
                        }
                        return mine.apply(c,
                                held) ? Finding.confirmed(who + " " + held + " of the " + n + " ports of the range on "
                                        + local + ": bind(0) takes a port for all destinations")
                                        : Finding
                                                .ruledOut("the " + held + " ports on " + local + " are held otherwise: "
                                                        + c.number(Facts.PORTS_BOUND).orElse(0)
                                                        + " by listeners and idle bound sockets");
                    });
                });
    }

    // ---- the address, and the right

    private static Finding notLocal(Case c) {
        Optional<Endpoint> local = Endpoint.local(c);
        if (local.filter(Endpoint::wildcard).isPresent()) {
            return Finding.ruledOut("no address was named");
        }
        String host = local.map(Endpoint::host).orElse("the address");
        return Signs.missing(c, Facts.LOCAL_TYPE).orElseGet(() -> {
            String type = c.text(Facts.LOCAL_TYPE).orElseThrow();
            if (type.equals("local") || type.equals("broadcast") || type.equals("multicast")) {
                return Finding.ruledOut(host + " is an address of this network namespace");
            }
            if (local.map(Endpoint::ipv6).orElse(false)) {
                if (c.now().fact(Facts.LOCAL_IPV6_FLAGS).isPresent()) {
                    return Finding.ruledOut(host + " is an address of this network namespace");
                }
                if (c.number(Facts.IPV6_ADDRESSES).orElse(1) == 0) {
                    return Finding.ruledOut("this network namespace has no IPv6 address at all: bind-ipv6-disabled");
                }
            }
            return Signs.is(c, "net.ipv4.ip_nonlocal_bind", 1) && !local.map(Endpoint::ipv6).orElse(false)
                    ? Finding.ruledOut("net.ipv4.ip_nonlocal_bind is 1")
                    : Finding.confirmed(host + " is not an address of this network namespace");
        });
    }

    private static Finding tentative(Case c) {
        long flags = c.number(Facts.LOCAL_IPV6_FLAGS).orElse(0);
        String host = Endpoint.local(c).map(Endpoint::host).orElse("the address");
        if ((flags & IFA_F_DADFAILED) != 0) {
            return Finding.confirmed(host + " is someone else's too: duplicate address detection failed");
        }
        return (flags & IFA_F_TENTATIVE) != 0
                ? Finding.confirmed(host + " is tentative: duplicate address detection is not over")
                : Finding.ruledOut(host + " is not tentative");
    }

    private static Finding privileged(Case c) {
        Optional<Endpoint> local = Endpoint.local(c).filter(l -> l.port() != 0);
        if (local.isEmpty()) {
            return Finding.unknown("the port that was bound to would tell (--from ADDRESS:PORT)");
        }
        return Signs.missing(c, UNPRIVILEGED, Facts.CAP_EFF).orElseGet(() -> {
            long start = c.number(UNPRIVILEGED).orElse(0);
            int port = local.get().port();
            if (port >= start) {
                return Finding
                        .ruledOut("port " + port + " is not below " + start + " (net.ipv4.ip_unprivileged_port_start)");
            }
            boolean has = (Long.parseUnsignedLong(c.text(Facts.CAP_EFF).orElseThrow(), 16) >>> CAP_NET_BIND_SERVICE
                    & 1) == 1;
            String sentence = "port " + port + " is below " + start + " (net.ipv4.ip_unprivileged_port_start) and "
                    + Say.process(c);
            return has
                    ? Finding.possible(
                            sentence + " has CAP_NET_BIND_SERVICE, perhaps in a user namespace that does not own the "
                                    + "network namespace")
                    : Finding.confirmed(sentence + " lacks CAP_NET_BIND_SERVICE");
        });
    }
}
