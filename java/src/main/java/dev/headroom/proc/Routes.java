package dev.headroom.proc;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Ifinfomsg;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Rtmsg;
import dev.headroom.linux.Rtnetlink;
import dev.headroom.linux.Socket;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The routes of one network namespace, asked for by rtnetlink(7): that of the thread that called {@link #open()}, also
 * when another thread asks. Needs no privilege.
 * <p>
 * <b>Not thread-safe</b>, but not bound to a thread either. It holds one descriptor.
 */
public final class Routes implements AutoCloseable {
    private static final Route.Type[] TYPES = new Route.Type[Rtnetlink.RTN_THROW + 1];

    static {
        TYPES[Rtnetlink.RTN_UNICAST] = Route.Type.RTN_UNICAST;
        TYPES[Rtnetlink.RTN_LOCAL] = Route.Type.RTN_LOCAL;
        TYPES[Rtnetlink.RTN_BROADCAST] = Route.Type.RTN_BROADCAST;
        TYPES[Rtnetlink.RTN_ANYCAST] = Route.Type.RTN_ANYCAST;
        TYPES[Rtnetlink.RTN_MULTICAST] = Route.Type.RTN_MULTICAST;
        TYPES[Rtnetlink.RTN_BLACKHOLE] = Route.Type.RTN_BLACKHOLE;
        TYPES[Rtnetlink.RTN_UNREACHABLE] = Route.Type.RTN_UNREACHABLE;
        TYPES[Rtnetlink.RTN_PROHIBIT] = Route.Type.RTN_PROHIBIT;
        TYPES[Rtnetlink.RTN_THROW] = Route.Type.RTN_THROW;
    }

    private final NetlinkSocket netlink;

    Routes(NetlinkSocket netlink) {
        this.netlink = netlink;
    }

    public static Routes open() throws IOException {
        return new Routes(new NetlinkSocket(Netlink.NETLINK_ROUTE, "NETLINK_ROUTE"));
    }

    /** Where a packet to that address would go, sent by a process of the reader's user. */
    public Route lookup(InetAddress destination) throws IOException {
        return lookup(destination, Optional.empty());
    }

    /** The same from a socket that is bound to an address. */
    public Route lookup(InetAddress destination, Optional<InetAddress> source) throws IOException {
        return lookup(destination, source, OptionalLong.empty());
    }

    /**
     * Where a packet to that address would go. Rules that look at anything else, for example a firewall mark, are asked
     * as if there were none.
     *
     * @param source the address the socket is bound to
     * @param uid the user that sends it; the reader's if empty
     */
    public Route lookup(InetAddress destination, Optional<InetAddress> source, OptionalLong uid) throws IOException {
        byte[] to = destination.getAddress();
        NetlinkRequest request = netlink.request().begin(Rtnetlink.RTM_GETROUTE, 0, Rtmsg.SIZEOF)
                .u8(Rtmsg.rtm_family, to.length == 4 ? Socket.AF_INET : Socket.AF_INET6)
                .u8(Rtmsg.rtm_dst_len, 8 * to.length)
                .u32(Rtmsg.rtm_flags, Rtnetlink.RTM_F_LOOKUP_TABLE)
                .attribute(Rtnetlink.RTA_DST, to);
        if (source.isPresent()) {
            byte[] from = source.get().getAddress();
            request.u8(Rtmsg.rtm_src_len, 8 * from.length).attribute(Rtnetlink.RTA_SRC, from);
        }
        if (uid.isPresent()) {
            request.attribute(Rtnetlink.RTA_UID, (int) uid.getAsLong());
        }
        if (destination instanceof Inet6Address v6 && v6.getScopeId() != 0) {
            request.attribute(Rtnetlink.RTA_OIF, v6.getScopeId());
        }
        var answer = new AtomicReference<Route>();
        NetlinkSocket.Outcome outcome = netlink.ask(message -> {
            if (message.type() == Rtnetlink.RTM_NEWROUTE) {
                answer.set(parse(destination, message));
            }
        });
        if (outcome.errno() != 0 || answer.get() == null) {
            return refused(destination, outcome.errno(), source);
        }
        Route route = answer.get();
        return route.oif().isEmpty() ? route
                : new Route(destination, route.type(), device(route.oif().getAsInt()), route.oif(), route.prefsrc(),
                        route.gateway(), route.table(), route.errno());
    }

    /** Reads an RTM_NEWROUTE; older kernels describe a route of IPv6 that refuses instead of answering its error. */
    static Route parse(InetAddress destination, NetlinkReply message) throws NetlinkException {
        message.need(Rtmsg.SIZEOF, "rtmsg");
        int number = message.u8(message.body() + Rtmsg.rtm_type);
        Route.Type type = number < TYPES.length && TYPES[number] != null ? TYPES[number] : Route.Type.OTHER;
        long table = message.u32Attribute(Rtmsg.SIZEOF, Rtnetlink.RTA_TABLE,
                message.u8(message.body() + Rtmsg.rtm_table));
        Optional<InetAddress> gateway = address(message, Rtnetlink.RTA_GATEWAY, 0);
        if (gateway.isEmpty()) {
            gateway = address(message, Rtnetlink.RTA_VIA, 2);
        }
        long oif = message.u32Attribute(Rtmsg.SIZEOF, Rtnetlink.RTA_OIF, -1);
        Errno errno = switch (type) {
            case RTN_BLACKHOLE -> Errno.EINVAL;
            case RTN_UNREACHABLE -> Errno.EHOSTUNREACH;
            case RTN_PROHIBIT -> Errno.EACCES;
            case RTN_THROW -> Errno.ENETUNREACH;
            default -> null;
        };
        return new Route(destination, type, Optional.empty(), oif < 0 ? OptionalInt.empty() : OptionalInt.of((int) oif),
                address(message, Rtnetlink.RTA_PREFSRC, 0), gateway, OptionalInt.of((int) table),
                errno == null ? 0 : errno.number());
    }

    private static Optional<InetAddress> address(NetlinkReply message, int attribute, int skip)
            throws NetlinkException {
        int value = message.attribute(Rtmsg.SIZEOF, attribute);
        int length = value < 0 ? 0 : message.valueLength(value) - skip;
        if (length != 4 && length != 16) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByAddress(message.copy(value + skip, length)));
        } catch (UnknownHostException e) {
            throw new AssertionError("an address of 4 or 16 bytes", e);
        }
    }

    /** The kernel answers the error of a route that refuses (net/ipv4/fib_semantics.c, fib_props). */
    private Route refused(InetAddress destination, int errno, Optional<InetAddress> source) throws IOException {
        boolean foreign = source.isPresent() && lookup(source.get()).type() != Route.Type.RTN_LOCAL;
        Route.Type type = foreign ? Route.Type.FOREIGN_SOURCE : switch (Errno.of(errno).orElse(Errno.EIO)) {
            case EHOSTUNREACH -> Route.Type.RTN_UNREACHABLE;
            case EACCES -> Route.Type.RTN_PROHIBIT;
            case EINVAL -> Route.Type.RTN_BLACKHOLE;
            case EAGAIN -> Route.Type.RTN_THROW;
            case ENETUNREACH -> Route.Type.NONE;
            default -> Route.Type.OTHER;
        };
        int connects = type == Route.Type.RTN_THROW ? Errno.ENETUNREACH.number() : errno;
        return new Route(destination, type, Optional.empty(), OptionalInt.empty(), Optional.empty(), Optional.empty(),
                OptionalInt.empty(), connects == 0 ? Errno.EIO.number() : connects);
    }

    /** Name of an interface; empty if it has gone. */
    private Optional<String> device(int index) throws IOException {
        netlink.request().begin(Rtnetlink.RTM_GETLINK, 0, Ifinfomsg.SIZEOF).u32(Ifinfomsg.ifi_index, index);
        var name = new AtomicReference<String>();
        netlink.ask(message -> {
            int value = message.type() == Rtnetlink.RTM_NEWLINK
                    ? message.attribute(Ifinfomsg.SIZEOF, Rtnetlink.IFLA_IFNAME) : -1;
            if (value >= 0 && message.valueLength(value) > 0) {
                name.set(new String(message.copy(value, message.valueLength(value) - 1), StandardCharsets.UTF_8));
            }
        });
        return Optional.ofNullable(name.get());
    }

    @Override
    public void close() {
        netlink.close();
    }
}
