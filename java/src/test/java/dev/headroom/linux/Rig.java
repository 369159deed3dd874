package dev.headroom.linux;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a test of raw calls needs: errno, some memory, and descriptors that are closed when it ends. It needs no JUnit,
 * so that {@link FullTable} can run by itself.
 */
final class Rig implements AutoCloseable {
    /** An address below vm.mmap_min_addr, where nothing is ever mapped. */
    static final long UNMAPPED = 8;

    /** A text that every JDK has. */
    static final Path REGULAR_FILE = Path.of(System.getProperty("java.home"), "release");

    static final int ESTABLISHED = 1;
    static final int SYN_SENT = 2;

    final CallState state = new CallState();
    final Memory memory;
    private final List<Integer> descriptors = new ArrayList<>();

    private static final int LENGTH = 128;
    private static final int OPTION = 256;
    private static final int EVENT = 512;
    private static final int PATH = 1024;
    private static final int DATA = 8192;

    /** Room for bytes that tests send and receive. */
    static final int DATA_BYTES = 1 << 20;

    Rig() {
        try {
            memory = Memory.map(DATA + DATA_BYTES);
        } catch (SyscallException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        descriptors.forEach(fd -> Unistd.close(state, fd));
        memory.close();
    }

    /** "ok" or the name of the errno. */
    static String outcome(long rc) {
        return rc >= 0 ? "ok" : Errno.name((int) -rc);
    }

    /** Demands success. */
    static int ok(long rc) {
        if (rc < 0) {
            throw new AssertionError("a call that must succeed failed: " + outcome(rc));
        }
        return (int) rc;
    }

    /** Demands a descriptor, and closes it in the end. */
    int fd(long rc) {
        descriptors.add(ok(rc));
        return (int) rc;
    }

    /** Closes it now. */
    void close(int fd) {
        descriptors.remove((Integer) fd);
        ok(Unistd.close(state, fd));
    }

    /**
     * The first line of a file of /proc. In one read: Files.readString begins with a single byte where a file says it
     * is empty, and a sysctl answers the first read only, so that 4096 would be 4.
     */
    static String firstLine(String path) throws IOException {
        try (BufferedReader lines = Files.newBufferedReader(Path.of(path))) {
            return lines.readLine();
        }
    }

    /** A line of a status file, e.g. "CapEff". */
    static String status(String path, String name) throws IOException {
        return Files.readAllLines(Path.of(path)).stream().filter(line -> line.startsWith(name + ":")).findFirst()
                .orElseThrow().substring(name.length() + 1).strip();
    }

    static final int CAP_NET_BIND_SERVICE = 10;
    static final int CAP_SYS_ADMIN = 21;
    static final int CAP_SYS_RESOURCE = 24;

    static boolean hasCapability(int number) throws IOException {
        return (Long.parseUnsignedLong(status("/proc/self/status", "CapEff"), 16) >> number & 1) == 1;
    }

    // Descriptors of all sorts.

    int tcp() {
        return fd(Socket.socket(state, Socket.AF_INET, Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC, 0));
    }

    int tcpNonblocking() {
        return fd(Socket.socket(state, Socket.AF_INET,
                Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC | Socket.SOCK_NONBLOCK, 0));
    }

    int udp() {
        return fd(Socket.socket(state, Socket.AF_INET, Socket.SOCK_DGRAM | Socket.SOCK_CLOEXEC, 0));
    }

    int eventfd() {
        return fd(Eventfd.eventfd(state, 0, Eventfd.EFD_CLOEXEC | Eventfd.EFD_NONBLOCK));
    }

    int epoll() {
        return fd(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC));
    }

    int regularFile() {
        return fd(Fcntl.open(state, path(REGULAR_FILE.toString()), Fcntl.O_RDONLY, 0));
    }

    int directory() {
        return fd(Fcntl.open(state, path("/"), Fcntl.O_RDONLY, 0));
    }

    // Addresses.

    Sockaddr loopback() {
        return Sockaddr.of("127.0.0.1", 0);
    }

    int bind(int fd, Sockaddr address) {
        return Socket.bind(state, fd, memory.address(), address.write(memory, 0));
    }

    int connect(int fd, Sockaddr address) {
        return Socket.connect(state, fd, memory.address(), address.write(memory, 0));
    }

    Sockaddr name(int fd) {
        ok(Socket.getsockname(state, fd, memory.address(), length(Sockaddr.MAX_LENGTH)));
        return Sockaddr.read(memory, 0);
    }

    Sockaddr peer(int fd) {
        ok(Socket.getpeername(state, fd, memory.address(), length(Sockaddr.MAX_LENGTH)));
        return Sockaddr.read(memory, 0);
    }

    /** Address of an int for a socklen_t in and out. */
    long length(int bytes) {
        memory.putInt(LENGTH, bytes);
        return memory.address() + LENGTH;
    }

    int length() {
        return memory.getInt(LENGTH);
    }

    int bound(int fd) {
        ok(bind(fd, loopback()));
        return fd;
    }

    /** A blocking listener on a port that the kernel chose. */
    int listener(int backlog) {
        int fd = bound(tcp());
        ok(Socket.listen(state, fd, backlog));
        return fd;
    }

    int nonblockingListener(int backlog) {
        int fd = bound(tcpNonblocking());
        ok(Socket.listen(state, fd, backlog));
        return fd;
    }

    /** An address that refuses connections as long as the test lasts: bound, but not listening. */
    Sockaddr refusing() {
        return name(bound(tcp()));
    }

    /** A listener whose accept queue is full, so that further clients stay in SYN_SENT. */
    Sockaddr unanswering() {
        Sockaddr address = name(listener(0));
        ok(connect(tcp(), address));
        return address;
    }

    /** Both ends of a connection, blocking. */
    Pair pair() {
        int listener = listener(1);
        int client = tcp();
        ok(connect(client, name(listener)));
        int server = fd(Socket.accept4(state, listener, 0, 0, Socket.SOCK_CLOEXEC));
        close(listener);
        return new Pair(client, server);
    }

    record Pair(int client, int server) {
    }

    /** Closes with a RST. */
    void reset(int fd) {
        memory.putInt(OPTION + Linger.l_onoff, 1);
        memory.putInt(OPTION + Linger.l_linger, 0);
        ok(Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, memory.address() + OPTION,
                Linger.SIZEOF));
        close(fd);
    }

    // Options.

    long option() {
        return memory.address() + OPTION;
    }

    long option(int value) {
        memory.putInt(OPTION, value);
        return option();
    }

    int set(int fd, int level, int name, int value) {
        return Socket.setsockopt(state, fd, level, name, option(value), 4);
    }

    int get(int fd, int level, int name) {
        ok(Socket.getsockopt(state, fd, level, name, option(), length(4)));
        return memory.getInt(OPTION);
    }

    /** The number of a field of struct tcp_info. */
    int tcpInfo(int fd, int field) {
        ok(Socket.getsockopt(state, fd, Socket.IPPROTO_TCP, Socket.TCP_INFO, option(), length(104)));
        return field == TcpInfo.tcpi_state ? memory.getByte(OPTION + field) : memory.getInt(OPTION + field);
    }

    // Bytes, paths, events.

    long data() {
        return memory.address() + DATA;
    }

    long data(String text) {
        memory.putBytes(DATA, text.getBytes(StandardCharsets.UTF_8));
        return data();
    }

    String text(int length) {
        return new String(memory.getBytes(DATA, length), StandardCharsets.UTF_8);
    }

    long dataLong(long value) {
        memory.putLong(DATA, value);
        return data();
    }

    long dataLong() {
        return memory.getLong(DATA);
    }

    long path(String path) {
        byte[] bytes = (path + "\0").getBytes(StandardCharsets.UTF_8);
        memory.putBytes(PATH, bytes);
        return memory.address() + PATH;
    }

    long event(int events, long data) {
        memory.putInt(EVENT + EpollEvent.events, events);
        memory.putLong(EVENT + EpollEvent.data, data);
        return event();
    }

    long event() {
        return memory.address() + EVENT;
    }

    int events() {
        return memory.getInt(EVENT + EpollEvent.events);
    }

    long eventData() {
        return memory.getLong(EVENT + EpollEvent.data);
    }

    int add(int epoll, int fd, int events) {
        return Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_ADD, fd, event(events, fd));
    }

    int modify(int epoll, int fd, int events) {
        return Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_MOD, fd, event(events, fd));
    }

    int remove(int epoll, int fd) {
        return Epoll.epollCtl(state, epoll, Epoll.EPOLL_CTL_DEL, fd, 0);
    }

    /** The flags of the next event of any entry, by name; "none" if there is none now. */
    String next(int epoll) {
        return next(epoll, 0);
    }

    String next(int epoll, int timeoutMillis) {
        int n = ok(Epoll.epollWait(state, epoll, event(), 1, timeoutMillis));
        return n == 0 ? "none" : Epoll.flagsToString(events());
    }

    /** Waits up to five seconds for one of the events. */
    String await(int fd, int events) {
        int epoll = epoll();
        ok(add(epoll, fd, events));
        String seen = next(epoll, 5000);
        close(epoll);
        return seen;
    }
}
