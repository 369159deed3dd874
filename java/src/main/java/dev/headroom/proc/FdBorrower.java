package dev.headroom.proc;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Fcntl;
import dev.headroom.linux.InetDiag;
import dev.headroom.linux.Ioctl;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Pidfd;
import dev.headroom.linux.Poll;
import dev.headroom.linux.Pollfd;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.TcpInfo;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Asks another process's sockets and pipes what no file of /proc and no sock_diag tells, over duplicates of its
 * descriptors (pidfd_getfd, Linux 5.6; PTRACE_MODE_ATTACH: the same user and no Yama, or CAP_SYS_PTRACE). The duplicate
 * is of the same open file and lives for some microseconds; a close(2) of the process in between takes effect when it is
 * gone.
 * <p>
 * Only questions without a side effect are put: getsockopt of SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN,
 * SO_REUSEPORT, SO_MEMINFO, IP_LOCAL_PORT_RANGE and TCP_INFO, getsockname, getpeername, F_GETFL, F_GETPIPE_SZ, FIONREAD,
 * and poll of a pipe without waiting. Never SO_ERROR, which takes the error away from the process, never a read, not even
 * with MSG_PEEK (it may take an error, too), never a poll of a socket (it marks the socket as one that waits for room),
 * and nothing is set. Regular files are not borrowed: closing the duplicate would flush them.
 * <p>
 * <b>Not thread-safe.</b> It holds one descriptor, and a second one while it asks.
 */
public final class FdBorrower implements AutoCloseable {
    private static final int ROOM = 512;
    private static final int MEMINFO = 9 * 4;

    private final CallState state = new CallState();
    private final Memory memory;
    private final int pidfd;
    private final long id;

    private FdBorrower(Memory memory, int pidfd, long id) {
        this.memory = memory;
        this.pidfd = pidfd;
        this.id = id;
    }

    /**
     * Of a process, or of a thread with a table of its own (6.9; before, of its process).
     *
     * @throws SyscallException ESRCH if it has ended, ENOSYS before Linux 5.3
     */
    public static FdBorrower open(long id, ProcPid process) throws IOException {
        var state = new CallState();
        int fd = Pidfd.pidfdOpen(state, (int) id, 0);
        if (fd == -Errno.EINVAL.number() || fd == -Errno.ENOENT.number()) {
            fd = Pidfd.pidfdOpen(state, (int) id, Pidfd.PIDFD_THREAD);
            if (fd == -Errno.EINVAL.number()) {
                fd = Pidfd.pidfdOpen(state, process.status().tgid(), 0);
            }
        }
        Errno.check(fd, "pidfd_open", id, 0);
        try {
            return new FdBorrower(Memory.map(ROOM), fd, id);
        } catch (SyscallException e) {
            Unistd.close(state, fd);
            throw e;
        }
    }

    /**
     * Asks one descriptor.
     *
     * @return empty if it is open no more, or neither a socket nor a pipe
     * @throws SyscallException EPERM without the right to attach to the process
     */
    public Optional<BorrowedFd> ask(int number) throws IOException {
        int fd = Pidfd.pidfdGetfd(state, pidfd, number, 0);
        if (fd == -Errno.EBADF.number()) {
            return Optional.empty();
        }
        Errno.check(fd, "pidfd_getfd", pidfd + "<process " + id + ">", number, 0);
        try {
            int type = option(fd, Socket.SOL_SOCKET, Socket.SO_TYPE);
            return type >= 0 ? Optional.of(socket(number, fd, type)) : pipe(number, fd);
        } finally {
            Unistd.close(state, fd);
        }
    }

    private Optional<BorrowedFd> pipe(int number, int fd) {
        int size = Fcntl.fcntl(state, fd, Fcntl.F_GETPIPE_SZ, 0);
        if (size < 0) {
            return Optional.empty();
        }
        boolean writes = (Fcntl.fcntl(state, fd, Fcntl.F_GETFL, 0) & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        memory.putInt(0, 0);
        Ioctl.ioctl(state, fd, Ioctl.FIONREAD, memory.address());
        int bytes = memory.getInt(0);
        memory.putInt(Pollfd.fd, fd);
        memory.putShort(Pollfd.events, (short) Poll.POLLOUT);
        memory.putShort(Pollfd.revents, (short) 0);
        Poll.poll(state, memory.address(), 1, 0);
        int events = memory.getShort(Pollfd.revents);
        boolean broken = writes && (events & Poll.POLLERR) != 0;
        return Optional.of(new BorrowedFd(number, BorrowedFd.Kind.PIPE, Optional.empty(), Optional.empty(),
                Optional.empty(), false, false, Optional.empty(), bytes, size,
                writes && (events & (Poll.POLLOUT | Poll.POLLERR)) == 0, false, broken));
    }

    private BorrowedFd socket(int number, int fd, int type) {
        int domain = option(fd, Socket.SOL_SOCKET, Socket.SO_DOMAIN);
        int protocol = option(fd, Socket.SOL_SOCKET, Socket.SO_PROTOCOL);
        boolean inet = domain == Socket.AF_INET || domain == Socket.AF_INET6;
        BorrowedFd.Kind kind = inet
                ? switch (protocol) {
                    case Socket.IPPROTO_TCP -> BorrowedFd.Kind.TCP;
                    case Socket.IPPROTO_UDP -> BorrowedFd.Kind.UDP;
                    default -> BorrowedFd.Kind.OTHER;
                }
                : domain != Socket.AF_UNIX ? BorrowedFd.Kind.OTHER
                        : type == Socket.SOCK_DGRAM ? BorrowedFd.Kind.UNIX_DGRAM : BorrowedFd.Kind.UNIX_STREAM;
        boolean tcp = kind == BorrowedFd.Kind.TCP;
        Optional<String> local = name(fd, false);
        Optional<String> peer = name(fd, true);
        int range = inet ? option(fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE) : 0;
        Optional<Sysctl.Range> ports = range == 0 || range == -1 ? Optional.empty()
                : Optional.of(new Sysctl.Range(range & 0xffff, range >>> 16));
        Optional<TcpState> tcpState = Optional.empty();
        boolean carried = false;
        int length = tcp ? get(fd, Socket.IPPROTO_TCP, Socket.TCP_INFO, TcpInfo.tcpi_segs_in + 4) : 0;
        if (length > 0) {
            tcpState = Optional.of(TcpState.of(memory.getByte(TcpInfo.tcpi_state)));
            carried = length >= TcpInfo.tcpi_segs_in + 4 && memory.getInt(TcpInfo.tcpi_segs_in) != 0;
        }
        long held = 0;
        long room = 0;
        if (get(fd, Socket.SOL_SOCKET, Socket.SO_MEMINFO, MEMINFO) >= 4 * (InetDiag.SK_MEMINFO_WMEM_QUEUED + 1)) {
            held = meminfo(tcp ? InetDiag.SK_MEMINFO_WMEM_QUEUED : InetDiag.SK_MEMINFO_WMEM_ALLOC);
            room = meminfo(InetDiag.SK_MEMINFO_SNDBUF);
        }
        return new BorrowedFd(number, kind, local, peer, tcpState,
                option(fd, Socket.SOL_SOCKET, Socket.SO_ACCEPTCONN) == 1,
                option(fd, Socket.SOL_SOCKET, Socket.SO_REUSEPORT) == 1, ports, held, room, room > 0 && held >= room,
                carried, false);
    }

    private long meminfo(int index) {
        return memory.getInt(4L * index) & 0xffff_ffffL;
    }

    /** An option of 4 bytes; -1 if the socket does not know it. */
    private int option(int fd, int level, int name) {
        return get(fd, level, name, 4) == 4 ? memory.getInt(0) : -1;
    }

    /** @return length of what is in memory now, 0 for none */
    private int get(int fd, int level, int name, int room) {
        int at = ROOM - 4;
        memory.putInt(at, room);
        return Socket.getsockopt(state, fd, level, name, memory.address(), memory.address() + at) < 0 ? 0
                : memory.getInt(at);
    }

    private Optional<String> name(int fd, boolean peer) {
        int at = ROOM - 4;
        memory.putInt(at, 128);
        int rc = peer ? Socket.getpeername(state, fd, memory.address(), memory.address() + at)
                : Socket.getsockname(state, fd, memory.address(), memory.address() + at);
        if (rc < 0) {
            return Optional.empty();
        }
        int length = memory.getInt(at);
        int family = memory.getShort(0);
        if (family == Socket.AF_INET || family == Socket.AF_INET6) {
            return Optional.of(Sockaddr.read(memory, 0).toString());
        }
        if (family != Socket.AF_UNIX || length <= 2) {
            return Optional.empty();
        }
        byte[] bytes = memory.getBytes(2, length - 2);
        if (bytes[0] == 0) {
            bytes[0] = '@';
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        int end = text.indexOf('\0');
        return Optional.of(end < 0 ? text : text.substring(0, end));
    }

    /**
     * Whether the unix datagram socket of that name would make a writer wait, for it holds more datagrams than
     * net.unix.max_dgram_qlen. A socket of our own is connected to it and asked, so none of the other side's is touched.
     * The calling thread must be in its network namespace for an abstract name.
     *
     * @param path "/path" as seen from here, or "@name"
     * @return empty if it cannot be told: nobody has the name, or it takes from one peer only
     */
    public Optional<Boolean> receiverIsFull(String path) throws IOException {
        byte[] name = path.getBytes(StandardCharsets.UTF_8);
        if (name.length > 107) {
            return Optional.empty();
        }
        int fd = Socket.socket(state, Socket.AF_UNIX, Socket.SOCK_DGRAM | Socket.SOCK_CLOEXEC, 0);
        Errno.check(fd, "socket", "AF_UNIX", "SOCK_DGRAM", 0);
        try {
            int length = 2 + name.length;
            if (name[0] == '@') {
                name[0] = 0;
            } else {
                memory.putByte(length, (byte) 0);
                length++;
            }
            memory.putShort(0, (short) Socket.AF_UNIX);
            memory.putBytes(2, name);
            if (Socket.connect(state, fd, memory.address(), length) < 0) {
                return Optional.empty();
            }
            memory.putInt(Pollfd.fd, fd);
            memory.putShort(Pollfd.events, (short) Poll.POLLOUT);
            memory.putShort(Pollfd.revents, (short) 0);
            Poll.poll(state, memory.address(), 1, 0);
            return Optional.of((memory.getShort(Pollfd.revents) & Poll.POLLOUT) == 0);
        } finally {
            Unistd.close(state, fd);
        }
    }

    @Override
    public void close() {
        Unistd.close(state, pidfd);
        memory.close();
    }
}
