package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Numbers by name, as many kernel files print them: {@code TcpExt.ListenOverflows}, {@code oom_kill}, {@code sock}.
 * Kernels differ in which names they have, so a name may be absent. 64 bits, unsigned except where the kernel prints a
 * minus sign ({@code Tcp.MaxConn} is −1).
 *
 * @param values the numbers, in the order of the file
 */
public record Counters(Map<String, Long> values) {
    /** No numbers. */
    public static final Counters NONE = new Counters(Map.of());

    public Counters {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** The number of that name, if this kernel has it. */
    public OptionalLong get(String name) {
        Long value = values.get(name);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /** The number of that name, or 0 where the kernel does not have it. */
    public long getOrZero(String name) {
        return values.getOrDefault(name, 0L);
    }

    /**
     * How much each number rose since an earlier reading <em>of the same file in the same namespace</em>. A name the
     * earlier reading did not have counts from 0: some appear with their first event ({@code IcmpMsg.InType3}). A
     * counter never falls, so a negative difference of a counter means that the two readings are not of one namespace;
     * for a gauge ({@code Tcp.CurrEstab}) it is just a fall.
     */
    public Counters delta(Counters earlier) {
        var delta = new LinkedHashMap<String, Long>();
        values.forEach((name, value) -> delta.put(name, value - earlier.getOrZero(name)));
        return new Counters(delta);
    }

    /**
     * Pairs of lines, names and values, each opened by the group: {@code net/netstat} ({@code net/ipv4/proc.c
     * netstat_seq_show}) and {@code net/snmp} ({@code snmp_seq_show}). Names become {@code Group.Name}.
     */
    public static Counters parsePairs(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var values = new LinkedHashMap<String, Long>();
        while (lines.next() != null) {
            String[] names = lines.words();
            if (names.length == 0 || !names[0].endsWith(":")) {
                throw lines.broken("no group in front of the names");
            }
            String group = names[0].substring(0, names[0].length() - 1);
            lines.need("the values of " + group);
            String[] numbers = lines.words();
            if (numbers.length == 0 || !numbers[0].equals(names[0])) {
                throw lines.broken("expected the values of " + group);
            }
            if (numbers.length != names.length) {
                throw lines.broken("expected " + (names.length - 1) + " values, found " + (numbers.length - 1));
            }
            for (int i = 1; i < names.length; i++) {
                values.put(group + "." + names[i], lines.decimal(names[i], numbers[i]));
            }
        }
        if (lines.number() == 0) {
            throw lines.ends("pairs of names and values");
        }
        return new Counters(values);
    }

    /**
     * One {@code name value} a line: {@code /proc/vmstat}, {@code net/snmp6}, cgroup's {@code memory.stat},
     * {@code memory.events}, {@code pids.events}, {@code memory.oom_control}. May be empty.
     */
    public static Counters parseFlat(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var values = new LinkedHashMap<String, Long>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length != 2) {
                throw lines.broken("expected a name and a number");
            }
            values.put(w[0], lines.decimal(w[0], w[1]));
        }
        return new Counters(values);
    }

    /**
     * {@code TCP: inuse 1 orphan 0}: {@code net/sockstat} and {@code sockstat6}. Names become {@code TCP.inuse}.
     */
    static Counters parseNamedPairs(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var values = new LinkedHashMap<String, Long>();
        while (lines.next() != null) {
            String[] w = lines.words();
            if (w.length < 3 || w.length % 2 == 0 || !w[0].endsWith(":")) {
                throw lines.broken("expected a group, then names and numbers by turns");
            }
            String group = w[0].substring(0, w[0].length() - 1) + ".";
            for (int i = 1; i < w.length; i += 2) {
                values.put(group + w[i], lines.decimal(w[i], w[i + 1]));
            }
        }
        if (lines.number() == 0) {
            throw lines.ends("\"sockets:\" or \"TCP6:\"");
        }
        return new Counters(values);
    }
}
