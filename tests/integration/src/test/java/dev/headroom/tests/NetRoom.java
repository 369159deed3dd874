package dev.headroom.tests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Fcntl;
import dev.headroom.linux.Linger;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sched;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;

/**
 * A network namespace of its own, with one thread in it that makes raw calls. It has no name and no file: it is gone
 * with the thread and its sockets.
 */
final class NetRoom implements AutoCloseable {
    private final ExecutorService thread = Executors
            .newSingleThreadExecutor(Thread.ofPlatform().name("netroom").daemon().factory());
    private final List<Integer> open = new ArrayList<>();
    private CallState state;
    private Memory memory;
    private long tid;

    /** With lo up. */
    NetRoom() {
        Requires.root();
        Requires.tool("ip");
        Requires.tool("nsenter");
        int rc = in(() -> {
            state = new CallState();
            memory = Memory.map(1 << 20);
            tid = Long.parseLong(Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString());
            return Sched.unshare(state, Sched.CLONE_NEWNET);
        });
        if (rc < 0) {
            close();
            Requires.that(false, "to make network namespaces (unshare: " + Errno.name(-rc) + ")");
        }
        run("ip", "link", "set", "lo", "up");
    }

    /** Two rooms with a cable: 10.77.0.1 on va and 10.77.0.2 on vb. */
    static void cable(NetRoom a, NetRoom b) {
        a.run("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", "" + b.tid);
        a.run("ip", "addr", "add", "10.77.0.1/24", "dev", "va");
        b.run("ip", "addr", "add", "10.77.0.2/24", "dev", "vb");
        a.run("ip", "link", "set", "va", "up");
        b.run("ip", "link", "set", "vb", "up");
    }

    /** The id of the thread, as good as a process id in /proc. */
    long tid() {
        return tid;
    }

    <T> T in(Callable<T> task) {
        try {
            return thread.submit(task).get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Runs a command in it, which must succeed. */
    String run(String... args) {
        return feed("", args);
    }

    /** As {@link #run}, with a text on its standard input. */
    String feed(String input, String... args) {
        List<String> command = new ArrayList<>(List.of("nsenter", "--net=/proc/" + tid + "/ns/net", "--"));
        command.addAll(List.of(args));
        try {
            Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
            try (var out = p.outputWriter()) {
                out.write(input);
            }
            String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (p.waitFor() != 0) {
                throw new AssertionError(String.join(" ", command) + ": " + said);
            }
            return said;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Firewall rules for nft. */
    void nft(String... lines) {
        Requires.tool("nft");
        feed(String.join("\n", lines) + "\n", "nft", "-f", "-");
    }

    void sysctl(String name, String value) {
        in(() -> Files.writeString(Path.of("/proc/sys", name.replace('.', '/')), value + "\n"));
    }

    // ---- raw calls: the result or -errno

    int socket(int domain, int type) {
        return in(() -> {
            int fd = Socket.socket(state, domain, type | Socket.SOCK_CLOEXEC, 0);
            open.add(Errno.check(fd, "socket", domain, type));
            return fd;
        });
    }

    int tcp() {
        return socket(Socket.AF_INET, Socket.SOCK_STREAM);
    }

    int udp() {
        return socket(Socket.AF_INET, Socket.SOCK_DGRAM);
    }

    void option(int fd, int level, int name, int value) {
        in(() -> {
            memory.putInt(0, value);
            return Errno.check(Socket.setsockopt(state, fd, level, name, memory.address(), 4), "setsockopt", fd, name);
        });
    }

    void device(int fd, String name) {
        in(() -> {
            byte[] bytes = (name + "\0").getBytes(StandardCharsets.US_ASCII);
            memory.putBytes(0, bytes);
            return Errno.check(Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_BINDTODEVICE,
                    memory.address(), bytes.length), "setsockopt", fd, name);
        });
    }

    int bind(int fd, String host, int port) {
        return in(() -> Socket.bind(state, fd, memory.address(), address(host, port)));
    }

    int connect(int fd, String host, int port) {
        return in(() -> Socket.connect(state, fd, memory.address(), address(host, port)));
    }

    private int address(String host, int port) {
        if (host.startsWith("@")) {
            byte[] name = host.getBytes(StandardCharsets.US_ASCII);
            name[0] = 0;
            memory.putShort(0, (short) Socket.AF_UNIX);
            memory.putBytes(2, name);
            return 2 + name.length;
        }
        return Sockaddr.of(host, port).write(memory, 0);
    }

    int listen(int fd, int backlog) {
        return in(() -> Socket.listen(state, fd, backlog));
    }

    int accept(int fd) {
        return in(() -> {
            int rc = Socket.accept4(state, fd, 0, 0, Socket.SOCK_CLOEXEC);
            if (rc >= 0) {
                open.add(rc);
            }
            return rc;
        });
    }

    int send(int fd, int bytes) {
        return in(() -> (int) Socket.send(state, fd, memory.address(), bytes, Socket.MSG_NOSIGNAL));
    }

    /** A pipe with a name, both ends in one descriptor. */
    int pipe(Path path) {
        run("mkfifo", path.toString());
        return in(() -> {
            memory.putBytes(0, (path + "\0").getBytes(StandardCharsets.UTF_8));
            int fd = Fcntl.open(state, memory.address(), Fcntl.O_RDWR | Fcntl.O_NONBLOCK | Fcntl.O_CLOEXEC, 0);
            open.add(Errno.check(fd, "open", path));
            return fd;
        });
    }

    int write(int fd, int bytes) {
        return in(() -> (int) Unistd.write(state, fd, memory.address(), bytes));
    }

    /** A netlink socket that is told of what these multicast groups of rtnetlink are told of. */
    int rtnetlink(int groups) {
        int fd = socket(Socket.AF_NETLINK, Socket.SOCK_RAW | Socket.SOCK_NONBLOCK);
        ok(in(() -> {
            // struct sockaddr_nl: nl_family, nl_pad, nl_pid, nl_groups
            memory.putShort(0, (short) Socket.AF_NETLINK);
            memory.putShort(2, (short) 0);
            memory.putInt(4, 0);
            memory.putInt(8, groups);
            return Socket.bind(state, fd, memory.address(), 12);
        }));
        return fd;
    }

    /** Closes with SO_LINGER of 0 s, which resets the connection. */
    void reset(int fd) {
        in(() -> {
            memory.putInt(Linger.l_onoff, 1);
            memory.putInt(Linger.l_linger, 0);
            return Errno.check(Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, memory.address(),
                    Linger.SIZEOF), "setsockopt", fd);
        });
        close(fd);
    }

    int recv(int fd) {
        return in(() -> (int) Socket.recv(state, fd, memory.address(), 4096, 0));
    }

    int shutdown(int fd) {
        return in(() -> Socket.shutdown(state, fd, Socket.SHUT_WR));
    }

    void close(int fd) {
        in(() -> {
            open.remove((Integer) fd);
            return Unistd.close(state, fd);
        });
    }

    // ---- what tests do again and again

    int listener(String host, int port, int backlog) {
        int fd = tcp();
        ok(bind(fd, host, port));
        ok(listen(fd, backlog));
        return fd;
    }

    /** A connected socket, or -errno. */
    int call(String host, int port) {
        int fd = tcp();
        int rc = connect(fd, host, port);
        if (rc < 0) {
            close(fd);
            return rc;
        }
        return fd;
    }

    /** Connects until it fails. */
    Calls callUntilItFails(String host, int port, int most) {
        List<Integer> fds = new ArrayList<>();
        while (fds.size() < most) {
            int rc = call(host, port);
            if (rc < 0) {
                return new Calls(fds, rc);
            }
            fds.add(rc);
        }
        return new Calls(fds, 0);
    }

    /** Sockets, and the error that ended them. */
    record Calls(List<Integer> fds, int rc) {
    }

    /** Begins a connection without waiting for it. */
    int begin(String host, int port) {
        int fd = socket(Socket.AF_INET, Socket.SOCK_STREAM | Socket.SOCK_NONBLOCK);
        connect(fd, host, port);
        return fd;
    }

    static int ok(int rc) {
        try {
            return Errno.check(rc, "call");
        } catch (SyscallException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        in(() -> {
            for (int fd : open) {
                Unistd.close(state, fd);
            }
            open.clear();
            if (memory != null) {
                memory.close();
            }
            return 0;
        });
        thread.shutdown();
        try {
            // The namespace goes with the thread.
            thread.awaitTermination(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
