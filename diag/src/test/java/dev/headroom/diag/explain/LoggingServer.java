package dev.headroom.diag.explain;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/**
 * Example: a server that accepts until it cannot, and logs why. A client connects from within.
 *
 * <pre>{@code
 * ulimit -n 64; java -XX:-MaxFDLimit dev.headroom.diag.explain.LoggingServer
 * }</pre>
 */
public final class LoggingServer {
    private LoggingServer() {
    }

    public static void main(String[] args) throws IOException {
        // While there are still descriptors: afterwards the files that tell why could not be opened.
        Headroom.prepare();
        List<Socket> connections = new ArrayList<>();
        try (ServerSocket server = new ServerSocket(0, 128, InetAddress.getLoopbackAddress())) {
            // Explained within: a try-with-resources closes what it opened before its catch is reached.
            while (serve(server, connections)) {
                // the next one
            }
        } finally {
            for (Socket s : connections) {
                s.close();
            }
        }
    }

    private static boolean serve(ServerSocket server, List<Socket> connections) {
        try {
            connections.add(new Socket(server.getInetAddress(), server.getLocalPort()));
            connections.add(server.accept());
            return true;
        } catch (IOException e) {
            Headroom.explain(e).ifPresentOrElse(d -> System.out.println(d.sentence()),
                    () -> System.out.println("not a limit: " + e));
            return false;
        }
    }
}
