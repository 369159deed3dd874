package dev.headroom.diag;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import dev.headroom.linux.Errno;

/** Lines as the programs write them, and what they say. */
class MessagesTest {
    /** The line, and "ERRNO call" with whatever else it says as name=value. */
    private static final String[][] LINES = {
            // names and numbers
            {"EMFILE", "EMFILE -"},
            {"emfile", "EMFILE -"},
            {"  eaddrnotavail ", "EADDRNOTAVAIL -"},
            {"24", "EMFILE -"},
            {"-99", "EADDRNOTAVAIL -"},
            {"errno 11", "EAGAIN -"},
            {"EWOULDBLOCK", "EAGAIN -"},
            {"Too many open files", "EMFILE -"},
            {"Too many open files in system", "ENFILE -"},
            {"clients time out", "ETIMEDOUT connect"},
            // the JVM
            {"java.net.SocketException: Too many open files (Accept failed)", "EMFILE accept4"},
            {"java.io.IOException: Too many open files\n\tat java.base/sun.nio.ch.Net.accept(Native Method)\n"
                    + "\tat java.base/sun.nio.ch.ServerSocketChannelImpl.implAccept(ServerSocketChannelImpl.java:433)",
                    "EMFILE accept4"},
            {"java.io.FileNotFoundException: /var/log/app.log (Too many open files)", "EMFILE open"},
            {"java.io.FileNotFoundException: /var/log/app.log (Too many open files in system)", "ENFILE open"},
            {"java.lang.UnsatisfiedLinkError: /usr/lib/jvm/java-17/lib/libextnet.so: /usr/lib/jvm/java-17/lib/"
                    + "libextnet.so: cannot open shared object file: Too many open files", "EMFILE open"},
            {"java.net.BindException: Cannot assign requested address", "EADDRNOTAVAIL -"},
            {"java.net.BindException: Cannot assign requested address (Bind failed)", "EADDRNOTAVAIL bind"},
            {"java.net.ConnectException: Cannot assign requested address (connect failed)", "EADDRNOTAVAIL connect"},
            {"java.net.BindException: Cannot assign requested address\n"
                    + "\tat java.base/sun.nio.ch.Net.connect0(Native Method)", "EADDRNOTAVAIL connect"},
            {"java.net.BindException: Address already in use", "EADDRINUSE bind"},
            {"java.net.NoRouteToHostException: No route to host", "EHOSTUNREACH connect"},
            {"java.net.ConnectException: Connection refused", "ECONNREFUSED connect"},
            {"java.net.ConnectException: Connection timed out", "ETIMEDOUT connect"},
            {"java.net.SocketTimeoutException: Connect timed out", "ETIMEDOUT connect"},
            {"java.net.SocketException: Network is unreachable", "ENETUNREACH -"},
            {"java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource "
                    + "limits reached", "EAGAIN pthread_create"},
            {"[0.512s][warning][os,thread] Failed to start thread \"Unknown thread\" with pthread_create (EAGAIN) for "
                    + "attributes: stacksize: 1024k, guardsize: 0k, detached.", "EAGAIN pthread_create"},
            {"OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory(0x00007f1c5b3c4000, 16384, 0) failed; "
                    + "error='Not enough space' (errno=12)", "ENOMEM mmap requested=16384"},
            {"# Native memory allocation (mmap) failed to map 65536 bytes. Error detail: committing reserved memory.",
                    "ENOMEM mmap requested=65536"},
            {"io.netty.channel.unix.Errors$NativeIoException: accept(..) failed: Too many open files",
                    "EMFILE accept4"},
            {"io.netty.channel.unix.Errors$NativeIoException: accept(..) failed with error(-24): Too many open files",
                    "EMFILE accept4"},
            {"io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: localhost/127.0.0.1:8080",
                    "ECONNREFUSED connect peer=127.0.0.1:8080"},
            {"io.netty.channel.AbstractChannel$AnnotatedSocketException: Cannot assign requested address: "
                    + "/10.1.2.3:443", "EADDRNOTAVAIL - peer=10.1.2.3:443"},
            {"org.apache.http.conn.HttpHostConnectException: Connect to db:5432 [db/10.0.0.9] failed: Connection "
                    + "refused (Connection refused)", "ECONNREFUSED connect peer=10.0.0.9:5432"},
            {"Web server failed to start. Port 8080 was already in use.", "EADDRINUSE bind local=0.0.0.0:8080"},
            // C programs, shells, util-linux
            {"accept: Too many open files", "EMFILE accept4"},
            {"socket: Too many open files in system", "ENFILE socket"},
            {"pthread_create: Resource temporarily unavailable", "EAGAIN pthread_create"},
            {"bash: ulimit: open files: cannot modify limit: Operation not permitted",
                    "EPERM setrlimit asked.resource=nofile"},
            {"bash: line 1: ulimit: max user processes: cannot modify limit: Invalid argument",
                    "EINVAL setrlimit asked.resource=nproc"},
            {"sh: 1: ulimit: error setting limit (Operation not permitted)", "EPERM setrlimit"},
            {"$ ulimit -Hn 2000000\nbash: ulimit: open files: cannot modify limit: Operation not permitted",
                    "EPERM setrlimit requested=2000000 asked.resource=nofile"},
            {"bash: fork: retry: Resource temporarily unavailable", "EAGAIN clone"},
            {"-bash: fork: Cannot allocate memory", "ENOMEM clone"},
            {"sh: 0: Cannot fork", "EAGAIN clone"},
            {"prlimit: failed to set the NOFILE resource limit: Operation not permitted",
                    "EPERM setrlimit asked.resource=nofile"},
            {"tail: inotify cannot be used, reverting to polling: Too many open files", "EMFILE inotify_init1"},
            {"Failed to allocate directory watch: Too many open files", "EMFILE inotify_init1"},
            {"ssh: connect to host 10.0.0.1 port 22: Connection timed out", "ETIMEDOUT connect peer=10.0.0.1:22"},
            {"curl: (7) Failed to connect to 10.0.0.1 port 80 after 131072 ms: Connection timed out",
                    "ETIMEDOUT connect peer=10.0.0.1:80 seconds=131.072"},
            {"psql: error: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused",
                    "ECONNREFUSED connect peer=127.0.0.1:5432"},
            {"redis-server[812]: Accepting client connection: accept: Too many open files", "EMFILE accept4 pid=812"},
            // strace, and ourselves
            {"accept4(9, NULL, NULL, SOCK_CLOEXEC) = -1 EMFILE (Too many open files)", "EMFILE accept4 fd=9"},
            {"connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.1\")}, 16) = -1 "
                    + "EADDRNOTAVAIL (Cannot assign requested address)", "EADDRNOTAVAIL connect peer=10.0.0.1:80 fd=3"},
            {"prlimit64(0, RLIMIT_NOFILE, {rlim_cur=2000*1024, rlim_max=2000*1024}, NULL) = -1 EPERM (Operation not "
                    + "permitted)", "EPERM setrlimit requested=2048000 asked.resource=nofile asked.soft=2048000"},
            {"prlimit64(1, RLIMIT_NPROC, {rlim_cur=5, rlim_max=RLIM64_INFINITY}, NULL) = -1 EPERM (Operation not "
                    + "permitted)",
                    "EPERM setrlimit requested=9223372036854775807 asked.pid=1 asked.resource=nproc "
                            + "asked.soft=5"},
            {"clone3({flags=CLONE_VM|CLONE_FS, stack=0x7f0000000000}, 88) = -1 EAGAIN (Resource temporarily "
                    + "unavailable)", "EAGAIN clone"},
            {"mmap(NULL, 1099511627776, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot "
                    + "allocate memory)", "ENOMEM mmap requested=1099511627776 asked.flags=MAP_PRIVATE|MAP_ANONYMOUS"},
            {"bind(3, 127.0.0.1:80) failed: EACCES (13, Permission denied)", "EACCES bind local=127.0.0.1:80 fd=3"},
            {"accept4(9<127.0.0.1:9999>) failed: EMFILE", "EMFILE accept4 local=127.0.0.1:9999 fd=9"},
            {"connect(9, [::1]:9999) failed: ECONNREFUSED (111, Connection refused)",
                    "ECONNREFUSED connect peer=[::1]:9999 fd=9"},
            {"write(7, \"x\"..., 4096) = -1 EAGAIN (Resource temporarily unavailable)", "EAGAIN write fd=7"},
            {"sendto(12<socket:[4711]>, \"x\", 1, MSG_NOSIGNAL, NULL, 0) = -1 EPIPE (Broken pipe)",
                    "EPIPE sendto fd=12"},
            // Go
            {"http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s",
                    "EMFILE accept4 local=[::]:8080"},
            {"dial tcp 10.0.0.5:443: connect: cannot assign requested address",
                    "EADDRNOTAVAIL connect peer=10.0.0.5:443"},
            {"dial tcp 10.0.0.5:443: connect: connection timed out", "ETIMEDOUT connect peer=10.0.0.5:443"},
            {"dial tcp 10.0.0.5:443: i/o timeout", "ETIMEDOUT connect peer=10.0.0.5:443"},
            {"dial tcp 10.0.0.5:443: socket: too many open files", "EMFILE socket peer=10.0.0.5:443"},
            {"listen tcp :8080: bind: address already in use", "EADDRINUSE bind local=0.0.0.0:8080"},
            {"listen tcp 0.0.0.0:80: bind: permission denied", "EACCES bind local=0.0.0.0:80"},
            {"read tcp 10.0.0.1:443->10.0.0.2:33440: read: connection reset by peer",
                    "ECONNRESET read local=10.0.0.1:443 peer=10.0.0.2:33440"},
            {"write udp 10.0.0.1:5000->8.8.8.8:53: write: operation not permitted",
                    "EPERM write local=10.0.0.1:5000 peer=8.8.8.8:53"},
            {"open /etc/resolv.conf: too many open files", "EMFILE open"},
            {"fork/exec /bin/ls: resource temporarily unavailable", "EAGAIN clone"},
            {"runtime: failed to create new OS thread (have 9 already; errno=11)", "EAGAIN pthread_create"},
            {"failed to create fsnotify watcher: too many open files", "EMFILE inotify_init1"},
            {"Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
                    "EADDRINUSE bind local=0.0.0.0:80"},
            // Rust, Python, Node
            {"Os { code: 24, kind: Uncategorized, message: \"Too many open files\" }", "EMFILE -"},
            {"thread 'main' panicked at src/main.rs:5: Address already in use (os error 98)", "EADDRINUSE -"},
            {"OSError: [Errno 24] Too many open files", "EMFILE -"},
            {"OSError: [Errno 99] Cannot assign requested address", "EADDRNOTAVAIL -"},
            {"[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
                    "EADDRINUSE bind local=0.0.0.0:8000"},
            {"RuntimeError: can't start new thread", "EAGAIN pthread_create"},
            {"ValueError: not allowed to raise maximum limit", "EPERM setrlimit"},
            {"ValueError: current limit exceeds maximum limit", "EINVAL setrlimit"},
            {"Error: EMFILE: too many open files, open '/srv/app/index.js'", "EMFILE open"},
            {"Error: EMFILE: too many open files, watch", "EMFILE inotify_init1"},
            {"Error: listen EADDRINUSE: address already in use :::3000", "EADDRINUSE bind local=[::]:3000"},
            {"*1 socket() failed (24: Too many open files) while connecting to upstream, client: 10.9.9.9",
                    "EMFILE socket"},
            {"[ALERT] (1) : Starting frontend web: cannot bind socket (Address already in use) [0.0.0.0:80]",
                    "EADDRINUSE bind local=0.0.0.0:80"},
            {"# Warning: Could not create server TCP listening socket *:6379: bind: Address already in use",
                    "EADDRINUSE bind local=0.0.0.0:6379"},
            {"LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use", "EADDRINUSE bind"},
            {"LOG:  could not accept new connection: Too many open files", "EMFILE accept4"},
            {"Error: connect ECONNREFUSED 127.0.0.1:5432", "ECONNREFUSED connect peer=127.0.0.1:5432"},
            {"Error: connect EADDRNOTAVAIL 10.0.0.1:80 - Local (10.0.0.2:0)",
                    "EADDRNOTAVAIL connect local=10.0.0.2:0 peer=10.0.0.1:80"},
            {"Error: ENOSPC: System limit for number of file watchers reached, watch '/srv/app'",
                    "ENOSPC inotify_add_watch"},
            // servers and what starts them
            {"2024/05/01 12:00:00 [crit] 1234#1234: accept4() failed (24: Too many open files)",
                    "EMFILE accept4 pid=1234"},
            {"2024/05/01 12:00:00 [alert] 12#12: setrlimit(RLIMIT_NOFILE, 200000) failed (1: Operation not permitted)",
                    "EPERM setrlimit pid=12 requested=200000 asked.resource=nofile"},
            {"2024/05/01 12:00:00 [crit] 12#12: *5 connect() to 10.0.0.1:8080 failed (99: Cannot assign requested "
                    + "address) while connecting to upstream, client: 10.9.9.9, server: x",
                    "EADDRNOTAVAIL connect peer=10.0.0.1:8080 pid=12"},
            {"2024/05/01 12:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)",
                    "EADDRINUSE bind local=0.0.0.0:80 pid=1"},
            {"2024/05/01 12:00:00 [error] 7#7: *9 upstream timed out (110: Connection timed out) while connecting to "
                    + "upstream, client: 10.1.1.1, server: x, request: \"GET / HTTP/1.1\", upstream: "
                    + "\"http://10.0.0.1:81/\"", "ETIMEDOUT connect peer=10.0.0.1:81 pid=7"},
            {"[ALERT]    (1) : [haproxy.main()] Cannot raise FD limit to 200042, limit is 1024.",
                    "EPERM setrlimit requested=200042"},
            {"nginx.service: Failed to adjust resource limit RLIMIT_NOFILE: Operation not permitted",
                    "EPERM setrlimit asked.resource=nofile"},
            {"nginx.service: Main process exited, code=exited, status=205/LIMITS", "EPERM setrlimit"},
            {"runc run failed: unable to start container process: error during container init: error setting rlimit "
                    + "type 7: operation not permitted", "EPERM setrlimit asked.resource=nofile"},
            // the kernel log
            {"[ 1234.567890] VFS: file-max limit 1048576 reached", "ENFILE - cause=file-max"},
            {"TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:8080. Sending cookies.",
                    "- - local=0.0.0.0:8080 cause=syn-cookies"},
            {"TCP: request_sock_TCPv6: Possible SYN flooding on port [::]:80. Dropping request.",
                    "- - local=[::]:80 cause=syn-queue-full-nocookies"},
            {"nf_conntrack: nf_conntrack: table full, dropping packet", "- - cause=conntrack-full"},
            {"nf_conntrack: table full in netns 4026532247, dropping packet", "- - cause=conntrack-full"},
            {"neighbour: arp_cache: neighbor table overflow!", "- - cause=neigh-table-overflow"},
            {"TCP: out of memory -- consider tuning tcp_mem", "- - cause=tcp-mem"},
            {"TCP: too many orphaned sockets", "- - cause=orphan-limit"},
            {"cgroup: fork rejected by pids controller in /system.slice/app.service", "EAGAIN clone cause=pids-cgroup"},
            {"mmap: java (4711): VmData 1204224 exceed data ulimit 1048576. Update limits or use boot option "
                    + "ignore_rlimit_data.", "ENOMEM mmap pid=4711 cause=rlimit-data"},
            {"__vm_enough_memory: pid: 4711, comm: java, bytes: 1099511627776 not enough memory for the allocation",
                    "ENOMEM mmap pid=4711 requested=1099511627776"},
            {"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,"
                    + "task=java,pid=4711,uid=0", "- - pid=4711 cause=cgroup-oom-kill"},
            {"Memory cgroup out of memory: Killed process 4711 (java) total-vm:8388608kB, anon-rss:8192kB",
                    "- - pid=4711 cause=cgroup-oom-kill"},
            {"Process exited with code 137", "- - cause=cgroup-oom-kill|machine-oom-kill"},
            {"Killed", "- - cause=cgroup-oom-kill|machine-oom-kill"},
            {"Out of memory: Killed process 4711 (java) total-vm:8388608kB", "- - pid=4711 cause=machine-oom-kill"},
            {"ip_local_port_range: prefer different parity for start/end values.",
                    "EADDRNOTAVAIL connect cause=odd-range-miss"},
    };

    @TestFactory
    Stream<DynamicTest> shouldRecogniseWhatProgramsWrite() {
        return Stream.of(LINES).map(line -> DynamicTest.dynamicTest(line[0].strip(),
                () -> assertEquals(line[1], said(Messages.recognise(line[0]).orElseThrow()))));
    }

    @TestFactory
    Stream<DynamicTest> shouldRecogniseEveryErrnoByNameNumberAndText() {
        return Stream.of(Errno.values()).map(e -> DynamicTest.dynamicTest(e.name(), () -> {
            for (String text : List.of(e.name(), Integer.toString(e.number()), e.text(), "x: " + e.text())) {
                assertEquals(Optional.of(e), Messages.recognise(text).flatMap(r -> r.question().errno()), text);
            }
        }));
    }

    @Test
    void shouldNotPretendToKnow() {
        for (String text : List.of("", "hello", "it does not work", "EMFILEX", "99999", "segmentation fault",
                "1024 worker_connections are not enough")) {
            assertEquals(Optional.empty(), Messages.recognise(text), text);
        }
    }

    @Test
    void shouldSayWhoseTimerItWas() {
        assertTrue(Messages.recognise("dial tcp 10.0.0.5:443: i/o timeout").orElseThrow().notes().getFirst()
                .contains("the program's own timer"));
    }

    private static String said(Messages.Reading r) {
        Question q = r.question();
        List<String> words = new ArrayList<>();
        words.add(q.errno().map(Errno::name).orElse("-"));
        words.add(q.call().isEmpty() ? "-" : q.call());
        q.local().ifPresent(v -> words.add("local=" + v));
        q.peer().ifPresent(v -> words.add("peer=" + v));
        q.pid().ifPresent(v -> words.add("pid=" + v));
        q.fd().ifPresent(v -> words.add("fd=" + v));
        q.requested().ifPresent(v -> words.add("requested=" + v));
        q.seconds().ifPresent(v -> words.add("seconds=" + v));
        r.asked().forEach(f -> words.add(f.name() + "=" + f.value()));
        if (!r.cause().isEmpty()) {
            words.add("cause=" + r.cause());
        }
        return String.join(" ", words);
    }
}
