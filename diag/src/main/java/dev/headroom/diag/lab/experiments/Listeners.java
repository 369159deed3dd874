package dev.headroom.diag.lab.experiments;

import java.io.IOException;

import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

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
}
