package dev.headroom.diag;

import static dev.headroom.linux.Errno.EADDRINUSE;
import static dev.headroom.linux.Errno.EADDRNOTAVAIL;
import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ECONNRESET;
import static dev.headroom.linux.Errno.EHOSTUNREACH;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.EMFILE;
import static dev.headroom.linux.Errno.ENFILE;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.ENOSPC;
import static dev.headroom.linux.Errno.EPERM;
import static dev.headroom.linux.Errno.ETIMEDOUT;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import dev.headroom.linux.Errno;
import dev.headroom.proc.Limits;

/**
 * Recognises what people paste: an errno by name or number, or a line as the JVM, glibc, a shell, Go, Rust, Python,
 * Node, nginx, systemd, runc or the kernel log words it.
 *
 * <p>It is a table. Every row that is found in the text tells what it can; where two tell the same thing, the upper row
 * holds. A row tells by what it stands for (errno, call, cause) and by its named groups: {@code errno} (a name),
 * {@code number}, {@code text} (of strerror), {@code call}, {@code local}, {@code peer}, {@code address} (whichever of
 * the two the call has), {@code port}, {@code host}, {@code pid}, {@code resource}, {@code requested}, {@code soft},
 * {@code other} (the process that prlimit was to change), {@code fd}, {@code flags}, {@code seconds}, {@code millis}.
 */
public final class Messages {
    /** What to say when nothing was recognised. */
    public static final String ACCEPTED = """
            give the name of an errno (EMFILE), its number (24), or a line of a log:
              headroom explain EMFILE --call accept4 --pid 4711
              headroom explain 'accept4: too many open files' --pid 4711
              headroom explain 'connect() to 10.0.0.1:80 failed (99: Cannot assign
                requested address)'
            It knows the wording of the JVM, glibc, bash, dash, util-linux, Go, Rust, Python,
            Node, nginx, haproxy, PostgreSQL, redis, systemd, runc, strace, curl and the kernel log.""";

    /**
     * What a text says.
     *
     * @param question the failure
     * @param cause id of the cause that the text names itself, as the kernel log does; empty if it names none
     * @param notes what the reader should know about the wording
     * @param asked more that the text says of the call, as facts: "asked.resource" and the like
     */
    public record Reading(Question question, String cause, List<String> notes, List<Fact> asked) {
        public Reading {
            notes = List.copyOf(notes);
            asked = List.copyOf(asked);
        }
    }

    private record Row(Pattern pattern, Optional<Errno> errno, String call, String cause, String note) {
    }

    private static final String IP = "(?:\\d{1,3}(?:\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+(?:%\\w+)?\\])";
    /** With a port; ":8080", "*:8080" and ":::8080" mean all addresses. */
    private static final String ADDRESS = "(?:" + IP + "|\\*|::|localhost)?:\\d{1,5}";
    private static final String CALL = "accept4?|connect|bind|listen|socket(?:pair)?|open(?:at2?)?|creat|pipe2?|dup[23]?"
            + "|fcntl|epoll_create1?|epoll_ctl|epoll_p?wait2?|eventfd2?|timerfd_create|signalfd4?|memfd_create"
            + "|pidfd_open|userfaultfd|inotify_init1?|inotify_add_watch|fanotify_init|fanotify_mark|setrlimit|prlimit(?:64)?"
            + "|ulimit|fork|vfork|clone3?|pthread_create|posix_spawn|execve|unshare|setns|mmap|munmap|mprotect|mremap"
            + "|brk|sbrk|mlock(?:all|2)?|shmget|semget|msgget|mq_open|io_setup|io_uring_setup|io_uring_register"
            + "|perf_event_open|bpf|timer_create|sigqueue|send(?:to|m?msg)?|recv(?:from|m?msg)?|writev?|readv?"
            + "|setsockopt|keyctl|add_key|mount";
    private static final String JAVA_TIMER = "this is the program's own timer, not the kernel's: the kernel would have "
            + "gone on trying";
    /** How bash calls the resources of ulimit. */
    private static final Map<String, String> BASH = Map.ofEntries(Map.entry("open files", "nofile"),
            Map.entry("max user processes", "nproc"), Map.entry("max locked memory", "memlock"),
            Map.entry("virtual memory", "as"), Map.entry("data seg size", "data"), Map.entry("stack size", "stack"),
            Map.entry("core file size", "core"), Map.entry("file size", "fsize"), Map.entry("cpu time", "cpu"),
            Map.entry("pending signals", "sigpending"), Map.entry("POSIX message queues", "msgqueue"),
            Map.entry("scheduling priority", "nice"), Map.entry("real-time priority", "rtprio"),
            Map.entry("file locks", "locks"), Map.entry("max memory size", "rss"));
    private static final List<Row> ROWS = rows();

    private Messages() {
    }

    private static List<Row> rows() {
        List<Row> r = new ArrayList<>();
        // The JVM and what runs on it.
        row(r, "unable to create (?:new )?native thread|Failed to start (?:the )?(?:native )?thread .*pthread_create"
                + "|pthread_create failed \\(EAGAIN\\)", EAGAIN, "pthread_create");
        row(r, "os::commit_memory\\(0x[0-9a-f]+, (?<requested>\\d+), .*errno=12", ENOMEM, "mmap");
        row(r, "Native memory allocation \\((?:mmap|malloc)\\) failed to (?:map|allocate) (?<requested>\\d+) bytes",
                ENOMEM, "mmap");
        row(r, "FileNotFoundException: .*\\(Too many open files\\)", EMFILE, "open");
        row(r, "FileNotFoundException: .*\\(Too many open files in system\\)", ENFILE, "open");
        row(r, "cannot open shared object file: Too many open files", EMFILE, "open");
        row(r, "\\(Accept failed\\)|AcceptPendingException", null, "accept4");
        row(r, "\\(Bind failed\\)", null, "bind");
        row(r, "\\((?i:connect failed)\\)", null, "connect");
        row(r, "SocketTimeoutException: (?:[Cc]onnect(?:ion)? timed out)", ETIMEDOUT, "connect", "", JAVA_TIMER);
        row(r, "HttpConnectTimeoutException|ConnectTimeoutException", ETIMEDOUT, "connect", "", JAVA_TIMER);
        row(r, "ConnectException|NoRouteToHostException", null, "connect");
        row(r, "BindException: Address already in use", EADDRINUSE, "bind");
        row(r, "BindException: Permission denied .*connect", Errno.EACCES, "connect");
        row(r, "(?:accept|connect)\\(\\.\\.\\) failed(?: with error\\(-(?<number>\\d+)\\))?: (?<text>[A-Za-z ]+)(?:: /?"
                + "(?<peer>" + ADDRESS + "))?", null, "");
        row(r, "\\bat (?:[\\w.]+(?:@[\\w.+-]+)?/)?(?:sun\\.nio|java)\\.[\\w.$]*\\.(?<call>accept|connect|bind|listen)0?\\(",
                null, "");
        row(r, "finishConnect|pollConnect", null, "connect");
        row(r, "[Pp]ort (?<port>\\d{1,5}) (?:was|is) already in use", EADDRINUSE, "bind");
        row(r, "Connect to [\\w.-]+:(?<port>\\d+) \\[[^/\\]]*/(?<peer>" + IP + ")[^\\]]*\\] failed", null, "connect");
        // Shells, util-linux, and programs that raise their limits.
        row(r, "ulimit: (?<resource>[a-z ]+): cannot modify(?: hard| soft)? limit", null, "setrlimit");
        row(r, "ulimit: .*cannot modify(?: hard| soft)? limit|ulimit: error setting limit", null, "setrlimit");
        row(r, "failed to set the (?<resource>[A-Z]+) resource limit", null, "setrlimit");
        row(r, "setrlimit\\(RLIMIT_(?<resource>\\w+), (?<requested>\\d+)(?::\\d+)?\\)", null, "setrlimit");
        row(r, "prlimit64\\((?<other>\\d+), RLIMIT_(?<resource>\\w+), \\{rlim_cur=(?<soft>[^,]+), "
                + "rlim_max=(?<requested>[^}]+)\\}", null, "setrlimit");
        row(r, "setrlimit\\(RLIMIT_(?<resource>\\w+), \\{rlim_cur=(?<soft>[^,]+), rlim_max=(?<requested>[^}]+)\\}",
                null, "setrlimit");
        row(r, "ulimit +-S\\w* +(?<soft>\\d+|unlimited)", null, "setrlimit");
        row(r, "ulimit +-[a-zA-RT-Z]+ +(?<requested>\\d+|unlimited)", null, "setrlimit");
        row(r, "--nofile=(?:\\d*:)?(?<requested>\\d+)", null, "setrlimit");
        row(r, "Failed to adjust resource limit RLIMIT_(?<resource>[A-Z]+)", EPERM, "setrlimit");
        row(r, "error setting rlimit type (?<resource>\\d+)", EPERM, "setrlimit");
        row(r, "Failed to adjust resource limit RLIMIT_\\w+|Failed at step LIMITS|status=205/LIMITS", EPERM,
                "setrlimit");
        row(r, "error setting rlimits?(?: type \\d+| for ready process)", EPERM, "setrlimit");
        row(r, "Cannot raise FD limit to (?<requested>\\d+)", EPERM, "setrlimit");
        row(r, "not allowed to raise maximum limit", EPERM, "setrlimit");
        row(r, "current limit exceeds maximum limit", EINVAL, "setrlimit");
        row(r, "\\bfork: retry\\b|\\bCannot fork\\b", EAGAIN, "fork");
        row(r, "(?m)^open /[^:]+:|(?:[Cc]annot|[Cc]an't|[Cc]ould not|[Ff]ailed to) open\\b", null, "open");
        row(r, "\\bfork/exec\\b", null, "clone");
        row(r, "can't start new thread|failed to create new OS thread", EAGAIN, "pthread_create");
        // Watches of files.
        row(r, "inotify instances (?:reached|has been reached)|on the number of inotify instances", EMFILE,
                "inotify_init1");
        row(r, "(?:inotify cannot be used|inotify resources exhausted|fsnotify watcher|allocate directory watch|"
                + "inotify_init\\d?\\(?\\)?|EMFILE: too many open files, watch)", EMFILE, "inotify_init1");
        row(r, "number of file watchers reached|inotify watch(?:es)? limit|upper limit on inotify watches", ENOSPC,
                "inotify_add_watch");
        row(r, "inotify_add_watch.*(?i:no space left on device)", ENOSPC, "inotify_add_watch");
        // The kernel log.
        row(r, "VFS: file-max limit \\d+ reached", ENFILE, "", "file-max", "");
        row(r, "socket: no more sockets", ENFILE, "socket", "alloc-inode", "");
        row(r, "Possible SYN flooding on port (?:(?<local>" + ADDRESS + ")|(?<port>\\d+))\\. +Sending cookies", null,
                "",
                "syn-cookies", "");
        row(r, "Possible SYN flooding on port (?:(?<local>" + ADDRESS + ")|(?<port>\\d+))\\. +Dropping request", null,
                "", "syn-queue-full-nocookies", "");
        row(r, "nf_conntrack: table full", null, "", "conntrack-full", "");
        row(r, "neighbou?r table overflow", null, "", "neigh-table-overflow", "");
        row(r, "TCP: out of memory", null, "", "tcp-mem", "");
        row(r, "too many orphaned sockets", null, "", "orphan-limit", "");
        row(r, "time wait bucket table overflow", null, "", "time-wait-overflow", "");
        row(r, "fork rejected by pids controller", EAGAIN, "fork", "pids-cgroup", "");
        row(r, "VmData \\d+ exceed data ulimit", ENOMEM, "mmap", "rlimit-data", "");
        row(r, "mmap\\((?:NULL|0x[0-9a-f]+), (?<requested>\\d+), [^,]+, (?<flags>MAP_[A-Z_|0-9<>]+)", null, "mmap");
        row(r, "mmap: \\S+ \\((?<pid>\\d+)\\)", null, "mmap");
        row(r, "__vm_enough_memory: pid:? ?(?<pid>\\d+),.* bytes: (?<requested>\\d+)", ENOMEM, "mmap");
        row(r, "oom-kill:constraint=CONSTRAINT_MEMCG", null, "", "cgroup-oom-kill", "");
        row(r, "oom-kill:constraint=", null, "", "machine-oom-kill", "");
        row(r, "oom-kill:constraint=.*pid=(?<pid>\\d+)", null, "");
        row(r, "Memory cgroup out of memory: Killed process (?<pid>\\d+)", null, "", "cgroup-oom-kill", "");
        row(r, "Out of memory(?: \\(oom_kill_allocating_task\\))?: Killed process (?<pid>\\d+)", null, "",
                "machine-oom-kill", "");
        row(r, "OOMKilled|\\b(?i:exit(?:ed)?(?: with)?(?: code| status)?):?[ =(]*137\\b|(?m)^Killed$|signal: killed",
                null,
                "", "cgroup-oom-kill|machine-oom-kill", "");
        row(r, "ip_local_port_range: prefer different parity", EADDRNOTAVAIL, "connect", "odd-range-miss", "");
        // Programs whose words tell the call only with what stands around them.
        row(r, "\\bsocket\\(\\) failed \\(", null, "socket");
        row(r, "\\blisten EADDRINUSE: address already in use (?<local>" + ADDRESS + ")", EADDRINUSE, "bind");
        row(r, "cannot bind (?:UNIX )?socket \\([^)]*\\)(?: for)? \\[(?<local>" + ADDRESS + ")\\]", null, "bind");
        row(r, "listening socket (?<local>" + ADDRESS + "): bind:", null, "bind");
        row(r, "could not bind IPv[46] address \"(?<host>[0-9a-f.:]+)\"", null, "bind");
        row(r, "could not (?:bind|create \\S* ?(?:listen )?socket)", null, "bind");
        row(r, "could not accept (?:new )?connection|[Aa]ccepting client connection", null, "accept4");
        // Programs that name both ends.
        row(r, "(?<local>" + ADDRESS + ")->(?<peer>" + ADDRESS + ")", null, "");
        row(r, "(?<peer>" + ADDRESS + ") - Local \\((?<local>" + ADDRESS + ")\\)", null, "connect");
        row(r, "\\blisten tcp[46]? (?<local>" + ADDRESS + ")", null, "bind");
        row(r, "\\baccept tcp[46]? (?<local>" + ADDRESS + ")", null, "accept4");
        row(r, "\\bdial (?:tcp|udp)[46]? (?<peer>" + ADDRESS + "): i/o timeout", ETIMEDOUT, "connect", "", JAVA_TIMER);
        row(r, "\\bdial tcp[46]? (?<peer>" + ADDRESS + ")(?!.*: socket:)", null, "");
        row(r, "\\bbind\\(\\) to (?<local>" + ADDRESS + ") failed", null, "bind");
        row(r, "\\bbind on address \\('(?<host>[0-9a-fA-F:.]+)', (?<port>\\d+)", null, "bind");
        row(r, "while connecting to upstream.*upstream: \"\\w+://(?<peer>" + ADDRESS + ")", null, "connect");
        row(r, "while connecting to upstream", null, "connect");
        row(r, "Failed to connect to (?<host>[\\w.:-]+) port (?<port>\\d+)", null, "connect");
        row(r, "connect to host (?<host>[\\w.:-]+) port (?<port>\\d+)", null, "connect");
        row(r, "connection to server at \"(?<host>[\\w.:-]+)\"(?: \\([^)]*\\))?, port (?<port>\\d+)", null, "connect");
        row(r, "sin_port=htons\\((?<port>\\d+)\\), sin_addr=inet_addr\\(\"(?<host>[\\d.]+)\"\\)", null, "");
        row(r, "sin6_port=htons\\((?<port>\\d+)\\).*inet_pton\\(AF_INET6, \"(?<host>[0-9a-f:.]+)\"", null, "");
        row(r, "\\bclients? (?:see |get )?tim(?:e|ing) ?outs?\\b", ETIMEDOUT, "connect");
        row(r, "peer reset|[Cc]onnection reset\\b|RST received", ECONNRESET, "");
        row(r, "No file descriptors available", EMFILE, "");
        row(r, "Address not available", EADDRNOTAVAIL, "");
        row(r, "Address in use\\b", EADDRINUSE, "");
        row(r, "Operation timed out|[Cc]onnection timeout", ETIMEDOUT, "");
        row(r, "Host is unreachable", EHOSTUNREACH, "");
        // Any program: who, which call, which errno, with whom, how long.
        row(r, "\\b(?<call>accept4?|bind|connect|listen|send(?:to|m?msg)?|recv(?:from|m?msg)?|writev?|readv?)"
                + "\\((?<fd>\\d{1,9})(?:<[^>]*>)?[,)]", null, "");
        row(r, "\\b(?<call>" + CALL + ") (?<errno>E[A-Z0-9]{3,15})\\b", null, "");
        row(r, "\\b(?<call>" + CALL + ")(?:\\(|:| failed\\b| error\\b)", null, "");
        row(r, "\\b(?:E[A-Z0-9]{3,15}): [a-z ]+, (?<call>" + CALL + ")\\b", null, "");
        row(r, "(?i)^\\s*(?<errno>E[A-Z0-9]{2,15})\\s*$", null, "");
        row(r, "^\\s*(?:errno\\s*)?-?(?<number>\\d{1,3})\\s*$", null, "");
        row(r, "\\b(?<errno>E[A-Z][A-Z0-9]{1,14})\\b", null, "");
        row(r, "\\[Errno (?<number>\\d+)\\]|os error (?<osnumber>\\d+)|\\berrno[:=]? ?-?(?<enumber>\\d+)"
                + "|\\((?<pnumber>\\d+): [A-Z]|\\bcode: (?<cnumber>\\d+), kind", null, "");
        row(r, "(?i)(?<text>" + Arrays.stream(Errno.values()).map(Errno::text)
                .sorted(Comparator.comparingInt(String::length).reversed()).map(Pattern::quote)
                .collect(Collectors.joining("|")) + ")", null, "");
        row(r, "\\] (?<pid>\\d+)#\\d+:", null, "");
        row(r, "\\w\\[(?<pid>\\d+)\\]:", null, "");
        row(r, "\\bpid[=: ]+(?<pid>\\d+)", null, "");
        row(r, "(?:/|\\b(?:to|on|at|from) |[<(', ])(?<address>" + ADDRESS + ")(?![\\d.:])", null, "");
        row(r, "^\\S+ \\w+ (?<address>" + ADDRESS + ")", null, "");
        row(r, "(?<address>" + IP + ":\\d{1,5})(?![\\d.:])", null, "");
        row(r, "\\bafter (?<millis>\\d+) ?ms\\b", null, "");
        row(r, "\\bafter (?<seconds>\\d+(?:\\.\\d+)?) ?s(?:ec(?:onds?)?)?\\b", null, "");
        return List.copyOf(r);
    }

    private static void row(List<Row> rows, String pattern, Errno errno, String call) {
        row(rows, pattern, errno, call, "", "");
    }

    private static void row(List<Row> rows, String pattern, Errno errno, String call, String cause, String note) {
        rows.add(new Row(Pattern.compile(pattern), Optional.ofNullable(errno), call, cause, note));
    }

    /** What a text says; empty if it names neither an error nor a call nor a cause. */
    public static Optional<Reading> recognise(String text) {
        Found found = new Found();
        for (Row row : ROWS) {
            Matcher m = row.pattern.matcher(text);
            if (m.find()) {
                found.take(row, m);
            }
        }
        if (found.errno == null && found.call.isEmpty() && found.cause.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(found.reading());
    }

    /** What the rows have told so far. */
    private static final class Found {
        private final List<String> notes = new ArrayList<>();
        private Errno errno;
        private String call = "";
        private String cause = "";
        private String local;
        private String peer;
        private String address;
        private Long pid;
        private Long requested;
        private Double seconds;
        private Long fd;
        private final Map<String, String> asked = new TreeMap<>();

        void take(Row row, Matcher m) {
            errno = first(errno, row.errno.orElse(null));
            errno = first(errno, errnoOf(m));
            String named = group(m, "call");
            if (call.isEmpty()) {
                call = named != null ? named.toLowerCase(Locale.ROOT) : row.call;
            }
            cause = cause.isEmpty() ? row.cause : cause;
            if (!row.note.isEmpty()) {
                notes.add(row.note);
            }
            local = first(local, whole(group(m, "local")));
            peer = first(peer, withPort(group(m, "peer"), group(m, "port")));
            String port = group(m, "port");
            if (port != null && local == null && peer == null) {
                String host = group(m, "host");
                address = first(address, whole(host == null ? ":" + port : join(host, port)));
            }
            address = first(address, whole(group(m, "address")));
            pid = first(pid, number(group(m, "pid")));
            fd = first(fd, number(group(m, "fd")));
            requested = first(requested, number(group(m, "requested")));
            ask(Facts.ASKED_RESOURCE, resource(group(m, "resource")));
            ask(Facts.ASKED_SOFT, text(number(group(m, "soft"))));
            ask(Facts.ASKED_FLAGS, group(m, "flags"));
            String other = group(m, "other");
            ask(Facts.ASKED_PID, other == null || other.equals("0") ? null : other);
            String millis = group(m, "millis");
            String s = group(m, "seconds");
            if (seconds == null && (millis != null || s != null)) {
                seconds = millis != null ? Long.parseLong(millis) / 1000.0 : Double.parseDouble(s);
            }
        }

        private void ask(String name, String value) {
            if (value != null) {
                asked.putIfAbsent(name, value);
            }
        }

        private static String text(Long number) {
            return number == null ? null : number == Long.MAX_VALUE ? "unlimited" : Long.toString(number);
        }

        /** "nofile" of NOFILE, of bash's "open files", and of the number 7. */
        private static String resource(String said) {
            if (said == null) {
                return null;
            }
            if (said.matches("\\d{1,2}")) {
                int number = Integer.parseInt(said);
                Limits.Resource[] all = Limits.Resource.values();
                return number < all.length ? all[number].name().substring(7).toLowerCase(Locale.ROOT) : null;
            }
            return BASH.getOrDefault(said, said.toLowerCase(Locale.ROOT));
        }

        Reading reading() {
            if (address != null && local == null && peer == null) {
                boolean own = call.equals("bind") || call.equals("listen") || call.startsWith("accept");
                local = own ? address : null;
                peer = own ? null : address;
            }
            String name = call.isEmpty() ? "" : Calls.same(call);
            return new Reading(new Question(Optional.ofNullable(errno), name,
                    pid == null ? OptionalLong.empty() : OptionalLong.of(pid), Optional.ofNullable(local),
                    Optional.ofNullable(peer), requested == null ? OptionalLong.empty() : OptionalLong.of(requested),
                    Optional.ofNullable(seconds), fd == null ? OptionalLong.empty() : OptionalLong.of(fd)), cause,
                    notes,
                    asked.entrySet().stream().map(e -> new Fact(e.getKey(), e.getValue(), "what you pasted")).toList());
        }

        private static Errno errnoOf(Matcher m) {
            String name = group(m, "errno");
            if (name != null) {
                return Errno.parse(name).orElse(null);
            }
            for (String group : List.of("number", "osnumber", "enumber", "pnumber", "cnumber")) {
                Long number = number(group(m, group));
                if (number != null) {
                    return number > 4095 ? null : Errno.of(number.intValue()).orElse(null);
                }
            }
            String text = group(m, "text");
            if (text != null) {
                for (Errno e : Errno.values()) {
                    if (e.text().equalsIgnoreCase(text.strip())) {
                        return e;
                    }
                }
            }
            return null;
        }

        private static <T> T first(T known, T more) {
            return known != null ? known : more;
        }
    }

    private static String group(Matcher m, String name) {
        return m.namedGroups().containsKey(name) ? m.group(name) : null;
    }

    /** Digits, or a product as strace writes it: 1024*1024. Too large a number is not one. */
    private static Long number(String digits) {
        if (digits == null) {
            return null;
        }
        if (digits.equals("unlimited") || digits.equals("RLIM64_INFINITY") || digits.equals("RLIM_INFINITY")) {
            return Long.MAX_VALUE;
        }
        try {
            long product = 1;
            for (String factor : digits.split("\\*")) {
                product = Math.multiplyExact(product, Long.parseLong(factor));
            }
            return product;
        } catch (NumberFormatException | ArithmeticException e) {
            return null;
        }
    }

    private static String withPort(String address, String port) {
        return address == null || port == null ? whole(address) : whole(join(address, port));
    }

    private static String join(String host, String port) {
        return (host.indexOf(':') >= 0 && !host.startsWith("[") ? "[" + host + "]" : host) + ":" + port;
    }

    /** ":8080" and "*:8080" are all addresses of IPv4, ":::8080" of IPv6, and localhost is the one everybody means. */
    private static String whole(String address) {
        if (address == null) {
            return null;
        }
        int port = address.lastIndexOf(':');
        String host = address.substring(0, Math.max(0, port));
        return switch (host) {
            case "", "*" -> "0.0.0.0" + address.substring(port);
            case "::" -> "[::]" + address.substring(port);
            case "localhost" -> "127.0.0.1" + address.substring(port);
            default -> address;
        };
    }
}
