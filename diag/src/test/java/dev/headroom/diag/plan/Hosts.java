package dev.headroom.diag.plan;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;

/** Hosts as they were read: kernel 6.18 with its defaults on 24 GiB, and one that is tuned. */
public final class Hosts {
    private static final String[][] SYSCTLS = {{"fs.nr_open", "1048576"}, {"fs.file-max", "2466177"},
            {"fs.epoll.max_user_watches", "5491511"}, {"net.core.somaxconn", "4096"},
            {"net.ipv4.tcp_mem", "287901 383868 575802"}, {"net.ipv4.ip_unprivileged_port_start", "1024"},
            {"net.ipv4.tcp_ehash_entries", "262144"}};

    private Hosts() {
    }

    /** A shell's limits and a kernel's defaults; conntrack is not loaded, slabinfo not readable. */
    public static Snapshot.Builder plain() {
        var out = new Snapshot.Builder(0);
        for (String[] s : SYSCTLS) {
            out.put(Facts.sysctl(s[0]), s[1], "/proc/sys/" + s[0].replace('.', '/'));
        }
        return out.put(Facts.KERNEL, "6.18.44", "/proc/sys/kernel/osrelease")
                .put(Facts.limitSoft("nofile"), 1024, "/proc/4711/limits")
                .put(Facts.limitHard("nofile"), 524288, "/proc/4711/limits")
                .put(Facts.FILE_NR_ALLOCATED, 960, "/proc/sys/fs/file-nr")
                .put(Facts.PORT_LOW, 32768, "/proc/sys/net/ipv4/ip_local_port_range")
                .put(Facts.PORT_HIGH, 60999, "/proc/sys/net/ipv4/ip_local_port_range")
                .put(Facts.PORTS_RESERVED, 0, "/proc/sys/net/ipv4/ip_local_reserved_ports")
                .put(Facts.meminfo("MemAvailable"), 23L << 20, "/proc/meminfo")
                .put(Facts.sockstat("TCP.mem"), 12, "/proc/4711/net/sockstat")
                .unread(HostFacts.slab("TCP"), "/proc/slabinfo is for root only")
                .unread(Facts.CONNTRACK_COUNT, "absent");
    }

    /** With conntrack, and slabinfo as root reads it. */
    public static Snapshot.Builder root() {
        return plain().put(HostFacts.slab("TCP"), 2521, "/proc/slabinfo")
                .put(HostFacts.slab("sock_inode_cache"), 863, "/proc/slabinfo")
                .put(HostFacts.slab("filp"), 196, "/proc/slabinfo").put(HostFacts.slab("dentry"), 196, "/proc/slabinfo")
                .put(HostFacts.slab("eventpoll_epi"), 128, "/proc/slabinfo")
                .put(Facts.CONNTRACK_COUNT, 23, "/proc/sys/net/netfilter/nf_conntrack_count")
                .put(Facts.sysctl("net.netfilter.nf_conntrack_max"), 262144, "/proc/sys/net/netfilter/nf_conntrack_max")
                .put(Facts.sysctl("net.netfilter.nf_conntrack_buckets"), 262144,
                        "/proc/sys/net/netfilter/nf_conntrack_buckets");
    }
}
