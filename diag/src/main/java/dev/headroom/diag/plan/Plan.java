package dev.headroom.diag.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

import dev.headroom.diag.Facts;
import dev.headroom.diag.LimitReport;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.plan.Row.Status;
import dev.headroom.diag.plan.Row.Unit;
import dev.headroom.diag.plan.Setting.Kind;

/**
 * What hosts need for so many connections, held against what one host has: a pure function of the two.
 *
 * @param request what was asked for
 * @param server what the server's host needs
 * @param client what each client's host needs; empty without client hosts
 */
public record Plan(Request request, List<Row> server, List<Row> client) {
    /** Kernel memory of one idle end where the kernel does not tell: measured, Linux 6.18, x86-64. */
    public static final long MEASURED_BYTES = 4198;
    /** Descriptors of a process besides its connections: standard streams, libraries, logs, listeners, epoll. */
    static final long OWN = 64;
    private static final long SLOT = 64;
    private static final long EACH_LOOP = 2;
    /** INT_MAX / 8: fs/file.c alloc_fdtable, Linux 6.17 and the stable kernels of 2025. */
    static final long LARGEST_TABLE = 268_435_455;
    private static final long EPOLL_WATCH = 184;
    private static final long WIDE_LOW = 1024;
    private static final long WIDE_HIGH = 65535;
    private static final long BYTES_PER_DESCRIPTOR = 8;
    private static final long FULL_BUCKET = 4;

    public Plan {
        server = List.copyOf(server);
        client = List.copyOf(client);
    }

    public static Plan of(Request request, Snapshot here) {
        List<Row> client = request.clients() == 0 ? List.of()
                : new Host(request, here, request.connectionsOfClient(), false).rows();
        return new Plan(request, new Host(request, here, request.connections(), true).rows(), client);
    }

    /**
     * What keeps the host that was read from being the server as it is. Not in it: the soft limit, which every process
     * raises for itself; the hash table, which is slow but never full; the accept queue for a rate nobody asked for.
     * What is not known does not speak against the host.
     */
    public List<Row> obstacles() {
        return server.stream().filter(r -> r.status() == Status.CHANGE).filter(r -> switch (r.id()) {
            case "nofile-soft", "hash-buckets" -> false;
            case "accept-queue" -> request.rate() > 0;
            default -> true;
        }).toList();
    }

    /** The numbers to set on the server's host, or on each client's. */
    public List<Setting> settings(boolean ofServer) {
        return (ofServer ? server : client).stream().flatMap(r -> r.settings().stream()).toList();
    }

    /** A number with its thousands told apart. */
    static String text(long n) {
        return n == Long.MAX_VALUE ? "unlimited" : String.format(Locale.ROOT, "%,d", n);
    }

    /** One host's rows. */
    private static final class Host {
        private final Request request;
        private final Snapshot here;
        private final long connections;
        private final boolean server;
        private final List<Row> rows = new ArrayList<>();

        Host(Request request, Snapshot here, long connections, boolean server) {
            this.request = request;
            this.here = here;
            this.connections = connections;
            this.server = server;
        }

        List<Row> rows() {
            descriptors();
            fileMax();
            if (!server) {
                ports();
            }
            epoll();
            if (server) {
                acceptQueue();
            }
            memory();
            tcpMem();
            conntrack();
            hash();
            return rows;
        }

        /** Up to the next multiple of 64: fs.nr_open counts in such steps ({@code alloc_fdtable}). */
        private long descriptorsNeeded() {
            return Math.ceilDiv(connections + OWN, SLOT) * SLOT;
        }

        private void descriptors() {
            long needed = descriptorsNeeded();
            OptionalLong soft = here.number(Facts.limitSoft("nofile"));
            OptionalLong hard = here.number(Facts.limitHard("nofile"));
            OptionalLong nrOpen = here.number(Facts.sysctl("fs.nr_open"));
            String limits = source(Facts.limitHard("nofile"));
            boolean possible = needed <= LARGEST_TABLE;
            List<String> softChange = new ArrayList<>();
            List<String> hardChange = new ArrayList<>();
            List<Setting> settings = new ArrayList<>();
            if (soft.isPresent() && soft.getAsLong() < needed && possible) {
                softChange.add("ulimit -Sn " + needed + " (a JVM does it by itself, as far as the hard limit)");
            }
            add("nofile-soft", "descriptors, soft limit", Unit.COUNT, needed, soft, limits, softChange,
                    "A new descriptor needs a number below it (alloc_fd, EMFILE): one for each connection, and "
                            + OWN + " for the process itself.",
                    List.of());
            if (!possible) {
                hardChange.add("more processes, or private tables: one table holds at most " + text(LARGEST_TABLE)
                        + " (alloc_fdtable)");
            } else if (hard.isPresent() && hard.getAsLong() < needed) {
                hardChange.add(
                        "LimitNOFILE=" + needed + " for a systemd unit, --ulimit nofile=" + needed + " for Docker");
            }
            if (hard.isPresent() && hard.getAsLong() < needed) {
                tables(hard.getAsLong()).ifPresent(n -> hardChange.add("or leave it: headroom "
                        + (server ? "serve --max-connections " : "connect --connections ") + connections
                        + " --fd-tables auto takes about " + text(n) + " private tables, of " + text(hard.getAsLong())
                        + " descriptors each"));
            }
            if (possible && (soft.isEmpty() || soft.getAsLong() < needed || hard.isEmpty()
                    || hard.getAsLong() < needed)) {
                boolean higher = hard.isPresent() && hard.getAsLong() > needed && hard.getAsLong() <= LARGEST_TABLE;
                settings.add(new Setting(Kind.NOFILE, "nofile", needed + (higher ? ":" + hard.getAsLong() : ""),
                        text(connections) + " connections, and " + OWN + " descriptors for the process itself",
                        soft.isPresent() && hard.isPresent()
                                ? text(soft.getAsLong()) + " soft, " + text(hard.getAsLong()) + " hard (" + limits + ")"
                                : known(hard, limits)));
            }
            add("nofile-hard", "descriptors, hard limit", Unit.COUNT, needed, hard, limits, hardChange,
                    "The soft limit may not pass it (do_prlimit), and only CAP_SYS_RESOURCE raises it.", settings);
            String rule = "No hard limit above it, not for root either: EPERM (do_prlimit).";
            if (possible) {
                sysctl("nr-open", "fs.nr_open", needed, nrOpen, "", rule,
                        "The hard limit of descriptors may not be above this", Kind.NODE_SYSCTL);
            } else {
                add("nr-open", "fs.nr_open", Unit.COUNT, needed, nrOpen, source(Facts.sysctl("fs.nr_open")), List.of(),
                        rule, List.of());
            }
        }

        /** How many private descriptor tables hold the connections; each has the two descriptors of every loop. */
        private OptionalLong tables(long hard) {
            for (long n = 1; n * EACH_LOOP < hard - OWN; n++) {
                if (n * (hard - OWN - n * EACH_LOOP) >= connections) {
                    return OptionalLong.of(n);
                }
            }
            return OptionalLong.empty();
        }

        private void fileMax() {
            OptionalLong used = here.number(Facts.FILE_NR_ALLOCATED);
            long needed = used.orElse(0) + connections + OWN;
            sysctl("file-max", "fs.file-max", needed, here.number(Facts.sysctl("fs.file-max")), "",
                    "All open files of the machine (alloc_empty_file, ENFILE); it does not bind CAP_SYS_ADMIN."
                            + (used.isPresent() ? " " + text(used.getAsLong()) + " are open now." : ""),
                    "Open files of the whole machine", Kind.NODE_SYSCTL);
        }

        private void ports() {
            OptionalLong now = LimitReport.portsInRange(here);
            String source = source(Facts.PORT_LOW);
            long tuples = Math.multiplyExact(request.addresses(), request.targets());
            long perTuple = Math.ceilDiv(connections, tuples);
            OptionalLong low = here.number(Facts.PORT_LOW);
            OptionalLong high = here.number(Facts.PORT_HIGH);
            long wideLow = Math.max(WIDE_LOW,
                    here.number(Facts.sysctl("net.ipv4.ip_unprivileged_port_start")).orElse(0));
            if (wideLow % 2 != 0) {
                wideLow++;
            }
            long wide = WIDE_HIGH - wideLow + 1;
            boolean widen = now.isEmpty() || now.getAsLong() < perTuple;
            List<String> change = new ArrayList<>();
            List<Setting> settings = new ArrayList<>();
            if (widen) {
                String range = wideLow + " " + WIDE_HIGH;
                String is = low.isPresent() && high.isPresent()
                        ? low.getAsLong() + " " + high.getAsLong() + " (" + source + ")" : source;
                change.add("net.ipv4.ip_local_port_range = " + range + ": " + text(wide)
                        + " ports; keep those of listeners out with net.ipv4.ip_local_reserved_ports");
                settings.add(new Setting(Kind.SAFE_SYSCTL, "net.ipv4.ip_local_port_range", range,
                        "Ports of outgoing connections, from one address to one address and port", is));
            }
            add("port-range", "ports per source and target", Unit.COUNT, Math.min(perTuple, wide), now, source, change,
                    "connect takes a port of the range that is free for this source address, target address and target"
                            + " port (__inet_hash_connect, EADDRNOTAVAIL). Here "
                            + (low.isPresent() && high.isPresent() ? low.getAsLong() + "-" + high.getAsLong()
                                    : "unknown")
                            + reserved() + ".",
                    settings);
            long usable = widen ? Math.max(wide, now.orElse(0)) : now.getAsLong();
            long addresses = Math.ceilDiv(connections, Math.multiplyExact(usable, request.targets()));
            List<String> more = new ArrayList<>();
            if (addresses > request.addresses()) {
                long targets = Math.ceilDiv(connections, Math.multiplyExact(usable, request.addresses()));
                more.add("give each client host " + text(addresses) + " addresses (ip address add ADDRESS/32 dev lo"
                        + " or its interface), or let the server listen on " + text(targets)
                        + " pairs of address and port, or use more client hosts");
            }
            add("source-addresses", "source addresses", Unit.COUNT, addresses, OptionalLong.of(request.addresses()),
                    "--addresses", more,
                    text(connections) + " connections / (" + text(usable) + " ports x " + text(request.targets())
                            + (request.targets() == 1 ? " target" : " targets")
                            + "). Several addresses need IP_BIND_ADDRESS_NO_PORT before bind, or a port serves one"
                            + " target only.",
                    List.of());
        }

        private String reserved() {
            long reserved = here.number(Facts.PORTS_RESERVED).orElse(0);
            return reserved == 0 ? "" : ", " + text(reserved) + " of them reserved";
        }

        private void epoll() {
            sysctl("epoll-watches", "fs.epoll.max_user_watches", connections + OWN,
                    here.number(Facts.sysctl("fs.epoll.max_user_watches")), "",
                    "All watches of one user, root too (ep_alloc_epitem, ENOSPC): " + EPOLL_WATCH
                            + " bytes each, " + bytes(connections * EPOLL_WATCH) + " for these.",
                    "Sockets in epoll instances, of one user", Kind.NODE_SYSCTL);
        }

        private void acceptQueue() {
            long needed = request.arrivals();
            OptionalLong now = here.number(Facts.sysctl("net.core.somaxconn"));
            String backlog = "and let the program ask for it: listen(fd, " + needed
                    + "), headroom serve --backlog " + needed + "; a listener keeps the queue it was made with";
            sysctl("accept-queue", "net.core.somaxconn", needed, now, backlog,
                    "The queue holds min(backlog, somaxconn) + 1 (sk_acceptq_is_full); a full one drops the SYN"
                            + " silently. Enough for a pause of 1 s at " + text(request.arrivals())
                            + " arrivals a second"
                            + (request.rate() > 0 ? "." : " (all within a minute, as after a restart)."),
                    "Queue of connections that wait for accept: 1 s of them", Kind.UNSAFE_SYSCTL);
        }

        private void memory() {
            long end = request.perConnection().orElse(perEnd());
            long table = Long.highestOneBit(Math.max(1, descriptorsNeeded() - 1)) * 2 * BYTES_PER_DESCRIPTOR;
            long needed = connections * end + table;
            OptionalLong available = kibibytes(Facts.meminfo("MemAvailable"));
            List<String> change = available.isPresent() && available.getAsLong() < needed
                    ? List.of("more memory, or fewer connections: "
                            + text(Math.max(0, (available.getAsLong() - table) / end)) + " fit now")
                    : List.of();
            add("memory", "kernel memory", Unit.BYTES, needed, available, source(Facts.meminfo("MemAvailable")), change,
                    text(end) + " bytes for an idle end (" + perEndSource() + "), and " + bytes(table)
                            + " for the table of descriptors. What waits in buffers and what the program keeps come on"
                            + " top.",
                    List.of());
            OptionalLong max = here.number(Facts.cgroup("memory", "max"));
            if (max.isPresent() && max.getAsLong() != Long.MAX_VALUE) {
                long left = max.getAsLong() - here.number(Facts.cgroup("memory", "current")).orElse(0);
                String path = here.text(Facts.cgroup("memory", "path")).orElse("");
                add("memory-cgroup", "memory of the cgroup", Unit.BYTES, needed, OptionalLong.of(Math.max(0, left)),
                        source(Facts.cgroup("memory", "max")), left < needed
                                ? List.of("MemoryMax= of the unit, or --memory of the container: " + bytes(needed)
                                        + " more than now")
                                : List.of(),
                        "Sockets are charged to the cgroup that opens them; at memory.max the kernel kills"
                                + (path.isEmpty() ? "." : " (cgroup " + path + ")."),
                        List.of());
            }
        }

        private long perEnd() {
            if (here.number(HostFacts.slab(HostFacts.CACHES.getFirst())).isEmpty()) {
                return MEASURED_BYTES;
            }
            long sum = 0;
            for (String cache : caches()) {
                sum += here.number(HostFacts.slab(cache)).orElse(merged(cache));
            }
            return sum;
        }

        private List<String> caches() {
            List<String> all = new ArrayList<>(HostFacts.CACHES);
            if (!server) {
                all.addAll(HostFacts.CLIENT_CACHES);
            }
            return all;
        }

        /** Sizes on x86-64, Linux 6.18, of those that kernels merge with others. */
        private static long merged(String cache) {
            return switch (cache) {
                case "sock_inode_cache" -> 862;
                case "filp", "dentry" -> 195;
                case "eventpoll_epi", "tcp_bind2_bucket" -> 128;
                default -> 64;
            };
        }

        private String perEndSource() {
            if (request.perConnection().isPresent()) {
                return "--per-connection-memory";
            }
            if (here.number(HostFacts.slab(HostFacts.CACHES.getFirst())).isEmpty()) {
                return "measured on Linux 6.18; " + here.whyUnread(HostFacts.slab(HostFacts.CACHES.getFirst()));
            }
            List<String> parts = new ArrayList<>();
            List<String> others = new ArrayList<>();
            for (String cache : caches()) {
                OptionalLong size = here.number(HostFacts.slab(cache));
                if (size.isPresent()) {
                    parts.add(cache + " " + size.getAsLong());
                } else {
                    others.add(cache + " " + merged(cache));
                }
            }
            return "/proc/slabinfo: " + String.join(", ", parts)
                    + (others.isEmpty() ? "" : "; not listed there: " + String.join(", ", others));
        }

        private void tcpMem() {
            String name = Facts.sysctl("net.ipv4.tcp_mem");
            OptionalLong max = LimitReport.third(here, name);
            OptionalLong used = here.number(Facts.sockstat("TCP.mem"));
            String enough = max.isEmpty() ? ""
                    : " Room for " + text(Math.max(0, max.getAsLong() - used.orElse(0)))
                            + " connections that each have a page of data waiting.";
            add("tcp-mem", "TCP buffers, pages (tcp_mem)", Unit.PAGES, used.orElse(0), max, source(name), List.of(),
                    "Pages of data in send and receive buffers, all TCP of the machine; idle connections count nothing."
                            + " Above it send says EAGAIN." + enough,
                    List.of());
        }

        private void conntrack() {
            OptionalLong count = here.number(Facts.CONNTRACK_COUNT);
            if (count.isEmpty()) {
                return;
            }
            long needed = count.getAsLong() + connections;
            String buckets = "net.netfilter.nf_conntrack_buckets";
            sysctl("conntrack", "net.netfilter.nf_conntrack_max", needed,
                    here.number(Facts.sysctl("net.netfilter.nf_conntrack_max")),
                    "sysctl -w " + buckets + "=" + needed + " too, or the search in its table takes longer",
                    "Each connection that conntrack sees is an entry (__nf_conntrack_alloc); when full, packets of new"
                            + " connections are dropped. Closed ones stay for 120 s: add those, or exempt the port"
                            + " (notrack).",
                    "Entries of connection tracking, in each network namespace", Kind.NODE_SYSCTL);
            OptionalLong now = here.number(Facts.sysctl(buckets));
            Row row = rows.getLast();
            if (row.status() == Status.CHANGE && (now.isEmpty() || now.getAsLong() < needed)) {
                List<Setting> both = new ArrayList<>(row.settings());
                both.add(new Setting(Kind.NODE_SYSCTL, buckets, Long.toString(needed),
                        "Hash table of connection tracking: as many as entries",
                        known(now, source(Facts.sysctl(buckets)))));
                rows.set(rows.size() - 1, new Row(row.id(), row.what(), row.unit(), row.needed(), row.here(),
                        row.source(), row.status(), row.change(), row.why(), both));
            }
        }

        private void hash() {
            String name = Facts.sysctl(HostFacts.HASH);
            OptionalLong entries = here.number(name);
            long needed = Math.ceilDiv(connections, FULL_BUCKET);
            boolean few = entries.isPresent() && entries.getAsLong() < needed;
            add("hash-buckets", "TCP hash buckets", Unit.COUNT, needed, entries, source(name), few
                    ? List.of("boot with thash_entries=" + Long.highestOneBit(needed * 2 - 1)
                            + " on the kernel's command line")
                    : List.of(),
                    "Not a limit: with more than " + FULL_BUCKET
                            + " connections in a bucket each packet's search takes longer (__inet_lookup_established).",
                    List.of());
        }

        private void sysctl(String id, String name, long needed, OptionalLong now, String more, String why,
                String purpose, Kind kind) {
            String source = source(Facts.sysctl(name));
            List<String> change = new ArrayList<>();
            List<Setting> settings = new ArrayList<>();
            if (now.isEmpty() || now.getAsLong() < needed) {
                if (now.isPresent()) {
                    change.add("sysctl -w " + name + "=" + needed);
                    if (!more.isEmpty()) {
                        change.add(more);
                    }
                }
                settings.add(new Setting(kind, name, Long.toString(needed), purpose, known(now, source)));
            }
            add(id, name, Unit.COUNT, needed, now, source, change, why, settings);
        }

        private void add(String id, String what, Unit unit, long needed, OptionalLong now, String source,
                List<String> change, String why, List<Setting> settings) {
            Status status = now.isEmpty() ? Status.UNKNOWN : now.getAsLong() >= needed ? Status.OK : Status.CHANGE;
            rows.add(new Row(id, what, unit, needed, now, source, status, change, why, settings));
        }

        private OptionalLong kibibytes(String name) {
            OptionalLong n = here.number(name);
            return n.isPresent() ? OptionalLong.of(n.getAsLong() * 1024) : n;
        }

        private String source(String fact) {
            return here.fact(fact).map(f -> f.source()).orElseGet(() -> here.whyUnread(fact));
        }

        private static String known(OptionalLong value, String source) {
            return value.isPresent() ? text(value.getAsLong()) + " (" + source + ")" : "unknown (" + source + ")";
        }

        private static String bytes(long n) {
            return Plan.bytes(n);
        }
    }

    /** Bytes as a person reads them. */
    public static String bytes(long n) {
        double value = n;
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        int unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? n + " B" : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
    }
}
