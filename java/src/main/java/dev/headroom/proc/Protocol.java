package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One row of {@code /proc/PID/net/protocols}. Kernel: {@code net/core/sock.c proto_seq_printf}.
 *
 * @param name       {@code TCP}, {@code UDPv6}, {@code UNIX-STREAM} …
 * @param size       bytes of one socket object
 * @param sockets    sockets in this network namespace; −1 where the protocol does not count
 * @param memory     pages of buffers on the machine; −1 where the protocol does not account
 * @param pressure   whether the machine is above the protocol's pressure mark; empty where it has none
 */
public record Protocol(String name, int size, long sockets, long memory, Optional<Boolean> pressure) {
    /** Parses the file; the columns are found by the header's names, the flags after {@code module} are left alone. */
    public static List<Protocol> parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        lines.need("a header");
        List<String> header = List.of(lines.words());
        int size = column(lines, header, "size");
        int sockets = column(lines, header, "sockets");
        int memory = column(lines, header, "memory");
        int press = column(lines, header, "press");
        int least = Math.max(Math.max(size, sockets), Math.max(memory, press)) + 1;
        var rows = new ArrayList<Protocol>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length < least) {
                throw lines.broken("expected at least " + least + " columns, found " + w.length);
            }
            rows.add(new Protocol(w[0], lines.integer("size", w[size]), lines.decimal("sockets", w[sockets]),
                    lines.decimal("memory", w[memory]), switch (w[press]) {
                        case "yes" -> Optional.of(true);
                        case "no" -> Optional.of(false);
                        default -> Optional.empty();
                    }));
        }
        return List.copyOf(rows);
    }

    private static int column(Lines lines, List<String> header, String name) throws ProcParseException {
        int at = header.indexOf(name);
        if (at < 0) {
            throw lines.broken("the header has no column " + name);
        }
        return at;
    }

    /** Whether the machine is under this protocol's memory pressure, as far as it is told. */
    public boolean underPressure() {
        return pressure.orElse(false);
    }
}
