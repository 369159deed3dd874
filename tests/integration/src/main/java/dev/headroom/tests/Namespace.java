package dev.headroom.tests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of its own, with a loopback interface, that is gone when the test is. */
public final class Namespace implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Path ip;
    private final String name;

    private Namespace(Path ip) {
        this.ip = ip;
        this.name = "headroom-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    }

    /** @param buffers net.ipv4.tcp_rmem and tcp_wmem, or null for the kernel's */
    public static Namespace make(Path ip, String buffers) throws IOException {
        Namespace host = new Namespace(ip);
        call(List.of(ip.toString(), "netns", "add", host.name));
        try {
            call(List.of(ip.toString(), "-n", host.name, "link", "set", "lo", "up"));
            if (buffers != null) {
                host.set("ipv4/tcp_rmem", buffers);
                host.set("ipv4/tcp_wmem", buffers);
            }
            return host;
        } catch (IOException e) {
            host.close();
            throw e;
        }
    }

    /** What stands before a command that is to run in it. */
    public List<String> exec() {
        return List.of(ip.toString(), "netns", "exec", name);
    }

    /** Sets a sysctl below /proc/sys/net. */
    public void set(String sysctl, String value) throws IOException {
        List<String> command = new ArrayList<>(exec());
        command.addAll(List.of("sh", "-c", "echo '" + value + "' > /proc/sys/net/" + sysctl));
        call(command);
    }

    private static void call(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + ": " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        call(List.of(ip.toString(), "netns", "delete", name));
    }
}
