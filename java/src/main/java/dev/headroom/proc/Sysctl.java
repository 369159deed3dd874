package dev.headroom.proc;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A file below {@code /proc/sys}, by the dotted name {@code sysctl(8)} uses.
 *
 * @param name  dotted, for example {@code net.ipv4.ip_local_port_range}
 * @param file  where it was read
 * @param value the text, without the final newline
 */
public record Sysctl(String name, String file, String value) {
    private static final Set<String> NET_OF_MACHINE = Set.of(
            "net.ipv4.tcp_mem", "net.ipv4.udp_mem", "net.ipv4.tcp_max_orphans",
            "net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_buckets",
            "net.netfilter.nf_conntrack_expect_max", "net.nf_conntrack_max");
    private static final Set<String> CORE_OF_NAMESPACE = Set.of(
            "somaxconn", "optmem_max", "txrehash", "tstamp_allow_data", "rps_default_mask");
    private static final Set<String> KERNEL_OF_IPC = Set.of(
            "sem", "msgmax", "msgmnb", "msgmni", "shmmax", "shmall", "shmmni", "shm_rmid_forced");

    /**
     * Two numbers, the first not above the second.
     *
     * @param low  the first
     * @param high the last, included
     */
    public record Range(long low, long high) {
        /** How many numbers it holds. */
        public long size() {
            return high - low + 1;
        }

        public boolean contains(long number) {
            return low <= number && number <= high;
        }
    }

    /** Whose the value is. */
    public Scope scope() {
        return scope(name);
    }

    /**
     * Whose the value of a sysctl is, by its name. {@code kernel.pid_max} is the reader's PID namespace's from Linux
     * 6.14 on; before, all PID namespaces have one. Those of {@code net.} that are the machine's are not there, or not
     * writable, outside the initial network namespace.
     */
    public static Scope scope(String name) {
        int last = name.lastIndexOf('.');
        if (name.startsWith("net.")) {
            boolean machine = NET_OF_MACHINE.contains(name)
                    || name.contains(".neigh.default.gc_")
                    || name.startsWith("net.core.")
                            && !CORE_OF_NAMESPACE.contains(name.substring(last + 1))
                            && !name.startsWith("net.core.xfrm_");
            return machine ? Scope.MACHINE : Scope.READER_NET_NAMESPACE;
        }
        if (name.startsWith("user.")) {
            return Scope.READER_USER_NAMESPACE;
        }
        if (name.startsWith("fs.mqueue.")) {
            return Scope.READER_IPC_NAMESPACE;
        }
        return switch (name) {
            case "kernel.pid_max", "kernel.ns_last_pid" -> Scope.READER_PID_NAMESPACE;
            case "kernel.hostname", "kernel.domainname" -> Scope.READER_UTS_NAMESPACE;
            default -> name.startsWith("kernel.") && KERNEL_OF_IPC.contains(name.substring("kernel.".length()))
                    ? Scope.READER_IPC_NAMESPACE : Scope.MACHINE;
        };
    }

    /**
     * The path below {@code /proc/sys} of a name, as sysctl(8) has it: whichever of dot and slash comes first
     * separates,
     * so that {@code net.ipv4.conf.eth0/100.rp_filter} names the interface {@code eth0.100}.
     */
    static String path(String name) {
        int dot = name.indexOf('.');
        int slash = name.indexOf('/');
        boolean dotted = dot >= 0 && (slash < 0 || dot < slash);
        var path = new StringBuilder(name.length());
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            path.append(dotted && c == '.' ? '/' : dotted && c == '/' ? '.' : c);
        }
        for (String part : path.toString().split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..")) {
                throw new IllegalArgumentException("not a sysctl name: " + name);
            }
        }
        return path.toString();
    }

    /** The one number it is, all 64 bits. */
    public long asLong() throws ProcParseException {
        String[] w = Lines.words(value);
        Lines lines = lines();
        if (w.length != 1) {
            throw lines.broken("expected one number");
        }
        return lines.decimal(name, w[0]);
    }

    /** The numbers it is, for example the three of {@code net.ipv4.tcp_mem}. */
    public List<Long> asLongs() throws ProcParseException {
        Lines lines = lines();
        var numbers = new ArrayList<Long>();
        for (String word : Lines.words(value)) {
            numbers.add(lines.decimal(name, word));
        }
        return List.copyOf(numbers);
    }

    /** The two numbers it is, for example {@code net.ipv4.ip_local_port_range}. */
    public Range asRange() throws ProcParseException {
        List<Long> numbers = asLongs();
        if (numbers.size() != 2) {
            throw lines().broken("expected two numbers");
        }
        return range(lines(), numbers.get(0), numbers.get(1));
    }

    /** The comma-separated numbers and ranges it is, for example {@code net.ipv4.ip_local_reserved_ports}. */
    public List<Range> asRanges() throws ProcParseException {
        Lines lines = lines();
        var ranges = new ArrayList<Range>();
        for (String part : value.strip().split(",")) {
            if (!part.isEmpty()) {
                int dash = part.indexOf('-', 1);
                long low = lines.decimal(name, dash < 0 ? part : part.substring(0, dash));
                ranges.add(range(lines, low, dash < 0 ? low : lines.decimal(name, part.substring(dash + 1))));
            }
        }
        return List.copyOf(ranges);
    }

    private static Range range(Lines lines, long low, long high) throws ProcParseException {
        if (low > high) {
            throw lines.broken("the first number is above the second");
        }
        return new Range(low, high);
    }

    private Lines lines() {
        return Lines.one(file, value);
    }
}
