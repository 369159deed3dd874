package dev.headroom.diag.lab.experiments;

import java.io.IOException;

import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;
import dev.headroom.proc.Sysctl;

/** The settings {@code range} and {@code reserved}: which ports a client's host may choose. */
final class PortSettings {
    static final String RANGE = "net.ipv4.ip_local_port_range";
    static final String RESERVED = "net.ipv4.ip_local_reserved_ports";

    private PortSettings() {
    }

    /** Sets what was asked for, as far as it was. */
    static void apply(Trial t, Host client) throws IOException, InterruptedException {
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

    /** How many ports of a range are reserved: never chosen. */
    static long reserved(Trial t, Host client, Sysctl.Range ports) throws IOException, InterruptedException {
        Sysctl all = client.sysctl(RESERVED);
        if (all.value().isBlank()) {
            return 0;
        }
        t.read(client, RESERVED);
        long n = 0;
        for (Sysctl.Range r : all.asRanges()) {
            n += Math.max(0, Math.min(r.high(), ports.high()) - Math.max(r.low(), ports.low()) + 1);
        }
        return n;
    }
}
