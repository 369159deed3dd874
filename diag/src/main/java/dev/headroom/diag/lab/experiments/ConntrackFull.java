package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.NotHereException;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Tool;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.proc.ProcFs;

/** A client whose connections are tracked, until the table of these is full. */
final class ConntrackFull implements Experiment {
    private static final String MAX = "net.netfilter.nf_conntrack_max";
    private static final String COUNT = "net.netfilter.nf_conntrack_count";
    private static final Path MAX_FILE = Path.of("/proc/sys/net/netfilter/nf_conntrack_max");
    /** Enough to make the kernel look: a rule that asks for the state of a connection. */
    private static final String RULES = "table ip headroom {\n chain out {\n type filter hook output priority 0;\n"
            + " ct state new accept\n }\n}\n";
    private static final int MOST = 4000;
    private static final int TOO_MANY = 20;
    private static final int PATIENCE_MILLIS = 1000;

    @Override
    public String name() {
        return "conntrack-full";
    }

    @Override
    public String shows() {
        return "When connection tracking is full, the host drops the packets of its own new connections: connect times out,"
                + " sendto of UDP says EPERM; what is established goes on.";
    }

    @Override
    public String decidedBy() {
        return "__nf_conntrack_alloc (net/netfilter/nf_conntrack_core.c)";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("flows", "100");
    }

    @Override
    public Set<String> tools() {
        return Set.of("nft");
    }

    @Override
    public List<String> touches() {
        return List.of(MAX);
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        long flows = t.number("flows", 1, MOST);
        Host server = t.lab().host("server", Addresses.server(1));
        Host client = t.lab().host("client", Addresses.client(1, 1));
        List<String> nft = new ArrayList<>(client.exec());
        nft.addAll(List.of("nft", "-f", "-"));
        Tool.run(nft, RULES);
        lower(t, flows);
        long max = t.read(client, MAX).asLong();
        long has = t.read(client, COUNT).asLong();
        t.predict("connections", max - has, max + " entries, less " + has + " that are there");
        t.predict("connect then", Expected.exactly(Errno.ETIMEDOUT.name()),
                "its SYN is dropped, and tcp_connect takes that for a loss");
        t.predict("sendto then", Expected.exactly(Errno.EPERM.name()), "UDP is told of the drop");
        t.predict("still carry data", max - has, "they have their entries");
        t.begin();
        Sockaddr target = server.at(Addresses.PORT);
        Question tcp = Question.of(Errno.ETIMEDOUT, "connect").withPid(client.tid()).withPeer(target.toString());
        Question udp = Question.of(Errno.EPERM, "sendto").withPid(client.tid()).withPeer(target.toString());
        try (Sockets listening = server.call(Sockets::new); Sockets calling = client.call(Sockets::new)) {
            int listener = Listeners.everywhere(server, listening);
            List<Integer> fds = begin(client, calling, target, max - has);
            fds.addAll(begin(client, calling, target, TOO_MANY));
            t.observe("connections", client.call(() -> calling.established(fds)));
            Snapshot before = t.snapshot(tcp);
            t.observe("connect then", connect(client, calling, target));
            t.wall("conntrack-full-local", tcp, before);
            before = t.snapshot(udp);
            t.observe("sendto then", sendto(client, calling, target));
            t.wall("conntrack-full-local", udp, before);
            client.call(() -> {
                fds.forEach(calling::send);
                return null;
            });
            Sockets.settle();
            t.observe("still carry data", server.call(() -> listening.acceptAll(listener).stream()
                    .filter(fd -> listening.receive(fd) == 1).count()));
        }
    }

    /** Lowers the table to so many, and never below twice what the machine itself uses of it. */
    private static void lower(Trial t, long flows) throws IOException {
        long used;
        long was;
        try {
            used = new ProcFs().sysctl(COUNT).asLong();
            was = new ProcFs().sysctl(MAX).asLong();
        } catch (NoSuchFileException e) {
            throw new NotHereException("connection tracking in the kernel: there is no " + MAX);
        }
        long max = Math.max(flows, 2 * used);
        if (!Files.isWritable(MAX_FILE)) {
            throw new NotHereException("to write " + MAX_FILE + ", which the initial network namespace alone may");
        }
        if (max > MOST || max >= was) {
            throw new NotHereException("fewer tracked connections on this machine than " + used
                    + ": the table is never made smaller than twice that");
        }
        t.read(MAX, was, MAX_FILE + ", put back afterwards; the machine itself has " + used);
        t.lab().set(MAX, "" + max);
    }

    private static List<Integer> begin(Host client, Sockets calling, Sockaddr target, long n)
            throws IOException, InterruptedException {
        List<Integer> fds = client.call(() -> Sockets.until(() -> calling.call(target), n)).fds();
        Sockets.settle();
        return fds;
    }

    private static String connect(Host client, Sockets calling, Sockaddr target)
            throws IOException, InterruptedException {
        int fd = client.call(() -> {
            int one = Errno.check(calling.socket(), "socket");
            calling.set(one, Socket.IPPROTO_TCP, Socket.TCP_USER_TIMEOUT, PATIENCE_MILLIS);
            calling.connect(one, target);
            return one;
        });
        for (int i = 0; i < 60; i++) {
            Thread.sleep(100);
            int error = client.call(() -> calling.error(fd));
            if (error != 0) {
                return Errno.name(error);
            }
        }
        return client.call(() -> calling.established(List.of(fd))) == 1 ? "connected" : "nothing for 6 s";
    }

    private static String sendto(Host client, Sockets calling, Sockaddr target)
            throws IOException, InterruptedException {
        return client.call(() -> {
            int fd = Errno.check(calling.udp(), "socket");
            Errno.check(calling.connect(fd, target), "connect", target);
            int rc = calling.send(fd);
            return rc < 0 ? Errno.name(-rc) : "sent";
        });
    }
}
