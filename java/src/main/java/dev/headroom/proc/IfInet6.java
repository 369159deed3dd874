package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * One row of {@code /proc/PID/net/if_inet6}: an IPv6 address of an interface. No rows: IPv6 is switched off there.
 * Kernel: {@code net/ipv6/addrconf.c if6_seq_show}.
 *
 * @param address      the 16 bytes as 32 hexadecimal digits
 * @param ifindex      interface index
 * @param prefixLength length of the prefix, bits
 * @param scope        scope: 0 global, 0x10 host, 0x20 link, 0x40 site
 * @param flags        {@code IFA_F_*}, the low eight bits
 * @param device       interface name
 */
public record IfInet6(String address, int ifindex, int prefixLength, int scope, int flags, String device) {
    /** Duplicate address detection has not ended: bind gives EADDRNOTAVAIL ({@code IFA_F_TENTATIVE}). */
    public boolean tentative() {
        return (flags & 0x40) != 0;
    }

    /** Duplicate address detection failed ({@code IFA_F_DADFAILED}). */
    public boolean dadFailed() {
        return (flags & 0x08) != 0;
    }

    /** Parses the file. */
    public static List<IfInet6> parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var rows = new ArrayList<IfInet6>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length != 6 || w[0].length() != 32 || !w[0].chars().allMatch(HexFormat::isHexDigit)) {
                throw lines.broken("expected an address of 32 digits, four numbers and a name");
            }
            rows.add(new IfInet6(w[0], (int) lines.hex("ifindex", w[1]), (int) lines.hex("prefix length", w[2]),
                    (int) lines.hex("scope", w[3]), (int) lines.hex("flags", w[4]), w[5]));
        }
        return List.copyOf(rows);
    }
}
