package dev.headroom.diag.lab.experiments;

import java.io.IOException;

import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.proc.InetSock;
import dev.headroom.proc.SockDiag;

/** A server that takes whatever comes: its queue is what it has for connections. */
final class Listeners {
    static final int QUEUE = 65_535;

    private Listeners() {
    }

    /** Listens on all addresses of the host. @return the descriptor */
    static int everywhere(Host server, Sockets listening) throws IOException, InterruptedException {
        server.set("net.core.somaxconn", "" + QUEUE);
        Sockaddr any = Sockaddr.of("0.0.0.0", Addresses.PORT);
        return server.call(() -> Errno.check(listening.listen(any, QUEUE), "listen", any, QUEUE));
    }

    /** Connections in the accept queues of a host, as sock_diag counts them: what clients believe may be more. */
    static long queued(Host host) throws IOException, InterruptedException {
        return host.call(() -> {
            try (SockDiag sockets = SockDiag.open()) {
                return sockets.listeners().stream().mapToLong(InetSock::rqueue).sum();
            }
        });
    }
}
