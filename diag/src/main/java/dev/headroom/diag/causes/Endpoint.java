package dev.headroom.diag.causes;

import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;

/**
 * "ADDRESS:PORT" taken apart.
 *
 * @param host without brackets; empty if only a port was given
 * @param port 0 if none was given
 */
record Endpoint(String host, int port) {
    static Endpoint parse(String text) {
        int colon = text.lastIndexOf(':');
        boolean bare = text.chars().filter(ch -> ch == ':').count() > 1 && !text.startsWith("[");
        String host = colon < 0 || bare ? text : text.substring(0, colon);
        String port = colon < 0 || bare ? "" : text.substring(colon + 1);
        if (colon < 0 && text.matches("\\d{1,5}")) {
            host = "";
            port = text;
        }
        return new Endpoint(host.replace("[", "").replace("]", ""),
                port.matches("\\d{1,5}") ? Integer.parseInt(port) : 0);
    }

    static Optional<Endpoint> peer(Case c) {
        return c.question().peer().map(Endpoint::parse);
    }

    static Optional<Endpoint> local(Case c) {
        return c.question().local().map(Endpoint::parse);
    }

    /** Whether it names no address, or all of them. */
    boolean wildcard() {
        return host.isEmpty() || host.equals("0.0.0.0") || host.equals("::") || host.equals("*");
    }

    boolean loopback() {
        return host.startsWith("127.") || host.equals("::1") || host.startsWith("::ffff:127.");
    }

    /** An IPv6 address proper: a mapped IPv4 address travels as IPv4. */
    boolean ipv6() {
        return host.contains(":") && !host.startsWith("::ffff:");
    }

    /** Whether a socket bound to one keeps another from binding to the other: same port, and one address or all. */
    boolean overlaps(Endpoint other) {
        return port == other.port && (wildcard() || other.wildcard() || plain().equals(other.plain()));
    }

    private String plain() {
        return host.startsWith("::ffff:") ? host.substring("::ffff:".length()) : host;
    }

    /** Whether a listener would take a connection to this address, as far as addresses tell. */
    boolean servedBy(Snapshot.Listening listener) {
        return parse(listener.address()).overlaps(this);
    }

    /** The listener of this host that the question's peer names. */
    static Optional<Snapshot.Listening> listener(Case c) {
        return peer(c).flatMap(p -> c.now().listeners().stream().filter(p::servedBy).findFirst());
    }

    /** Whether the question's peer is an address of the same network namespace; empty if it is not known. */
    static Optional<Boolean> peerIsHere(Case c) {
        Optional<String> type = c.text(Facts.ROUTE_TYPE);
        if (type.isPresent()) {
            return Optional.of(type.get().equals("local"));
        }
        return peer(c).filter(Endpoint::loopback).map(p -> true);
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
