package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EACCES;
import static dev.headroom.linux.Errno.EHOSTUNREACH;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.ENETUNREACH;
import static dev.headroom.linux.Errno.ENOPROTOOPT;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.linux.Errno;

/** The errors that a route, a rule or a neighbour gives to connect and sendto: one table, judged by the same look-up. */
final class Routing {
    private static final Set<String> CALLS = Set.of("connect", "sendto", "sendmsg", "sendmmsg");
    private static final String[] EVIDENCE = {Facts.ROUTE_ERRNO, Facts.ROUTE_TYPE, Facts.ROUTE_DEVICE,
            Facts.ROUTE_GATEWAY,
            Facts.NEIGH_STATE};

    static final List<Cause> ALL = causes();

    private Routing() {
    }

    private static List<Cause> causes() {
        return List.of(route("no-route", ENETUNREACH,
                "no route leads to %s (or an `ip rule … unreachable` or a throw route ends the search)",
                "fib_lookup finds nothing: ENETUNREACH; so it is for a device that was set down, as its routes go with it",
                "add the route, or set the device up"),
                route("unreachable-route", EHOSTUNREACH, "the route to %s is of type unreachable",
                        "fib_props[RTN_UNREACHABLE] is EHOSTUNREACH; of an ip rule it is ENETUNREACH",
                        "delete that route, or add a more specific one"),
                route("prohibit-route", EACCES, "the route or rule for %s is of type prohibit",
                        "fib_props[RTN_PROHIBIT] is EACCES: in Java a BindException with \"Permission denied\"",
                        "delete that route or rule"),
                route("blackhole-route", EINVAL, "the route or rule for %s is of type blackhole",
                        "fib_props[RTN_BLACKHOLE] is EINVAL, though no argument is wrong", "delete that route or rule"),
                row("neighbour-failed", EHOSTUNREACH,
                        "neigh_timer_handler → arp_error_report: after 3 probes, about 3.06 s, "
                                + "without an answer to ARP the SYN fails; with tcp_syn_retries=1 ETIMEDOUT is earlier")
                        .remedies(c -> List.of(Remedy.now("is the host there, and in this network?",
                                ConnectTimeouts.inNamespace(c,
                                        "ip neigh show"))))
                        .judge(Routing::neighbour),
                row("address-kind", ENETUNREACH, "tcp_v4_connect refuses a broadcast or multicast destination")
                        .remedies(c -> List.of(Remedy.now("call a unicast address")))
                        .judge(c -> Signs.missing(c, Facts.ROUTE_TYPE)
                                .map(f -> c.now().fact(Facts.ROUTE_ERRNO).isPresent()
                                        ? Finding.ruledOut("the look-up itself says " + c.text(Facts.ROUTE_ERRNO).get())
                                        : f)
                                .orElseGet(() -> kind(c))),
                row("loopback-source", EINVAL,
                        "ip_route_output_key_hash_rcu refuses a source 127.x to an address elsewhere")
                        .remedies(c -> List.of(Remedy.now("bind to an address of the device, or to none"))).judge(c -> {
                            Optional<Endpoint> local = Endpoint.local(c);
                            return strangeSource(c) ? Finding.confirmed("the socket is bound to " + local.get().host()
                                    + ", and no packet leaves lo with such a source")
                                    : local.isPresent() ? Finding.ruledOut(local.get().host() + " to "
                                            + c.question().peer().orElse("the peer")
                                            + " does not leave lo with a loopback source")
                                            : Finding.ruledOut("no source address was named");
                        }),
                row("link-local-without-scope", EINVAL,
                        "an fe80:: address says nothing without a device: sin6_scope_id must name it")
                        .calls("connect", "sendto", "sendmsg", "bind")
                        .remedies(c -> List.of(Remedy.now("name the device", "fe80::1%eth0"))).judge(c -> {
                            Optional<String> host = Endpoint.peer(c).or(() -> Endpoint.local(c)).map(Endpoint::host);
                            return host.filter(h -> h.startsWith("fe80:") && !h.contains("%")).isPresent()
                                    ? Finding.confirmed(host.get() + " is a link-local address without a device")
                                    : Finding.ruledOut(host.orElse("the address")
                                            + " is not a link-local address without a device");
                        }),
                reject("reject-icmp-host", EHOSTUNREACH, "host unreachable, host or admin prohibited"),
                reject("reject-icmp-net", ENETUNREACH, "net unreachable"),
                reject("reject-icmp-proto", ENOPROTOOPT, "protocol unreachable"));
    }

    private static Row row(String id, Errno errno, String rule) {
        return Row.of(id, errno).calls(CALLS).rule(rule).evidence(EVIDENCE)
                .dont("No port, descriptor or queue is short here.")
                .next("each connect to that address fails the same way").provoked("6.18 by test");
    }

    /** A row of which the look-up (RTM_GETROUTE) tells all: it fails with the very error. */
    private static Cause route(String id, Errno errno, String sentence, String rule, String remedy) {
        return row(id, errno, rule)
                .remedies(c -> List.of(Remedy.now(remedy, ConnectTimeouts.inNamespace(c, "ip route get "
                        + Endpoint.peer(c).map(Endpoint::host).orElse("PEER")),
                        ConnectTimeouts.inNamespace(c, "ip rule"))))
                .judge(lookup(errno, sentence));
    }

    private static Function<Case, Finding> lookup(Errno errno, String sentence) {
        return c -> {
            String peer = c.question().peer().orElse("the peer");
            Optional<String> said = c.text(Facts.ROUTE_ERRNO);
            if (said.isPresent() && strangeSource(c)) {
                return Finding.ruledOut("the source address is refused before a route is asked");
            }
            if (said.isPresent()) {
                return said.get().equals(errno.name()) ? Finding.confirmed(sentence.formatted(peer))
                        : Finding.ruledOut("the look-up of " + peer + " says " + said.get());
            }
            return Signs.missing(c, Facts.ROUTE_TYPE)
                    .orElseGet(() -> Finding.ruledOut("there is a route to " + peer
                            + c.text(Facts.ROUTE_DEVICE).map(d -> " by " + d).orElse("")));
        };
    }

    /** Whether the socket is bound to an address of lo and calls one elsewhere. */
    private static boolean strangeSource(Case c) {
        return Endpoint.local(c).filter(Endpoint::loopback).isPresent()
                && Endpoint.peer(c).filter(p -> !p.loopback()).isPresent() && !Endpoint.peerIsHere(c).orElse(false);
    }

    private static Finding neighbour(Case c) {
        if (c.now().fact(Facts.ROUTE_ERRNO).isPresent()) {
            return Finding.ruledOut("the look-up itself says " + c.text(Facts.ROUTE_ERRNO).get());
        }
        return Signs.missing(c, Facts.NEIGH_STATE).orElseGet(() -> {
            String state = c.text(Facts.NEIGH_STATE).orElseThrow();
            String hop = c.text(Facts.ROUTE_GATEWAY).filter(g -> !g.isEmpty()).map(g -> "the gateway " + g)
                    .orElseGet(() -> Endpoint.peer(c).map(Endpoint::host).orElse("the peer"));
            return state.equals("FAILED") || state.equals("INCOMPLETE")
                    ? Finding.confirmed(hop + " does not answer on " + c.text(Facts.ROUTE_DEVICE).orElse("its device")
                            + ": its neighbour entry is " + state)
                    : Finding.ruledOut("the neighbour entry of " + hop + " is " + state);
        });
    }

    private static Finding kind(Case c) {
        String type = c.text(Facts.ROUTE_TYPE).orElseThrow();
        String peer = c.question().peer().orElse("the peer");
        return type.equals("broadcast") || type.equals("multicast")
                ? Finding.confirmed(peer + " is a " + type + " address, which TCP does not call")
                : Finding.ruledOut(peer + " is a " + type + " address");
    }

    private static Cause reject(String id, Errno errno, String what) {
        String counter = Facts.counter("Icmp.InDestUnreachs");
        return row(id, errno,
                "an ICMP \"" + what + "\" answers the SYN, of a router or a REJECT rule; from this host's own "
                        + "output chain it takes 1.02 s")
                .evidence(Facts.ROUTE_ERRNO, Facts.NEIGH_STATE, counter)
                .remedies(c -> List.of(Remedy.now("look for reject in the rules",
                        ConnectTimeouts.inNamespace(c, "nft list ruleset"))))
                .judge(c -> {
                    if (c.now().fact(Facts.ROUTE_ERRNO).isPresent()) {
                        return Finding.ruledOut("the look-up itself says " + c.text(Facts.ROUTE_ERRNO).get());
                    }
                    if (c.text(Facts.NEIGH_STATE).filter(s -> s.equals("FAILED") || s.equals("INCOMPLETE"))
                            .isPresent()) {
                        return Finding.ruledOut("the next hop does not answer at all");
                    }
                    if (Signs.quiet(c, counter)) {
                        return Finding.ruledOut("no ICMP unreachable came in");
                    }
                    return Signs.grew(c, counter) && c.now().fact(Facts.ROUTE_TYPE).isPresent()
                            ? Finding.confirmed("there is a route, and " + c.delta(counter).getAsLong()
                                    + " ICMP unreachables came in "
                                    + "between the two readings: " + what)
                            : Finding.possible("there may be an ICMP answer: " + what);
                });
    }
}
