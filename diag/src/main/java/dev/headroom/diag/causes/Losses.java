package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNRESET;

import java.util.List;
import java.util.Optional;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;

/** What is lost without an error, and what resets connections from above: all of it counted somewhere. */
final class Losses {
    static final String ON_MEMORY = Facts.counter("TcpExt.TCPAbortOnMemory");
    private static final String ORPHANS = Facts.sockstat("TCP.orphan");
    private static final String MAX_ORPHANS = Facts.sysctl("net.ipv4.tcp_max_orphans");
    private static final String MEM = Facts.sockstat("TCP.mem");
    private static final String TCP_MEM = Facts.sysctl("net.ipv4.tcp_mem");
    private static final String PRESSURE = Facts.counter("TcpExt.TCPMemoryPressures");
    private static final String TW_OVERFLOW = Facts.counter("TcpExt.TCPTimeWaitOverflow");
    private static final String COOKIES = Facts.counter("TcpExt.TCPReqQFullDoCookies");
    private static final String OOM_CGROUP = Facts.cgroup("memory", "events.oom_kill");
    private static final String OOM_MACHINE = Facts.counter("vmstat.oom_kill");

    static final List<Cause> ALL = causes();

    private Losses() {
    }

    private static List<Cause> causes() {
        return List.of(
                Row.of("syn-cookies").evidence(COOKIES, Facts.counter("TcpExt.SyncookiesSent"),
                        Facts.sysctl("net.ipv4.tcp_syncookies"))
                        .rule("tcp_conn_request: more half-open connections than min(backlog, somaxconn), so cookies are sent; nothing is "
                                + "dropped, but the options of those connections are cut (all kernels)")
                        .remedies(ConnectTimeouts::queueRemedies)
                        .dont("net.ipv4.tcp_max_syn_backlog changes nothing here: the backlog of the listener is the bound.",
                                "net.ipv4.tcp_syncookies=0 turns this into dropped connections.")
                        .next("the kernel logs Possible SYN flooding … Sending cookies once for each listener")
                        .provoked("6.18 by test")
                        .judge(c -> Signs.counter(c, COOKIES,
                                "%d {SYN|SYNs} between the two readings met a full queue of half-open "
                                        + "connections and {was|were} answered with cookies: without an attack, a backlog is too small")),
                Row.of("orphan-limit", ECONNRESET).evidence(ORPHANS, MAX_ORPHANS, ON_MEMORY)
                        .rule("tcp_check_oom → tcp_too_many_orphans: closed sockets that still have data to send > "
                                + "net.ipv4.tcp_max_orphans (the whole machine's) are reset; the count is refreshed every 100 ms")
                        .remedies(c -> Remedies.roomierSysctl(c, "net.ipv4.tcp_max_orphans"))
                        .next("answers are cut off after close(); the kernel logs TCP: too many orphaned sockets")
                        .provoked("6.1 by test in a guest").judge(Losses::orphans),
                Row.of("tcp-mem", EAGAIN, ECONNRESET).evidence(MEM, TCP_MEM, PRESSURE, ON_MEMORY,
                        Facts.counter("TcpExt.PruneCalled"), Facts.counter("TcpExt.TCPRcvQDrop"))
                        .rule("__sk_mem_raise_allocated: the machine's TCP pages > net.ipv4.tcp_mem[2], so writes say EAGAIN, receive "
                                + "queues are pruned and closed sockets with data are reset (all kernels; pages, the whole machine's)")
                        .remedies(c -> tcpMemBounds(c).map(m -> List.of(
                                Remedy.now("allow more (on the host: it is one number for the machine)",
                                        "sysctl -w net.ipv4.tcp_mem=\"" + 2 * m[0] + " " + 2 * m[1] + " " + 2 * m[2]
                                                + "\""),
                                Remedy.persistent("the same after a restart",
                                        "echo 'net.ipv4.tcp_mem = " + 2 * m[0] + " " + 2 * m[1]
                                                + " " + 2 * m[2] + "' > /etc/sysctl.d/90-headroom.conf",
                                        "sysctl --system"),
                                Remedy.container(
                                        "no container or pod can set it, or even read it: set it on the node")))
                                .orElse(List.of()))
                        .dont("Larger tcp_rmem and tcp_wmem use up the same memory sooner.")
                        .next("the kernel logs TCP: out of memory -- consider tuning tcp_mem")
                        .provoked("6.1 by test in a guest")
                        .judge(Losses::tcpMem),
                Row.of("time-wait-overflow").evidence(TW_OVERFLOW, Facts.sockstat("TCP.tw"),
                        Facts.sysctl("net.ipv4.tcp_max_tw_buckets"))
                        .rule("inet_twsk_alloc: more than net.ipv4.tcp_max_tw_buckets (of the network namespace), so a closed connection "
                                + "is forgotten at once; nothing fails for that (all kernels)")
                        .remedies(c -> Signs.netnsSysctl(c, "net.ipv4.tcp_max_tw_buckets",
                                "" + Say.roomier(c.number(Facts.sysctl("net.ipv4.tcp_max_tw_buckets")).orElse(65536)),
                                "let more of them stand for their 60 s"))
                        .dont("Lowering it to free ports gives late packets of an old connection to a new one.")
                        .provoked("6.18 by test")
                        .judge(c -> Signs.counter(c, TW_OVERFLOW,
                                "%d closed {connection was|connections were} forgotten at once "
                                        + "between the two readings, for net.ipv4.tcp_max_tw_buckets ("
                                        + c.text(Facts.sysctl("net.ipv4.tcp_max_tw_buckets")).orElse("?")
                                        + ") are in TIME_WAIT")),
                loss("udp-rcvbuf", Facts.counter("Udp.RcvbufErrors"),
                        "__udp_enqueue_schedule_skb: sk_rmem_alloc > SO_RCVBUF",
                        "%d {datagram was|datagrams were} lost between the two readings because the receiver's buffer was full",
                        "net.core.rmem_max", "let programs ask for larger buffers (SO_RCVBUF), and read faster"),
                loss("udp-mem", Facts.counter("Udp.MemErrors"),
                        "__udp_enqueue_schedule_skb: the machine's UDP pages > net.ipv4.udp_mem",
                        "%d {datagram was|datagrams were} lost between the two readings because all UDP memory (net.ipv4.udp_mem) is in use",
                        "net.ipv4.udp_mem", "allow more pages"),
                loss("softnet-backlog", Facts.SOFTNET_DROPPED,
                        "enqueue_to_backlog: a CPU's queue > net.core.netdev_max_backlog",
                        "%d {packet was|packets were} lost between the two readings because a CPU's input queue was full",
                        "net.core.netdev_max_backlog", "let more packets wait for a CPU"),
                Row.of("cgroup-oom-kill")
                        .evidence(OOM_CGROUP, Facts.cgroup("memory", "path"), Facts.cgroup("memory", "max"),
                                Facts.cgroup("memory", "current"), Facts.cgroup("memory", "stat.sock"))
                        .rule("mem_cgroup_out_of_memory kills in the cgroup whose memory.max is reached; socket buffers count, so the "
                                + "victim's own memory may be tiny (v2; memory.events of the limiting cgroup)")
                        .remedies(Remedies::memory)
                        .next("exit status 137; the kernel logs Memory cgroup out of memory: Killed process")
                        .dont("Looking for the leak in the heap alone: memory.stat says sock, slab and file, too.")
                        .provoked("6.1 by test in a guest")
                        .judge(c -> Signs.counter(c, OOM_CGROUP, "%d {process|processes} of memory cgroup "
                                + c.text(Facts.cgroup("memory", "path")).orElse("?")
                                + " {was|were} killed for memory between the two readings")),
                Row.of("machine-oom-kill")
                        .evidence(OOM_MACHINE, Facts.meminfo("MemAvailable"), Facts.meminfo("MemTotal"))
                        .rule("out_of_memory kills when the machine (CONSTRAINT_NONE) or a cgroup has none left; /proc/vmstat counts both. "
                                + "systemd-oomd and the kubelet kill, too, and leave no trace here")
                        .remedies(c -> List.of(
                                Remedy.now("see who was killed, and for whose limit", "journalctl -k --grep oom-kill")))
                        .provoked("6.12 by guest").judge(Losses::machineKills));
    }

    /** /proc/vmstat counts what a cgroup's limit kills, too. */
    private static Finding machineKills(Case c) {
        Finding counted = Signs.counter(c, OOM_MACHINE,
                "%d {process was|processes were} killed for memory on this machine between the two readings");
        long here = c.delta(OOM_CGROUP).orElse(0);
        long others = c.delta(OOM_MACHINE).orElse(0) - here;
        String cgroup = c.text(Facts.cgroup("memory", "path")).orElse("?");
        if (counted.verdict() != Verdict.CONFIRMED || here == 0 || others > 1) {
            return counted;
        }
        return others == 1
                ? Finding.possible("one process more was killed than for the limit of memory cgroup " + cgroup
                        + "; the two files are not read at the same moment")
                : Finding.ruledOut("what was killed, was for the limit of memory cgroup " + cgroup);
    }

    private static Cause loss(String id, String counter, String rule, String sentence, String sysctl, String remedy) {
        return Row.of(id).evidence(counter, Facts.sysctl(sysctl))
                .rule(rule + "; the sender hears nothing (all kernels)")
                .remedies(c -> c.number(Facts.sysctl(sysctl)).isPresent() ? Remedies.roomierSysctl(c, sysctl)
                        : List.of(Remedy.now(remedy + ": " + sysctl)))
                .next("what was lost is repeated by whoever repeats: for UDP the program").provoked("source only")
                .judge(c -> Signs.counter(c, counter, sentence));
    }

    private static Finding orphans(Case c) {
        Optional<Finding> missing = Signs.missing(c, ORPHANS, ON_MEMORY);
        if (missing.isPresent()) {
            return missing.get();
        }
        long orphans = c.number(ORPHANS).orElse(0);
        if (c.number(MAX_ORPHANS).isEmpty()) {
            return Signs.quiet(c, ON_MEMORY)
                    ? Finding.ruledOut("no connection of this network namespace was reset for memory")
                    : Finding.unknown("net.ipv4.tcp_max_orphans would tell: " + c.now().whyUnread(MAX_ORPHANS));
        }
        long max = c.number(MAX_ORPHANS).getAsLong();
        String use = orphans + " of " + max + " orphans are on the machine";
        // Orphans are gone as soon as they are reset, so the number of now may be small. What else is counted is want of
        // memory (tcp_check_oom).
        if (Signs.grew(c, ON_MEMORY) && (orphans * 2 >= max || tcpMem(c).verdict() == Verdict.RULED_OUT)) {
            return Finding.confirmed(
                    use + Say.agree(", and %d {connection was|connections were} reset for it between the two readings",
                            c.delta(ON_MEMORY).getAsLong()));
        }
        return orphans >= max ? Finding.possible(use) : Finding.ruledOut(use);
    }

    private static Optional<long[]> tcpMemBounds(Case c) {
        return c.text(TCP_MEM).map(t -> t.trim().split("\\s+")).filter(p -> p.length == 3)
                .map(p -> new long[] {Long.parseLong(p[0]), Long.parseLong(p[1]), Long.parseLong(p[2])});
    }

    static Finding tcpMem(Case c) {
        Optional<long[]> bounds = tcpMemBounds(c);
        if (bounds.isEmpty() || c.number(MEM).isEmpty()) {
            return Signs.quiet(c, PRESSURE) ? Finding.ruledOut("TCP was not under memory pressure (TCPMemoryPressures)")
                    : Signs.missing(c, MEM, TCP_MEM)
                            .orElseGet(() -> Finding
                                    .unknown("net.ipv4.tcp_mem is not three numbers: " + c.text(TCP_MEM).orElse("")));
        }
        long pages = c.number(MEM).getAsLong();
        long[] b = bounds.get();
        String use = pages + " of " + b[2] + " pages of TCP memory are in use on the machine (net.ipv4.tcp_mem)";
        return pages >= b[2] ? Finding.confirmed(use)
                : pages >= b[1] ? Finding.possible(use + ", more than the " + b[1] + " where pressure begins")
                        : Finding.ruledOut(use);
    }
}
