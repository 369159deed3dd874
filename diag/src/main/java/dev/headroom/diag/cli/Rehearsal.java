package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What the JVM watches once after each build, to start faster ever after (the launcher's start-up cache): the command
 * lines a person types most, run for nobody, in a process that has sockets of each kind to tell of. A command that should
 * start fast has its line here; none may change anything on this machine or take longer than a moment.
 */
final class Rehearsal {
    private static final String SELF = Long.toString(ProcessHandle.current().pid());
    private static final String OTHER = ProcessHandle.current().parent().map(p -> Long.toString(p.pid())).orElse(SELF);
    private static final List<List<String>> LINES = List.of(List.of("--help"), List.of("--version"),
            List.of("--no-such"), List.of("serve", "--help"), List.of("plan", "1m"), List.of("plan", "1m", "--json"),
            List.of("check"), List.of("check", "--pid", SELF), List.of("check", "--pid", OTHER),
            List.of("check", "--json"), List.of("snapshot"), List.of("snapshot", "--pid", SELF),
            List.of("serve", "--listen", "127.0.0.1:0", "--duration", "110ms", "--report", "100ms"),
            List.of("serve", "--listen", "127.0.0.1:0", "--duration", "110ms", "--report", "100ms", "--json"),
            List.of("explain", "EMFILE", "--pid", SELF), List.of("explain", "EMFILE", "--pid", OTHER),
            List.of("explain", "EMFILE", "--json"),
            // What a client asks of itself when its ports are used up.
            List.of("explain", "EADDRNOTAVAIL", "--call", "connect", "--to", "127.0.0.1:9", "--pid", SELF));

    private Rehearsal() {
    }

    @SuppressWarnings("try") // they are there to be read about
    public static void main(String[] args) throws IOException {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        System.setOut(nowhere);
        System.setErr(nowhere);
        try (ServerSocketChannel listener = ServerSocketChannel.open()
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                SocketChannel client = SocketChannel.open(listener.getLocalAddress());
                SocketChannel waits = SocketChannel.open(listener.getLocalAddress())) {
            listener.accept().close();
            for (List<String> line : LINES) {
                String[] words = line.toArray(String[]::new);
                Headroom.commandLine(words).setOut(new PrintWriter(nowhere)).setErr(new PrintWriter(nowhere))
                        .execute(words);
            }
        }
    }
}
