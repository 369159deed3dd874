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
    public static final String CONNTRACK_COUNT = "net.conntrack.count";

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

    /** A number of a cgroup controller at its tightest level: "cgroup.pids.max", "cgroup.pids.path". */
    public static String cgroup(String controller, String name) {
        return "cgroup." + controller + "." + name;
    }

    /** A sum over the CPUs of /proc/net/stat: "stat.nf_conntrack.drop". */
    public static String stat(String file, String column) {
        return "stat." + file + "." + column;
    }
}
