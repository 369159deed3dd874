package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of its own with a process in it, by ip(8); gone when closed. */
final class Netns implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    final ProcFs proc = new ProcFs();
    private final String name = "headroom-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    private final List<AutoCloseable> open = new ArrayList<>();
    private Process holder;

    Netns() throws Exception {
        needRoot();
        need(Files.isExecutable(Path.of("/usr/sbin/ip")) || Files.isExecutable(Path.of("/sbin/ip"))
                || Files.isExecutable(Path.of("/usr/bin/ip")), "ip(8)");
        Process add = new ProcessBuilder("ip", "netns", "add", name).redirectErrorStream(true).start();
        String said = new String(add.getInputStream().readAllBytes()).strip();
        need(add.waitFor() == 0, "to make network namespaces: " + said);
        try {
            ip("link", "set", "lo", "up");
            holder = new ProcessBuilder("ip", "netns", "exec", name, "sh", "-c", "echo ready; exec sleep 600").start();
            if (!"ready".equals(holder.inputReader().readLine())) {
                throw new AssertionError("ip netns exec " + name + " says nothing");
            }
        } catch (Throwable t) {
            close();
            throw t;
        }
    }

    static void needRoot() throws IOException {
        need(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0), "root");
    }

    /** Skips the test, naming what it lacks; fails where CI=true, for there nothing may be lacking. */
    static void need(boolean condition, String what) {
        if (!condition) {
            if ("true".equals(System.getenv("CI"))) {
                fail("this test needs " + what + ", and with CI=true none is skipped");
            }
            abort("this test needs " + what);
        }
    }

    /** A process in it. */
    ProcPid target() {
        return proc.process(holder.pid());
    }

    long pid() {
        return holder.pid();
    }

    /** Runs {@code ip -n NAME …}, which must succeed. */
    String ip(String... args) throws Exception {
        var command = new ArrayList<>(List.of("ip", "-n", name));
        command.addAll(Arrays.asList(args));
        return run(command);
    }

    /** Runs a command in it, which must succeed. */
    String exec(String... args) throws Exception {
        var command = new ArrayList<>(List.of("ip", "netns", "exec", name));
        command.addAll(Arrays.asList(args));
        return run(command);
    }

    private static String run(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String out = new String(process.getInputStream().readAllBytes());
        if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
            throw new AssertionError(String.join(" ", command) + ": " + out);
        }
        return out;
    }

    /** Runs a task in it; it must be allowed. */
    <T> T in(NetNamespace.Task<T> task) throws IOException {
        Reading<T> reading = NetNamespace.read(proc, target(), task);
        if (reading.scope() != Scope.TARGET_NET_NAMESPACE) {
            throw new AssertionError(reading);
        }
        return reading.value();
    }

    /** Something that is closed with it, made in it. */
    <T extends AutoCloseable> T open(NetNamespace.Task<T> task) throws IOException {
        T made = in(task);
        open.add(made);
        return made;
    }

    void closeNow(AutoCloseable... some) throws Exception {
        for (AutoCloseable one : some) {
            open.remove(one);
            one.close();
        }
    }

    SockDiag sockDiag() throws IOException {
        return open(whose -> SockDiag.open());
    }

    @Override
    public void close() throws IOException {
        try {
            for (AutoCloseable one : open) {
                one.close();
            }
            if (holder != null) {
                holder.destroyForcibly().onExit().join();
            }
            run(List.of("ip", "netns", "del", name));
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
