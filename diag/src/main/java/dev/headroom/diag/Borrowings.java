package dev.headroom.diag;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.headroom.diag.Facts.Role;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.proc.BorrowedFd;
import dev.headroom.proc.BorrowedFd.Kind;
import dev.headroom.proc.Descriptor;
import dev.headroom.proc.FdBorrower;
import dev.headroom.proc.FdKind;
import dev.headroom.proc.InetRow;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;
import dev.headroom.proc.Rows;
import dev.headroom.proc.SockDiag;
import dev.headroom.proc.SockFilter;
import dev.headroom.proc.Sysctl;
import dev.headroom.proc.TcpState;

/**
 * What only the descriptors themselves know, asked of duplicates of them. Runs in the network namespace of the process,
 * for abstract names of unix sockets are its own.
 */
final class Borrowings {
    /** Errors of calls that one descriptor decides. */
    private static final Set<Errno> CONCERNED = EnumSet.of(Errno.EAGAIN, Errno.EPIPE, Errno.ECONNRESET, Errno.EINVAL,
            Errno.EADDRNOTAVAIL, Errno.EADDRINUSE, Errno.ECONNREFUSED);
    /** Of more descriptors the last ones are looked at: some 10 µs each. */
    private static final int MOST = 4096;
    private static final int MOST_FILES = 256;
    private static final int FIFO = 0010000;
    private static final int FORMAT = 0170000;
    private static final String SOURCE = "pidfd_getfd";

    private final ProcFs proc;
    private final ProcPid process;
    private final Question question;
    private final Map<Role, List<BorrowedFd>> found = new EnumMap<>(Role.class);
    private final Map<String, Boolean> receivers = new HashMap<>();

    Borrowings(ProcFs proc, ProcPid process, Question question) {
        this.proc = proc;
        this.process = process;
        this.question = question;
    }

    /** Whether a descriptor can tell anything about that. */
    static boolean concern(Question q) {
        return q.errno().map(CONCERNED::contains).orElse(q.call().isEmpty() || q.call().equals("bind"));
    }

    void read(Sheet out) {
        try {
            look(out);
        } catch (IOException e) {
            int errno = e instanceof SyscallException s ? s.errno() : 0;
            String why = errno == Errno.EPERM.number() || e instanceof AccessDeniedException
                    ? "asking its descriptors (pidfd_getfd) needs CAP_SYS_PTRACE, or the same user and kernel.yama.ptrace_scope 0"
                    : errno == Errno.ENOSYS.number() ? "asking its descriptors (pidfd_getfd) needs Linux 5.6"
                            : Sheet.why(e);
            for (Role role : Role.values()) {
                out.unread(why, role.fact());
            }
            out.unread(why, Facts.FD_ASKED, Facts.FD_NAMED, Facts.FD_RANGE);
        }
    }

    private void look(Sheet out) throws IOException {
        int[] numbers = numbers();
        List<BorrowedFd> all = new ArrayList<>();
        try (FdBorrower borrower = FdBorrower.open(Long.parseLong(process.directory().getFileName().toString()),
                process)) {
            for (int fd : numbers) {
                borrower.ask(fd).ifPresent(all::add);
            }
            List<BorrowedFd> named = all.stream().filter(this::isNamed).toList();
            boolean some = question.fd().isPresent() || !named.isEmpty();
            out.put(Facts.FD_NAMED, some ? "yes" : "no", SOURCE);
            if (question.fd().isPresent()) {
                all.stream().findFirst().ifPresentOrElse(
                        f -> out.put(Facts.FD_ASKED, f.kind().words(), SOURCE),
                        () -> out.unread("descriptor " + question.fd().getAsLong() + " of the process is no socket and "
                                + "no pipe, or is not open", Facts.FD_ASKED));
            }
            for (BorrowedFd f : some && question.fd().isEmpty() ? named : all) {
                for (Role role : roles(f, borrower)) {
                    found.computeIfAbsent(role, r -> new ArrayList<>()).add(f);
                }
            }
            receiver(out, borrower);
        }
        for (Role role : Role.values()) {
            List<BorrowedFd> those = found.getOrDefault(role, List.of());
            out.put(role.fact(), those.size(), SOURCE);
            those.stream().findFirst().ifPresent(f -> out.put(role.example(), text(f), SOURCE));
        }
        Optional<Sockaddr> peer = Network.literal(question.peer()).filter(p -> p.port() != 0);
        if (peer.isPresent()) {
            try (SockDiag diag = SockDiag.open()) {
                out.put(Facts.UDP_AT_PEER, diag.udpPort(peer.get().port()).sockets(), "sock_diag");
            }
        }
        List<BorrowedFd> ranged = found.getOrDefault(Role.RANGED, List.of());
        if (!ranged.isEmpty()) {
            range(out, ranged.getLast().ports().orElseThrow());
        }
    }

    /** Of sockets, pipes and named pipes; the one that the question names alone, if it does. */
    private int[] numbers() throws IOException {
        if (question.fd().isPresent()) {
            Descriptor d = process.descriptor((int) question.fd().getAsLong());
            return askable(d, new int[1]) ? new int[] {d.fd()} : new int[0];
        }
        Deque<Integer> last = new ArrayDeque<>();
        int[] files = new int[1];
        process.eachDescriptor(d -> {
            if (askable(d, files)) {
                last.add(d.fd());
                if (last.size() > MOST) {
                    last.remove();
                }
            }
        });
        return last.stream().mapToInt(Integer::intValue).toArray();
    }

    private boolean askable(Descriptor d, int[] files) {
        return switch (d.kind()) {
            case SOCKET, PIPE -> true;
            // What may not be read says why when it is asked.
            case UNREADABLE -> true;
            case FILE -> files[0]++ < MOST_FILES && isFifo(d);
            default -> false;
        };
    }

    private boolean isFifo(Descriptor d) {
        try {
            return Files.getAttribute(process.directory().resolve("fd").resolve(Integer.toString(d.fd())),
                    "unix:mode") instanceof Integer mode && (mode & FORMAT) == FIFO;
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether it is the socket, or one of them, that the question's addresses name. */
    private boolean isNamed(BorrowedFd f) {
        boolean local = question.local().filter(l -> !l.endsWith(":0")).isPresent()
                && question.local().equals(f.local());
        boolean peer = question.peer().isPresent() && question.peer().equals(f.peer());
        return question.fd().isPresent() || local || peer;
    }

    private Set<Role> roles(BorrowedFd f, FdBorrower borrower) throws IOException {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        boolean alone = f.peer().isEmpty();
        TcpState state = f.state().orElse(TcpState.TCP_CLOSE);
        switch (f.kind()) {
            case TCP -> {
                add(roles, f.full(), Role.FULL_TCP);
                add(roles, switch (state) {
                    case TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_CLOSING, TCP_LAST_ACK -> true;
                    default -> false;
                }, Role.SHUT);
                boolean closed = state == TcpState.TCP_CLOSE || state == TcpState.TCP_BOUND_INACTIVE;
                add(roles, closed && f.carried(), Role.OVER);
                boolean idle = closed && !f.carried();
                add(roles, idle || f.listening(), Role.UNCONNECTED);
                add(roles, alone && f.localPort() != 0 && !(closed && f.carried()), Role.BOUND);
                add(roles, idle && !f.listening(), Role.NOT_LISTENING);
                add(roles, f.ports().isPresent() && !f.listening(), Role.RANGED);
                add(roles, idle && f.localPort() == 0, f.reusePort() ? Role.SHARING : Role.NOT_SHARING);
            }
            case UDP -> {
                add(roles, f.full(), Role.FULL_UDP);
                add(roles, alone && f.localPort() != 0, Role.BOUND);
                add(roles, !alone && (question.peer().isEmpty() || question.peer().equals(f.peer())),
                        Role.UDP_CONNECTED);
            }
            case UNIX_STREAM -> {
                add(roles, f.full(), Role.FULL_UNIX_STREAM);
                add(roles, alone && f.local().isPresent() && !f.listening(), Role.BOUND);
            }
            case UNIX_DGRAM -> {
                add(roles, f.full() || f.peer().isPresent() && full(f.peer().get(), borrower), Role.FULL_UNIX_DGRAM);
                add(roles, alone && f.local().isPresent(), Role.BOUND);
            }
            case PIPE -> {
                add(roles, f.full(), Role.FULL_PIPE);
                add(roles, f.broken(), Role.BROKEN_PIPE);
            }
            case OTHER -> {
            }
        }
        return roles;
    }

    private static void add(Set<Role> roles, boolean holds, Role role) {
        if (holds) {
            roles.add(role);
        }
    }

    /** Each receiver is asked once. */
    private boolean full(String name, FdBorrower borrower) throws IOException {
        if (!receivers.containsKey(name) && receivers.size() < 64) {
            String seen = name.startsWith("@") ? name : process.directory() + "/root" + name;
            receivers.put(name, borrower.receiverIsFull(seen).orElse(false));
        }
        return receivers.getOrDefault(name, false);
    }

    private void receiver(Sheet out, FdBorrower borrower) throws IOException {
        if (question.peer().filter(p -> p.startsWith("/") || p.startsWith("@")).isPresent()) {
            out.put(Facts.UNIX_RECEIVER_FULL, full(question.peer().get(), borrower) ? "yes" : "no",
                    "poll of a socket connected to it");
        }
    }

    /** Ports of a socket's own range that are taken, for the question's peer if it names one. */
    private void range(Sheet out, Sysctl.Range own) throws IOException {
        Sysctl.Range all = proc.sysctl("net.ipv4.ip_local_port_range").asRange();
        int low = (int) (all.contains(own.low()) ? own.low() : all.low());
        int high = (int) (all.contains(own.high()) ? own.high() : all.high());
        out.put(Facts.FD_RANGE, low + "-" + high, SOURCE);
        BitSet taken = new BitSet();
        for (Sysctl.Range r : proc.sysctl("net.ipv4.ip_local_reserved_ports").asRanges()) {
            for (long p = Math.max(low, r.low()); p <= Math.min(high, r.high()); p++) {
                taken.set((int) p);
            }
        }
        SockFilter connected = SockFilter.connected().localPorts(low, high);
        Optional<Sockaddr> peer = Network.literal(question.peer());
        try (SockDiag diag = SockDiag.open()) {
            taken.or(diag.boundPorts(low, high).ports());
            diag.tcp(
                    peer.isPresent() ? connected.remote(peer.get().address()).remotePort(peer.get().port()) : connected,
                    (Rows<InetRow>) row -> taken.set(row.localPort()));
        }
        out.put(Facts.FD_RANGE_TAKEN, taken.cardinality(), "sock_diag");
    }

    private static String text(BorrowedFd f) {
        String ends = Stream.of(f.local(), f.peer()).flatMap(Optional::stream).filter(s -> !s.endsWith(":0"))
                .reduce((a, b) -> a + "->" + b).map(s -> "<" + s + ">").orElse("");
        String state = f.state().filter(s -> f.kind() == Kind.TCP && s != TcpState.TCP_CLOSE).map(s -> " " + s.ss())
                .orElse("");
        return f.fd() + ends + state + (f.full() ? " (" + f.held() + " of " + f.room() + " bytes)" : "");
    }

    /** Whether the listener on a port shares it, asked of the process that has it. */
    static void rival(Sheet out, ProcFs proc, int owner, long inode) throws IOException {
        ProcPid process = proc.process(owner);
        Set<Integer> number = new HashSet<>();
        process.eachDescriptor(d -> {
            if (d.kind() == FdKind.SOCKET && d.inode().orElse(0) == inode) {
                number.add(d.fd());
            }
        });
        try (FdBorrower borrower = FdBorrower.open(owner, process)) {
            for (int fd : number) {
                borrower.ask(fd).ifPresent(
                        f -> out.put(Facts.PORT_OWNER_REUSEPORT, f.reusePort() ? "yes" : "no", SOURCE));
            }
        }
    }
}
