package dev.headroom.examples;

import java.io.IOException;
import java.nio.ByteBuffer;

import dev.headroom.linux.Sockaddr;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.Connections;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.Listener;

/** Answers each line with the same line in upper case. A line without an end waits for the rest of it. */
public final class LineServer implements ConnectionHandler {
    private final byte[] line = new byte[Connections.BUFFER];

    @Override
    public void received(Connections connections, int fd, ByteBuffer data) throws IOException {
        boolean room = true;
        for (int i = data.position(); room && i < data.limit(); i++) {
            if (data.get(i) == '\n') {
                room = answer(connections, fd, data, i + 1 - data.position());
            }
        }
        // What is left, half a line or those for which there is no room now, comes again.
    }

    private boolean answer(Connections connections, int fd, ByteBuffer data, int length) throws IOException {
        data.get(line, 0, length);
        for (int i = 0; i < length; i++) {
            line[i] = (byte) (line[i] >= 'a' && line[i] <= 'z' ? line[i] - 'a' + 'A' : line[i]);
        }
        return connections.send(fd, ByteBuffer.wrap(line, 0, length));
    }

    public static void main(String[] args) throws IOException {
        try (Listener listener = Listener.open(Sockaddr.of("127.0.0.1", Integer.parseInt(args[0])), 4096);
                EventLoop loop = EventLoop.open("lines")) {
            loop.listen(listener, new LineServer());
            loop.run();
        }
    }
}
