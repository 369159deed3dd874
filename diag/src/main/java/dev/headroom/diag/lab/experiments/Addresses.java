package dev.headroom.diag.lab.experiments;

import java.util.List;
import java.util.stream.IntStream;

/** The addresses of the lab's hosts: 198.18.0.x for the server, 198.18.N.x for client N. */
final class Addresses {
    static final int PORT = 9999;

    private Addresses() {
    }

    static List<String> server(int count) {
        return of(0, count);
    }

    /** @param client 1 and up */
    static List<String> client(int client, int count) {
        return of(client, count);
    }

    private static List<String> of(int host, int count) {
        return IntStream.rangeClosed(1, count).mapToObj(i -> "198.18." + host + "." + i).toList();
    }
}
