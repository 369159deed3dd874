package dev.headroom.diag;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.Flows;
import dev.headroom.proc.IfInet6;
import dev.headroom.proc.InetRow;
import dev.headroom.proc.InetSock;
import dev.headroom.proc.NetNamespace;
import dev.headroom.proc.PerCpuStats;
import dev.headroom.proc.PortUse;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcNet;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Protocol;
import dev.headroom.proc.Reading;
import dev.headroom.proc.Route;
import dev.headroom.proc.Routes;
import dev.headroom.proc.Rows;
import dev.headroom.proc.Scope;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.SockStat;
import dev.headroom.proc.SocketOwners;
import dev.headroom.proc.SoftnetStat;
import dev.headroom.proc.Sysctl;
import dev.headroom.proc.TcpPorts;
import dev.headroom.proc.TcpState;
import dev.headroom.proc.UnixSock;

/**
 * Reads the facts of a network namespace: files of /proc/PID/net for anyone, sysctls, sockets and routes by entering it.
 */
final class Network {
    private static final String SOCK_DIAG = "sock_diag";
    private static final String RTNETLINK = "rtnetlink RTM_GETROUTE";
    private static final List<String> OF_NAMESPACE = List.of("net.core.somaxconn", "net.core.optmem_max",
            "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
            "net.ipv4.ip_nonlocal_bind", "net.ipv4.ip_autobind_reuse", "net.ipv4.tcp_tw_reuse",
            "net.ipv4.tcp_tw_reuse_delay", "net.ipv4.tcp_timestamps", "net.ipv4.tcp_max_tw_buckets",
            "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_syn_retries",
            "net.ipv4.tcp_synack_retries", "net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_abort_on_overflow",
            "net.ipv4.tcp_migrate_req", "net.ipv4.tcp_retries2", "net.ipv4.tcp_fin_timeout",
            "net.ipv4.ping_group_range", "net.ipv4.igmp_max_memberships", "net.unix.max_dgram_qlen",
            "net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.lo.disable_ipv6", "net.ipv6.bindv6only",
            "net.ipv6.ip_nonlocal_bind", "net.netfilter.nf_conntrack_count",
            "net.netfilter.nf_conntrack_tcp_timeout_established");
    /** Of the machine, but not to be seen from every network namespace. */
    private static final List<String> OF_MACHINE = List.of("net.ipv4.tcp_mem", "net.ipv4.udp_mem",
            "net.ipv4.tcp_max_orphans", "net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3",
            "net.core.rmem_max", "net.core.wmem_max", "net.core.netdev_max_backlog", "net.netfilter.nf_conntrack_max",
            "net.netfilter.nf_conntrack_buckets");
    private static final Set<String> PROTOCOLS = Set.of("TCP", "TCPv6", "UDP", "UDPv6", "UNIX", "UNIX-STREAM");
    /** Sums of more different addresses than these are not kept: they hold fewer connections each. */
    private static final int MOST_FLOWS = 256;

    private final ProcFs proc;
    private final ProcPid process;
    private final ProcNet net;
    private final String scope;
    private final Question question;
    private final Set<Capture.Topic> topics;
    private final long[] sockets;

    /**
     * @param scope what to call it where the namespace cannot be entered
     * @param sockets inodes of the process's sockets, ascending
     */
    Network(ProcFs proc, ProcPid process, String scope, Question question, Set<Capture.Topic> topics, long[] sockets) {
        this.proc = proc;
        this.process = process;
        this.net = process.net();
        this.scope = scope;
        this.question = question;
        this.topics = topics;
        this.sockets = sockets;
    }

    void read(Sheet out) {
        files(out);
        for (String name : OF_MACHINE) {
            out.sysctl(proc, name);
        }
        String[] names = OF_NAMESPACE.stream().map(Facts::sysctl).toArray(String[]::new);
        try {
            Reading<Boolean> reading = NetNamespace.read(proc, process, whose -> {
                boolean own = whose == Scope.TARGET_NET_NAMESPACE;
                if (own) {
                    inside(out);
                }
                return own;
            });
            out.put(Facts.NET_SCOPE, reading.value() ? entered() : scope, process.directory() + "/ns/net");
            reading.reason().ifPresent(why -> {
                String said = "of another network namespace: " + why;
                out.unread(said, names).unread(said, Facts.LISTENERS, Facts.FLOW_SOCKETS, Facts.PORT_LOW,
                        Facts.PORT_HIGH, Facts.PORTS_BOUND, Facts.PORTS_RESERVED, Facts.CONNTRACK_COUNT);
            });
        } catch (IOException e) {
            out.put(Facts.NET_SCOPE, scope, process.directory() + "/net");
            out.unread(Sheet.why(e), names);
        }
    }

    private String entered() {
        if (scope.equals("self") || scope.equals("reader")) {
            return scope;
        }
        try {
            return process.sharesNamespace("net").orElse(false) ? "self" : "entered";
        } catch (IOException e) {
            return "self";
        }
    }

    private void files(Sheet out) {
        out.attempt(() -> out.put(Facts.NETNS, process.namespace("net").toString(), process.directory() + "/ns/net"),
                Facts.NETNS);
        out.attempt(() -> net.netstat().values()
                .forEach((name, value) -> out.put(Facts.counter(name), value, net.file("netstat"))),
                Facts.counter("TcpExt.ListenOverflows"), Facts.counter("TcpExt.ListenDrops"));
        out.attempt(() -> net.snmp().values()
                .forEach((name, value) -> out.put(Facts.counter(name), value, net.file("snmp"))),
                Facts.counter("Tcp.AttemptFails"), Facts.counter("Ip.OutDiscards"));
        sockstat(out, "sockstat");
        sockstat(out, "sockstat6");
        for (String file : List.of("nf_conntrack", "arp_cache", "ndisc_cache")) {
            columns(out, file);
        }
        out.attempt(() -> {
            List<IfInet6> addresses = net.ifInet6();
            out.put(Facts.IPV6_ADDRESSES, addresses.size(), net.file("if_inet6"));
            literal(question.local()).ifPresent(local -> addresses.stream()
                    .filter(a -> Arrays.equals(bytes(a.address()), local.address().getAddress())).findFirst()
                    .ifPresent(a -> out.put(Facts.LOCAL_IPV6_FLAGS, a.flags(), net.file("if_inet6"))));
        }, Facts.IPV6_ADDRESSES);
        out.attempt(() -> {
            for (Protocol p : net.protocols()) {
                if (PROTOCOLS.contains(p.name())) {
                    out.put(Facts.protocol(p.name(), "sockets"), p.sockets(), net.file("protocols"));
                    p.pressure().ifPresent(press -> out.put(Facts.protocol(p.name(), "pressure"),
                            press ? "yes" : "no", net.file("protocols")));
                }
            }
        }, Facts.protocol("TCP", "sockets"), Facts.protocol("UNIX", "sockets"),
                Facts.protocol("UNIX-STREAM", "sockets"));
        out.attempt(() -> out.put(Facts.SOFTNET_DROPPED,
                net.softnetStat().stream().mapToLong(SoftnetStat::dropped).sum(), net.file("softnet_stat")),
                Facts.SOFTNET_DROPPED);
        netlinkDrops(out);
    }

    private void sockstat(Sheet out, String file) {
        out.attempt(() -> (file.endsWith("6") ? net.sockstat6() : net.sockstat()).values().values()
                .forEach((name, value) -> out.put(Facts.sockstat(name), value,
                        net.file(file) + (SockStat.scope(name) == Scope.MACHINE ? " (machine)" : ""))),
                Facts.sockstat(file.endsWith("6") ? "TCP6.inuse" : "TCP.inuse"));
    }

    private void columns(Sheet out, String file) {
        out.attempt(() -> {
            PerCpuStats stats = switch (file) {
                case "nf_conntrack" -> net.conntrackStat();
                // Neighbour tables are the machine's, and are to be seen from its first network namespace only.
                case "arp_cache" ->
                    (Files.exists(Path.of(net.file("stat/" + file))) ? net : proc.self().net()).arpCache();
                default -> (Files.exists(Path.of(net.file("stat/" + file))) ? net : proc.self().net()).ndiscCache();
            };
            for (String column : stats.columns()) {
                OptionalLong value = column.equals("entries") ? stats.global(column) : stats.sum(column);
                value.ifPresent(v -> out.put(Facts.stat(file, column), v, net.file("stat/" + file)));
            }
        }, file.equals("nf_conntrack") ? new String[] {Facts.stat(file, "drop"), Facts.stat(file, "insert_failed"),
                Facts.stat(file, "early_drop")} : new String[] {Facts.stat(file, "table_fulls")});
    }

    /** "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode", a row a netlink socket. */
    private void netlinkDrops(Sheet out) {
        if (sockets.length == 0) {
            return;
        }
        out.attempt(() -> {
            long drops = 0;
            boolean any = false;
            for (String line : Files.readAllLines(Path.of(net.file("netlink")))) {
                String[] w = line.strip().split("\\s+");
                if (w.length >= 10 && w[9].matches("\\d+") && isOwn(Long.parseLong(w[9]))) {
                    drops += Long.parseLong(w[8]);
                    any = true;
                }
            }
            if (any) {
                out.put(Facts.NETLINK_DROPS, drops, net.file("netlink"));
            }
        }, Facts.NETLINK_DROPS);
    }

    private boolean isOwn(long inode) {
        return inode != 0 && Arrays.binarySearch(sockets, inode) >= 0;
    }

    /** What only a thread inside the namespace can read. */
    private void inside(Sheet out) {
        for (String name : OF_NAMESPACE) {
            out.sysctl(proc, name);
        }
        var range = new Object() {
            Sysctl.Range ports;
            BitSet reserved = new BitSet();
        };
        out.attempt(() -> {
            Sysctl s = proc.sysctl("net.ipv4.ip_local_port_range");
            range.ports = s.asRange();
            out.put(Facts.PORT_LOW, range.ports.low(), s.file()).put(Facts.PORT_HIGH, range.ports.high(), s.file());
            Sysctl list = proc.sysctl("net.ipv4.ip_local_reserved_ports");
            for (Sysctl.Range r : list.asRanges()) {
                long from = Math.max(r.low(), range.ports.low());
                long to = Math.min(r.high(), range.ports.high());
                if (from <= to) {
                    range.reserved.set((int) from, (int) to + 1);
                }
            }
            out.put(Facts.PORTS_RESERVED, range.reserved.cardinality(), list.file());
        }, Facts.PORT_LOW, Facts.PORT_HIGH, Facts.PORTS_RESERVED);
        out.attempt(() -> {
            Sysctl s = proc.sysctl("net.netfilter.nf_conntrack_count");
            out.put(Facts.CONNTRACK_COUNT, s.asLong(), s.file());
        }, Facts.CONNTRACK_COUNT);
        boolean socketsMatter = topics.contains(Capture.Topic.SOCKETS);
        if (socketsMatter) {
            out.attempt(() -> {
                NetworkInterface lo = NetworkInterface.getByName("lo");
                out.put(Facts.LO_UP, lo != null && lo.isUp() ? "yes" : "no", "SIOCGIFFLAGS");
            }, Facts.LO_UP);
            routes(out);
            if (Firewall.concerns(question)) {
                new Firewall(net, question).read(out);
            }
        }
        if (!scope.equals("reader") && Borrowings.concern(question)) {
            new Borrowings(proc, process, question).read(out);
        }
        boolean leaks = topics.contains(Capture.Topic.DESCRIPTORS) && sockets.length > 0;
        boolean listening = topics.contains(Capture.Topic.LISTENERS)
                || topics.contains(Capture.Topic.OWN_LISTENERS);
        if (!listening && !socketsMatter && !leaks) {
            return;
        }
        out.attempt(() -> {
            try (SockDiag diag = SockDiag.open()) {
                if (leaks) {
                    out.attempt(() -> unclosed(out, diag), Facts.sockets(TcpState.TCP_CLOSE_WAIT.ss()));
                }
                if (listening) {
                    out.attempt(() -> listeners(out, diag), Facts.LISTENERS);
                }
                if (socketsMatter) {
                    if (range.ports != null) {
                        ranges(out, diag, (int) range.ports.low(), (int) range.ports.high(), range.reserved);
                    }
                    asked(out, diag, range.ports);
                }
            }
        }, Facts.LISTENERS, Facts.FLOW_SOCKETS, Facts.PORTS_BOUND);
    }

    /** Sockets whose peer has hung up and that the process still holds: what leaks most often. */
    private void unclosed(Sheet out, SockDiag diag) throws IOException {
        var count = new Object() {
            long own;
        };
        diag.walk(SockFilter.states(TcpState.TCP_CLOSE_WAIT), new Rows<InetRow>() {
            @Override
            public void row(InetRow row) {
                count.own += isOwn(row.inode()) ? 1 : 0;
            }

            @Override
            public void again() {
                count.own = 0;
            }
        });
        out.put(Facts.sockets(TcpState.TCP_CLOSE_WAIT.ss()), count.own, SOCK_DIAG);
    }

    private void listeners(Sheet out, SockDiag diag) throws IOException {
        List<InetSock> all = diag.listeners();
        Set<Long> foreign = new HashSet<>();
        if (topics.contains(Capture.Topic.LISTENERS)) {
            all.stream().map(InetSock::inode).filter(i -> !isOwn(i)).forEach(foreign::add);
        }
        SocketOwners owners = SocketOwners.find(proc, foreign);
        long pid = process == null || scope.equals("reader") ? 0 : number(process.directory());
        List<Snapshot.Listening> listening = new ArrayList<>();
        Map<Long, String> names = new TreeMap<>();
        for (InetSock s : all) {
            long owner = isOwn(s.inode()) ? pid : owners.of(s.inode()).stream().findFirst().orElse(0);
            String command = owner == 0 ? "" : names.computeIfAbsent(owner, this::command);
            listening.add(new Snapshot.Listening(s.local().toString(), s.rqueue(), s.wqueue(), s.inode(), owner,
                    command));
        }
        out.builder().listeners(listening);
        out.put(Facts.LISTENERS, listening.size(), SOCK_DIAG);
    }

    private static long number(Path directory) {
        String name = directory.getFileName().toString();
        return name.matches("\\d+") ? Long.parseLong(name) : ProcessHandle.current().pid();
    }

    private String command(long pid) {
        try {
            return proc.process(pid).comm();
        } catch (IOException e) {
            return "";
        }
    }

    private void ranges(Sheet out, SockDiag diag, int low, int high, BitSet reserved) {
        Optional<Sockaddr> target = literal(question.peer()).filter(p -> p.port() != 0);
        Optional<InetAddress> local = literal(question.local()).map(Sockaddr::address);
        boolean binding = question.call().isEmpty() || question.call().equals("bind")
                || question.call().equals("listen")
                || question.errno().filter(e -> e == Errno.EADDRINUSE || e == Errno.EAGAIN).isPresent();
        out.attempt(() -> {
            if (binding || target.isEmpty()) {
                TcpPorts ports = diag.ports(low, high, target, local);
                bound(out, ports.bound(), reserved);
                flows(out, ports.flows());
                if (binding) {
                    out.put(Facts.PORTS_IN_USE, ports.inUse().cardinality(), SOCK_DIAG);
                    if (local.isPresent()) {
                        out.put(Facts.PORTS_OF_LOCAL, ports.inUseOfLocal().cardinality(), SOCK_DIAG);
                    }
                }
            } else {
                // The kernel leaves out the rows of other targets, which may be most.
                bound(out, diag.boundPorts(low, high), reserved);
                flows(out, diag.flows(target.get(), low, high));
            }
        }, binding ? new String[] {Facts.PORTS_BOUND, Facts.PORTS_BLOCKED, Facts.FLOW_SOCKETS, Facts.PORTS_IN_USE,
                Facts.PORTS_OF_LOCAL} : new String[] {Facts.PORTS_BOUND, Facts.PORTS_BLOCKED, Facts.FLOW_SOCKETS});
        if (binding) {
            out.attempt(() -> {
                var ports = new Ports();
                diag.udp(SockFilter.all().localPorts(low, high), ports);
                out.put(Facts.UDP_PORTS_BOUND, ports.set.cardinality(), SOCK_DIAG);
            }, Facts.UDP_PORTS_BOUND);
        }
    }

    private void bound(Sheet out, PortUse bound, BitSet reserved) throws IOException {
        boolean idle = SockDiag.showsBoundInactive(proc.kernelVersion());
        String source = SOCK_DIAG + (idle ? "" : ", listeners only before Linux 6.8");
        out.put(Facts.PORTS_BOUND, bound.count(), source);
        BitSet blocked = bound.ports();
        blocked.or(reserved);
        out.put(Facts.PORTS_BLOCKED, blocked.cardinality(), source);
    }

    private static void flows(Sheet out, Flows flows) {
        List<Snapshot.Flow> all = new ArrayList<>();
        flows.flows().stream().limit(MOST_FLOWS).forEach(f -> {
            Map<String, Long> states = new TreeMap<>();
            f.states().forEach((state, n) -> states.put(state.ss(), n));
            all.add(new Snapshot.Flow(f.source().getHostAddress(), f.target().toString(), states, f.ports()));
        });
        out.builder().flows(all);
        out.put(Facts.FLOW_SOCKETS, flows.connections(), SOCK_DIAG);
    }

    /** Collects local ports. */
    private static class Ports implements Rows<InetRow> {
        final BitSet set = new BitSet();

        @Override
        public void row(InetRow row) {
            set.set(row.localPort());
        }

        @Override
        public void again() {
            set.clear();
        }
    }

    /** What the question's own addresses say. */
    private void asked(Sheet out, SockDiag diag, Sysctl.Range range) {
        Optional<Sockaddr> local = literal(question.local());
        Optional<Sockaddr> peer = literal(question.peer());
        if (local.isPresent() && peer.isPresent() && local.get().port() != 0 && peer.get().port() != 0) {
            out.attempt(() -> {
                Optional<InetSock> found = diag.find(local.get(), peer.get());
                out.put(Facts.TUPLE_STATE, found.map(s -> state(s.state())).orElse("none"), SOCK_DIAG);
                found.ifPresent(s -> out.put(Facts.SEND_QUEUE, s.wqueue(), SOCK_DIAG));
            }, Facts.TUPLE_STATE);
        }
        local.filter(l -> l.port() != 0).ifPresent(l -> out.attempt(() -> port(out, diag, l.port(), range),
                Facts.portState("LISTEN"), Facts.PORT_EXAMPLE, Facts.PORT_OWNER));
        peer.filter(p -> p.port() != 0).ifPresent(p -> out.attempt(() -> caller(out, diag, p), Facts.CALLER_DEVICE));
        question.peer().filter(p -> p.startsWith("/") || p.startsWith("@")).ifPresent(path -> out.attempt(() -> {
            out.unread("absent: nobody listens on " + path, Facts.UNIX_QUEUE, Facts.UNIX_LIMIT);
            for (UnixSock s : diag.unixListeners()) {
                if (s.name().equals(path)) {
                    out.put(Facts.UNIX_QUEUE, s.rqueue(), SOCK_DIAG).put(Facts.UNIX_LIMIT, s.wqueue(), SOCK_DIAG);
                }
            }
        }, Facts.UNIX_QUEUE, Facts.UNIX_LIMIT));
        // A snapshot is to answer it later: it is asked nothing.
        boolean full = question.errno().map(e -> e == Errno.EAGAIN).orElse(question.call().isEmpty());
        if (sockets.length > 0 && full && (peer.isEmpty() || local.isEmpty())) {
            out.attempt(() -> sendQueue(out, diag), Facts.SEND_QUEUE);
        }
    }

    private void sendQueue(Sheet out, SockDiag diag) throws IOException {
        var most = new Object() {
            long bytes = -1;
        };
        diag.walk(SockFilter.states(TcpState.TCP_ESTABLISHED, TcpState.TCP_CLOSE_WAIT), row -> {
            if (isOwn(row.inode())) {
                most.bytes = Math.max(most.bytes, row.wqueue());
            }
        });
        if (most.bytes >= 0) {
            out.put(Facts.SEND_QUEUE, most.bytes, SOCK_DIAG);
        }
    }

    private void port(Sheet out, SockDiag diag, int port, Sysctl.Range range) throws IOException {
        PortUse use = diag.tcpPort(port);
        for (TcpState s : TcpState.values()) {
            out.put(Facts.portState(state(s)), use.count(s), SOCK_DIAG);
        }
        List<InetSock> examples = use.examples().stream()
                .sorted((a, b) -> Integer.compare(rank(a.state()), rank(b.state()))).toList();
        examples.stream().findFirst().ifPresent(s -> out.put(Facts.PORT_EXAMPLE,
                s.local() + (s.remote().port() == 0 ? "" : " " + s.remote()) + " " + state(s.state()), SOCK_DIAG));
        Set<Integer> listening = new HashSet<>();
        diag.listeners().forEach(l -> listening.add(l.local().port()));
        var count = new Object() {
            long outgoing;
        };
        diag.walk(SockFilter.connected().localPort(port), new Rows<InetRow>() {
            @Override
            public void row(InetRow row) {
                boolean outside = range == null || !range.contains(row.remotePort());
                count.outgoing += outside || listening.contains(row.remotePort()) ? 1 : 0;
            }

            @Override
            public void again() {
                count.outgoing = 0;
            }
        });
        out.put(Facts.PORT_OUTGOING, count.outgoing, SOCK_DIAG);
        Optional<InetSock> holder = examples.stream().filter(s -> s.inode() != 0).findFirst();
        if (holder.isPresent()) {
            out.put(Facts.PORT_OWNER_UID, holder.get().uid(), SOCK_DIAG);
            long inode = holder.get().inode();
            int owner = isOwn(inode) ? (int) number(process.directory())
                    : SocketOwners.find(proc, Set.of(inode)).of(inode).stream().findFirst().orElse(0);
            if (owner != 0) {
                out.put(Facts.PORT_OWNER, owner + " (" + command(owner) + ")", "/proc/" + owner + "/fd");
                out.attempt(() -> Borrowings.rival(out, proc, owner, inode), Facts.PORT_OWNER_REUSEPORT);
            }
        }
    }

    /** Listeners and idle bound sockets first: they own the port. */
    private static int rank(TcpState s) {
        return s == TcpState.TCP_LISTEN ? 0 : s == TcpState.TCP_BOUND_INACTIVE ? 1 : 2;
    }

    private static String state(TcpState s) {
        return s == TcpState.TCP_BOUND_INACTIVE ? "BOUND" : s.ss();
    }

    private static void caller(Sheet out, SockDiag diag, Sockaddr peer) throws IOException {
        var found = new Object() {
            int iface = -1;
        };
        diag.walk(SockFilter.states(TcpState.TCP_SYN_SENT).remote(peer.address()).remotePort(peer.port()),
                row -> found.iface = Math.max(found.iface, row.iface()));
        if (found.iface >= 0) {
            NetworkInterface device = found.iface == 0 ? null : NetworkInterface.getByIndex(found.iface);
            out.put(Facts.CALLER_DEVICE, found.iface == 0 ? "none" : device == null ? "if" + found.iface
                    : device.getName(), SOCK_DIAG);
        }
    }

    private void routes(Sheet out) {
        Optional<InetAddress> peer = literal(question.peer()).map(Sockaddr::address);
        Optional<InetAddress> local = literal(question.local()).map(Sockaddr::address)
                .filter(a -> !a.isAnyLocalAddress());
        if (peer.isEmpty() && local.isEmpty()) {
            return;
        }
        out.attempt(() -> {
            try (Routes routes = Routes.open()) {
                if (peer.isPresent()) {
                    Optional<InetAddress> from = local.filter(l -> l.getClass() == peer.get().getClass());
                    route(out, routes.lookup(peer.get(), from, out.number(Facts.EUID)));
                }
                if (local.isPresent()) {
                    Route own = routes.lookup(local.get());
                    out.put(Facts.LOCAL_TYPE, own.isUsable() ? type(own) : "none", RTNETLINK);
                }
            }
        }, Facts.ROUTE_TYPE, Facts.LOCAL_TYPE);
    }

    private void route(Sheet out, Route r) {
        if (!r.isUsable()) {
            out.put(Facts.ROUTE_ERRNO, Errno.name(r.errno()), RTNETLINK);
            return;
        }
        out.put(Facts.ROUTE_TYPE, type(r), RTNETLINK);
        r.device().ifPresent(d -> out.put(Facts.ROUTE_DEVICE, d, RTNETLINK));
        r.gateway().ifPresent(g -> out.put(Facts.ROUTE_GATEWAY, g.getHostAddress(), RTNETLINK));
        r.prefsrc().ifPresent(s -> out.put(Facts.ROUTE_SOURCE, s.getHostAddress(), RTNETLINK));
        if (r.type() == Route.Type.RTN_UNICAST) {
            neighbour(out, r.gateway().orElse(r.destination()));
        }
    }

    private static String type(Route r) {
        return r.type().name().replace("RTN_", "").toLowerCase(Locale.ROOT);
    }

    /** "10.0.0.1 0x1 0x2 02:… * eth0": flag 2 says that the address is known. Only of IPv4. */
    private void neighbour(Sheet out, InetAddress next) {
        out.attempt(() -> {
            String state = "none";
            for (String line : Files.readAllLines(Path.of(net.file("arp")))) {
                String[] w = line.split("\\s+");
                if (w.length >= 6 && w[0].equals(next.getHostAddress())) {
                    state = (Integer.decode(w[2]) & 2) != 0 ? "REACHABLE" : "FAILED";
                }
            }
            if (next.getAddress().length == 4) {
                out.put(Facts.NEIGH_STATE, state, net.file("arp"));
            }
        }, Facts.NEIGH_STATE);
    }

    /** An address in numbers; a name is not looked up. */
    static Optional<Sockaddr> literal(Optional<String> text) {
        return text.flatMap(t -> {
            int colon = t.lastIndexOf(':');
            if (colon < 0 || !t.substring(colon + 1).matches("\\d{1,5}")) {
                return Optional.empty();
            }
            String host = t.substring(0, colon).replace("[", "").replace("]", "");
            try {
                int port = Integer.parseInt(t.substring(colon + 1));
                return port > 65535 ? Optional.empty()
                        : Optional.of(new Sockaddr(InetAddress.ofLiteral(host), port));
            } catch (IllegalArgumentException e) {
                return Optional.empty();
            }
        });
    }

    private static byte[] bytes(String hex) {
        return java.util.HexFormat.of().parseHex(hex);
    }
}
