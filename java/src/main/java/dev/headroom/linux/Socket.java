package dev.headroom.linux;

import java.lang.invoke.MethodHandle;

/**
 * socket(7), ip(7), ipv6(7), tcp(7): the calls, options and flags. Addresses are {@link Sockaddr}.
 */
@CHeader({"sys/socket.h", "netinet/in.h", "netinet/tcp.h", "linux/in.h"})
public final class Socket {
    public static final int AF_UNSPEC = 0;
    public static final int AF_UNIX = 1;
    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int AF_NETLINK = 16;

    public static final int SOCK_STREAM = 1;
    public static final int SOCK_DGRAM = 2;
    public static final int SOCK_RAW = 3;
    public static final int SOCK_CLOEXEC = 0x80000;
    public static final int SOCK_NONBLOCK = 0x800;

    public static final int SOL_SOCKET = 1;
    public static final int SO_REUSEADDR = 2;
    public static final int SO_TYPE = 3;
    public static final int SO_ERROR = 4;
    public static final int SO_SNDBUF = 7;
    public static final int SO_RCVBUF = 8;
    public static final int SO_KEEPALIVE = 9;
    public static final int SO_LINGER = 13;
    public static final int SO_REUSEPORT = 15;
    public static final int SO_RCVTIMEO = 20;
    public static final int SO_SNDTIMEO = 21;
    public static final int SO_BINDTODEVICE = 25;
    public static final int SO_ACCEPTCONN = 30;
    public static final int SO_PROTOCOL = 38;
    public static final int SO_DOMAIN = 39;
    public static final int SO_INCOMING_CPU = 49;
    /** Memory of the socket: an array of 32-bit numbers, SK_MEMINFO_… of {@link InetDiag}. */
    public static final int SO_MEMINFO = 55;

    public static final int IPPROTO_IP = 0;
    public static final int IPPROTO_TCP = 6;
    public static final int IPPROTO_UDP = 17;
    public static final int IPPROTO_IPV6 = 41;

    public static final int IP_FREEBIND = 15;
    public static final int IP_BIND_ADDRESS_NO_PORT = 24;
    public static final int IPV6_V6ONLY = 26;
    /** Kernel 6.3; its number is not in every libc header. */
    public static final int IP_LOCAL_PORT_RANGE = 51;

    public static final int TCP_NODELAY = 1;
    public static final int TCP_SYNCNT = 7;
    public static final int TCP_DEFER_ACCEPT = 9;
    public static final int TCP_INFO = 11;
    public static final int TCP_QUICKACK = 12;
    public static final int TCP_USER_TIMEOUT = 18;

    public static final int MSG_PEEK = 0x02;
    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_WAITALL = 0x100;
    public static final int MSG_NOSIGNAL = 0x4000;

    public static final int SHUT_RD = 0;
    public static final int SHUT_WR = 1;
    public static final int SHUT_RDWR = 2;

    private Socket() {
    }

    // int socket(int domain, int type, int protocol)
    private static final MethodHandle SOCKET = Native.bind("socket");

    /**
     * {@code int socket(int domain, int type, int protocol)}: a new socket.
     *
     * @return its descriptor or {@code -errno}: EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM,
     *         EPROTONOSUPPORT, ESOCKTNOSUPPORT
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/socket.2.html">socket(2)</a>
     */
    public static int socket(CallState state, int domain, int type, int protocol) {
        try {
            return state.intResult(
                    (long) SOCKET.invokeExact(state.segment, (long) domain, (long) type, (long) protocol, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
    private static final MethodHandle BIND = Native.bind("bind");

    /**
     * {@code int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)}: gives a socket its local address.
     *
     * @return 0 or {@code -errno}: EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EBADF, EFAULT, EINVAL, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/bind.2.html">bind(2)</a>
     */
    public static int bind(CallState state, int sockfd, long addr, int addrlen) {
        try {
            return state
                    .intResult((long) BIND.invokeExact(state.segment, (long) sockfd, addr, (long) addrlen, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int listen(int sockfd, int backlog)
    private static final MethodHandle LISTEN = Native.bind("listen");

    /**
     * {@code int listen(int sockfd, int backlog)}: makes a socket accept connections.
     * At most min(backlog, net.core.somaxconn) + 1 of them wait in its queue: sk_acceptq_is_full (include/net/sock.h)
     * compares with {@code >}.
     *
     * @return 0 or {@code -errno}: EADDRINUSE, EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/listen.2.html">listen(2)</a>
     */
    public static int listen(CallState state, int sockfd, int backlog) {
        try {
            return state
                    .intResult((long) LISTEN.invokeExact(state.segment, (long) sockfd, (long) backlog, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)
    private static final MethodHandle ACCEPT4 = Native.bind("accept4");

    /**
     * {@code int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)}: takes the first connection
     * of the accept queue.
     * The kernel reserves the descriptor before it looks at the queue (net/socket.c, __sys_accept4_file): with a full
     * table the answer is EMFILE even when nobody waits.
     *
     * @param addr address of the place for the peer's sockaddr, or 0
     * @param addrlen address of an int, in: room at addr, out: length of the sockaddr; or 0
     * @return the new descriptor or {@code -errno}: EAGAIN, EBADF, ECONNABORTED, EFAULT, EINTR, EINVAL, EMFILE,
     *         ENFILE, ENOBUFS, ENOMEM, ENOTSOCK, EOPNOTSUPP, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/accept.2.html">accept(2)</a>
     */
    public static int accept4(CallState state, int sockfd, long addr, long addrlen, int flags) {
        try {
            return state.intResult(
                    (long) ACCEPT4.invokeExact(state.segment, (long) sockfd, addr, addrlen, (long) flags, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
    private static final MethodHandle CONNECT = Native.bind("connect");

    /**
     * {@code int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)}: connects a socket.
     *
     * @return 0 or {@code -errno}: EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF,
     *         ECONNREFUSED, EFAULT, EHOSTUNREACH, EINPROGRESS, EINTR, EINVAL, EISCONN, ENETUNREACH, ENOTSOCK,
     *         ETIMEDOUT and others
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/connect.2.html">connect(2)</a>
     */
    public static int connect(CallState state, int sockfd, long addr, int addrlen) {
        try {
            return state.intResult(
                    (long) CONNECT.invokeExact(state.segment, (long) sockfd, addr, (long) addrlen, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
    private static final MethodHandle GETSOCKNAME = Native.bind("getsockname");

    /**
     * {@code int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)}: the local address of a socket.
     *
     * @return 0 or {@code -errno}: EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/getsockname.2.html">getsockname(2)</a>
     */
    public static int getsockname(CallState state, int sockfd, long addr, long addrlen) {
        try {
            return state
                    .intResult((long) GETSOCKNAME.invokeExact(state.segment, (long) sockfd, addr, addrlen, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)
    private static final MethodHandle GETPEERNAME = Native.bind("getpeername");

    /**
     * {@code int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)}: the address of the peer.
     *
     * @return 0 or {@code -errno}: EBADF, EFAULT, EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/getpeername.2.html">getpeername(2)</a>
     */
    public static int getpeername(CallState state, int sockfd, long addr, long addrlen) {
        try {
            return state
                    .intResult((long) GETPEERNAME.invokeExact(state.segment, (long) sockfd, addr, addrlen, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
    private static final MethodHandle GETSOCKOPT = Native.bind("getsockopt");

    /**
     * {@code int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)}: reads an option.
     *
     * @return 0 or {@code -errno}: EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/getsockopt.2.html">getsockopt(2)</a>
     */
    public static int getsockopt(CallState state, int sockfd, int level, int optname, long optval, long optlen) {
        try {
            return state.intResult(
                    (long) GETSOCKOPT.invokeExact(state.segment, (long) sockfd, (long) level, (long) optname, optval,
                            optlen, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)
    private static final MethodHandle SETSOCKOPT = Native.bind("setsockopt");

    /**
     * {@code int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)}: sets an option.
     *
     * @return 0 or {@code -errno}: EBADF, EDOM, EFAULT, EINVAL, ENODEV, ENOPROTOOPT, ENOTSOCK, EPERM
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/getsockopt.2.html">getsockopt(2)</a>
     */
    public static int setsockopt(CallState state, int sockfd, int level, int optname, long optval, int optlen) {
        try {
            return state.intResult(
                    (long) SETSOCKOPT.invokeExact(state.segment, (long) sockfd, (long) level, (long) optname, optval,
                            (long) optlen, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // int shutdown(int sockfd, int how)
    private static final MethodHandle SHUTDOWN = Native.bind("shutdown");

    /**
     * {@code int shutdown(int sockfd, int how)}: ends one direction of a connection, or both.
     *
     * @return 0 or {@code -errno}: EBADF, EINVAL, ENOTCONN, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/shutdown.2.html">shutdown(2)</a>
     */
    public static int shutdown(CallState state, int sockfd, int how) {
        try {
            return state
                    .intResult((long) SHUTDOWN.invokeExact(state.segment, (long) sockfd, (long) how, 0L, 0L, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // ssize_t send(int sockfd, const void *buf, size_t len, int flags)
    private static final MethodHandle SEND = Native.bind("send");

    /**
     * {@code ssize_t send(int sockfd, const void *buf, size_t len, int flags)}: sends bytes; fewer than {@code len}
     * when the socket buffer has less room.
     *
     * @return number of bytes taken or {@code -errno}: EAGAIN, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR,
     *         EMSGSIZE, ENOBUFS, ENOMEM, ENOTSOCK, EPIPE and others; an unconnected TCP socket gives EPIPE, not
     *         ENOTCONN
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/send.2.html">send(2)</a>
     */
    public static long send(CallState state, int sockfd, long buf, long len, int flags) {
        try {
            return state.result((long) SEND.invokeExact(state.segment, (long) sockfd, buf, len, (long) flags, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }

    // ssize_t recv(int sockfd, void *buf, size_t len, int flags)
    private static final MethodHandle RECV = Native.bind("recv");

    /**
     * {@code ssize_t recv(int sockfd, void *buf, size_t len, int flags)}: receives bytes.
     *
     * @return number of bytes, 0 after the peer's FIN, or {@code -errno}: EAGAIN, EBADF, ECONNREFUSED, ECONNRESET,
     *         EFAULT, EINTR, ENOMEM, ENOTCONN, ENOTSOCK
     *
     * @see <a href="https://man7.org/linux/man-pages/man2/recv.2.html">recv(2)</a>
     */
    public static long recv(CallState state, int sockfd, long buf, long len, int flags) {
        try {
            return state.result((long) RECV.invokeExact(state.segment, (long) sockfd, buf, len, (long) flags, 0L, 0L));
        } catch (Throwable t) {
            throw Native.unexpected(t);
        }
    }
}
