package dev.headroom.diag;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import dev.headroom.diag.Snapshot.Listening;
import dev.headroom.proc.InetSock;
import dev.headroom.proc.NetNamespace;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.SocketOwners;
import dev.headroom.proc.TcpState;

/**
 * The listeners of a network namespace. That there are none is told by a file, without a system call of our own; how
 * long the queue of one may grow, only by sock_diag.
 */
public final class Listeners {
    /** Why {@link #addTo} found none; not a fact, but it stands among the reasons. */
    static final String UNREAD = "listeners";
    private static final String LISTEN = "0A";
    private static final int LOCAL = 1;
    private static final int STATE = 3;

    private final ProcFs proc;

    public Listeners(ProcFs proc) {
        this.proc = proc;
    }

    /**
     * Adds them to a snapshot.
     *
     * @param pid whose network namespace is meant
     * @param port the port they listen on, 0 for any
     */
    public Snapshot addTo(Snapshot s, long pid, int port) {
        Snapshot.Builder out = s.toBuilder();
        ProcPid process = proc.process(pid);
        try {
            List<Listening> found = any(process, port) ? ask(process, port, out) : List.of();
            out.listeners(found).put(Facts.LISTENERS, found.size(), "sock_diag");
        } catch (IOException e) {
            out.unread(UNREAD, Capture.why(e));
        }
        return out.build();
    }

    /** The kernel lists those that listen first, so this reads as many lines as there are listeners, and one more. */
    private static boolean any(ProcPid process, int port) throws IOException {
        String suffix = port == 0 ? "" : String.format(Locale.ROOT, ":%04X", port);
        for (String table : List.of("net/tcp", "net/tcp6")) {
            Path file = process.directory().resolve(table);
            try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.US_ASCII)) {
                lines.readLine();
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    String[] words = line.strip().split("\\s+");
                    if (words.length <= STATE || !words[STATE].equals(LISTEN)) {
                        break;
                    }
                    if (words[LOCAL].endsWith(suffix)) {
                        return true;
                    }
                }
            } catch (NoSuchFileException e) {
                // this kernel has no IPv6
            }
        }
        return false;
    }

    private List<Listening> ask(ProcPid process, int port, Snapshot.Builder out) throws IOException {
        List<InetSock> sockets = new ArrayList<>();
        SockFilter filter = SockFilter.states(TcpState.TCP_LISTEN);
        SockFilter wanted = port == 0 ? filter : filter.localPort(port);
        String somaxconn = "net.core.somaxconn";
        var reading = NetNamespace.read(proc, process, whose -> {
            try (SockDiag diag = SockDiag.open()) {
                diag.tcp(wanted, row -> sockets.add(row.copy()));
            }
            return proc.sysctl(somaxconn);
        });
        if (reading.reason().isPresent()) {
            throw new IOException("of another network namespace: " + reading.reason().get());
        }
        out.put(Facts.sysctl(somaxconn), reading.value().value(), reading.value().file());
        Set<Long> inodes = new HashSet<>();
        sockets.forEach(s -> inodes.add(s.inode()));
        SocketOwners owners = SocketOwners.find(proc, inodes);
        List<Listening> all = new ArrayList<>();
        for (InetSock s : sockets) {
            Set<Integer> pids = owners.of(s.inode());
            int self = Integer.parseInt(process.directory().getFileName().toString());
            int pid = pids.contains(self) ? self : pids.stream().findFirst().orElse(0);
            all.add(new Listening(s.local().toString(), s.rqueue(), s.wqueue(), s.inode(), pid, command(pid)));
        }
        return all;
    }

    private String command(int pid) {
        try {
            return pid == 0 ? "" : proc.process(pid).comm();
        } catch (IOException e) {
            return "";
        }
    }
}
