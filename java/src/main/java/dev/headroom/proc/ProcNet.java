package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * {@code /proc/PID/net}: the network namespace of that process, without entering it and without privilege. Not here,
 * because no file shows them for another namespace: the {@code net.} sysctls ({@link ProcFs#sysctl}, the reader's).
 * A few numbers here are the machine's all the same; each method says so.
 */
public final class ProcNet {
    private final ProcPid process;
    private final Path net;

    ProcNet(ProcPid process) {
        this.process = process;
        this.net = process.directory().resolve("net");
    }

    /** The process whose network namespace this is. */
    public ProcPid process() {
        return process;
    }

    /** {@code netstat}: {@code TcpExt.…}, {@code IpExt.…}, {@code MPTcpExt.…}, since the namespace was made. */
    public Counters netstat() throws IOException {
        return read("netstat", Counters::parsePairs);
    }

    /** {@code snmp}: {@code Ip.…}, {@code Icmp.…}, {@code Tcp.…}, {@code Udp.…}, since the namespace was made. */
    public Counters snmp() throws IOException {
        return read("snmp", Counters::parsePairs);
    }

    /**
     * {@code snmp6}: {@code Ip6InReceives}, {@code Udp6RcvbufErrors} …; TCP over IPv6 is counted in {@link #snmp()}.
     */
    public Counters snmp6() throws IOException {
        return read("snmp6", Counters::parseFlat);
    }

    /** {@code sockstat}; {@link SockStat#scope} tells which of its numbers are the machine's. */
    public SockStat sockstat() throws IOException {
        return read("sockstat", SockStat::parse);
    }

    /** {@code sockstat6}. */
    public SockStat sockstat6() throws IOException {
        return read("sockstat6", SockStat::parse);
    }

    /** {@code protocols}; {@code sockets} is the namespace's, {@code memory} and {@code pressure} are the machine's. */
    public List<Protocol> protocols() throws IOException {
        return read("protocols", Protocol::parse);
    }

    /** {@code softnet_stat}: of the machine, whichever namespace it is read in. */
    public List<SoftnetStat> softnetStat() throws IOException {
        return read("softnet_stat", SoftnetStat::parse);
    }

    /**
     * {@code stat/nf_conntrack}: {@code entries} is the namespace's count, in every row; {@code drop},
     * {@code early_drop}, {@code insert_failed} are events. What {@code conntrack -S} calls chaintoolong has the header
     * {@code chainlength} (Linux 5.15 and later). Absent while conntrack is not loaded.
     */
    public PerCpuStats conntrackStat() throws IOException {
        return read("stat/nf_conntrack", PerCpuStats::parse);
    }

    /**
     * {@code stat/arp_cache}: of the machine, and only in the initial network namespace; {@code table_fulls} counts
     * refusals.
     */
    public PerCpuStats arpCache() throws IOException {
        return read("stat/arp_cache", PerCpuStats::parse);
    }

    /** {@code stat/ndisc_cache}: as {@link #arpCache()}, for IPv6. */
    public PerCpuStats ndiscCache() throws IOException {
        return read("stat/ndisc_cache", PerCpuStats::parse);
    }

    /** {@code if_inet6}: IPv6 addresses; absent when the kernel has no IPv6. */
    public List<IfInet6> ifInet6() throws IOException {
        return read("if_inet6", IfInet6::parse);
    }

    /** Number of AF_UNIX sockets in {@code unix}. */
    public int unixCount() throws IOException {
        return read("unix", (file, text) -> {
            Lines lines = unixRows(file, text);
            while (lines.next() != null) {
                // counted by the reader
            }
            return lines.number() - 1;
        });
    }

    /** The inodes of AF_UNIX sockets in {@code unix}; 0 is one that nobody has accepted yet. */
    public Set<Long> unixInodes() throws IOException {
        return read("unix", (file, text) -> {
            Lines lines = unixRows(file, text);
            Set<Long> all = new HashSet<>();
            for (String line; (line = lines.next()) != null;) {
                String[] field = line.strip().split("\\s+", 8);
                try {
                    all.add(Long.parseLong(field[6]));
                } catch (ArrayIndexOutOfBoundsException | NumberFormatException e) {
                    throw lines.broken("no inode in column 7");
                }
            }
            return all;
        });
    }

    private static Lines unixRows(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        if (!lines.need("a header").startsWith("Num ")) {
            throw lines.broken("not the header \"Num RefCount …\"");
        }
        return lines;
    }

    /** Where a fact of this object is read, for example {@code /proc/4711/net/netstat}. */
    public String file(String name) {
        return net.resolve(name).toString();
    }

    @Override
    public String toString() {
        return "ProcNet[" + net + "]";
    }

    private <T> T read(String name, ProcFs.Parser<T> parser) throws IOException {
        return process.read(net.resolve(name), parser);
    }
}
