package dev.headroom.proc;

import java.net.InetAddress;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Where the kernel would send a packet.
 *
 * @param destination what was asked for
 * @param type what the route says
 * @param device name of the interface it leaves by
 * @param oif index of that interface
 * @param prefsrc the source address the kernel would choose
 * @param gateway the next hop; empty if the destination is on the link
 * @param table number of the routing table
 * @param errno the positive error number connect(2) fails with at once; 0 if there is a way
 */
public record Route(InetAddress destination, Type type, Optional<String> device, OptionalInt oif,
        Optional<InetAddress> prefsrc, Optional<InetAddress> gateway, OptionalInt table, int errno) {
    /** What a route says. */
    public enum Type {
        /** Send it to the gateway or onto the link. */
        RTN_UNICAST,
        /** It is an address of this namespace. */
        RTN_LOCAL,
        RTN_BROADCAST,
        RTN_ANYCAST,
        RTN_MULTICAST,
        /** Drop it; connect(2) fails with EINVAL. */
        RTN_BLACKHOLE,
        /** Refuse it with EHOSTUNREACH. */
        RTN_UNREACHABLE,
        /** Refuse it with EACCES. */
        RTN_PROHIBIT,
        /** Look further in other tables; there is nothing further. */
        RTN_THROW,
        /** There is no route, or a rule or a throw route says so: ENETUNREACH. */
        NONE,
        /** The source address is not one of this namespace: EINVAL, or ENETUNREACH on younger kernels. */
        FOREIGN_SOURCE,
        /** A type that is not known here, or an error that stands for none. */
        OTHER
    }

    /** Whether packets get out, or to this host itself. */
    public boolean isUsable() {
        return errno == 0;
    }
}
