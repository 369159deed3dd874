package dev.headroom.diag;

import java.util.List;
import java.util.Map;

import dev.headroom.diag.Snapshot.Flow;
import dev.headroom.diag.Snapshot.Holder;
import dev.headroom.diag.Snapshot.Listening;

/** Snapshots of processes that never were, as small as their stories allow. */
public final class Samples {
    private Samples() {
    }

    private static Snapshot.Builder process(long pid, String command) {
        String proc = "/proc/" + pid;
        return new Snapshot.Builder(1_700_000_000_000L).put(Facts.KERNEL, "6.12.9", "/proc/sys/kernel/osrelease")
                .put(Facts.PID, pid, proc).put(Facts.COMMAND, command, proc + "/status")
                .put(Facts.EUID, 1000, proc + "/status").put(Facts.RUID, 1000, proc + "/status")
                .put(Facts.CAP_EFF, "0000000000000000", proc + "/status")
                .put(Facts.USERNS_INITIAL, "yes", proc + "/uid_map")
                .put(Facts.limitSoft("nofile"), 1024, proc + "/limits")
                .put(Facts.limitHard("nofile"), 524288, proc + "/limits")
                .put(Facts.sysctl("fs.nr_open"), 1048576, "/proc/sys/fs/nr_open")
                .put(Facts.sysctl("fs.file-max"), 9223372036854775807L, "/proc/sys/fs/file-max")
                .put(Facts.FILE_NR_ALLOCATED, 12345, "/proc/sys/fs/file-nr");
    }

    private static Snapshot.Builder descriptors(Snapshot.Builder b, long pid, long used, long free) {
        String fd = "/proc/" + pid + "/fd";
        return b.put(Facts.FD_USED, used, fd).put(Facts.FD_USED_BELOW_SOFT, used, fd)
                .put(Facts.FD_LOWEST_FREE, free, fd).put(Facts.FDSIZE, 1024, "/proc/" + pid + "/status")
                .put(Facts.FD_INOTIFY, 0, fd);
    }

    /** A systemd service whose clients hang up and that never closes them. */
    public static Snapshot leak() {
        return descriptors(process(4711, "java"), 4711, 1024, 1024)
                .put(Facts.UNIT, "shop.service", "/proc/4711/cgroup")
                .put(Facts.sockets("CLOSE-WAIT"), 987, "sock_diag")
                .holders(List.of(new Holder("socket", 1004), new Holder("file", 12), new Holder("eventpoll", 4),
                        new Holder("pipe", 4), new Holder("/var/log/shop/access.log", 3)))
                .listeners(List.of(new Listening("0.0.0.0:8080", 51, 50, 77, 4711, "java"),
                        new Listening("127.0.0.1:5432", 0, 128, 78, 99, "postgres")))
                .build();
    }

    /** A process that has most of its descriptors still free. */
    public static Snapshot healthy() {
        return descriptors(process(4711, "java"), 4711, 31, 31).holders(List.of(new Holder("socket", 31))).build();
    }

    /** A container that has used up the ports to its database. */
    public static Snapshot ports() {
        return descriptors(process(812, "worker"), 812, 31, 31).put(Facts.CONTAINER, "docker", "/proc/812/cgroup")
                .put(Facts.NET_SCOPE, "entered", "/proc/812/ns/net")
                .put(Facts.PORT_LOW, 32768, "/proc/sys/net/ipv4/ip_local_port_range")
                .put(Facts.PORT_HIGH, 60999, "/proc/sys/net/ipv4/ip_local_port_range")
                .put(Facts.PORTS_RESERVED, 0, "/proc/sys/net/ipv4/ip_local_reserved_ports")
                .put(Facts.PORTS_BOUND, 0, "sock_diag").put(Facts.PORTS_BLOCKED, 0, "sock_diag")
                .put(Facts.FLOW_SOCKETS, 28232, "sock_diag").put(Facts.IPV6_ADDRESSES, 1, "/proc/812/net/if_inet6")
                .put(Facts.ROUTE_TYPE, "unicast", "rtnetlink RTM_GETROUTE")
                .put(Facts.ROUTE_SOURCE, "172.17.0.2", "rtnetlink RTM_GETROUTE")
                .flows(List.of(new Flow("172.17.0.2", "10.0.0.9:5432", Map.of("ESTAB", 28000L, "SYN-SENT", 232L),
                        28232)))
                .build();
    }

    /** The machine alone. */
    public static Snapshot machine() {
        return new Snapshot.Builder(1_700_000_000_000L).put(Facts.KERNEL, "6.12.9", "/proc/sys/kernel/osrelease")
                .put(Facts.sysctl("fs.nr_open"), 1048576, "/proc/sys/fs/nr_open")
                .unread(Facts.limitSoft("nofile"), "no process was named").unread(Facts.FD_USED, "no process was named")
                .build();
    }
}
