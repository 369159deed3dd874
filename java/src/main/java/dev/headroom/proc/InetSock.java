package dev.headroom.proc;

import dev.headroom.linux.Sockaddr;
import java.util.OptionalLong;

/**
 * A TCP or UDP socket.
 *
 * @param family AF_INET or AF_INET6; an AF_INET6 socket may have IPv4 addresses
 * @param state its state
 * @param local its address
 * @param remote its peer's address; port 0 if it is not connected
 * @param rqueue of a listener the connections in its accept queue, else bytes not read
 * @param wqueue of a listener min(backlog, net.core.somaxconn), else bytes not acknowledged
 * @param uid user that made it
 * @param inode N of {@code socket:[N]} in {@code /proc/PID/fd}; 0 if no process has it
 * @param iface index of the interface it is bound to, 0 for none
 * @param timewait whether it is only the memory of a connection: TIME_WAIT, or FIN_WAIT2 without a socket
 * @param v6Only whether an IPv6 socket that is not connected refuses IPv4
 * @param drops packets thrown away because the receive buffer was full; only of UDP
 */
public record InetSock(int family, TcpState state, Sockaddr local, Sockaddr remote, long rqueue, long wqueue, long uid,
        long inode, int iface, boolean timewait, boolean v6Only, OptionalLong drops) {
    /** {@code LISTEN 127.0.0.1:9999}, {@code ESTAB 127.0.0.1:9999 10.0.0.7:40000}. */
    @Override
    public String toString() {
        return state.ss() + " " + local + (remote.port() == 0 ? "" : " " + remote);
    }
}
