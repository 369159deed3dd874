package dev.headroom.examples;

import java.io.IOException;
import java.nio.ByteBuffer;

import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Connector;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.FdTable;
import dev.headroom.loop.Listener;

/**
 * Carries bytes between clients and one target, both ways. A side that does not read holds back the other one; each
 * direction ends on its own. The 32 bits of a descriptor's entry name its other side.
 */
public final class Proxy implements ConnectionHandler {
    private final FdTable table;
    private final Sockaddr target;
    private final Connector connector;

    public Proxy(EventLoop loop, Sockaddr target) {
        this.table = loop.table();
        this.target = target;
        this.connector = new Connector(loop, this, (fd, errno) -> loop.connections().reset(table.user(fd)));
    }

    @Override
    public void opened(Connections connections, int fd) throws IOException {
        if (table.user(fd) != 0) {
            connections.resume(table.user(fd)); // the target's side is there: the client may speak
            return;
        }
        int other = connector.connect(target);
        if (other < 0) {
            connections.reset(fd);
            return;
        }
        connections.pause(fd);
        table.setUser(fd, other);
        table.setUser(other, fd);
    }

    @Override
    public void received(Connections connections, int fd, ByteBuffer data) throws IOException {
        if (!connections.send(table.user(fd), data)) {
            connections.pause(fd);
        }
    }

    @Override
    public void drained(Connections connections, int fd) throws IOException {
        connections.resume(table.user(fd));
    }

    @Override
    public void ended(Connections connections, int fd, ByteBuffer rest) {
        connections.shutdownOutput(table.user(fd));
    }

    @Override
    public void closed(Connections connections, int fd, int errno) {
        int other = table.user(fd);
        table.setUser(other, 0); // the number may soon name another connection
        if (connector.isConnecting(other)) {
            connector.abandon(other);
        } else if (errno != 0) {
            connections.reset(other);
        }
    }

    @Override
    public boolean readsWhileSending() {
        return true; // the two directions are independent
    }

    public static void main(String[] args) throws IOException {
        try (Listener listener = Listener.open(Sockaddr.of("127.0.0.1", Integer.parseInt(args[0])), 4096);
                EventLoop loop = EventLoop.open("proxy")) {
            loop.listen(listener, new Proxy(loop, Sockaddr.of(args[1], Integer.parseInt(args[2]))));
            loop.run();
        }
    }
}
