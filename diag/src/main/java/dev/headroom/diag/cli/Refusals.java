package dev.headroom.diag.cli;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.FdTable;
import dev.headroom.proc.KernelVersion;
import dev.headroom.proc.Limits;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.Status;

/** What the kernel refuses before anything runs, in words that say what to do about it. */
final class Refusals {
    private static final int EPERM = Errno.EPERM.number();
    private static final int EACCES = Errno.EACCES.number();
    private static final int EADDRINUSE = Errno.EADDRINUSE.number();
    private static final int EADDRNOTAVAIL = Errno.EADDRNOTAVAIL.number();
    private static final int EAFNOSUPPORT = Errno.EAFNOSUPPORT.number();
    private static final int EMFILE = Errno.EMFILE.number();
    private static final int ENFILE = Errno.ENFILE.number();
    private static final int EINVAL = Errno.EINVAL.number();
    private static final int ENOSYS = Errno.ENOSYS.number();
    private static final int ENOMEM = Errno.ENOMEM.number();
    private static final int CAP_IPC_LOCK = 14;
    private static final int CAP_SYS_ADMIN = 21;
    private static final String TCP_LISTEN = "0A";

    private Refusals() {
    }

    private static String said(SyscallException e) {
        return Errno.name(e.errno()) + " (" + Errno.text(e.errno()) + ")";
    }

    static CannotException nofile(long asked, SyscallException e) {
        String head = "--nofile " + asked + ": setrlimit says " + said(e);
        if (e.errno() != EPERM) {
            return new CannotException(head, e);
        }
        return new CannotException(head + "\n  " + whyNofile(asked, hardLimit(), sysctl("fs.nr_open")), e);
    }

    /** kernel/sys.c, do_prlimit: fs.nr_open first, for everybody; then the capability. */
    static String whyNofile(long asked, long hard, long nrOpen) {
        String limits = "the hard limit is " + Long.toUnsignedString(hard) + ", fs.nr_open " + nrOpen + ": ";
        if (asked > nrOpen) {
            return limits + asked
                    + " is above fs.nr_open,\n  which binds root too; raise that first: sysctl -w fs.nr_open="
                    + asked;
        }
        if (Long.compareUnsigned(asked, hard) > 0) {
            return limits + asked + " is above the hard\n  limit, which only CAP_SYS_RESOURCE may raise "
                    + "(root outside of containers)";
        }
        if (Long.compareUnsigned(hard, nrOpen) > 0) {
            return limits + "while the hard limit\n  is above fs.nr_open, every change is refused that leaves it there";
        }
        return limits + asked + " is below both;\n  a security module or seccomp refuses it";
    }

    private static long hardLimit() {
        try {
            return FdTable.nofileHard();
        } catch (SyscallException e) {
            return -1;
        }
    }

    static CannotException start(SyscallException e, List<Sockaddr> addresses) {
        if (e.call().startsWith("io_uring_") && e.errno() != EMFILE && e.errno() != ENFILE) {
            return new CannotException("--engine io_uring: " + e.call() + " says " + said(e) + "\n  "
                    + whyUring(e.errno()) + "\n  --engine epoll, the default, does without", e);
        }
        if (e.errno() == EMFILE || e.errno() == ENFILE) {
            return tooFew(e, addresses.size());
        }
        Sockaddr address = addressIn(e.getMessage(), addresses);
        String head = "cannot listen on " + (address == null ? Addresses.text(addresses) : address) + "\n  ";
        String reason = address == null ? "" : why(e.errno(), address);
        return new CannotException(head + (reason.isEmpty() ? e.getMessage() : said(e) + ": " + reason), e);
    }

    private static String whyUring(int errno) {
        ProcFs proc = new ProcFs();
        try {
            Status self = proc.self().status();
            return whyUring(errno, proc.kernelVersion(), sysctl("kernel.io_uring_disabled"), self,
                    proc.self().limits().get(Limits.Resource.RLIMIT_MEMLOCK).soft());
        } catch (IOException | RuntimeException e) {
            return "why cannot be told: " + e.getMessage();
        }
    }

    /**
     * io_uring/io_uring.c, io_uring_allowed: the sysctl first. Flags that a kernel does not know are EINVAL; its rings are
     * charged to RLIMIT_MEMLOCK from 6.14.
     *
     * @param disabled kernel.io_uring_disabled, or -1 where there is no such file
     */
    static String whyUring(int errno, KernelVersion kernel, long disabled, Status self, long memlock) {
        boolean filtered = self.seccomp().orElse(0) == 2;
        String filter = "a filter of system calls (Seccomp: 2 in /proc/self/status) forbids it,\n"
                + "  as container runtimes set one up";
        if (errno == EPERM && disabled == 2) {
            return "kernel.io_uring_disabled is 2: nobody may use it on this machine";
        }
        if (errno == EPERM && disabled == 1 && !self.hasEffective(CAP_SYS_ADMIN)) {
            return "kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and the group of\n  kernel.io_uring_group ("
                    + sysctl("kernel.io_uring_group") + ") may use it";
        }
        if (errno == EPERM || errno == EACCES) {
            return filtered ? filter : "a security module forbids it";
        }
        if (errno == ENOSYS) {
            return filtered ? filter : "this kernel (" + kernel + ") has no io_uring: CONFIG_IO_URING is off";
        }
        if (errno == EINVAL && !kernel.atLeast(6, 1)) {
            return "this kernel is " + kernel + "; the engine needs 6.1 (IORING_SETUP_DEFER_TASKRUN)";
        }
        if (errno == ENOMEM && !self.hasEffective(CAP_IPC_LOCK)) {
            return "RLIMIT_MEMLOCK is " + Limits.format(memlock) + " bytes for all of this user's processes, and each\n"
                    + "  loop's rings take some 110,000 of them; raise it (ulimit -l), or take fewer\n  --loops"
                    + " (CAP_IPC_LOCK is not bound by it)";
        }
        return "kernel " + kernel + ", kernel.io_uring_disabled " + disabled + ", Seccomp "
                + self.seccomp().orElse(0);
    }

    private static CannotException tooFew(SyscallException e, int listeners) {
        boolean mine = e.errno() == EMFILE;
        String limit = mine ? "the soft limit is " + softLimit() + " descriptors (--nofile, ulimit -n)"
                : "the machine has no descriptor left (fs.file-max " + sysctl("fs.file-max") + ")";
        return new CannotException("cannot begin: " + e.call() + " says " + said(e) + "\n  " + limit
                + (listeners > 1 ? "; there are " + listeners + " addresses to listen on" : ""), e);
    }

    private static String softLimit() {
        try {
            return Long.toUnsignedString(FdTable.nofile());
        } catch (SyscallException e) {
            return "unknown";
        }
    }

    /** bind names the address in its message; socket can only be about an address of that family. */
    private static Sockaddr addressIn(String message, List<Sockaddr> addresses) {
        for (Sockaddr a : addresses) {
            if (message.contains(", " + a + ")")) {
                return a;
            }
        }
        for (Sockaddr a : addresses) {
            if (message.startsWith("socket(AF_INET6,") && Addresses.family(a).equals("IPv6")) {
                return a;
            }
        }
        return addresses.size() == 1 ? addresses.getFirst() : null;
    }

    private static String why(int errno, Sockaddr address) {
        if (errno == EADDRINUSE) {
            return listener(address.port()).map(who -> who + " listens there already")
                    .orElse("nobody listens there, but perhaps a\n  connection of this host has that port "
                            + "(see: ss -tanp sport = " + address.port() + ")");
        }
        if (errno == EACCES && address.port() < sysctl("net.ipv4.ip_unprivileged_port_start")) {
            return "ports below " + sysctl("net.ipv4.ip_unprivileged_port_start")
                    + " (net.ipv4.ip_unprivileged_port_start)\n  are for those with CAP_NET_BIND_SERVICE";
        }
        if (errno == EADDRNOTAVAIL) {
            return notLocal(address);
        }
        if (errno == EAFNOSUPPORT) {
            return noIpv6();
        }
        return "";
    }

    static String notLocal(Sockaddr address) {
        if (address.family() == Socket.AF_INET6) {
            if (Files.notExists(Path.of("/proc/net/if_inet6"))) {
                return noIpv6();
            }
            if (sysctl("net.ipv6.conf.all.disable_ipv6") == 1) {
                return "IPv6 is switched off here: net.ipv6.conf.all.disable_ipv6 = 1";
            }
        }
        return "that is not an address of this host (see: ip address)";
    }

    private static String noIpv6() {
        return "there is no IPv6 here: not in this kernel, or not in this network namespace";
    }

    /** "pid 4242 (nginx)", as far as it may be known. */
    private static Optional<String> listener(int port) {
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            Optional<String> inode = listenerInode(Path.of(table), port);
            if (inode.isPresent()) {
                return Optional
                        .of(owner("socket:[" + inode.get() + "]").orElse("a process of another user or container"));
            }
        }
        return Optional.empty();
    }

    /** The kernel lists those that listen first, so this reads as many lines as there are listeners, and one more. */
    private static Optional<String> listenerInode(Path table, int port) {
        String local = ":" + String.format(Locale.ROOT, "%04X", port);
        try (Stream<String> lines = Files.lines(table)) {
            return lines.skip(1).map(l -> l.strip().split("\\s+"))
                    .takeWhile(f -> f.length > 9 && f[3].equals(TCP_LISTEN))
                    .filter(f -> f[1].endsWith(local)).map(f -> f[9]).findFirst();
        } catch (IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> owner(String socket) {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (holds(process.resolve("fd"), socket)) {
                    return Optional.of("pid " + process.getFileName() + " ("
                            + Files.readString(process.resolve("comm")).strip() + ")");
                }
            }
        } catch (IOException e) {
            // It has gone meanwhile.
        }
        return Optional.empty();
    }

    private static boolean holds(Path fds, String socket) {
        try (DirectoryStream<Path> open = Files.newDirectoryStream(fds)) {
            for (Path fd : open) {
                if (Files.readSymbolicLink(fd).toString().equals(socket)) {
                    return true;
                }
            }
        } catch (IOException | RuntimeException e) {
            // Not ours to see, or gone.
        }
        return false;
    }

    /** The value, or -1 if it cannot be read. */
    private static long sysctl(String name) {
        try {
            return new ProcFs().sysctl(name).asLong();
        } catch (IOException e) {
            return -1;
        }
    }
}
