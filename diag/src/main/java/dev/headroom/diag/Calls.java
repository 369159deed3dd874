package dev.headroom.diag;

import java.util.HashMap;
import java.util.Map;

/** The spellings of a call: programs, libraries and strace name the same system call differently. */
public final class Calls {
    private static final Map<String, String> SPELLINGS = new HashMap<>();

    static {
        same("accept4", "accept");
        same("setrlimit", "prlimit", "prlimit64", "ulimit", "setrlimit64");
        same("clone", "clone3", "fork", "vfork", "posix_spawn");
        same("execve", "execveat", "exec");
        same("open", "openat", "openat2", "creat", "fopen");
        same("dup2", "dup3");
        same("pipe", "pipe2");
        same("eventfd", "eventfd2");
        same("signalfd", "signalfd4");
        same("epoll_create1", "epoll_create");
        same("epoll_wait", "epoll_pwait", "epoll_pwait2");
        same("inotify_init1", "inotify_init");
        same("sendto", "send");
        same("sendmsg", "sendmmsg");
        same("recvfrom", "recv");
        same("recvmsg", "recvmmsg");
        same("write", "writev", "pwrite64", "pwritev");
        same("read", "readv", "pread64", "preadv");
        same("mmap", "mmap2");
        same("brk", "sbrk");
        same("mlock", "mlock2");
    }

    private Calls() {
    }

    private static void same(String name, String... others) {
        for (String other : others) {
            SPELLINGS.put(other, name);
        }
    }

    /** One spelling for all that mean the same: "accept" and "accept4" give "accept4"; any other name gives itself. */
    public static String same(String call) {
        return SPELLINGS.getOrDefault(call, call);
    }
}
