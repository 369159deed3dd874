package dev.headroom.diag;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

import dev.headroom.diag.Snapshot.Flow;
import dev.headroom.diag.Snapshot.Listening;

/**
 * Every limit that the facts of a snapshot know of, the nearest first: a pure function of the snapshot. A fact that is
 * neither there nor {@link Snapshot#unread()} was not asked for, and so its limit is not here at all.
 *
 * @param limits the limits of which both numbers are known
 * @param unread those of which one is not, and why
 * @param queues the accept queues of the listeners
 */
public record LimitReport(List<Limit> limits, List<Unread> unread, List<AcceptQueue> queues) {
    /** A flow with fewer ports than this is no danger to anybody and is left out. */
    private static final long FEW_PORTS = 16;
    /** Up to that share of the range the number of all sockets is answer enough. */
    private static final double SAFE_SHARE = 0.5;
    private static final String TUPLES = "tuple-range-exhausted";
    private static final int CAP_SYS_ADMIN = 21;
    private static final int CAP_SYS_RESOURCE = 24;

    /**
     * A limit that cannot be told.
     *
     * @param id as in {@link Limit}
     * @param what as in {@link Limit}
     * @param why what is missing, or why it does not bind here
     */
    public record Unread(String id, String what, String why) {
    }

    /**
     * The queue of connections that are made but not accepted.
     *
     * @param address the listener's
     * @param queue connections that wait in it now
     * @param backlog the limit the kernel has noted: min(backlog of listen, net.core.somaxconn at that time)
     * @param somaxconn net.core.somaxconn now, empty if it could not be read
     * @param pid of a process that has the listener open, 0 if unknown
     * @param command of that process, empty if unknown
     */
    public record AcceptQueue(String address, long queue, long backlog, OptionalLong somaxconn, long pid,
            String command) {
        /** One more than the limit: sk_acceptq_is_full compares with {@code >}. */
        public long capacity() {
            return backlog + 1;
        }

        public boolean full() {
            return queue >= capacity();
        }

        /** Which of the two numbers made the limit, as far as it can be told afterwards. */
        public String binds() {
            if (somaxconn.isEmpty()) {
                return "net.core.somaxconn could not be read, so which of the two binds is not known";
            }
            long max = somaxconn.getAsLong();
            if (backlog < max) {
                return "the program's backlog binds: " + backlog + " is below net.core.somaxconn " + max;
            }
            if (backlog == max) {
                return "net.core.somaxconn binds: the kernel cut the backlog to " + max
                        + ", or the program asked for just that";
            }
            return "the queue is as long as net.core.somaxconn was at the time of listen;\nit is " + max
                    + " now, and the next listen will get that";
        }
    }

    public LimitReport {
        limits = List.copyOf(limits);
        unread = List.copyOf(unread);
        queues = List.copyOf(queues);
    }

    /** One row of the table of checks: which fact is held against which. */
    private record Check(String id, String what, Whose whose, String used, String ceiling, String breaks) {
    }

    private enum Whose {
        PROCESS, RUID, EUID, NETWORK, MACHINE
    }

    private static final List<Check> CHECKS = List.of(
            new Check("nofile-soft", "descriptors", Whose.PROCESS, Facts.FD_USED_BELOW_SOFT, Facts.limitSoft("nofile"),
                    "accept4, open, socket: EMFILE (Too many open files). Clients then wait in the accept queue"
                            + " and, once it is full, time out."),
            new Check("nr-open-cap", "descriptors, by fs.nr_open", Whose.PROCESS, Facts.FD_USED,
                    Facts.sysctl("fs.nr_open"),
                    "no limit may be set above it (EPERM, for root too), and no table grows beyond it (EMFILE)."),
            new Check("nproc", "tasks, by RLIMIT_NPROC", Whose.RUID, Facts.TASKS_USER, Facts.limitSoft("nproc"),
                    "fork, clone: EAGAIN (Resource temporarily unavailable); Java: unable to create native thread."),
            new Check("max-map-count", "mappings", Whose.PROCESS, Facts.MAP_COUNT, Facts.sysctl("vm.max_map_count"),
                    "mmap, malloc: ENOMEM (Cannot allocate memory); Java: unable to create native thread."),
            new Check("sigpending", "queued signals", Whose.RUID, Facts.SIGQ_QUEUED, Facts.limitSoft("sigpending"),
                    "timer_create, sigqueue: EAGAIN."),
            new Check("epoll-user-watches", "epoll watches", Whose.EUID, Facts.EPOLL_WATCHES_USER,
                    Facts.sysctl("fs.epoll.max_user_watches"),
                    "epoll_ctl(EPOLL_CTL_ADD): ENOSPC (No space left on device), for root too."),
            new Check("inotify-instances", "inotify instances", Whose.EUID, Facts.INOTIFY_INSTANCES_USER,
                    Facts.sysctl("fs.inotify.max_user_instances"),
                    "inotify_init: EMFILE (Too many open files), which has nothing to do with descriptors."),
            new Check("inotify-watches", "inotify watches", Whose.EUID, Facts.INOTIFY_WATCHES_USER,
                    Facts.sysctl("fs.inotify.max_user_watches"),
                    "inotify_add_watch: ENOSPC (No space left on device), which has nothing to do with disks."),
            new Check("file-max", "open files", Whose.MACHINE, Facts.FILE_NR_ALLOCATED, Facts.sysctl("fs.file-max"),
                    "open, socket, accept4: ENFILE (Too many open files in system), for all without CAP_SYS_ADMIN."),
            new Check("threads-max", "tasks, by kernel.threads-max", Whose.MACHINE, Facts.TASKS_MACHINE,
                    Facts.sysctl("kernel.threads-max"), "fork, clone: EAGAIN, for root too."),
            new Check("pid-max", "tasks, by kernel.pid_max", Whose.MACHINE, Facts.TASKS_MACHINE,
                    Facts.sysctl("kernel.pid_max"),
                    "fork, clone: EAGAIN, for root too: every thread takes a number, and those below 300 are not"
                            + " used again."),
            new Check("conntrack-full-local", "tracked connections", Whose.NETWORK, Facts.CONNTRACK_COUNT,
                    Facts.sysctl("net.netfilter.nf_conntrack_max"),
                    "packets of new connections are dropped: TCP connects time out, UDP sends say EPERM; the kernel"
                            + " logs \"nf_conntrack: table full\"."),
            new Check("time-wait-buckets", "sockets in TIME_WAIT", Whose.NETWORK, Facts.sockstat("TCP.tw"),
                    Facts.sysctl("net.ipv4.tcp_max_tw_buckets"),
                    "the next are destroyed at once (TCPTimeWaitOverflow). No connection fails by that."),
            new Check("orphan-limit", "orphaned sockets", Whose.MACHINE, Facts.sockstat("TCP.orphan"),
                    Facts.sysctl("net.ipv4.tcp_max_orphans"),
                    "a closed socket with data left is reset (TCPAbortOnMemory): peers see ECONNRESET and cut-off"
                            + " answers."));

    /** All limits of one snapshot, the nearest first. */
    public static LimitReport of(Snapshot s) {
        List<Limit> limits = new ArrayList<>();
        List<Unread> unread = new ArrayList<>();
        for (Check check : CHECKS) {
            row(s, check, limits, unread);
        }
        bytes(s, "memlock", "locked memory", Facts.VM_LCK, "memlock",
                "mlock: ENOMEM; mmap(MAP_LOCKED): EAGAIN.", limits, unread);
        bytes(s, "rlimit-as", "address space", Facts.VM_SIZE, "as",
                "mmap, malloc: ENOMEM (Cannot allocate memory).", limits, unread);
        bytes(s, "rlimit-data", "private memory", Facts.VM_DATA, "data",
                "mmap, malloc: ENOMEM (Cannot allocate memory).", limits, unread);
        cgroups(s, limits, unread);
        memory(s, limits, unread);
        tcpMem(s, limits, unread);
        neighbours(s, "arp_cache", "ipv4", "IPv4", limits, unread);
        neighbours(s, "ndisc_cache", "ipv6", "IPv6", limits, unread);
        ports(s, limits, unread);
        List<AcceptQueue> queues = queues(s, limits, unread);
        return new LimitReport(nearestFirst(limits), unread, queues);
    }

    /** The limits of several reports together. */
    public LimitReport and(LimitReport other) {
        List<Limit> all = new ArrayList<>(limits);
        all.addAll(other.limits);
        List<Unread> allUnread = new ArrayList<>(unread);
        allUnread.addAll(other.unread);
        List<AcceptQueue> allQueues = new ArrayList<>(queues);
        allQueues.addAll(other.queues);
        return new LimitReport(nearestFirst(all), allUnread.stream().distinct().toList(), allQueues);
    }

    /** Whether a limit is at that percentage, or above. */
    public boolean reaches(double percent) {
        return limits.stream().anyMatch(l -> l.reaches(percent));
    }

    private static List<Limit> nearestFirst(List<Limit> limits) {
        return limits.stream().sorted((a, b) -> Double.compare(b.percent(), a.percent())).toList();
    }

    private static void row(Snapshot s, Check c, List<Limit> limits, List<Unread> unread) {
        if (ofProcess(c.whose()) && s.fact(Facts.PID).isEmpty()) {
            return;
        }
        if (c.id().equals("nproc")) {
            Optional<String> exempt = exemptFromNproc(s);
            if (exempt.isPresent()) {
                unread.add(new Unread(c.id(), c.what(), exempt.get()));
                return;
            }
        }
        String usedName = c.used();
        if (usedName.equals(Facts.FD_USED_BELOW_SOFT) && s.number(usedName).isEmpty()) {
            usedName = Facts.FD_USED;
        }
        add(s, c.id(), scope(s, c.whose()), c.what(), usedName, c.ceiling(), c.breaks(), limits, unread);
    }

    /** kernel/fork.c copy_process: these are not asked for RLIMIT_NPROC. */
    private static Optional<String> exemptFromNproc(Snapshot s) {
        boolean initial = s.text(Facts.USERNS_INITIAL).filter("yes"::equals).isPresent();
        if (!initial) {
            return Optional.empty();
        }
        if (s.number(Facts.RUID).equals(OptionalLong.of(0))) {
            return Optional.of("does not bind the real root user (copy_process)");
        }
        long caps = s.text(Facts.CAP_EFF).map(c -> Long.parseUnsignedLong(c, 16)).orElse(0L);
        boolean exempt = (caps >>> CAP_SYS_ADMIN & 1) != 0 || (caps >>> CAP_SYS_RESOURCE & 1) != 0;
        return exempt ? Optional.of("does not bind a process with CAP_SYS_RESOURCE or CAP_SYS_ADMIN (copy_process)")
                : Optional.empty();
    }

    private static boolean ofProcess(Whose whose) {
        return whose == Whose.PROCESS || whose == Whose.RUID || whose == Whose.EUID;
    }

    private static String scope(Snapshot s, Whose whose) {
        return switch (whose) {
            case PROCESS -> process(s);
            case RUID -> s.text(Facts.RUID).map(u -> "user " + u).orElse("its user");
            case EUID -> s.text(Facts.EUID).map(u -> "user " + u).orElse("its user");
            case NETWORK -> network(s);
            case MACHINE -> "machine";
        };
    }

    private static String process(Snapshot s) {
        return "process " + s.text(Facts.PID).orElse("?")
                + s.text(Facts.COMMAND).map(c -> " (" + c + ")").orElse("");
    }

    private static String network(Snapshot s) {
        return s.text(Facts.NETNS).orElse("network namespace");
    }

    private static boolean asked(Snapshot s, String name) {
        return s.facts().containsKey(name) || s.unread().containsKey(name);
    }

    private static void add(Snapshot s, String id, String scope, String what, String usedName, String ceilingName,
            String breaks, List<Limit> limits, List<Unread> unread) {
        if (!asked(s, usedName) || !asked(s, ceilingName)) {
            return;
        }
        OptionalLong used = s.number(usedName);
        OptionalLong ceiling = s.number(ceilingName);
        if (used.isEmpty() || ceiling.isEmpty()) {
            unread.add(new Unread(id, what, s.whyUnread(used.isEmpty() ? usedName : ceilingName)));
            return;
        }
        limits.add(new Limit(id, scope, what, used.getAsLong(), ceiling.getAsLong(),
                sources(s, usedName, ceilingName), breaks));
    }

    private static String sources(Snapshot s, String one, String other) {
        String a = s.facts().get(one).source();
        String b = s.facts().get(other).source();
        return a.equals(b) ? a : a + ", " + b;
    }

    /** A use in kB against a limit in bytes. */
    private static void bytes(Snapshot s, String id, String what, String usedKb, String resource, String breaks,
            List<Limit> limits, List<Unread> unread) {
        String ceilingName = Facts.limitSoft(resource);
        List<Limit> one = new ArrayList<>();
        add(s, id, process(s), what + ", bytes", usedKb, ceilingName, breaks, one, unread);
        for (Limit l : one) {
            limits.add(new Limit(id, l.scope(), l.what(), l.used() * 1024, l.ceiling(), l.source(), breaks));
        }
    }

    private static void cgroups(Snapshot s, List<Limit> limits, List<Unread> unread) {
        String pids = "cgroup " + s.text(Facts.cgroup("pids", "path")).orElse("of the process");
        add(s, "pids-cgroup", pids, "tasks, by pids.max", Facts.cgroup("pids", "current"), Facts.cgroup("pids", "max"),
                "fork, clone: EAGAIN, for root too; the kernel logs \"fork rejected by pids controller\".", limits,
                unread);
        String memory = "cgroup " + s.text(Facts.cgroup("memory", "path")).orElse("of the process");
        List<Limit> one = new ArrayList<>();
        add(s, "memcg-oom", memory, "memory, bytes", Facts.cgroup("memory", "current"), Facts.cgroup("memory", "max"),
                "the kernel kills a process of the cgroup (SIGKILL, exit status 137); its sockets' buffers count too.",
                one, unread);
        long cache = fileCache(s);
        for (Limit l : one) {
            limits.add(new Limit(l.id(), l.scope(), l.what(), Math.max(0, l.used() - cache), l.ceiling(),
                    l.source() + (cache > 0 ? ", without its file cache" : ""), l.breaks()));
        }
    }

    /** The kernel takes it back before it kills; memory of tmpfs counts as file too, and it cannot take that. */
    private static long fileCache(Snapshot s) {
        for (String name : List.of("stat.file", "stat.total_cache", "stat.cache")) {
            OptionalLong file = s.number(Facts.cgroup("memory", name));
            if (file.isPresent()) {
                return Math.max(0, file.getAsLong() - s.number(Facts.cgroup("memory", "stat.shmem")).orElse(0));
            }
        }
        return 0;
    }

    private static void memory(Snapshot s, List<Limit> limits, List<Unread> unread) {
        String total = Facts.meminfo("MemTotal");
        String available = Facts.meminfo("MemAvailable");
        if (!asked(s, total)) {
            return;
        }
        if (s.number(total).isEmpty() || s.number(available).isEmpty()) {
            unread.add(new Unread("memory", "memory", s.whyUnread(s.number(total).isEmpty() ? total : available)));
        } else {
            long all = s.number(total).getAsLong();
            limits.add(new Limit("memory", "machine", "memory, bytes",
                    (all - s.number(available).getAsLong()) * 1024, all * 1024, sources(s, total, available),
                    "the kernel kills a process (SIGKILL, exit status 137); /proc/vmstat oom_kill counts it."));
        }
        if (s.number(Facts.sysctl("vm.overcommit_memory")).equals(OptionalLong.of(2))) {
            List<Limit> one = new ArrayList<>();
            add(s, "overcommit-strict", "machine", "promised memory, bytes", Facts.meminfo("Committed_AS"),
                    Facts.meminfo("CommitLimit"),
                    "mmap, fork: ENOMEM (vm.overcommit_memory is 2).", one, unread);
            for (Limit l : one) {
                limits.add(new Limit(l.id(), l.scope(), l.what(), l.used() * 1024, l.ceiling() * 1024, l.source(),
                        l.breaks()));
            }
        }
    }

    private static void tcpMem(Snapshot s, List<Limit> limits, List<Unread> unread) {
        String used = Facts.sockstat("TCP.mem");
        String ceiling = Facts.sysctl("net.ipv4.tcp_mem");
        if (!asked(s, used) || !asked(s, ceiling)) {
            return;
        }
        OptionalLong max = third(s, ceiling);
        if (s.number(used).isEmpty() || max.isEmpty()) {
            unread.add(new Unread("tcp-mem", "TCP buffers", s.whyUnread(s.number(used).isEmpty() ? used : ceiling)));
            return;
        }
        limits.add(new Limit("tcp-mem", "machine", "TCP buffers, pages", s.number(used).getAsLong(), max.getAsLong(),
                sources(s, used, ceiling),
                "send: EAGAIN though the socket has room; closed sockets with data are reset; the kernel logs"
                        + " \"TCP: out of memory\"."));
    }

    /** The last of the three numbers of tcp_mem. */
    public static OptionalLong third(Snapshot s, String name) {
        String[] words = s.text(name).map(t -> t.strip().split("\\s+")).orElse(new String[0]);
        try {
            return words.length == 3 ? OptionalLong.of(Long.parseLong(words[2])) : OptionalLong.empty();
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    private static void neighbours(Snapshot s, String table, String family, String name, List<Limit> limits,
            List<Unread> unread) {
        add(s, "neigh-table-overflow", "machine", "neighbours, " + name, Facts.stat(table, "entries"),
                Facts.sysctl("net." + family + ".neigh.default.gc_thresh3"),
                "connects to new hosts of the local network time out, UDP packets vanish; the kernel logs \"neighbor"
                        + " table overflow\".",
                limits, unread);
    }

    private static void ports(Snapshot s, List<Limit> limits, List<Unread> unread) {
        String what = "ports to one destination";
        if (!asked(s, Facts.PORT_LOW)) {
            return;
        }
        OptionalLong room = portsInRange(s);
        if (room.isEmpty()) {
            unread.add(new Unread(TUPLES, what, s.whyUnread(Facts.PORT_LOW)));
            return;
        }
        String range = s.fact(Facts.PORT_LOW).orElseThrow().source();
        if (!s.flows().isEmpty() || s.fact(Facts.FLOW_SOCKETS).isPresent()) {
            for (Flow f : s.flows()) {
                if (f.portsInRange() >= FEW_PORTS) {
                    limits.add(new Limit(TUPLES, f.source() + " to " + f.target(), "ports", f.portsInRange(),
                            room.getAsLong(), "sock_diag, " + range, "connect: EADDRNOTAVAIL (Cannot assign requested"
                                    + " address) from this address to this destination; to others it works."));
                }
            }
            return;
        }
        OptionalLong sockets = tcpSockets(s);
        if (sockets.isEmpty()) {
            unread.add(new Unread(TUPLES, what, s.whyUnread(Facts.sockstat("TCP.inuse"))));
        } else if (portsMayBeShort(s)) {
            unread.add(new Unread(TUPLES, what, "the " + sockets.getAsLong() + " TCP sockets were not looked at one by"
                    + " one (" + s.unread().getOrDefault(Facts.FLOW_SOCKETS, "headroom check --pid PID does") + ")"));
        } else {
            limits.add(new Limit(TUPLES, network(s), what + " (at most)", sockets.getAsLong(), room.getAsLong(),
                    s.fact(Facts.sockstat("TCP.inuse")).orElseThrow().source() + " (at most: all TCP sockets), "
                            + range,
                    "connect: EADDRNOTAVAIL (Cannot assign requested address) to that destination; to others it"
                            + " works."));
        }
    }

    /** TCP sockets of the network namespace, those in TIME_WAIT too. */
    private static OptionalLong tcpSockets(Snapshot s) {
        OptionalLong inuse = s.number(Facts.sockstat("TCP.inuse"));
        OptionalLong tw = s.number(Facts.sockstat("TCP.tw"));
        return inuse.isEmpty() || tw.isEmpty() ? OptionalLong.empty()
                : OptionalLong
                        .of(inuse.getAsLong() + tw.getAsLong() + s.number(Facts.sockstat("TCP6.inuse")).orElse(0));
    }

    /**
     * Whether there are so many TCP sockets that one destination might have taken a good part of the ports. With fewer,
     * none can, and there is no need to read the tables.
     */
    public static boolean portsMayBeShort(Snapshot s) {
        OptionalLong sockets = tcpSockets(s);
        OptionalLong room = portsInRange(s);
        return sockets.isPresent() && room.isPresent() && sockets.getAsLong() > SAFE_SHARE * room.getAsLong();
    }

    /**
     * How many ports the kernel chooses from: the range without ports that are reserved or bound, and without one when the range is odd
     * ({@code __inet_hash_connect}: {@code remaining &= ~1U}).
     */
    public static OptionalLong portsInRange(Snapshot s) {
        OptionalLong low = s.number(Facts.PORT_LOW);
        OptionalLong high = s.number(Facts.PORT_HIGH);
        if (low.isEmpty() || high.isEmpty()) {
            return OptionalLong.empty();
        }
        long size = high.getAsLong() - low.getAsLong() + 1;
        long scanned = size > 1 ? size & ~1 : size;
        OptionalLong blocked = s.number(Facts.PORTS_BLOCKED);
        return OptionalLong.of(Math.max(0, scanned - (blocked.isPresent() ? blocked : s.number(Facts.PORTS_RESERVED))
                .orElse(0)));
    }

    private static List<AcceptQueue> queues(Snapshot s, List<Limit> limits, List<Unread> unread) {
        String somaxconn = Facts.sysctl("net.core.somaxconn");
        List<AcceptQueue> queues = new ArrayList<>();
        for (Listening l : s.listeners()) {
            var queue = new AcceptQueue(l.address(), l.queue(), l.limit(), s.number(somaxconn), l.pid(), l.command());
            queues.add(queue);
            limits.add(new Limit("accept-queue-full", l.address(), "accept queue", l.queue(), queue.capacity(),
                    "sock_diag", "the kernel drops the SYN of every new client (ListenOverflows): no ECONNREFUSED,"
                            + " connect just times out (ETIMEDOUT)."));
        }
        if (s.unread().containsKey(Facts.LISTENERS)) {
            unread.add(new Unread("accept-queue-full", "accept queues", s.whyUnread(Facts.LISTENERS)));
        }
        queues.sort((a, b) -> Double.compare((double) b.queue() / b.capacity(), (double) a.queue() / a.capacity()));
        return queues;
    }
}
