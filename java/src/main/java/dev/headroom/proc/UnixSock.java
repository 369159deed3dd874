package dev.headroom.proc;

import java.util.OptionalLong;

/**
 * A unix socket. The end of a connection that nobody has accepted yet is not shown.
 *
 * @param type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 * @param state TCP_LISTEN, TCP_ESTABLISHED or TCP_CLOSE
 * @param name its path; an abstract name begins with {@code @}; empty for none
 * @param rqueue of a listener the connections in its accept queue, else bytes not read
 * @param wqueue of a listener min(backlog, net.core.somaxconn) (the queue is full at one more), else bytes the peer has
 *            not read
 * @param uid user that made it; empty before Linux 5.3
 * @param inode N of {@code socket:[N]} in {@code /proc/PID/fd}
 */
public record UnixSock(int type, TcpState state, String name, long rqueue, long wqueue, OptionalLong uid, long inode) {
}
