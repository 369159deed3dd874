package dev.headroom.linux;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Objects;

/**
 * An IPv4 or IPv6 address with a port, and its way to and from {@code struct sockaddr_in} and {@code sockaddr_in6}.
 * Written as {@code 127.0.0.1:9999} and {@code [::1]:9999}; an IPv4-mapped IPv6 address is read back as IPv4.
 *
 * @param address the address, with its scope id if it is link-local
 * @param port 0 to 65535
 */
public record Sockaddr(InetAddress address, int port) {
    /** Bytes that any sockaddr we read or write needs. */
    public static final int MAX_LENGTH = SockaddrStorage.SIZEOF;

    public Sockaddr {
        Objects.requireNonNull(address, "address");
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port " + port + " is not within 0 to 65535");
        }
    }

    /** @throws IllegalArgumentException if the socket address is unresolved */
    public static Sockaddr of(InetSocketAddress a) {
        if (a.isUnresolved()) {
            throw new IllegalArgumentException("unresolved address: " + a);
        }
        return new Sockaddr(a.getAddress(), a.getPort());
    }

    /** @param literal an address without a port, e.g. "10.0.0.1" or "fe80::1%eth0"; names are not resolved */
    public static Sockaddr of(String literal, int port) {
        return new Sockaddr(InetAddress.ofLiteral(literal), port);
    }

    /** AF_INET or AF_INET6. */
    public int family() {
        return address instanceof Inet4Address ? Socket.AF_INET : Socket.AF_INET6;
    }

    public Sockaddr withPort(int otherPort) {
        return new Sockaddr(address, otherPort);
    }

    /**
     * Writes the C structure.
     *
     * @return its length in bytes, the {@code addrlen} of bind and connect
     */
    public int write(Memory to, long offset) {
        byte[] bytes = address.getAddress();
        if (address instanceof Inet6Address v6) {
            to.putShort(offset + SockaddrIn6.sin6_family, (short) Socket.AF_INET6);
            putPort(to, offset + SockaddrIn6.sin6_port);
            to.putInt(offset + SockaddrIn6.sin6_flowinfo, 0);
            to.putBytes(offset + SockaddrIn6.sin6_addr, bytes);
            to.putInt(offset + SockaddrIn6.sin6_scope_id, v6.getScopeId());
            return SockaddrIn6.SIZEOF;
        }
        to.putShort(offset + SockaddrIn.sin_family, (short) Socket.AF_INET);
        putPort(to, offset + SockaddrIn.sin_port);
        to.putBytes(offset + SockaddrIn.sin_addr, bytes);
        to.putLong(offset + SockaddrIn.sin_addr + 4, 0);
        return SockaddrIn.SIZEOF;
    }

    private void putPort(Memory to, long offset) {
        to.putByte(offset, (byte) (port >> 8));
        to.putByte(offset + 1, (byte) port);
    }

    /**
     * Reads the C structure.
     *
     * @throws IllegalArgumentException if its family is neither AF_INET nor AF_INET6
     */
    public static Sockaddr read(Memory from, long offset) {
        int family = from.getShort(offset);
        try {
            if (family == Socket.AF_INET) {
                byte[] bytes = from.getBytes(offset + SockaddrIn.sin_addr, 4);
                return new Sockaddr(InetAddress.getByAddress(bytes), getPort(from, offset + SockaddrIn.sin_port));
            }
            if (family == Socket.AF_INET6) {
                byte[] bytes = from.getBytes(offset + SockaddrIn6.sin6_addr, 16);
                int port = getPort(from, offset + SockaddrIn6.sin6_port);
                int scope = from.getInt(offset + SockaddrIn6.sin6_scope_id);
                InetAddress address = InetAddress.getByAddress(bytes);
                if (scope != 0 && address instanceof Inet6Address) {
                    address = Inet6Address.getByAddress(null, bytes, scope);
                }
                return new Sockaddr(address, port);
            }
        } catch (UnknownHostException e) {
            throw new AssertionError("an address of 4 or 16 bytes", e);
        }
        throw new IllegalArgumentException("address family " + family + " is neither AF_INET nor AF_INET6");
    }

    private static int getPort(Memory from, long offset) {
        return (from.getByte(offset) & 0xff) << 8 | from.getByte(offset + 1) & 0xff;
    }

    /** {@code 127.0.0.1:9999} or {@code [::1]:9999}. */
    @Override
    public String toString() {
        String host = address.getHostAddress();
        return address instanceof Inet6Address ? "[" + shorten(host) + "]:" + port : host + ":" + port;
    }

    /** RFC 5952: the longest run of zero groups becomes "::". Java writes all eight groups. */
    private static String shorten(String host) {
        int percent = host.indexOf('%');
        String scope = percent < 0 ? "" : host.substring(percent);
        String[] groups = (percent < 0 ? host : host.substring(0, percent)).split(":");
        int best = -1;
        int bestLength = 1;
        for (int i = 0; i < groups.length; i++) {
            int n = 0;
            while (i + n < groups.length && groups[i + n].equals("0")) {
                n++;
            }
            if (n > bestLength) {
                best = i;
                bestLength = n;
            }
        }
        if (best < 0) {
            return host;
        }
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < best; i++) {
            s.append(i == 0 ? "" : ":").append(groups[i]);
        }
        s.append("::");
        for (int i = best + bestLength; i < groups.length; i++) {
            s.append(i == best + bestLength ? "" : ":").append(groups[i]);
        }
        return s.append(scope).toString();
    }
}
