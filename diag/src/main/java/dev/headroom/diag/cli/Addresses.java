package dev.headroom.diag.cli;

import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.linux.Sockaddr;

/** Addresses and ports as a person types them. Reading them looks nothing up; {@code resolve} does. */
final class Addresses {
    static final int DEFAULT_PORT = 9999;

    private static final Pattern PORTS = Pattern.compile("(\\d{1,5})(?:-(\\d{1,5}))?");
    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern NAME = Pattern.compile("(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})");
    private static final String ENDPOINTS = "give 127.0.0.1:9999, [::1]:9999 or 10.0.0.1:9000-9009";
    private static final String SOURCES = "give 10.0.0.2 or 10.0.0.2-10.0.0.7";
    private static final int MOST = 65536;

    private Addresses() {
    }

    /** @param low lowest port, 0 for the kernel's choice */
    record Ports(int low, int high) {
        static Ports parse(String text) {
            Matcher m = PORTS.matcher(text);
            if (m.matches()) {
                int low = Integer.parseInt(m.group(1));
                int high = m.group(2) == null ? low : Integer.parseInt(m.group(2));
                if (low <= high && high <= 65535) {
                    return new Ports(low, high);
                }
            }
            throw new TypeConversionException("not a port; give 9999 or 9000-9009, up to 65535");
        }

        int count() {
            return high - low + 1;
        }
    }

    /** @param host as it was typed; empty for all addresses of this host */
    record Endpoint(String host, Ports ports) {
        static Endpoint parse(String text) {
            if (text.startsWith("[")) {
                int end = text.indexOf(']');
                String rest = end < 0 ? "?" : text.substring(end + 1);
                if (rest.isEmpty()) {
                    return new Endpoint(ipv6(text.substring(1, end)), new Ports(DEFAULT_PORT, DEFAULT_PORT));
                }
                if (!rest.startsWith(":")) {
                    throw new TypeConversionException("not an address; " + ENDPOINTS);
                }
                return new Endpoint(ipv6(text.substring(1, end)), Ports.parse(rest.substring(1)));
            }
            int colon = text.indexOf(':');
            if (colon < 0) {
                return PORTS.matcher(text).matches() ? new Endpoint("127.0.0.1", Ports.parse(text))
                        : new Endpoint(checked(text), new Ports(DEFAULT_PORT, DEFAULT_PORT));
            }
            if (colon != text.lastIndexOf(':')) {
                return new Endpoint(ipv6(text), new Ports(DEFAULT_PORT, DEFAULT_PORT));
            }
            String host = text.substring(0, colon);
            return new Endpoint(host.isEmpty() ? "" : checked(host), Ports.parse(text.substring(colon + 1)));
        }

        /** An address for each port; for all addresses of this host those of IPv4 and, where there is IPv6, its too. */
        List<Sockaddr> toListen() throws CannotException {
            if (!host.isEmpty()) {
                return on(Addresses.resolve(host));
            }
            List<Sockaddr> all = new ArrayList<>(on(InetAddress.ofLiteral("0.0.0.0")));
            if (Files.exists(Path.of("/proc/net/if_inet6"))) {
                all.addAll(on(InetAddress.ofLiteral("::")));
            }
            return all;
        }

        List<Sockaddr> toConnect() throws CannotException {
            return on(Addresses.resolve(host.isEmpty() ? "127.0.0.1" : host));
        }

        private List<Sockaddr> on(InetAddress address) {
            List<Sockaddr> all = new ArrayList<>(ports.count());
            for (int port = ports.low; port <= ports.high; port++) {
                all.add(new Sockaddr(address, port));
            }
            return all;
        }
    }

    /** One local address, or all from one to another. */
    record Source(String first, String last) {
        static Source parse(String text) {
            int dash = text.indexOf('-');
            if (dash > 0) {
                String from = text.substring(0, dash);
                String to = text.substring(dash + 1);
                if (isLiteral(from)) {
                    // 10.0.0.2-7 is short for 10.0.0.2-10.0.0.7
                    String whole = to.matches("\\d{1,3}") && IPV4.matcher(from).matches()
                            ? from.substring(0, from.lastIndexOf('.') + 1) + to
                            : to;
                    Source range = new Source(from, whole);
                    range.check();
                    return range;
                }
            }
            if (!isLiteral(text) && !NAME.matcher(text).matches()) {
                throw new TypeConversionException("not an address; " + SOURCES);
            }
            return new Source(text, text);
        }

        private void check() {
            if (!isLiteral(last)) {
                throw new TypeConversionException("not an address; " + SOURCES);
            }
            InetAddress from = InetAddress.ofLiteral(first);
            InetAddress to = InetAddress.ofLiteral(last);
            if (from.getClass() != to.getClass()) {
                throw new TypeConversionException("a range has one family; " + SOURCES);
            }
            BigInteger more = new BigInteger(1, to.getAddress()).subtract(new BigInteger(1, from.getAddress()));
            if (more.signum() < 0) {
                throw new TypeConversionException("the range ends before it begins; " + SOURCES);
            }
            if (more.compareTo(BigInteger.valueOf(MOST)) >= 0) {
                throw new TypeConversionException("a range of more than 65,536 addresses");
            }
        }

        List<Sockaddr> resolve() throws CannotException {
            List<Sockaddr> all = new ArrayList<>();
            InetAddress at = Addresses.resolve(first);
            all.add(new Sockaddr(at, 0));
            if (!first.equals(last)) {
                InetAddress end = InetAddress.ofLiteral(last);
                while (!at.equals(end)) {
                    at = next(at);
                    all.add(new Sockaddr(at, 0));
                }
            }
            return all;
        }

        private static InetAddress next(InetAddress address) {
            byte[] bytes = address.getAddress();
            for (int i = bytes.length - 1; i >= 0 && ++bytes[i] == 0; i--) {
                // carried to the left
            }
            try {
                return address instanceof Inet6Address v6 && v6.getScopeId() != 0
                        ? Inet6Address.getByAddress(null, bytes, v6.getScopeId())
                        : InetAddress.getByAddress(bytes);
            } catch (UnknownHostException e) {
                throw new IllegalArgumentException(Arrays.toString(bytes), e);
            }
        }
    }

    private static String checked(String text) {
        if (IPV4.matcher(text).matches() ? isLiteral(text) : NAME.matcher(text).matches()) {
            return text;
        }
        throw new TypeConversionException("not an address; " + ENDPOINTS);
    }

    private static String ipv6(String text) {
        // The scope is looked up with the interfaces of this host, later.
        int scope = text.indexOf('%');
        if (text.indexOf(':') >= 0 && isLiteral(scope < 0 ? text : text.substring(0, scope))) {
            return text;
        }
        throw new TypeConversionException("not an IPv6 address; " + ENDPOINTS);
    }

    private static boolean isLiteral(String text) {
        if (text.indexOf(':') < 0 && !IPV4.matcher(text).matches()) {
            return false;
        }
        try {
            return InetAddress.ofLiteral(text) != null;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** The first address of a name. IPv4 comes first, unless Java was told otherwise. */
    private static InetAddress resolve(String host) throws CannotException {
        try {
            return InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            int scope = host.indexOf('%');
            throw new CannotException(scope > 0
                    ? host + ": there is no interface " + host.substring(scope + 1) + " here (see: ip link)"
                    : "the host name " + host + " cannot be resolved\n"
                            + "  neither /etc/hosts nor DNS knows it (see: getent hosts " + host + ")",
                    e);
        }
    }

    /** "10.0.0.1:9999", or "10.0.0.1:9000 and 9 more". */
    static String text(List<Sockaddr> addresses) {
        return addresses.size() == 1 ? addresses.getFirst().toString()
                : addresses.getFirst() + " and " + Values.text(addresses.size() - 1) + " more";
    }

    static String family(Sockaddr address) {
        return address.address() instanceof Inet4Address ? "IPv4" : "IPv6";
    }

    static final class EndpointConverter implements ITypeConverter<Endpoint> {
        @Override
        public Endpoint convert(String text) {
            return Endpoint.parse(text);
        }
    }

    static final class SourceConverter implements ITypeConverter<Source> {
        @Override
        public Source convert(String text) {
            return Source.parse(text);
        }
    }

    static final class PortsConverter implements ITypeConverter<Ports> {
        @Override
        public Ports convert(String text) {
            return Ports.parse(text);
        }
    }
}
