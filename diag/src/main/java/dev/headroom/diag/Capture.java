package dev.headroom.diag;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongSupplier;

import dev.headroom.linux.Errno;
import dev.headroom.proc.CgroupWalk;
import dev.headroom.proc.Counters;
import dev.headroom.proc.Descriptor;
import dev.headroom.proc.DescriptorTable;
import dev.headroom.proc.FdKind;
import dev.headroom.proc.KernelVersion;
import dev.headroom.proc.Limits;
import dev.headroom.proc.PerCpuStats;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcNet;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Protocol;
import dev.headroom.proc.Scope;
import dev.headroom.proc.SockStat;
import dev.headroom.proc.Status;
import dev.headroom.proc.Sysctl;

/**
 * Reads the facts of a process, its machine, network namespace and cgroup. What cannot be read becomes a reason in
 * words, never a failure: only a process that does not exist is one.
 *
 * <p>It opens one file at a time, so that it also works where few descriptors are left: three suffice.
 */
public final class Capture {
    /** What costs more than a few small files, and is read only when it can tell something. */
    public enum Topic {
        /** Kinds and targets of the process's descriptors: a readlink for each. */
        DESCRIPTORS,
        /** Inotify and epoll watches of all processes of the user: a readlink for each of their descriptors. */
        WATCHES,
        /** Tasks of all processes of the user. */
        TASKS,
        /** Mappings of the process. */
        MAPS,
        /** TCP connections of the network namespace. */
        SOCKETS;

        public static Set<Topic> all() {
            return EnumSet.allOf(Topic.class);
        }

        /** What can tell something about a question. */
        public static Set<Topic> of(Question q) {
            if (q.errno().isEmpty()) {
                return EnumSet.of(DESCRIPTORS, SOCKETS);
            }
            return switch (q.errno().get()) {
                case EMFILE -> watching(q) ? EnumSet.of(DESCRIPTORS, WATCHES) : EnumSet.of(DESCRIPTORS);
                case ENOSPC -> EnumSet.of(DESCRIPTORS, WATCHES);
                case EAGAIN -> EnumSet.of(DESCRIPTORS, TASKS, MAPS);
                case ENOMEM -> EnumSet.of(DESCRIPTORS, TASKS, MAPS);
                case EADDRNOTAVAIL, EADDRINUSE, ETIMEDOUT, ECONNREFUSED, ECONNRESET -> EnumSet.of(DESCRIPTORS, SOCKETS);
                default -> EnumSet.of(DESCRIPTORS);
            };
        }

        /** EMFILE of an unknown call may be inotify's. */
        private static boolean watching(Question q) {
            return q.call().isEmpty() || q.call().startsWith("inotify") || q.call().startsWith("fanotify");
        }
    }

    private static final List<String> MACHINE = List.of("fs.nr_open", "fs.file-max", "fs.epoll.max_user_watches",
            "fs.inotify.max_user_instances", "fs.inotify.max_user_watches", "fs.inotify.max_queued_events",
            "fs.fanotify.max_user_groups", "fs.fanotify.max_user_marks", "fs.pipe-max-size", "fs.pipe-user-pages-hard",
            "fs.pipe-user-pages-soft", "fs.aio-max-nr", "fs.aio-nr", "fs.mqueue.queues_max", "fs.mqueue.msg_max",
            "fs.mqueue.msgsize_max", "fs.mount-max", "kernel.threads-max", "kernel.pid_max", "kernel.dmesg_restrict",
            "kernel.io_uring_disabled", "vm.max_map_count", "vm.overcommit_memory", "vm.overcommit_ratio",
            "user.max_inotify_instances", "user.max_inotify_watches", "user.max_fanotify_groups",
            "user.max_fanotify_marks", "user.max_user_namespaces");
    private static final List<String> NETWORK = List.of("net.core.somaxconn", "net.core.optmem_max",
            "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
            "net.ipv4.ip_nonlocal_bind", "net.ipv4.ip_autobind_reuse", "net.ipv4.tcp_tw_reuse",
            "net.ipv4.tcp_tw_reuse_delay", "net.ipv4.tcp_timestamps", "net.ipv4.tcp_max_tw_buckets",
            "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_syn_retries",
            "net.ipv4.tcp_synack_retries", "net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_abort_on_overflow",
            "net.ipv4.tcp_migrate_req", "net.ipv4.tcp_retries2", "net.unix.max_dgram_qlen",
            "net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.lo.disable_ipv6", "net.netfilter.nf_conntrack_count");
    /** Of the machine, but not to be seen from every network namespace. */
    private static final List<String> NETWORK_OF_MACHINE = List.of("net.ipv4.tcp_mem", "net.ipv4.udp_mem",
            "net.ipv4.tcp_max_orphans", "net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3",
            "net.core.rmem_max", "net.core.wmem_max", "net.core.netdev_max_backlog", "net.netfilter.nf_conntrack_max",
            "net.netfilter.nf_conntrack_buckets");
    private static final int TARGETS = 6;
    private static final String NO_PROCESS = "no process was named";

    private final ProcFs proc;
    private final LongSupplier clock;

    /** Of this machine. */
    public Capture() {
        this(new ProcFs(), System::currentTimeMillis);
    }

    /**
     * Of another /proc.
     *
     * @param proc where to read
     * @param clock milliseconds since 1970
     */
    public Capture(ProcFs proc, LongSupplier clock) {
        this.proc = proc;
        this.clock = clock;
    }

    /** The machine only: which process is meant is not known. Network facts are those of the reader's namespace. */
    public Snapshot machine(Set<Topic> topics) {
        var out = new Snapshot.Builder(clock.getAsLong());
        machine(out);
        for (String name : List.of(Facts.PID, Facts.COMMAND, Facts.FD_USED, Facts.FD_USED_BELOW_SOFT,
                Facts.limitSoft("nofile"), Facts.limitHard("nofile"), Facts.CAP_EFF, Facts.EUID)) {
            out.unread(name, NO_PROCESS);
        }
        new Network(proc.self(), "reader", topics).read(out);
        return out.build();
    }

    /**
     * A process, and what it lives in.
     *
     * @throws NoSuchFileException if there is no such process
     */
    public Snapshot process(long pid, Set<Topic> topics) throws NoSuchFileException {
        var out = new Snapshot.Builder(clock.getAsLong());
        ProcPid process = proc.process(pid);
        boolean self = pid == ProcessHandle.current().pid();
        out.put(Facts.PID, pid, process.directory().toString());
        Status status = null;
        try {
            status = process.status();
        } catch (NoSuchFileException e) {
            throw e;
        } catch (IOException e) {
            unread(out, e, Facts.COMMAND, Facts.EUID, Facts.RUID, Facts.CAP_EFF, Facts.THREADS, Facts.FDSIZE,
                    Facts.VM_SIZE, Facts.VM_LCK, Facts.VM_DATA, Facts.SIGQ_QUEUED);
        }
        if (status != null) {
            status(out, status, process.directory().resolve("status").toString());
        }
        OptionalLong soft = limits(out, process);
        identity(out, process);
        descriptors(out, process, self, soft, topics.contains(Topic.DESCRIPTORS));
        if (topics.contains(Topic.MAPS)) {
            attempt(out, () -> out.put(Facts.MAP_COUNT, process.maps().mapCount(), process.directory() + "/maps"),
                    Facts.MAP_COUNT);
        }
        machine(out);
        cgroup(out, "pids", process);
        cgroup(out, "memory", process);
        new Network(process, self ? "self" : "proc-pid-net", topics).read(out);
        if (status != null && (topics.contains(Topic.WATCHES) || topics.contains(Topic.TASKS))) {
            users(out, status.uid(), topics);
        }
        return out.build();
    }

    private static void status(Snapshot.Builder out, Status s, String file) {
        out.put(Facts.COMMAND, s.name(), file).put(Facts.EUID, s.uid().effective(), file)
                .put(Facts.RUID, s.uid().real(), file)
                .put(Facts.CAP_EFF, String.format(Locale.ROOT, "%016x", s.capEff()), file)
                .put(Facts.THREADS, s.threads(), file).put(Facts.FDSIZE, s.fdSize(), file)
                .put(Facts.SIGQ_QUEUED, s.sigQ().queued(), file);
        s.vmSize().ifPresent(v -> out.put(Facts.VM_SIZE, v / 1024, file));
        s.vmLck().ifPresent(v -> out.put(Facts.VM_LCK, v / 1024, file));
        s.vmData().ifPresent(v -> out.put(Facts.VM_DATA, v / 1024, file));
    }

    /** @return the soft limit of descriptors */
    private static OptionalLong limits(Snapshot.Builder out, ProcPid process) {
        String file = process.directory().resolve("limits").toString();
        try {
            Limits limits = process.limits();
            for (Map.Entry<Limits.Resource, Limits.Limit> e : limits.limits().entrySet()) {
                String name = e.getKey().name().substring("RLIMIT_".length()).toLowerCase(Locale.ROOT);
                out.put(Facts.limitSoft(name), Limits.format(e.getValue().soft()), file);
                out.put(Facts.limitHard(name), Limits.format(e.getValue().hard()), file);
            }
            long soft = limits.get(Limits.Resource.RLIMIT_NOFILE).soft();
            return OptionalLong.of(soft < 0 ? Long.MAX_VALUE : soft);
        } catch (IOException e) {
            unread(out, e, Facts.limitSoft("nofile"), Facts.limitHard("nofile"));
            return OptionalLong.empty();
        }
    }

    /** Namespaces, and what started it: told from its cgroup. */
    private void identity(Snapshot.Builder out, ProcPid process) {
        attempt(out, () -> {
            boolean identity = process.uidMap().isIdentity();
            boolean same = process.sharesNamespace("user").orElse(true);
            // The reader may itself be in a nested namespace: a map of its own is no identity, whatever it shares.
            out.put(Facts.USERNS_INITIAL, identity && (same || !proc.self().uidMap().isIdentity()) ? "yes" : "no",
                    process.directory() + "/uid_map");
        }, Facts.USERNS_INITIAL);
        attempt(out,
                () -> out.put(Facts.USERNS, process.namespace("user").toString(), process.directory() + "/ns/user"),
                Facts.USERNS);
        attempt(out, () -> {
            String file = process.directory() + "/cgroup";
            for (var membership : process.cgroups()) {
                Origin origin = Origin.of(membership.path());
                origin.container().ifPresent(c -> out.put(Facts.CONTAINER, c, file));
                origin.unit().ifPresent(u -> out.put(Facts.UNIT, u, file));
            }
        }, Facts.UNIT, Facts.CONTAINER);
    }

    private static void descriptors(Snapshot.Builder out, ProcPid process, boolean self, OptionalLong soft,
            boolean kinds) {
        String fd = process.directory().resolve("fd").toString();
        try {
            DescriptorTable table;
            if (self) {
                // Reading one's own table takes descriptors while it lasts, and they are in it.
                List<Descriptor> all = new ArrayList<>();
                process.eachDescriptor(d -> {
                    if (!d.target().equals(fd)) {
                        all.add(d);
                    }
                });
                table = DescriptorTable.of(all);
            } else if (kinds) {
                table = process.descriptors();
            } else {
                List<Descriptor> all = new ArrayList<>();
                for (int n : process.fdNumbers()) {
                    all.add(new Descriptor(n, FdKind.UNREADABLE, ""));
                }
                table = DescriptorTable.of(all);
            }
            out.put(Facts.FD_USED, table.count(), fd);
            out.put(Facts.FD_LOWEST_FREE, table.lowestFree(), fd);
            soft.ifPresent(limit -> out.put(Facts.FD_USED_BELOW_SOFT, table.usedBelow(limit), fd));
            if (kinds || self) {
                out.put(Facts.FD_INOTIFY, table.count(FdKind.INOTIFY), fd);
                out.holders(holders(table));
            }
        } catch (IOException e) {
            unread(out, e, Facts.FD_USED, Facts.FD_USED_BELOW_SOFT, Facts.FD_LOWEST_FREE, Facts.FD_INOTIFY);
            attempt(out, () -> process.fdCount().ifPresentOrElse(
                    n -> out.put(Facts.FD_USED, n, "stat(" + fd + ").st_size"),
                    () -> out.unread(Facts.FD_USED, "needs the same user or CAP_SYS_PTRACE, or Linux 6.2")),
                    Facts.FD_USED);
        }
    }

    /** Kinds, and the paths that many descriptors share. */
    private static List<Snapshot.Holder> holders(DescriptorTable table) {
        List<Snapshot.Holder> all = new ArrayList<>();
        Map<FdKind, Integer> kinds = new EnumMap<>(FdKind.class);
        kinds.putAll(table.kinds());
        kinds.forEach((kind, count) -> all.add(new Snapshot.Holder(kind.name().toLowerCase(Locale.ROOT), count)));
        for (DescriptorTable.Target t : table.topTargets(TARGETS)) {
            if (t.count() > 1) {
                all.add(new Snapshot.Holder(t.target(), t.count()));
            }
        }
        all.sort(Comparator.comparingLong(Snapshot.Holder::count).reversed());
        return all;
    }

    private void machine(Snapshot.Builder out) {
        attempt(out, () -> out.put(Facts.KERNEL, proc.kernelVersion().release(), "/proc/sys/kernel/osrelease"),
                Facts.KERNEL);
        attempt(out, () -> out.put(Facts.FILE_NR_ALLOCATED, proc.fileNr().allocated(), "/proc/sys/fs/file-nr"),
                Facts.FILE_NR_ALLOCATED);
        attempt(out, () -> out.put(Facts.TASKS_MACHINE, proc.loadavg().threads(), "/proc/loadavg"),
                Facts.TASKS_MACHINE);
        attempt(out, () -> proc.meminfo().values().forEach((name, value) -> out.put(Facts.meminfo(name),
                name.startsWith("HugePages_") ? value : value / 1024, "/proc/meminfo")), Facts.meminfo("MemTotal"));
        attempt(out, () -> proc.vmstat().get("oom_kill")
                .ifPresent(v -> out.put(Facts.counter("vmstat.oom_kill"), v, "/proc/vmstat")),
                Facts.counter("vmstat.oom_kill"));
        for (String name : MACHINE) {
            sysctl(out, name);
        }
    }

    private void sysctl(Snapshot.Builder out, String name) {
        attempt(out, () -> {
            Sysctl s = proc.sysctl(name);
            out.put(Facts.sysctl(name), s.value().replace('\t', ' '), s.file());
        }, Facts.sysctl(name));
    }

    private static void cgroup(Snapshot.Builder out, String controller, ProcPid process) {
        String max = Facts.cgroup(controller, "max");
        try {
            Optional<CgroupWalk> found = controller.equals("pids") ? process.cgroupPids() : process.cgroupMemory();
            if (found.isEmpty()) {
                out.unread(max, "the controller is not in use here");
                return;
            }
            CgroupWalk walk = found.get();
            String where = "cgroup " + controller + " ";
            out.put(Facts.cgroup(controller, "version"), walk.version(), where + walk.path());
            out.put(Facts.cgroup(controller, "complete"), walk.complete() ? "yes" : "no", where + walk.path());
            CgroupWalk.Level level = walk.tightest()
                    .orElse(walk.levels().isEmpty() ? null : walk.levels().getFirst());
            if (level == null) {
                out.unread(max, "its cgroup " + walk.path() + " cannot be seen from here");
                return;
            }
            where += level.path();
            out.put(Facts.cgroup(controller, "path"), level.path(), where);
            String source = where;
            level.max().ifPresentOrElse(
                    v -> out.put(max, v == CgroupWalk.MAX ? "unlimited" : Long.toString(v), source),
                    () -> out.put(max, "unlimited", source));
            number(out, controller, "high", level.high(), source);
            number(out, controller, "current", level.current(), source);
            number(out, controller, "peak", level.peak(), source);
            number(out, controller, "failcnt", level.failcnt(), source);
            // Before 6.11 and in v1, pids.events counts in the cgroup that forked, not in the one whose limit it was.
            Counters events = level.events();
            if (controller.equals("pids") && walk.levels().stream().allMatch(l -> l.eventsLocal().values().isEmpty())) {
                Counters own = walk.levels().getFirst().events();
                events = own.getOrZero("max") > events.getOrZero("max") ? own : events;
            }
            events.values().forEach((n, v) -> out.put(Facts.cgroup(controller, "events." + n), v, source));
            level.eventsLocal().values()
                    .forEach((n, v) -> out.put(Facts.cgroup(controller, "events.local." + n), v, source));
            level.stat().values().forEach((n, v) -> {
                if (MEMORY_STAT.contains(n)) {
                    out.put(Facts.cgroup(controller, "stat." + n), v, source);
                }
            });
        } catch (IOException e) {
            unread(out, e, max, Facts.cgroup(controller, "current"));
        }
    }

    private static final Set<String> MEMORY_STAT = Set.of("anon", "file", "kernel", "kernel_stack", "sock", "shmem",
            "slab", "rss", "cache", "total_rss", "total_cache", "memory.kmem.usage_in_bytes",
            "memory.kmem.tcp.usage_in_bytes");

    private static void number(Snapshot.Builder out, String controller, String name, OptionalLong value,
            String source) {
        value.ifPresent(v -> out.put(Facts.cgroup(controller, name), v == CgroupWalk.MAX ? "unlimited"
                : Long.toString(v), source));
    }

    /** Sums over all processes of the user. */
    private void users(Snapshot.Builder out, Status.Ids uid, Set<Topic> topics) {
        long tasks = 0;
        long processes = 0;
        long instances = 0;
        long watches = 0;
        long epoll = 0;
        long closed = 0;
        try {
            for (int pid : proc.pids()) {
                ProcPid p = proc.process(pid);
                try {
                    Status s = p.status();
                    if (s.uid().real() == uid.real()) {
                        tasks += s.threads();
                        processes++;
                    }
                    if (topics.contains(Topic.WATCHES)
                            && (s.uid().effective() == uid.effective() || s.uid().real() == uid.real())) {
                        long[] sums = watches(p);
                        instances += s.uid().effective() == uid.effective() ? sums[0] : 0;
                        watches += s.uid().effective() == uid.effective() ? sums[1] : 0;
                        epoll += s.uid().real() == uid.real() ? sums[2] : 0;
                    }
                } catch (AccessDeniedException e) {
                    closed++;
                } catch (IOException e) {
                    // it has ended meanwhile
                }
            }
        } catch (IOException e) {
            unread(out, e, Facts.TASKS_USER, Facts.INOTIFY_INSTANCES_USER, Facts.INOTIFY_WATCHES_USER,
                    Facts.EPOLL_WATCHES_USER);
            return;
        }
        out.put(Facts.TASKS_USER, tasks, "/proc/*/status, " + processes + " processes of uid " + uid.real());
        if (topics.contains(Topic.WATCHES)) {
            if (closed > 0 && instances == 0 && watches == 0 && epoll == 0) {
                String why = "needs the same user as the " + closed + " processes, or CAP_SYS_PTRACE";
                out.unread(Facts.INOTIFY_INSTANCES_USER, why).unread(Facts.INOTIFY_WATCHES_USER, why)
                        .unread(Facts.EPOLL_WATCHES_USER, why);
                return;
            }
            String rest = closed > 0 ? ", " + closed + " processes not readable" : "";
            out.put(Facts.INOTIFY_INSTANCES_USER, instances, "/proc/*/fd" + rest);
            out.put(Facts.INOTIFY_WATCHES_USER, watches, "/proc/*/fdinfo" + rest);
            out.put(Facts.EPOLL_WATCHES_USER, epoll, "/proc/*/fdinfo" + rest);
        }
    }

    /** Inotify instances, inotify watches, epoll watches. */
    private static long[] watches(ProcPid p) throws IOException {
        long[] sums = new long[3];
        List<Integer> watching = new ArrayList<>();
        p.eachDescriptor(d -> {
            if (d.kind() == FdKind.INOTIFY) {
                sums[0]++;
            }
            if (d.kind() == FdKind.INOTIFY || d.kind() == FdKind.EVENTPOLL) {
                watching.add(d.fd());
            }
        });
        for (int fd : watching) {
            try {
                var info = p.fdInfo(fd, 0);
                sums[1] += info.inotifyCount();
                sums[2] += info.epollCount();
            } catch (NoSuchFileException e) {
                // closed meanwhile
            }
        }
        return sums;
    }

    /** Facts of a network namespace. */
    private final class Network {
        private final ProcPid process;
        private final ProcNet net;
        private final String scope;
        private final Set<Topic> topics;

        Network(ProcPid process, String scope, Set<Topic> topics) {
            this.process = process;
            this.net = process.net();
            this.scope = scope;
            this.topics = topics;
        }

        void read(Snapshot.Builder out) {
            out.put(Facts.NET_SCOPE, scope, process.directory() + "/net");
            attempt(out, () -> out.put(Facts.NETNS, process.namespace("net").toString(),
                    process.directory() + "/ns/net"), Facts.NETNS);
            counters(out, "netstat");
            counters(out, "snmp");
            sockstat(out, "sockstat");
            sockstat(out, "sockstat6");
            columns(out, "nf_conntrack");
            columns(out, "arp_cache");
            columns(out, "ndisc_cache");
            attempt(out, () -> out.put(Facts.IPV6_ADDRESSES, net.ifInet6().size(), net.file("if_inet6")),
                    Facts.IPV6_ADDRESSES);
            attempt(out, () -> {
                for (Protocol p : net.protocols()) {
                    if (PROTOCOLS.contains(p.name())) {
                        out.put(Facts.protocol(p.name(), "sockets"), p.sockets(), net.file("protocols"));
                        p.pressure().ifPresent(press -> out.put(Facts.protocol(p.name(), "pressure"),
                                press ? "yes" : "no", net.file("protocols")));
                    }
                }
            }, Facts.protocol("TCP", "sockets"));
            sysctls(out);
        }

        private void counters(Snapshot.Builder out, String file) {
            attempt(out, () -> (file.equals("snmp") ? net.snmp() : net.netstat()).values()
                    .forEach((name, value) -> out.put(Facts.counter(name), value, net.file(file))),
                    Facts.counter(file.equals("snmp") ? "Tcp.AttemptFails" : "TcpExt.ListenOverflows"));
        }

        private void sockstat(Snapshot.Builder out, String file) {
            attempt(out, () -> (file.endsWith("6") ? net.sockstat6() : net.sockstat()).values().values()
                    .forEach((name, value) -> out.put(Facts.sockstat(name), value, net.file(file)
                            + (SockStat.scope(name) == Scope.MACHINE ? " (machine)" : ""))),
                    Facts.sockstat(file.endsWith("6") ? "TCP6.inuse" : "TCP.inuse"));
        }

        private void columns(Snapshot.Builder out, String file) {
            attempt(out, () -> {
                PerCpuStats stats = switch (file) {
                    case "nf_conntrack" -> net.conntrackStat();
                    case "arp_cache" -> net.arpCache();
                    default -> net.ndiscCache();
                };
                for (String column : stats.columns()) {
                    OptionalLong value = column.equals("entries") ? stats.global(column) : stats.sum(column);
                    value.ifPresent(v -> out.put(Facts.stat(file, column), v, net.file("stat/" + file)));
                }
            }, Facts.stat(file, file.equals("nf_conntrack") ? "drop" : "table_fulls"));
        }

        private void sysctls(Snapshot.Builder out) {
            boolean readable;
            try {
                readable = scope.equals("self") || scope.equals("reader")
                        || process.sharesNamespace("net").orElse(false);
            } catch (IOException e) {
                readable = false;
            }
            for (String name : NETWORK_OF_MACHINE) {
                sysctl(out, name);
            }
            for (String name : NETWORK) {
                if (readable) {
                    sysctl(out, name);
                } else {
                    out.unread(Facts.sysctl(name), "of another network namespace: needs CAP_SYS_ADMIN to enter it");
                }
            }
            if (readable) {
                ports(out, proc);
            }
        }
    }

    private static final Set<String> PROTOCOLS = Set.of("TCP", "TCPv6", "UDP", "UDPv6", "UNIX", "UNIX-STREAM");

    private static void ports(Snapshot.Builder out, ProcFs fs) {
        attempt(out, () -> {
            Sysctl s = fs.sysctl("net.ipv4.ip_local_port_range");
            Sysctl.Range range = s.asRange();
            out.put(Facts.PORT_LOW, range.low(), s.file()).put(Facts.PORT_HIGH, range.high(), s.file());
            Sysctl reserved = fs.sysctl("net.ipv4.ip_local_reserved_ports");
            long taken = 0;
            for (Sysctl.Range r : reserved.asRanges()) {
                taken += Math.max(0, Math.min(r.high(), range.high()) - Math.max(r.low(), range.low()) + 1);
            }
            out.put(Facts.PORTS_RESERVED, taken, reserved.file());
        }, Facts.PORT_LOW, Facts.PORT_HIGH, Facts.PORTS_RESERVED);
        attempt(out, () -> {
            Sysctl s = fs.sysctl("net.netfilter.nf_conntrack_count");
            out.put(Facts.CONNTRACK_COUNT, s.asLong(), s.file());
        }, Facts.CONNTRACK_COUNT);
    }

    /** A reading that may fail. */
    private interface Reading {
        void read() throws IOException;
    }

    private static void attempt(Snapshot.Builder out, Reading reading, String... names) {
        try {
            reading.read();
        } catch (IOException e) {
            unread(out, e, names);
        }
    }

    private static void unread(Snapshot.Builder out, IOException e, String... names) {
        for (String name : names) {
            out.unread(name, why(e));
        }
    }

    /** The reason in words: which privilege, which kernel, or that this process itself is out of descriptors. */
    static String why(IOException e) {
        String file = e instanceof FileSystemException f && f.getFile() != null ? f.getFile() : "";
        if (e instanceof NoSuchFileException) {
            return file.startsWith("/proc/sys/")
                    ? "absent: " + file + " is not there (other kernel, module not loaded, "
                            + "or not to be seen from this namespace)"
                    : "absent: " + (file.isEmpty() ? e.getMessage() : file);
        }
        if (e instanceof AccessDeniedException) {
            return file.startsWith("/proc/sys/") ? file + " is for root only"
                    : file + " needs the same user, or CAP_SYS_PTRACE";
        }
        String text = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        if (Errno.EMFILE.text().equals(text) || Errno.ENFILE.text().equals(text)) {
            return "the reader has no descriptor left to open " + file;
        }
        return text == null ? e.toString() : text;
    }

    /** The release of the running kernel; empty if it cannot be read. */
    public Optional<KernelVersion> kernel() {
        try {
            return Optional.of(proc.kernelVersion());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Where a fact of the process is read. */
    Path directory(long pid) {
        return proc.process(pid).directory();
    }
}
