package dev.headroom.benchmark.peers;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/**
 * A virtual thread for each connection, which blocks on java.net.Socket and has a buffer of its own: the design of the
 * experiment that held five million connections. The buffer is theirs, 32 bytes, where memory is measured; a larger one
 * where messages are larger.
 */
public final class VirtualThreadServer {
    private VirtualThreadServer() {
    }

    /** Arguments: the port, the bytes of a buffer. */
    @SuppressWarnings("try") // accepts for ever
    public static void main(String[] args) throws IOException, InterruptedException {
        int size = Integer.parseInt(args[1]);
        try (ServerSocket listener = new ServerSocket(Peer.port(args), Peer.BACKLOG,
                InetAddress.getByName(Peer.HOST))) {
            Peer.listening(listener.getLocalPort());
            Thread.ofVirtual().start(() -> accept(listener, size)).join();
        }
    }

    private static void accept(ServerSocket listener, int size) {
        while (true) {
            try {
                Socket socket = listener.accept();
                Thread.startVirtualThread(() -> echo(socket, size));
            } catch (IOException e) {
                System.err.println(e);
            }
        }
    }

    private static void echo(Socket socket, int size) {
        try (socket; InputStream in = socket.getInputStream(); OutputStream out = socket.getOutputStream()) {
            byte[] buffer = new byte[size];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                out.write(buffer, 0, n);
            }
        } catch (IOException e) {
            // reset by the client: it is closed, and that is all there is to do
        }
    }
}
