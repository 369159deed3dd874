package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.List;

import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;
import dev.headroom.proc.Sysctl;

/** The settings {@code range} and {@code reserved}: which ports a client's host may choose. */
final class PortSettings {
    static final String RANGE = "net.ipv4.ip_local_port_range";
    static final String RESERVED = "net.ipv4.ip_local_reserved_ports";

    private static final long MOST = 4000;

    private PortSettings() {
    }

    /** Sets what was asked for, as far as it was. */
    private static void apply(Trial t, Host client) throws IOException, InterruptedException {
        String range = t.setting("range");
        if (!range.isEmpty()) {
            String[] ends = range.split("-");
            if (!range.matches("\\d{1,5}-\\d{1,5}") || Integer.parseInt(ends[0]) > Integer.parseInt(ends[1])
                    || Integer.parseInt(ends[0]) < 1024 || Integer.parseInt(ends[1]) > 65535) {
                throw new IllegalArgumentException("range=" + range + ": give LOW-HIGH, within 1024-65535");
            }
            client.set(RANGE, ends[0] + " " + ends[1]);
        }
        String reserved = t.setting("reserved");
        if (reserved != null && !reserved.isEmpty()) {
            if (!reserved.matches("\\d{1,5}(-\\d{1,5})?(,\\d{1,5}(-\\d{1,5})?)*")) {
                throw new IllegalArgumentException("reserved=" + reserved + ": give ports, as 40000-40009,40020");
            }
            client.set(RESERVED, reserved);
        }
    }

    /**
     * The ports that the kernel chooses from.
     *
     * @param range of the host
     * @param reservedPorts what is never chosen
     */
    record Choice(Sysctl.Range range, List<Sysctl.Range> reservedPorts) {
        long ports() {
            return range.size() - reserved();
        }

        /** How many of the range. */
        long reserved() {
            long n = 0;
            for (Sysctl.Range r : reservedPorts) {
                n += Math.max(0, Math.min(r.high(), range.high()) - Math.max(r.low(), range.low()) + 1);
            }
            return n;
        }

        boolean isReserved(long port) {
            return reservedPorts.stream().anyMatch(r -> r.contains(port));
        }

        /** The walk by twos rounds its length down to an even number, which leaves one port of an odd range out. */
        boolean odd() {
            return range.size() > 1 && range.size() % 2 == 1;
        }

        /**
         * Connections that connect's own choice gives from one address.
         *
         * @param destinations how many, each with all ports of its own
         */
        Expected connections(long destinations) {
            long all = ports() * destinations;
            if (!odd()) {
                return Expected.exactly(all);
            }
            // Which port is left out hangs on where the walk begins, a hash and some chance: of three it is always the last.
            return range.size() == 3 && reserved() == 0 ? Expected.exactly(all - destinations)
                    : Expected.between(all - destinations, all);
        }

        /** The arithmetic, e.g. "60999 - 32768 + 1 = 28,232 ports". */
        String why() {
            return range.high() + " - " + range.low() + " + 1"
                    + (reserved() > 0 ? " - " + reserved() + " reserved" : "")
                    + " = " + Expected.text(ports()) + " ports" + (!odd() ? ""
                            : range.size() == 3 ? ", of an odd range one less" : ", of an odd range one less or all");
        }

        /** The cause of EADDRNOTAVAIL once the walk finds nothing: whatever has the larger share of the range. */
        String cause(long connections) {
            return connections < ports() ? "odd-range-miss"
                    : reserved() > ports() ? "reserved-ports" : "tuple-range-exhausted";
        }
    }

    /** Applies the settings and reads what holds then. */
    static Choice choice(Trial t, Host client) throws IOException, InterruptedException {
        apply(t, client);
        Sysctl.Range ports = t.read(client, RANGE).asRange();
        boolean reserves = !client.sysctl(RESERVED).value().isBlank();
        return new Choice(ports, reserves ? t.read(client, RESERVED).asRanges() : List.of());
    }

    /** Another host with that range. */
    static void copy(Choice choice, Host to) throws IOException, InterruptedException {
        to.set(RANGE, choice.range().low() + " " + choice.range().high());
    }

    /** For an experiment that holds each connection as two descriptors of its own process. */
    static void few(Trial t, Choice choice, long destinations) {
        if (choice.ports() * destinations > MOST || choice.ports() < 1) {
            throw new IllegalArgumentException("range=" + t.setting("range") + ": give one that leaves 1 to "
                    + Expected.text(MOST / destinations) + " ports");
        }
    }

    /** For an experiment that needs every port to be found. */
    static long refuseOdd(Trial t) {
        throw new IllegalArgumentException("range=" + t.setting("range")
                + ": give an even number of ports; odd-range shows why");
    }
}
