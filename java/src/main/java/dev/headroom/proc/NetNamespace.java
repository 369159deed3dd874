package dev.headroom.proc;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Fcntl;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sched;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Reads in the network namespace of another process what no file of {@code /proc/PID} shows: {@code net.} sysctls,
 * sockets, routes.
 */
public final class NetNamespace {
    private NetNamespace() {
    }

    /**
     * What to do in a namespace. {@code /proc/sys/net} is that of the thread, and so is a {@link SockDiag} or
     * {@link Routes} opened here, which stays so when it is used elsewhere. {@code /proc/self/net} is not: that is the
     * main thread's, so read {@link ProcPid#net()} of the target instead.
     *
     * @param <T> kind of result
     */
    @FunctionalInterface
    public interface Task<T> {
        /** @param whose whether it runs in the target's namespace or only in the reader's */
        T run(Scope whose) throws IOException;
    }

    /**
     * Runs a task in the network namespace of a process: here and now if it is the same as the reader's, else on a
     * thread of its own that enters the other one by setns(2) and then ends. The calling thread stays where it is. Where
     * entering is not allowed the task runs in the reader's namespace, is told so, and the result carries the reason.
     *
     * @throws NoSuchFileException if the process has ended
     * @throws IOException whatever the task throws, or the reader's own trouble, for example EMFILE
     */
    public static <T> Reading<T> read(ProcFs proc, ProcPid target, Task<T> task) throws IOException {
        if (isShared(proc, target)) {
            return new Reading<>(task.run(Scope.TARGET_NET_NAMESPACE), Scope.TARGET_NET_NAMESPACE, Optional.empty());
        }
        var visit = new Visit<>(target.directory().resolve("ns/net"), task);
        Thread thread = Thread.ofPlatform().name("headroom-netns").daemon().start(visit);
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return visit.result();
    }

    /**
     * Whether the calling thread is in the network namespace of that process. Without the right to compare the links of
     * {@code ns/} the inodes of a file below {@code /proc/PID/net} tell, for each namespace has its own there
     * (fs/proc/proc_net.c, proc_net_ns_init).
     */
    static boolean isShared(ProcFs proc, ProcPid target) throws IOException {
        try {
            return target.namespace("net").equals(proc.thread().namespace("net"));
        } catch (AccessDeniedException e) {
            return inode(target).equals(inode(proc.thread()));
        }
    }

    private static Object inode(ProcPid process) throws IOException {
        Path file = process.directory().resolve("net/snmp");
        try {
            return Files.getAttribute(file, "unix:ino");
        } catch (IOException e) {
            throw ProcFs.named(e, file);
        }
    }

    /**
     * Moves the calling thread into a network namespace, for good.
     *
     * @param link e.g. {@code /run/netns/NAME} or {@code /proc/PID/ns/net}
     * @throws SyscallException ENOENT, EACCES; EPERM without CAP_SYS_ADMIN
     */
    public static void enter(Path link) throws SyscallException {
        var state = new CallState();
        int fd = Errno.check(open(state, link), "open", "\"" + link + "\"", "O_RDONLY|O_CLOEXEC");
        Errno.check(enterAndClose(state, fd), "setns", fd + "<" + link + ">", "CLONE_NEWNET");
    }

    private static int open(CallState state, Path link) throws SyscallException {
        byte[] path = (link + "\0").getBytes(StandardCharsets.UTF_8);
        try (Memory memory = Memory.map(path.length)) {
            memory.putBytes(0, path);
            return Fcntl.open(state, memory.address(), Fcntl.O_RDONLY | Fcntl.O_CLOEXEC, 0);
        }
    }

    private static int enterAndClose(CallState state, int fd) {
        int rc = Sched.setns(state, fd, Sched.CLONE_NEWNET);
        Unistd.close(state, fd);
        return rc;
    }

    private static final class Visit<T> implements Runnable {
        private final Path link;
        private final Task<T> task;
        private Reading<T> reading;
        private String denied;
        private Throwable failure;

        Visit(Path link, Task<T> task) {
            this.link = link;
            this.task = task;
        }

        @Override
        public void run() {
            try {
                denied = enter();
                if (denied == null) {
                    reading = new Reading<>(task.run(Scope.TARGET_NET_NAMESPACE), Scope.TARGET_NET_NAMESPACE,
                            Optional.empty());
                }
            } catch (Throwable t) {
                failure = t;
            }
        }

        /** @return why not, or null */
        private String enter() throws IOException {
            var state = new CallState();
            int fd = open(state, link);
            if (fd == -Errno.ENOENT.number() || fd == -Errno.ESRCH.number()) {
                throw new NoSuchFileException(link.toString(), null, "the process has ended");
            }
            if (fd == -Errno.EACCES.number() || fd == -Errno.EPERM.number()) {
                return because("open", fd, "the same user ID or CAP_SYS_PTRACE", "\"" + link + "\"", "O_RDONLY");
            }
            Errno.check(fd, "open", "\"" + link + "\"", "O_RDONLY|O_CLOEXEC");
            int rc = enterAndClose(state, fd);
            if (rc == -Errno.EPERM.number()) {
                return because("setns", rc, "CAP_SYS_ADMIN", fd + "<" + link + ">", "CLONE_NEWNET");
            }
            Errno.check(rc, "setns", fd + "<" + link + ">", "CLONE_NEWNET");
            return null;
        }

        private static String because(String call, int rc, String needed, Object... args) {
            try {
                Errno.check(rc, call, args);
            } catch (SyscallException e) {
                return e.getMessage() + "; it needs " + needed;
            }
            throw new AssertionError(call);
        }

        Reading<T> result() throws IOException {
            switch (failure) {
                case null -> {
                }
                case IOException e -> throw e;
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                default -> throw new AssertionError(failure);
            }
            if (denied != null) {
                return new Reading<>(task.run(Scope.READER_NET_NAMESPACE), Scope.READER_NET_NAMESPACE,
                        Optional.of(denied));
            }
            return reading;
        }
    }
}
