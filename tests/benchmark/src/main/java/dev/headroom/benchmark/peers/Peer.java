package dev.headroom.benchmark.peers;

/** What all peers have in common: one address, one queue, one line when they listen. */
final class Peer {
    static final int BACKLOG = 4096;
    static final String HOST = "127.0.0.1";

    private Peer() {
    }

    static int port(String[] args) {
        if (args.length == 0 || !args[0].matches("\\d{1,5}")) {
            System.err.println("the first argument is the port to listen on");
            System.exit(2);
        }
        return Integer.parseInt(args[0]);
    }

    static void listening(int port) {
        System.out.println(
                "{\"event\":\"listening\",\"pid\":" + ProcessHandle.current().pid() + ",\"port\":" + port + "}");
    }
}
