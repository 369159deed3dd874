package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.OptionalLong;

/**
 * {@code /proc/PID/net/sockstat} or {@code sockstat6}: sockets in use. One line mixes numbers of the network namespace
 * with numbers of the machine; {@link #scope} tells them apart. Kernel: {@code net/ipv4/proc.c sockstat_seq_show},
 * {@code net/ipv6/proc.c sockstat6_seq_show}.
 *
 * @param values the numbers as {@code TCP.inuse}, {@code sockets.used}, {@code FRAG6.memory}
 */
public record SockStat(Counters values) {
    /** Parses either file. */
    public static SockStat parse(String file, Reader text) throws IOException {
        return new SockStat(Counters.parseNamedPairs(file, text));
    }

    /**
     * Whose a number is. Per namespace: {@code sockets.used} (IPv4 file; sockets of all families), {@code *.inuse},
     * {@code TCP.tw}, {@code FRAG*}. Of the machine: {@code TCP.orphan}, {@code TCP.alloc}, {@code *.mem}.
     */
    public static Scope scope(String name) {
        return name.equals("TCP.orphan") || name.equals("TCP.alloc") || name.endsWith(".mem")
                ? Scope.MACHINE : Scope.TARGET_NET_NAMESPACE;
    }

    public OptionalLong get(String name) {
        return values.get(name);
    }

    /** TCP sockets hashed in this network namespace, not those in TIME_WAIT. IPv6 ones are in sockstat6. */
    public OptionalLong tcpInuse() {
        return get("TCP.inuse");
    }

    /** TIME_WAIT entries in this network namespace, of both families; bounded by {@code tcp_max_tw_buckets}. */
    public OptionalLong tcpTw() {
        return get("TCP.tw");
    }

    /** Sockets no process holds any more, on the machine; bounded by {@code tcp_max_orphans}. */
    public OptionalLong tcpOrphan() {
        return get("TCP.orphan");
    }

    /** TCP sockets allocated on the machine. */
    public OptionalLong tcpAlloc() {
        return get("TCP.alloc");
    }

    /** Memory of TCP buffers on the machine, in pages; bounded by {@code tcp_mem}. */
    public OptionalLong tcpMem() {
        return get("TCP.mem");
    }

    /** Memory of UDP buffers on the machine, in pages; bounded by {@code udp_mem}. */
    public OptionalLong udpMem() {
        return get("UDP.mem");
    }
}
