package dev.headroom.linux;

import static dev.headroom.linux.Rig.UNMAPPED;
import static dev.headroom.linux.Rig.ok;
import static dev.headroom.linux.Rig.outcome;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** socket, bind, listen, accept4, connect, their names, options and bytes against the kernel, over loopback. */
class SocketTest {
    private static final int AF_MAX = 1000;
    private static final int SOCKADDR_IN = SockaddrIn.SIZEOF;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> socketErrors() {
        return Stream.of(
                new ErrnoCase("an unknown family", Errno.EAFNOSUPPORT,
                        r -> Socket.socket(r.state, AF_MAX, Socket.SOCK_STREAM, 0)),
                new ErrnoCase("an unknown type", Errno.EINVAL, r -> Socket.socket(r.state, Socket.AF_INET, 15, 0)),
                new ErrnoCase("an unknown flag", Errno.EINVAL,
                        r -> Socket.socket(r.state, Socket.AF_INET, Socket.SOCK_STREAM | 0x1000, 0)),
                new ErrnoCase("a type that the family lacks", Errno.ESOCKTNOSUPPORT,
                        r -> Socket.socket(r.state, Socket.AF_INET, 0, 0)),
                new ErrnoCase("a protocol of another type", Errno.EPROTONOSUPPORT,
                        r -> Socket.socket(r.state, Socket.AF_INET, Socket.SOCK_STREAM, Socket.IPPROTO_UDP)));
    }

    static Stream<ErrnoCase> bindErrors() {
        return Stream.of(new ErrnoCase("no descriptor", Errno.EBADF, r -> r.bind(-1, r.loopback())),
                new ErrnoCase("what is no socket", Errno.ENOTSOCK, r -> r.bind(r.eventfd(), r.loopback())),
                new ErrnoCase("a port that is bound", Errno.EADDRINUSE, r -> r.bind(r.tcp(), r.name(r.bound(r.tcp())))),
                new ErrnoCase("a port with a listener, in spite of SO_REUSEADDR", Errno.EADDRINUSE, r -> {
                    int fd = r.tcp();
                    ok(r.set(fd, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
                    return r.bind(fd, r.name(r.listener(1)));
                }),
                new ErrnoCase("a listener's port on every address", Errno.EADDRINUSE,
                        r -> r.bind(r.tcp(), Sockaddr.of("0.0.0.0", r.name(r.listener(1)).port()))),
                new ErrnoCase("SO_REUSEPORT on one side only", Errno.EADDRINUSE, r -> {
                    int fd = r.tcp();
                    ok(r.set(fd, Socket.SOL_SOCKET, Socket.SO_REUSEPORT, 1));
                    return r.bind(fd, r.name(r.bound(r.tcp())));
                }),
                new ErrnoCase("an address that is not of this host", Errno.EADDRNOTAVAIL,
                        r -> r.bind(r.tcp(), Sockaddr.of("192.0.2.1", 0))),
                new ErrnoCase("a socket that is bound", Errno.EINVAL, r -> r.bind(r.bound(r.tcp()), r.loopback())),
                new ErrnoCase("a short address", Errno.EINVAL, r -> {
                    r.loopback().write(r.memory, 0);
                    return Socket.bind(r.state, r.tcp(), r.memory.address(), SOCKADDR_IN - 1);
                }),
                new ErrnoCase("a length of -1", Errno.EINVAL,
                        r -> Socket.bind(r.state, r.tcp(), r.memory.address(), -1)),
                new ErrnoCase("an address nowhere", Errno.EFAULT,
                        r -> Socket.bind(r.state, r.tcp(), UNMAPPED, SOCKADDR_IN)),
                new ErrnoCase("an address of another family", Errno.EAFNOSUPPORT, r -> {
                    r.memory.putShort(0, (short) Socket.AF_INET6);
                    return Socket.bind(r.state, r.tcp(), r.memory.address(), SOCKADDR_IN);
                }));
    }

    static Stream<ErrnoCase> listenErrors() {
        return Stream.of(new ErrnoCase("no descriptor", Errno.EBADF, r -> Socket.listen(r.state, -1, 1)),
                new ErrnoCase("what is no socket", Errno.ENOTSOCK, r -> Socket.listen(r.state, r.eventfd(), 1)),
                new ErrnoCase("a UDP socket", Errno.EOPNOTSUPP, r -> Socket.listen(r.state, r.bound(r.udp()), 1)),
                new ErrnoCase("a connected socket", Errno.EINVAL, r -> Socket.listen(r.state, r.pair().client(), 1)),
                new ErrnoCase("a port where another socket listens", Errno.EADDRINUSE, r -> {
                    int first = r.tcp();
                    int second = r.tcp();
                    ok(r.set(first, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
                    ok(r.set(second, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
                    ok(r.bind(first, r.loopback()));
                    ok(r.bind(second, r.name(first)));
                    ok(Socket.listen(r.state, first, 1));
                    return Socket.listen(r.state, second, 1);
                }));
    }

    static Stream<ErrnoCase> acceptErrors() {
        return Stream.of(new ErrnoCase("no descriptor", Errno.EBADF, r -> accept(r, -1)),
                new ErrnoCase("what is no socket", Errno.ENOTSOCK, r -> accept(r, r.eventfd())),
                new ErrnoCase("nobody waits", Errno.EAGAIN, r -> accept(r, r.nonblockingListener(1))),
                new ErrnoCase("a socket that does not listen", Errno.EINVAL, r -> accept(r, r.bound(r.tcp()))),
                new ErrnoCase("a listener that was shut down", Errno.EINVAL, r -> {
                    int listener = r.listener(1);
                    ok(Socket.shutdown(r.state, listener, Socket.SHUT_RD));
                    return accept(r, listener);
                }),
                new ErrnoCase("an unknown flag", Errno.EINVAL,
                        r -> Socket.accept4(r.state, r.nonblockingListener(1), 0, 0, 1)),
                new ErrnoCase("a UDP socket", Errno.EOPNOTSUPP, r -> accept(r, r.bound(r.udp()))),
                new ErrnoCase("room of -1 bytes for the peer's address", Errno.EINVAL, r -> {
                    int listener = r.listener(1);
                    ok(r.connect(r.tcp(), r.name(listener)));
                    return Socket.accept4(r.state, listener, r.memory.address(), r.length(-1), 0);
                }),
                new ErrnoCase("room nowhere for the peer's address", Errno.EFAULT, r -> {
                    int listener = r.listener(1);
                    ok(r.connect(r.tcp(), r.name(listener)));
                    return Socket.accept4(r.state, listener, UNMAPPED, r.length(SOCKADDR_IN), 0);
                }));
    }

    private static int accept(Rig r, int listener) {
        return Socket.accept4(r.state, listener, 0, 0, Socket.SOCK_CLOEXEC);
    }

    static Stream<ErrnoCase> connectErrors() {
        return Stream.of(new ErrnoCase("no descriptor", Errno.EBADF, r -> r.connect(-1, r.loopback())),
                new ErrnoCase("what is no socket", Errno.ENOTSOCK, r -> r.connect(r.eventfd(), r.loopback())),
                new ErrnoCase("nobody listens", Errno.ECONNREFUSED, r -> r.connect(r.tcp(), r.refusing())),
                new ErrnoCase("port 0", Errno.ECONNREFUSED, r -> r.connect(r.tcp(), r.loopback())),
                new ErrnoCase("not yet, on a non-blocking socket", Errno.EINPROGRESS,
                        r -> r.connect(r.tcpNonblocking(), r.unanswering())),
                new ErrnoCase("again before the answer", Errno.EALREADY, r -> {
                    Sockaddr address = r.unanswering();
                    int fd = r.tcpNonblocking();
                    assertEquals("EINPROGRESS", outcome(r.connect(fd, address)));
                    return r.connect(fd, address);
                }),
                new ErrnoCase("no answer within SO_SNDTIMEO", Errno.EINPROGRESS, r -> {
                    Sockaddr address = r.unanswering();
                    int fd = r.tcp();
                    ok(timeout(r, fd, Socket.SO_SNDTIMEO, 0, 1000));
                    return r.connect(fd, address);
                }),
                new ErrnoCase("a connected socket", Errno.EISCONN, r -> {
                    Rig.Pair pair = r.pair();
                    return r.connect(pair.client(), r.peer(pair.client()));
                }),
                new ErrnoCase("a listening socket", Errno.EISCONN, r -> {
                    int listener = r.listener(1);
                    return r.connect(listener, r.name(listener));
                }),
                new ErrnoCase("a connection that exists", Errno.EADDRNOTAVAIL, r -> {
                    Sockaddr target = r.name(r.listener(2));
                    int first = r.tcp();
                    int second = r.tcp();
                    ok(r.set(first, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
                    ok(r.set(second, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
                    ok(r.bind(first, r.loopback()));
                    ok(r.bind(second, r.name(first)));
                    ok(r.connect(first, target));
                    return r.connect(second, target);
                }),
                new ErrnoCase("TCP to the broadcast address", Errno.ENETUNREACH,
                        r -> r.connect(r.tcp(), Sockaddr.of("255.255.255.255", 9))),
                new ErrnoCase("UDP to the broadcast address without SO_BROADCAST", Errno.EACCES,
                        r -> r.connect(r.udp(), Sockaddr.of("127.255.255.255", 9))),
                new ErrnoCase("a short address", Errno.EINVAL, r -> {
                    r.loopback().write(r.memory, 0);
                    return Socket.connect(r.state, r.tcp(), r.memory.address(), SOCKADDR_IN - 1);
                }),
                new ErrnoCase("an address nowhere", Errno.EFAULT,
                        r -> Socket.connect(r.state, r.tcp(), UNMAPPED, SOCKADDR_IN)),
                new ErrnoCase("an address of another family", Errno.EAFNOSUPPORT, r -> {
                    r.memory.putShort(0, (short) Socket.AF_INET6);
                    return Socket.connect(r.state, r.tcp(), r.memory.address(), SockaddrIn6.SIZEOF);
                }));
    }

    static Stream<ErrnoCase> nameErrors() {
        return Stream.of(
                new ErrnoCase("getsockname of no descriptor", Errno.EBADF, r -> getsockname(r, -1)),
                new ErrnoCase("getsockname of what is no socket", Errno.ENOTSOCK, r -> getsockname(r, r.eventfd())),
                new ErrnoCase("getsockname with room of -1 bytes", Errno.EINVAL,
                        r -> Socket.getsockname(r.state, r.tcp(), r.memory.address(), r.length(-1))),
                new ErrnoCase("getsockname to nowhere", Errno.EFAULT,
                        r -> Socket.getsockname(r.state, r.tcp(), UNMAPPED, r.length(SOCKADDR_IN))),
                new ErrnoCase("getsockname with a length nowhere", Errno.EFAULT,
                        r -> Socket.getsockname(r.state, r.tcp(), r.memory.address(), UNMAPPED)),
                new ErrnoCase("getpeername of no descriptor", Errno.EBADF, r -> getpeername(r, -1)),
                new ErrnoCase("getpeername of what is no socket", Errno.ENOTSOCK, r -> getpeername(r, r.eventfd())),
                new ErrnoCase("getpeername of an unconnected socket", Errno.ENOTCONN, r -> getpeername(r, r.tcp())),
                new ErrnoCase("getpeername of a listener", Errno.ENOTCONN, r -> getpeername(r, r.listener(1))),
                new ErrnoCase("getpeername with room of -1 bytes", Errno.EINVAL,
                        r -> Socket.getpeername(r.state, r.pair().client(), r.memory.address(), r.length(-1))),
                new ErrnoCase("getpeername to nowhere", Errno.EFAULT,
                        r -> Socket.getpeername(r.state, r.pair().client(), UNMAPPED, r.length(SOCKADDR_IN))));
    }

    private static int getsockname(Rig r, int fd) {
        return Socket.getsockname(r.state, fd, r.memory.address(), r.length(SOCKADDR_IN));
    }

    private static int getpeername(Rig r, int fd) {
        return Socket.getpeername(r.state, fd, r.memory.address(), r.length(SOCKADDR_IN));
    }

    static Stream<ErrnoCase> optionErrors() {
        return Stream.of(
                new ErrnoCase("getsockopt of no descriptor", Errno.EBADF,
                        r -> getsockopt(r, -1, Socket.SOL_SOCKET, Socket.SO_TYPE)),
                new ErrnoCase("getsockopt of what is no socket", Errno.ENOTSOCK,
                        r -> getsockopt(r, r.eventfd(), Socket.SOL_SOCKET, Socket.SO_TYPE)),
                new ErrnoCase("getsockopt of an unknown option", Errno.ENOPROTOOPT,
                        r -> getsockopt(r, r.tcp(), Socket.SOL_SOCKET, 9999)),
                new ErrnoCase("getsockopt of an unknown TCP option", Errno.ENOPROTOOPT,
                        r -> getsockopt(r, r.tcp(), Socket.IPPROTO_TCP, 9999)),
                new ErrnoCase("getsockopt with room of -1 bytes", Errno.EINVAL, r -> Socket.getsockopt(r.state,
                        r.tcp(), Socket.SOL_SOCKET, Socket.SO_TYPE, r.option(), r.length(-1))),
                new ErrnoCase("getsockopt to nowhere", Errno.EFAULT, r -> Socket.getsockopt(r.state, r.tcp(),
                        Socket.SOL_SOCKET, Socket.SO_TYPE, UNMAPPED, r.length(4))),
                new ErrnoCase("getsockopt with a length nowhere", Errno.EFAULT, r -> Socket.getsockopt(r.state,
                        r.tcp(), Socket.SOL_SOCKET, Socket.SO_TYPE, r.option(), UNMAPPED)),
                new ErrnoCase("setsockopt of no descriptor", Errno.EBADF,
                        r -> r.set(-1, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1)),
                new ErrnoCase("setsockopt of what is no socket", Errno.ENOTSOCK,
                        r -> r.set(r.eventfd(), Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1)),
                new ErrnoCase("setsockopt of an unknown option", Errno.ENOPROTOOPT,
                        r -> r.set(r.tcp(), Socket.SOL_SOCKET, 9999, 1)),
                new ErrnoCase("setsockopt of what can only be read", Errno.ENOPROTOOPT,
                        r -> r.set(r.tcp(), Socket.SOL_SOCKET, Socket.SO_TYPE, 1)),
                new ErrnoCase("setsockopt of an IPv6 option on IPv4", Errno.ENOPROTOOPT,
                        r -> r.set(r.tcp(), Socket.IPPROTO_IPV6, Socket.IPV6_V6ONLY, 1)),
                new ErrnoCase("setsockopt of half an int", Errno.EINVAL, r -> Socket.setsockopt(r.state, r.tcp(),
                        Socket.SOL_SOCKET, Socket.SO_REUSEADDR, r.option(1), 2)),
                new ErrnoCase("setsockopt of -1 bytes", Errno.EINVAL, r -> Socket.setsockopt(r.state, r.tcp(),
                        Socket.SOL_SOCKET, Socket.SO_REUSEADDR, r.option(1), -1)),
                new ErrnoCase("setsockopt from nowhere", Errno.EFAULT, r -> Socket.setsockopt(r.state, r.tcp(),
                        Socket.SOL_SOCKET, Socket.SO_REUSEADDR, UNMAPPED, 4)),
                new ErrnoCase("TCP_SYNCNT 0", Errno.EINVAL,
                        r -> r.set(r.tcp(), Socket.IPPROTO_TCP, Socket.TCP_SYNCNT, 0)),
                new ErrnoCase("TCP_USER_TIMEOUT -1", Errno.EINVAL,
                        r -> r.set(r.tcp(), Socket.IPPROTO_TCP, Socket.TCP_USER_TIMEOUT, -1)),
                new ErrnoCase("SO_RCVTIMEO with two million microseconds", Errno.EDOM,
                        r -> timeout(r, r.tcp(), Socket.SO_RCVTIMEO, 0, 2_000_000)),
                new ErrnoCase("SO_BINDTODEVICE with a device that is not there", Errno.ENODEV, r -> Socket.setsockopt(
                        r.state, r.tcp(), Socket.SOL_SOCKET, Socket.SO_BINDTODEVICE, r.path("no-such-dev"), 12)));
    }

    private static int getsockopt(Rig r, int fd, int level, int name) {
        return Socket.getsockopt(r.state, fd, level, name, r.option(), r.length(4));
    }

    private static int timeout(Rig r, int fd, int name, long seconds, long microseconds) {
        r.memory.putLong(0, seconds);
        r.memory.putLong(8, microseconds);
        return Socket.setsockopt(r.state, fd, Socket.SOL_SOCKET, name, r.memory.address(), 16);
    }

    static Stream<ErrnoCase> byteErrors() {
        return Stream.of(
                new ErrnoCase("shutdown of no descriptor", Errno.EBADF,
                        r -> Socket.shutdown(r.state, -1, Socket.SHUT_WR)),
                new ErrnoCase("shutdown of what is no socket", Errno.ENOTSOCK,
                        r -> Socket.shutdown(r.state, r.eventfd(), Socket.SHUT_WR)),
                new ErrnoCase("shutdown of an unconnected socket", Errno.ENOTCONN,
                        r -> Socket.shutdown(r.state, r.tcp(), Socket.SHUT_WR)),
                new ErrnoCase("shutdown of an unknown direction", Errno.EINVAL,
                        r -> Socket.shutdown(r.state, r.pair().client(), 9)),

                new ErrnoCase("send to no descriptor", Errno.EBADF, r -> send(r, -1)),
                new ErrnoCase("send to what is no socket", Errno.ENOTSOCK, r -> send(r, r.eventfd())),
                new ErrnoCase("send to an unconnected TCP socket, which is not ENOTCONN", Errno.EPIPE,
                        r -> send(r, r.tcp())),
                new ErrnoCase("send to an unconnected UDP socket", Errno.EDESTADDRREQ, r -> send(r, r.udp())),
                new ErrnoCase("send after shutdown", Errno.EPIPE, r -> {
                    int client = r.pair().client();
                    ok(Socket.shutdown(r.state, client, Socket.SHUT_WR));
                    return send(r, client);
                }),
                new ErrnoCase("send from nowhere", Errno.EFAULT,
                        r -> Socket.send(r.state, r.pair().client(), UNMAPPED, 1, Socket.MSG_NOSIGNAL)),
                new ErrnoCase("send more than a datagram holds", Errno.EMSGSIZE, r -> {
                    int fd = r.udp();
                    ok(r.connect(fd, r.name(r.bound(r.udp()))));
                    return Socket.send(r.state, fd, r.data(), 65_508, 0);
                }),
                new ErrnoCase("send to a peer that does not read", Errno.EAGAIN, r -> {
                    int client = r.pair().client();
                    long n = 0;
                    while (n >= 0) {
                        n = Socket.send(r.state, client, r.data(), Rig.DATA_BYTES,
                                Socket.MSG_DONTWAIT | Socket.MSG_NOSIGNAL);
                    }
                    return n;
                }),

                new ErrnoCase("recv from no descriptor", Errno.EBADF, r -> recv(r, -1)),
                new ErrnoCase("recv from what is no socket", Errno.ENOTSOCK, r -> recv(r, r.eventfd())),
                new ErrnoCase("recv from an unconnected socket", Errno.ENOTCONN, r -> recv(r, r.tcp())),
                new ErrnoCase("recv when nothing is there", Errno.EAGAIN, r -> recv(r, r.pair().client())),
                new ErrnoCase("recv to nowhere", Errno.EFAULT, r -> {
                    Rig.Pair pair = r.pair();
                    ok(send(r, pair.server()));
                    r.await(pair.client(), Epoll.EPOLLIN);
                    return Socket.recv(r.state, pair.client(), UNMAPPED, 1, 0);
                }),
                new ErrnoCase("recv after a RST", Errno.ECONNRESET, r -> {
                    Rig.Pair pair = r.pair();
                    r.reset(pair.server());
                    r.await(pair.client(), Epoll.EPOLLIN);
                    return recv(r, pair.client());
                }),
                new ErrnoCase("recv from a peer that closed with unread bytes", Errno.ECONNRESET, r -> {
                    Rig.Pair pair = r.pair();
                    ok(send(r, pair.client()));
                    r.await(pair.server(), Epoll.EPOLLIN);
                    r.close(pair.server());
                    r.await(pair.client(), Epoll.EPOLLIN);
                    return recv(r, pair.client());
                }),
                new ErrnoCase("recv after a datagram that nobody took", Errno.ECONNREFUSED, r -> {
                    int deaf = r.bound(r.udp());
                    Sockaddr address = r.name(deaf);
                    ok(r.connect(deaf, Sockaddr.of("127.0.0.2", 9)));
                    int fd = r.udp();
                    ok(r.connect(fd, address));
                    ok(send(r, fd));
                    r.await(fd, Epoll.EPOLLIN);
                    return recv(r, fd);
                }));
    }

    private static long send(Rig r, int fd) {
        return Socket.send(r.state, fd, r.data(), 1, Socket.MSG_NOSIGNAL);
    }

    private static long recv(Rig r, int fd) {
        return Socket.recv(r.state, fd, r.data(), 100, Socket.MSG_DONTWAIT);
    }

    @ParameterizedTest
    @MethodSource("socketErrors")
    void shouldReturnErrnoOfSocket(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("bindErrors")
    void shouldReturnErrnoOfBind(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("listenErrors")
    void shouldReturnErrnoOfListen(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("acceptErrors")
    void shouldReturnErrnoOfAccept4(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("connectErrors")
    void shouldReturnErrnoOfConnect(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("nameErrors")
    void shouldReturnErrnoOfNames(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("optionErrors")
    void shouldReturnErrnoOfOptions(ErrnoCase error) {
        error.verify();
    }

    @ParameterizedTest
    @MethodSource("byteErrors")
    void shouldReturnErrnoOfSendRecvAndShutdown(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldOpenSocketsWithTheFlagsAskedFor() {
        int plain = rig.fd(Socket.socket(rig.state, Socket.AF_INET, Socket.SOCK_STREAM, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, plain, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.O_RDWR, Fcntl.fcntl(rig.state, plain, Fcntl.F_GETFL, 0));
        int flags = rig.tcpNonblocking();
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, flags, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.O_RDWR | Fcntl.O_NONBLOCK, Fcntl.fcntl(rig.state, flags, Fcntl.F_GETFL, 0));
        assertEquals(Socket.AF_INET, rig.get(plain, Socket.SOL_SOCKET, Socket.SO_DOMAIN));
        assertEquals(Socket.SOCK_STREAM, rig.get(plain, Socket.SOL_SOCKET, Socket.SO_TYPE));
        assertEquals(Socket.SOCK_DGRAM, rig.get(rig.udp(), Socket.SOL_SOCKET, Socket.SO_TYPE));
    }

    @Test
    void shouldBindToTheAddressAndTheKernelsPort() {
        int fd = rig.tcp();
        assertEquals(0, rig.bind(fd, Sockaddr.of("127.0.0.5", 0)));
        Sockaddr name = rig.name(fd);
        assertEquals("127.0.0.5", name.address().getHostAddress());
        assertNotEquals(0, name.port());
        assertEquals(SOCKADDR_IN, rig.length());
    }

    @Test
    void shouldConnectAcceptAndNameBothEnds() {
        int listener = rig.listener(1);
        int client = rig.tcp();
        assertEquals(0, rig.connect(client, rig.name(listener)));
        int server = rig.fd(Socket.accept4(rig.state, listener, rig.memory.address(), rig.length(Sockaddr.MAX_LENGTH),
                Socket.SOCK_CLOEXEC | Socket.SOCK_NONBLOCK));
        assertEquals(SOCKADDR_IN, rig.length());
        Sockaddr peer = Sockaddr.read(rig.memory, 0);
        assertEquals(rig.name(client), peer);
        assertEquals(peer, rig.peer(server));
        assertEquals(rig.name(listener), rig.name(server));
        assertEquals(rig.name(listener), rig.peer(client));
        assertEquals(Fcntl.FD_CLOEXEC, Fcntl.fcntl(rig.state, server, Fcntl.F_GETFD, 0));
        assertEquals(Fcntl.O_RDWR | Fcntl.O_NONBLOCK, Fcntl.fcntl(rig.state, server, Fcntl.F_GETFL, 0));
    }

    @Test
    void shouldAcceptWithoutFlagsOfTheListener() {
        int listener = rig.nonblockingListener(1);
        ok(rig.connect(rig.tcp(), rig.name(listener)));
        rig.await(listener, Epoll.EPOLLIN);
        int server = rig.fd(Socket.accept4(rig.state, listener, 0, 0, 0));
        assertEquals(Fcntl.O_RDWR, Fcntl.fcntl(rig.state, server, Fcntl.F_GETFL, 0));
        assertEquals(0, Fcntl.fcntl(rig.state, server, Fcntl.F_GETFD, 0));
    }

    @Test
    void shouldConnectOverIpv6() {
        int listener = Socket.socket(rig.state, Socket.AF_INET6, Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC, 0);
        assumeTrue(listener >= 0, "no IPv6 here: " + outcome(listener));
        rig.fd(listener);
        int bound = rig.bind(listener, Sockaddr.of("::1", 0));
        assumeTrue(bound == 0, "no ::1 here: " + outcome(bound));
        ok(Socket.listen(rig.state, listener, 1));
        int client = rig.fd(Socket.socket(rig.state, Socket.AF_INET6, Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC, 0));
        assertEquals(0, rig.connect(client, rig.name(listener)));
        assertEquals(SockaddrIn6.SIZEOF, rig.length());
        assertEquals(rig.name(listener), rig.peer(client));
        assertEquals("[::1]:" + rig.name(listener).port(), rig.name(listener).toString());
        assertEquals(0, rig.get(client, Socket.IPPROTO_IPV6, Socket.IPV6_V6ONLY));
    }

    @Test
    void shouldReportSuccessOnceAndThenIsConnectedAfterAConnectInProgress() {
        int listener = rig.listener(1);
        Sockaddr target = rig.name(listener);
        int client = rig.tcpNonblocking();
        assertEquals("EINPROGRESS", outcome(rig.connect(client, target)));
        assertEquals("EPOLLOUT", rig.await(client, Epoll.EPOLLOUT));
        assertEquals("ok", outcome(rig.connect(client, target)));
        assertEquals("EISCONN", outcome(rig.connect(client, target)));
    }

    @Test
    void shouldTellTheErrorOfAConnectInProgressOnce() {
        int client = rig.tcpNonblocking();
        assertEquals("EINPROGRESS", outcome(rig.connect(client, rig.refusing())));
        assertEquals("EPOLLOUT|EPOLLERR|EPOLLHUP", rig.await(client, Epoll.EPOLLOUT));
        assertEquals(Errno.ECONNREFUSED.number(), rig.get(client, Socket.SOL_SOCKET, Socket.SO_ERROR));
        assertEquals(0, rig.get(client, Socket.SOL_SOCKET, Socket.SO_ERROR));
    }

    @Test
    void shouldConnectTheSameSocketAgainAfterARefusal() {
        int client = rig.tcp();
        assertEquals("ECONNREFUSED", outcome(rig.connect(client, rig.refusing())));
        assertEquals("ok", outcome(rig.connect(client, rig.name(rig.listener(1)))));
    }

    @Test
    void shouldDissolveAnAssociationWithTheUnspecifiedFamily() {
        int fd = rig.udp();
        ok(rig.connect(fd, rig.name(rig.bound(rig.udp()))));
        rig.memory.putLong(0, Socket.AF_UNSPEC);
        assertEquals(0, Socket.connect(rig.state, fd, rig.memory.address(), SOCKADDR_IN));
        assertEquals("ENOTCONN", outcome(getpeername(rig, fd)));
    }

    @Test
    void shouldMoveBytesBothWays() {
        Rig.Pair pair = rig.pair();
        assertEquals(5, Socket.send(rig.state, pair.client(), rig.data("hello"), 5, Socket.MSG_NOSIGNAL));
        rig.data("-----");
        assertEquals(5, Socket.recv(rig.state, pair.server(), rig.data(), 100, 0));
        assertEquals("hello", rig.text(5));
        assertEquals(3, Socket.send(rig.state, pair.server(), rig.data("bye"), 3, Socket.MSG_NOSIGNAL));
        assertEquals(2, Socket.recv(rig.state, pair.client(), rig.data(), 2, Socket.MSG_PEEK));
        assertEquals(3, Socket.recv(rig.state, pair.client(), rig.data("----"), 100, 0));
        assertEquals("bye-", rig.text(4));
    }

    @Test
    void shouldTellTheLengthOfADatagramThatWasCut() {
        int receiver = rig.bound(rig.udp());
        int sender = rig.udp();
        ok(rig.connect(sender, rig.name(receiver)));
        assertEquals(100, Socket.send(rig.state, sender, rig.data(), 100, 0));
        assertEquals(100, Socket.recv(rig.state, receiver, rig.data(), 10, Socket.MSG_TRUNC | Socket.MSG_PEEK));
        assertEquals(10, Socket.recv(rig.state, receiver, rig.data(), 10, 0));
    }

    @Test
    void shouldKeepTheOtherDirectionOpenAfterAHalfClose() {
        Rig.Pair pair = rig.pair();
        assertEquals(0, Socket.shutdown(rig.state, pair.client(), Socket.SHUT_WR));
        assertEquals(0, Socket.recv(rig.state, pair.server(), rig.data(), 100, 0));
        assertEquals(4, Socket.send(rig.state, pair.server(), rig.data("late"), 4, Socket.MSG_NOSIGNAL));
        assertEquals(4, Socket.recv(rig.state, pair.client(), rig.data("----"), 100, 0));
        assertEquals("late", rig.text(4));
        assertEquals(0, Socket.shutdown(rig.state, pair.server(), Socket.SHUT_RDWR));
        assertEquals(0, Socket.recv(rig.state, pair.client(), rig.data(), 100, 0));
    }

    @Test
    void shouldReadZeroAfterShutdownOfReading() {
        Rig.Pair pair = rig.pair();
        assertEquals(0, Socket.shutdown(rig.state, pair.client(), Socket.SHUT_RD));
        assertEquals(0, Socket.recv(rig.state, pair.client(), rig.data(), 100, 0));
    }

    @Test
    void shouldTellAResetOnceAndThenABrokenPipe() {
        Rig.Pair pair = rig.pair();
        rig.reset(pair.server());
        rig.await(pair.client(), Epoll.EPOLLIN);
        assertEquals("ECONNRESET", outcome(send(rig, pair.client())));
        assertEquals("EPIPE", outcome(send(rig, pair.client())));
    }

    @Test
    void shouldSendOnceIntoAClosedPeerAndFailThen() {
        Rig.Pair pair = rig.pair();
        rig.close(pair.server());
        assertEquals("EPOLLIN|EPOLLRDHUP", rig.await(pair.client(), Epoll.EPOLLIN | Epoll.EPOLLRDHUP));
        assertEquals("ok", outcome(send(rig, pair.client())));
        rig.await(pair.client(), 0);
        assertEquals("EPIPE", outcome(send(rig, pair.client())));
    }

    @Test
    void shouldAcceptAConnectionThatWasResetInTheQueue() {
        int listener = rig.listener(1);
        int client = rig.tcp();
        ok(rig.connect(client, rig.name(listener)));
        rig.reset(client);
        int server = rig.fd(accept(rig, listener));
        rig.await(server, Epoll.EPOLLIN);
        assertEquals("ECONNRESET", outcome(recv(rig, server)));
    }

    @Test
    void shouldLoseTheConnectionWhenAcceptHasNoRoomForItsAddress() {
        int listener = rig.nonblockingListener(1);
        int client = rig.tcp();
        ok(rig.connect(client, rig.name(listener)));
        rig.await(listener, Epoll.EPOLLIN);
        assertEquals("EFAULT", outcome(Socket.accept4(rig.state, listener, UNMAPPED, rig.length(SOCKADDR_IN), 0)));
        assertEquals("EAGAIN", outcome(accept(rig, listener)));
    }

    @Test
    void shouldResetWhatWaitsInTheQueueWhenTheListenerCloses() {
        int listener = rig.listener(1);
        int client = rig.tcp();
        ok(rig.connect(client, rig.name(listener)));
        rig.close(listener);
        rig.await(client, Epoll.EPOLLIN);
        assertEquals("ECONNRESET", outcome(recv(rig, client)));
    }

    @Test
    void shouldTimeOutWhenNobodyAnswers() {
        Sockaddr address = rig.unanswering();
        int client = rig.tcp();
        ok(rig.set(client, Socket.IPPROTO_TCP, Socket.TCP_USER_TIMEOUT, 100));
        long start = System.nanoTime();
        assertEquals("ETIMEDOUT", outcome(rig.connect(client, address)));
        long millis = (System.nanoTime() - start) / 1_000_000;
        // Looked at when the first retransmission is due, after a second.
        assertTrue(millis >= 100 && millis < 5000, "gave up after " + millis + " ms");
    }

    @Test
    void shouldRefuseTheLocalPortOfAClientThoughNobodyListens() {
        int client = rig.tcp();
        ok(rig.connect(client, rig.name(rig.listener(1))));
        Sockaddr taken = rig.name(client);
        int server = rig.tcp();
        ok(rig.set(server, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
        assertEquals("EADDRINUSE", outcome(rig.bind(server, taken)));
        assertEquals("EADDRINUSE", outcome(rig.bind(server, Sockaddr.of("0.0.0.0", taken.port()))));
        assertEquals("ok", outcome(rig.bind(server, Sockaddr.of("127.0.0.9", taken.port()))));
    }

    @ParameterizedTest(name = "SO_REUSEADDR of the old listener {0}: {1}")
    @CsvSource({"0, EADDRINUSE", "1, ok"})
    void shouldNeedReuseAddrOfTheOldListenerToo(int reuse, String expected) {
        int old = rig.tcp();
        ok(rig.set(old, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, reuse));
        ok(rig.bind(old, rig.loopback()));
        ok(Socket.listen(rig.state, old, 1));
        Sockaddr address = rig.name(old);
        ok(rig.connect(rig.tcp(), address));
        rig.fd(accept(rig, old));
        rig.close(old);
        int restarted = rig.tcp();
        ok(rig.set(restarted, Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1));
        assertEquals(expected, outcome(rig.bind(restarted, address)));
    }

    @Test
    void shouldCutALargeBufferSilently() throws Exception {
        assumeTrue(Files.exists(Path.of("/proc/sys/net/core/wmem_max")), "wmem_max is not shown in this namespace");
        int most = Integer.parseInt(Rig.firstLine("/proc/sys/net/core/wmem_max"));
        int fd = rig.tcp();
        assertEquals(0, rig.set(fd, Socket.SOL_SOCKET, Socket.SO_SNDBUF, Integer.MAX_VALUE));
        assertEquals(2 * most, rig.get(fd, Socket.SOL_SOCKET, Socket.SO_SNDBUF));
    }

    @ParameterizedTest(name = "a backlog of {0} lets {1} connect")
    @CsvSource({"0, 1", "1, 2", "5, 6"})
    void shouldQueueOneConnectionMoreThanTheBacklog(int backlog, int capacity) throws Exception {
        assumeTrue(somaxconn() >= backlog, "net.core.somaxconn is below " + backlog);
        int listener = rig.listener(backlog);
        List<Integer> states = connect(listener, capacity + 3, capacity);
        List<Integer> expected = new ArrayList<>(Collections.nCopies(capacity, Rig.ESTABLISHED));
        expected.addAll(Collections.nCopies(3, Rig.SYN_SENT));
        assertEquals(expected, states);
        assertEquals(capacity, rig.tcpInfo(listener, TcpInfo.tcpi_unacked));
        assertEquals(backlog, rig.tcpInfo(listener, TcpInfo.tcpi_sacked));
    }

    /** The TCP states of so many clients, once the expected number is established or five seconds are over. */
    private List<Integer> connect(int listener, int clients, int expected) throws InterruptedException {
        List<Integer> sockets = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            int client = rig.tcpNonblocking();
            assertEquals("EINPROGRESS", outcome(rig.connect(client, rig.name(listener))));
            sockets.add(client);
        }
        List<Integer> states = List.of();
        for (int i = 0; i < 500; i++) {
            Thread.sleep(10);
            states = sockets.stream().map(fd -> rig.tcpInfo(fd, TcpInfo.tcpi_state)).toList();
            if (Collections.frequency(states, Rig.ESTABLISHED) >= expected) {
                break;
            }
        }
        return states;
    }

    @Test
    void shouldCutTheBacklogToSomaxconnSilently() throws Exception {
        int listener = rig.listener(Integer.MAX_VALUE);
        assertEquals(somaxconn(), rig.tcpInfo(listener, TcpInfo.tcpi_sacked));
    }

    @Test
    void shouldTakeANegativeBacklogForTheLargest() throws Exception {
        int listener = rig.listener(-1);
        assertEquals(somaxconn(), rig.tcpInfo(listener, TcpInfo.tcpi_sacked));
    }

    @Test
    void shouldResizeTheQueueWhenListeningAgain() {
        int listener = rig.listener(5);
        assertEquals(0, Socket.listen(rig.state, listener, 3));
        assertEquals(3, rig.tcpInfo(listener, TcpInfo.tcpi_sacked));
    }

    private static int somaxconn() throws Exception {
        return Integer.parseInt(Rig.firstLine("/proc/sys/net/core/somaxconn"));
    }

    @Test
    void shouldListenOnAPortOfTheKernelsChoiceWithoutBind() {
        int fd = rig.tcp();
        assertEquals(0, rig.get(fd, Socket.SOL_SOCKET, Socket.SO_ACCEPTCONN));
        assertEquals(0, Socket.listen(rig.state, fd, 1));
        assertEquals(1, rig.get(fd, Socket.SOL_SOCKET, Socket.SO_ACCEPTCONN));
        assertNotEquals(0, rig.name(fd).port());
    }

    @Test
    void shouldShareAPortWithReusePort() {
        int first = rig.tcp();
        int second = rig.tcp();
        ok(rig.set(first, Socket.SOL_SOCKET, Socket.SO_REUSEPORT, 1));
        ok(rig.set(second, Socket.SOL_SOCKET, Socket.SO_REUSEPORT, 1));
        ok(rig.bind(first, rig.loopback()));
        assertEquals(0, rig.bind(second, rig.name(first)));
        assertEquals(0, Socket.listen(rig.state, first, 1));
        assertEquals(0, Socket.listen(rig.state, second, 1));
    }

    @Test
    void shouldChooseThePortAtConnectWithBindAddressNoPort() {
        int fd = rig.tcp();
        ok(rig.set(fd, Socket.IPPROTO_IP, Socket.IP_BIND_ADDRESS_NO_PORT, 1));
        ok(rig.bind(fd, Sockaddr.of("127.0.0.3", 0)));
        assertEquals(Sockaddr.of("127.0.0.3", 0), rig.name(fd));
        ok(rig.connect(fd, rig.name(rig.listener(1))));
        assertEquals("127.0.0.3", rig.name(fd).address().getHostAddress());
        assertNotEquals(0, rig.name(fd).port());
    }

    @Test
    void shouldBindAForeignAddressWithFreebind() {
        int fd = rig.tcp();
        ok(rig.set(fd, Socket.IPPROTO_IP, Socket.IP_FREEBIND, 1));
        assertEquals(0, rig.bind(fd, Sockaddr.of("192.0.2.1", 0)));
    }

    @Test
    void shouldNarrowThePortsOfASocket() {
        int fd = rig.tcp();
        int rc = rig.set(fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE, 40_009 << 16 | 40_005);
        if (rc == -Errno.ENOPROTOOPT.number()) {
            abort("this kernel has no IP_LOCAL_PORT_RANGE");
        }
        assertEquals(0, rc);
        assertEquals(40_009 << 16 | 40_005, rig.get(fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE));
        assertEquals("EINVAL",
                outcome(rig.set(fd, Socket.IPPROTO_IP, Socket.IP_LOCAL_PORT_RANGE, 40_005 << 16 | 40_009)));
    }

    static Stream<Option> options() {
        return Stream.of(new Option("SO_KEEPALIVE", Socket.SOL_SOCKET, Socket.SO_KEEPALIVE, 1, 1),
                new Option("SO_REUSEADDR", Socket.SOL_SOCKET, Socket.SO_REUSEADDR, 1, 1),
                new Option("SO_SNDBUF, doubled", Socket.SOL_SOCKET, Socket.SO_SNDBUF, 10_000, 20_000),
                new Option("SO_RCVBUF, doubled", Socket.SOL_SOCKET, Socket.SO_RCVBUF, 10_000, 20_000),
                new Option("SO_INCOMING_CPU", Socket.SOL_SOCKET, Socket.SO_INCOMING_CPU, 0, 0),
                new Option("TCP_NODELAY", Socket.IPPROTO_TCP, Socket.TCP_NODELAY, 1, 1),
                new Option("TCP_QUICKACK", Socket.IPPROTO_TCP, Socket.TCP_QUICKACK, 0, 0),
                new Option("TCP_SYNCNT", Socket.IPPROTO_TCP, Socket.TCP_SYNCNT, 3, 3),
                new Option("TCP_USER_TIMEOUT", Socket.IPPROTO_TCP, Socket.TCP_USER_TIMEOUT, 7000, 7000),
                // Kept as a number of SYN-ACK retransmissions, so in steps of 1, 3, 7, 15 seconds.
                new Option("TCP_DEFER_ACCEPT, rounded up", Socket.IPPROTO_TCP, Socket.TCP_DEFER_ACCEPT, 5, 7));
    }

    record Option(String name, int level, int option, int set, int expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    @ParameterizedTest
    @MethodSource("options")
    void shouldKeepOption(Option option) {
        int fd = rig.tcp();
        assertEquals(0, rig.set(fd, option.level(), option.option(), option.set()));
        assertEquals(option.expected(), rig.get(fd, option.level(), option.option()));
        assertEquals(4, rig.length());
    }

    @Test
    void shouldGiveUpReceivingAfterItsTimeout() {
        int client = rig.pair().client();
        ok(timeout(rig, client, Socket.SO_RCVTIMEO, 0, 20_000));
        long start = System.nanoTime();
        assertEquals("EAGAIN", outcome(Socket.recv(rig.state, client, rig.data(), 1, 0)));
        long elapsed = System.nanoTime() - start;
        assertTrue(elapsed >= 15_000_000, "waited " + elapsed + " ns");
    }

    @Test
    void shouldBindToTheLoopbackDevice() {
        int fd = rig.tcp();
        assertEquals(0, Socket.setsockopt(rig.state, fd, Socket.SOL_SOCKET, Socket.SO_BINDTODEVICE, rig.path("lo"), 3));
        ok(rig.connect(fd, rig.name(rig.listener(1))));
        assertEquals(Rig.ESTABLISHED, rig.tcpInfo(fd, TcpInfo.tcpi_state));
    }

    @Test
    void shouldOpenSocketsOfOtherFamilies() {
        int unix = rig.fd(Socket.socket(rig.state, Socket.AF_UNIX, Socket.SOCK_STREAM | Socket.SOCK_CLOEXEC, 0));
        assertEquals(Socket.AF_UNIX, rig.get(unix, Socket.SOL_SOCKET, Socket.SO_DOMAIN));
        int netlink = rig.fd(Socket.socket(rig.state, Socket.AF_NETLINK, Socket.SOCK_RAW | Socket.SOCK_CLOEXEC, 4));
        assertEquals(Socket.AF_NETLINK, rig.get(netlink, Socket.SOL_SOCKET, Socket.SO_DOMAIN));
        assertEquals(Socket.SOCK_RAW, rig.get(netlink, Socket.SOL_SOCKET, Socket.SO_TYPE));
    }
}
