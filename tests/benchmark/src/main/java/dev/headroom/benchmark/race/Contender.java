package dev.headroom.benchmark.race;

import java.util.ArrayList;
import java.util.List;

/**
 * An echo server that can be started on a port of 127.0.0.1 that it chooses, and says so in one line.
 *
 * @param what in words, for the tables
 * @param command to serve with
 * @param frugal to serve with where memory is measured, if that differs
 */
record Contender(String name, String what, List<String> command, List<String> frugal) {
    /** What everything is measured in. */
    static final String REFERENCE = "c";

    /** As {@code headroom} starts its JVM, so that no peer has worse flags; the last one is what Netty asks for. */
    private static final List<String> JVM = List.of("-XX:+UseCompactObjectHeaders", "-XX:-UsePerfData", "-Xms16m",
            "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow");

    /** @param engines whether this headroom knows --engine */
    static List<Contender> all(Tree tree, boolean engines) {
        List<Contender> all = new ArrayList<>();
        all.add(of(REFERENCE, "C, epoll", tree.server()));
        all.add(of("c-again", "the same program once more: noise", tree.server()));
        all.add(headroom(tree, "headroom", "1 loop", "--loops", "1"));
        all.add(headroom(tree, "headroom-2", "2 loops", "--loops", "2"));
        all.add(headroom(tree, "headroom-table", "1 loop, private table", "--fd-tables", "1"));
        all.add(headroom(tree, "headroom-2-tables", "2 loops, private tables", "--fd-tables", "2"));
        if (engines) {
            all.add(headroom(tree, "headroom-io_uring", "1 loop, io_uring", "--loops", "1", "--engine", "io_uring"));
        }
        all.add(peer(tree, "netty-epoll", "Netty, its own epoll", "NettyServer", "epoll"));
        all.add(peer(tree, "netty-io_uring", "Netty, io_uring", "NettyServer", "io_uring"));
        all.add(peer(tree, "netty-io_uring-ring", "Netty, io_uring, buffer ring", "NettyServer", "io_uring-ring"));
        all.add(peer(tree, "netty-nio", "Netty, java.nio", "NettyServer", "nio"));
        all.add(peer(tree, "selector", "java.nio Selector", "SelectorServer", ""));
        Contender threads = peer(tree, "virtual-threads", "a virtual thread each", "VirtualThreadServer", "4096");
        all.add(new Contender(threads.name, threads.what, threads.command,
                peer(tree, "", "", "VirtualThreadServer", "32").command));
        return all;
    }

    private static Contender of(String name, String what, List<String> command) {
        return new Contender(name, what, command, command);
    }

    private static Contender headroom(Tree tree, String name, String what, String... options) {
        List<String> command = new ArrayList<>(List.of(tree.headroom(), "serve", "--listen", "127.0.0.1:0", "--json",
                "--report", "1h"));
        command.addAll(List.of(options));
        return of(name, what, command);
    }

    private static Contender peer(Tree tree, String name, String what, String type, String argument) {
        List<String> command = new ArrayList<>();
        command.add(tree.java());
        command.addAll(JVM);
        command.addAll(List.of("-cp", tree.classPath(), "dev.headroom.benchmark.peers." + type, "0"));
        if (!argument.isEmpty()) {
            command.add(argument);
        }
        return of(name, what, command);
    }
}
