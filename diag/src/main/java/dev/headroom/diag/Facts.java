package dev.headroom.diag;

/**
 * The names of facts. Those of limits, counters and sysctls are made from the kernel's own names: {@link #limitSoft},
 * {@link #counter}, {@link #sysctl}.
 */
public final class Facts {
    /** Kernel release, as in /proc/sys/kernel/osrelease. */
    public static final String KERNEL = "kernel.release";
    public static final String PID = "process.pid";
    public static final String COMMAND = "process.command";
    /** Effective user id. */
    public static final String EUID = "process.euid";
    /** Real user id. */
    public static final String RUID = "process.ruid";
    /** Effective capabilities, sixteen hex digits as in /proc/PID/status. */
    public static final String CAP_EFF = "process.cap_eff";
    /** "yes" if /proc/PID/uid_map is the identity map, i.e. the initial user namespace or one like it. */
    public static final String USERNS_INITIAL = "process.userns_initial";
    public static final String THREADS = "process.threads";
    /** Size of the descriptor table, in slots. */
    public static final String FDSIZE = "process.fdsize";
    /** Open descriptors. */
    public static final String FD_USED = "process.fd.used";
    /** Open descriptors with a number below the soft limit. */
    public static final String FD_USED_BELOW_SOFT = "process.fd.used_below_soft";
    /** Lowest number that is free. */
    public static final String FD_LOWEST_FREE = "process.fd.lowest_free";
    /** Inotify instances of the process. */
    public static final String FD_INOTIFY = "process.fd.inotify";
    /** Inotify instances of all processes of the same effective user. */
    public static final String INOTIFY_INSTANCES_USER = "user.inotify.instances";
    /** Inotify watches of all processes of the same effective user. */
    public static final String INOTIFY_WATCHES_USER = "user.inotify.watches";
    /** Epoll watches ("tfd:" lines) of all processes of the same user. */
    public static final String EPOLL_WATCHES_USER = "user.epoll.watches";
    /** Tasks (threads) of all processes of the same real user. */
    public static final String TASKS_USER = "user.tasks";
    /** Tasks of the whole machine: fourth field of /proc/loadavg. */
    public static final String TASKS_MACHINE = "machine.tasks";
    public static final String VM_SIZE = "process.vm_size_kb";
    public static final String VM_LCK = "process.vm_lck_kb";
    public static final String VM_DATA = "process.vm_data_kb";
    public static final String MAP_COUNT = "process.map_count";
    public static final String SIGQ_QUEUED = "process.sigq.queued";
    /** File descriptions that the machine has allocated: first field of /proc/sys/fs/file-nr. */
    public static final String FILE_NR_ALLOCATED = "fs.file-nr.allocated";
    /** "self", "entered" (by setns), "proc-pid-net", or "reader": whose namespace the network facts are of. */
    public static final String NET_SCOPE = "net.scope";
    /** The network namespace's inode, as in net:[4026531840]. */
    public static final String NETNS = "net.namespace";
    public static final String PORT_LOW = "net.port_range.low";
    public static final String PORT_HIGH = "net.port_range.high";
    /** Ports of the range that net.ipv4.ip_local_reserved_ports takes out of automatic choice. */
    public static final String PORTS_RESERVED = "net.port_range.reserved";
    /** Distinct ports of the range that listeners and bound but unconnected sockets own. */
    public static final String PORTS_BOUND = "net.port_range.bound";
    /** Distinct ports of the range that are reserved or bound: the two sets overlap where a listener's port is reserved. */
    public static final String PORTS_BLOCKED = "net.port_range.blocked";
    /** Distinct ports of the range that TCP sockets of any kind have as their local port. */
    public static final String PORTS_IN_USE = "net.port_range.in_use";
    /** How many sockets {@link Snapshot#flows()} sums up; its absence says that they were not read. */
    public static final String FLOW_SOCKETS = "net.flows.sockets";
    /** How many {@link Snapshot#listeners()} there are; its absence says that they were not read. */
    public static final String LISTENERS = "net.listeners.count";
    /** Base chains on the way out (hooks output and postrouting) that are not conntrack's or NAT's own. */
    public static final String FIREWALL_OUT = "net.firewall.out";
    public static final String CONNTRACK_COUNT = "net.conntrack.count";
    /** The systemd unit the process runs in, from its cgroup path: "nginx.service". Absent if it runs in none. */
    public static final String UNIT = "process.unit";
    /** What contains the process: "docker", "kubernetes", "podman", "lxc", or "container". Absent if nothing does. */
    public static final String CONTAINER = "process.container";
    /** The process's user namespace, as in user:[4026531837]. */
    public static final String USERNS = "process.userns";

    /** Real group id. */
    public static final String RGID = "process.rgid";
    /** Seccomp mode as in /proc/PID/status: 0 none, 1 strict, 2 filter. */
    public static final String SECCOMP = "process.seccomp";
    /** The security label of /proc/PID/attr/current; "none" where no security module gives one. */
    public static final String LSM_LABEL = "process.lsm_label";
    /** "yes" if the reader is in the process's PID namespace, so that kernel.pid_max is the process's too. */
    public static final String PIDNS_SHARED = "process.pidns_shared";
    /** Processes in the PID namespace that children of the process will be born into; 0 when its init has ended. */
    public static final String PIDNS_CHILDREN_TASKS = "process.pidns_for_children.tasks";
    /** Tasks in the PID namespace of the process whose number is 300 or more: those that are given out again. */
    public static final String PIDS_FROM_300 = "pidns.numbers_from_300";
    /** The highest number that a task has in the PID namespace of the process, where the reader is in another one. */
    public static final String PIDNS_HIGHEST = "pidns.highest_number";
    /** Tasks in the PID namespace of the process. */
    public static final String PIDNS_TASKS = "pidns.tasks";
    /** Fanotify groups of all processes of the same effective user. */
    public static final String FANOTIFY_GROUPS_USER = "user.fanotify.groups";
    /** Fanotify marks of all processes of the same effective user. */
    public static final String FANOTIFY_MARKS_USER = "user.fanotify.marks";
    /** io_uring instances of all processes of the same real user. */
    public static final String IO_URING_USER = "user.io_uring.instances";
    /** Descriptors that unix sockets of the same real user have been sent and have not read. */
    public static final String UNIX_IN_FLIGHT_USER = "user.unix.in_flight";
    /** Pages that the pipes of the same real user hold. */
    public static final String PIPE_PAGES_USER = "user.pipe.pages";
    /** POSIX message queues in /dev/mqueue that belong to the real user. */
    public static final String MQ_QUEUES_USER = "user.mqueue.queues";
    /** POSIX message queues in /dev/mqueue: those of the IPC namespace. */
    public static final String MQ_QUEUES = "ipc.mqueue.queues";
    /** Keys that count against the user's quota, from /proc/key-users. */
    public static final String KEYS_USER = "user.keys";
    /** Mounts of the process's mount namespace, from /proc/PID/mountinfo. */
    public static final String MOUNTS = "process.mounts";
    /** What setrlimit was to change, without "RLIMIT_" and in small letters; nofile when it is not known. */
    public static final String ASKED_RESOURCE = "asked.resource";
    /** The soft limit that setrlimit was given; the hard limit is {@link Question#requested()}. */
    public static final String ASKED_SOFT = "asked.soft";
    /** The other process whose limits were to be read or set. */
    public static final String ASKED_PID = "asked.pid";
    /** The flags of the call as C spells them, e.g. "MAP_PRIVATE|MAP_HUGETLB". */
    public static final String ASKED_FLAGS = "asked.flags";
    /** "yes" or "no": whether the process of {@link #ASKED_PID} is there. */
    public static final String TARGET_EXISTS = "target.exists";
    /** Real, effective and saved user id of the process of {@link #ASKED_PID}, with blanks between. */
    public static final String TARGET_UIDS = "target.uids";
    /** Its real, effective and saved group id. */
    public static final String TARGET_GIDS = "target.gids";
    /** Distinct UDP ports of the range that sockets own. */
    public static final String UDP_PORTS_BOUND = "net.port_range.udp_bound";
    /** IPv6 addresses: lines of /proc/net/if_inet6. */
    public static final String IPV6_ADDRESSES = "net.if_inet6.count";
    /** "yes" or "no": whether lo is up (IFF_UP). */
    public static final String LO_UP = "net.lo.up";
    /** Device drops summed over /proc/net/softnet_stat's second column. */
    public static final String SOFTNET_DROPPED = "net.softnet.dropped";
    /**
     * What RTM_GETROUTE answered for the question's peer: "unicast", "local", "broadcast" or "multicast"; absent when it
     * answered with {@link #ROUTE_ERRNO}.
     */
    public static final String ROUTE_TYPE = "route.type";
    /** The error RTM_GETROUTE answered with, by name: ENETUNREACH, EHOSTUNREACH, EACCES or EINVAL. */
    public static final String ROUTE_ERRNO = "route.errno";
    /** The device, next hop and source address of that route. */
    public static final String ROUTE_DEVICE = "route.device";
    public static final String ROUTE_GATEWAY = "route.gateway";
    public static final String ROUTE_SOURCE = "route.source";
    /** State of the next hop's neighbour entry: "REACHABLE", "FAILED", "INCOMPLETE" …; "none" without an entry. */
    public static final String NEIGH_STATE = "neigh.state";
    /** What RTM_GETROUTE says of the question's local address: "local" if it is one of this namespace's own. */
    public static final String LOCAL_TYPE = "local.type";
    /** The flags of the question's local IPv6 address in /proc/net/if_inet6, in decimal: 64 tentative, 8 duplicate. */
    public static final String LOCAL_IPV6_FLAGS = "local.ipv6.flags";
    /** The device that a socket still calling the question's peer is bound to (SO_BINDTODEVICE); "none" if to none. */
    public static final String CALLER_DEVICE = "socket.device";
    /** State of the TCP socket with exactly the question's local and peer address and port; "none" without one. */
    public static final String TUPLE_STATE = "tuple.state";
    /** One socket on the question's local port: "127.0.0.1:40000 127.0.0.1:8080 ESTAB". */
    public static final String PORT_EXAMPLE = "port.example";
    /**
     * Connections on the question's local port that called out: their peer's port lies outside
     * net.ipv4.ip_local_port_range or is listened on here. The other ones were accepted from a listener of that port.
     */
    public static final String PORT_OUTGOING = "port.outgoing";
    /** Who has the listening or bound socket on the question's local port: "4711 (java)". */
    public static final String PORT_OWNER = "port.owner";
    /** The user id of that socket. */
    public static final String PORT_OWNER_UID = "port.owner.uid";
    /** Distinct ports of the range that sockets with the question's local address (or the wildcard) hold. */
    public static final String PORTS_OF_LOCAL = "net.port_range.of_local";
    /** Connections in the queue of the unix listener that the question's peer names by its path. */
    public static final String UNIX_QUEUE = "unix.listener.queue";
    /** The backlog of that listener: the queue is full at one more. */
    public static final String UNIX_LIMIT = "unix.listener.limit";
    /** What the descriptor that the question names is: "pipe", "TCP socket" …. */
    public static final String FD_ASKED = "fd.asked";
    /** Whether that descriptor, or one the question's addresses name, was found: else all of the process were looked at. */
    public static final String FD_NAMED = "fd.named";
    /** Range of ports of its own (IP_LOCAL_PORT_RANGE) of the {@link Role#RANGED} socket: "40005-40009". */
    public static final String FD_RANGE = "fd.ranged.ports";
    /** How many of these ports serve the question's connection or are bound or reserved. */
    public static final String FD_RANGE_TAKEN = "fd.ranged.taken";
    /** "yes" if the unix datagram socket that the question's peer names makes its writers wait. */
    public static final String UNIX_RECEIVER_FULL = "unix.receiver.full";
    /** Whether the listener on the question's local port has SO_REUSEPORT: "yes" or "no". */
    public static final String PORT_OWNER_REUSEPORT = "port.owner.reuseport";
    /** UDP sockets of this network namespace on the question's peer's port; only where the peer is this host. */
    public static final String UDP_AT_PEER = "peer.udp.sockets";

    /**
     * Of the rules of nf_tables on one way ("out", or "in" for what arrives or comes back): what they do with the
     * question's packet, "does" ("nothing", "certainly-drop", "perhaps-drop", "certainly-reject-rst", "certainly-
     * reject-icmp" …), the "rule" that does it, and the "packets" that rule has counted, if it counts.
     */
    public static String firewall(String way, String what) {
        return "net.firewall." + way + "." + what;
    }

    /** What a descriptor of the process shows when it is asked, and that explains an error. */
    public enum Role {
        /** A pipe, or a socket of that kind, that takes nothing more. */
        FULL_TCP, FULL_UDP, FULL_UNIX_STREAM, FULL_UNIX_DGRAM, FULL_PIPE,
        /** A TCP socket that was shut down for writing, one whose connection is over, and one that never had one. */
        SHUT, OVER, UNCONNECTED,
        /** A pipe without a reader. */
        BROKEN_PIPE,
        /** A socket that has a port and no peer. */
        BOUND,
        /** A TCP socket that does not listen and has no peer. */
        NOT_LISTENING,
        /** A TCP socket that has a range of ports of its own. */
        RANGED,
        /** A TCP socket without a port that has SO_REUSEPORT, and one that has not. */
        SHARING, NOT_SHARING,
        /** A UDP socket that is connected to the question's peer, if it names one. */
        UDP_CONNECTED;

        /** Name of the fact that says how many descriptors there are. */
        public String fact() {
            return "fd." + name().toLowerCase(java.util.Locale.ROOT);
        }

        /** Name of the fact that shows one: {@code 7<127.0.0.1:9999>}, or "7 (65536 of 65536 bytes)". */
        public String example() {
            return fact() + ".example";
        }
    }

    /** Unsent bytes of the question's connection or, without its addresses, of the process's fullest TCP socket. */
    public static final String SEND_QUEUE = "socket.send_queue";
    /** Messages lost by netlink sockets of the process: column Drops of /proc/net/netlink. */
    public static final String NETLINK_DROPS = "process.netlink.drops";

    private Facts() {
    }

    /** Soft limit of a resource, e.g. {@code limitSoft("nofile")}: "limits.nofile.soft". */
    public static String limitSoft(String resource) {
        return "limits." + resource + ".soft";
    }

    /** Hard limit of a resource. */
    public static String limitHard(String resource) {
        return "limits." + resource + ".hard";
    }

    /** A sysctl by its dotted name: "sysctl.fs.nr_open". */
    public static String sysctl(String name) {
        return "sysctl." + name;
    }

    /** A counter of /proc/net/netstat or snmp by group and name: "counter.TcpExt.ListenOverflows". */
    public static String counter(String name) {
        return "counter." + name;
    }

    /** A number of /proc/net/sockstat: "sockstat.TCP.inuse". */
    public static String sockstat(String name) {
        return "sockstat." + name;
    }

    /** A number of /proc/meminfo in kB: "meminfo.MemAvailable". */
    public static String meminfo(String name) {
        return "meminfo." + name;
    }

    /**
     * A fact of a cgroup controller ("pids", "memory") at its tightest level: "path", "max", "high", "current", "peak",
     * "events" (how often the limit was hit: the "max" of pids.events or memory.events, or memory.failcnt),
     * "events.oom_kill", "events.local.oom_kill", "stat.sock"; and of the walk up to it "version" (1 or 2) and "complete"
     * ("yes" if the real root was seen).
     */
    public static String cgroup(String controller, String name) {
        return "cgroup." + controller + "." + name;
    }

    /** Objects of System V IPC by kind (msg, sem, shm), counted in /proc/sysvipc: "sysvipc.shm". */
    public static String sysvipc(String kind) {
        return "sysvipc." + kind;
    }

    /** TCP sockets on the question's local port by state, "LISTEN", "BOUND", "ESTAB", "TIME-WAIT"…: "port.state.LISTEN". */
    public static String portState(String state) {
        return "port.state." + state;
    }

    /** A sum over the CPUs of /proc/net/stat: "stat.nf_conntrack.drop". */
    public static String stat(String file, String column) {
        return "stat." + file + "." + column;
    }

    /** A column of /proc/net/protocols, e.g. protocol("TCP", "pressure") ("yes", "no"), protocol("UNIX", "sockets"). */
    public static String protocol(String name, String column) {
        return "protocols." + name + "." + column;
    }

    /** Sockets of the process in a TCP state, e.g. "process.sockets.CLOSE-WAIT". */
    public static String sockets(String state) {
        return "process.sockets." + state;
    }
}
