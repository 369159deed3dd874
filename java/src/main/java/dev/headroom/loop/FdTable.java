package dev.headroom.loop;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Resource;
import dev.headroom.linux.Rlimit64;
import dev.headroom.linux.Sched;
import dev.headroom.linux.SyscallException;

/**
 * The kernel's descriptor table ({@code struct files_struct}), and beside it what the loops remember of each
 * descriptor: 16 bytes, outside the heap, in memory that the kernel provides when a descriptor of that number is first
 * used.
 *
 * <pre>
 *   0       4       8       12      16
 *   | loop  | input | output|  user |
 *     |        |        |       free for the handler ({@link #user})
 *     |        |        block of output that the socket has not taken
 *     |        block of input that the handler has not taken
 *     generation (16 bits), handler (8), flags (8)
 * </pre>
 *
 * RLIMIT_NOFILE bounds a table, not a process (fs/file.c, alloc_fd): a thread that {@linkplain #privateCopy takes its
 * own copy} of the table has that many numbers for itself, without any privilege. The rules of a private table:
 * <ul>
 * <li>A descriptor belongs to the loop that opened it; the same number means something else in another table.</li>
 * <li>What was open at the split stays open in the copy under the same number, and is never closed there.</li>
 * <li>A loop with a private table opens no Java file and starts no thread or process. A class that it loads for the
 * first time from a jar which another thread opened after the split would be read from whatever that number means here,
 * a client's socket perhaps; therefore {@link #preload} loads beforehand what it may need.</li>
 * <li>What wakes a loop is a descriptor too: a thread with a private table may {@linkplain EventLoop#execute execute}
 * on, and {@linkplain EventLoop#stop stop}, only loops that were opened before its split.</li>
 * <li>{@code /proc/PID/fd} shows the main table; the others are under {@code /proc/PID/task/TID/fd}.</li>
 * </ul>
 * <b>Thread-safe</b> insofar as each descriptor is used by one loop at a time.
 */
public final class FdTable implements AutoCloseable {
    /** Descriptors that a table can describe; 256 MiB of address space, of which only what is used costs memory. */
    public static final int CAPACITY = 1 << 24;

    static final int ENTRY = 16;
    private static final int INPUT = 4;
    private static final int OUTPUT = 8;
    private static final int USER = 12;

    static final int MAX_HANDLERS = 255;

    private static volatile boolean split;

    private final AtomicInteger handlers = new AtomicInteger();
    private final Memory entries;
    private final boolean isPrivate;

    private FdTable(boolean isPrivate) throws SyscallException {
        this.isPrivate = isPrivate;
        this.entries = Memory.map((long) CAPACITY * ENTRY);
    }

    /** The table that the process started with, for loops that share it. */
    public static FdTable shared() throws SyscallException {
        return new FdTable(false);
    }

    /**
     * A table for one loop, which splits from the main one when that loop begins to run. {@link #preload} the toolkit
     * and your own classes before.
     */
    public static FdTable privateCopy() throws SyscallException {
        return new FdTable(true);
    }

    /**
     * Loads and initialises every class of the jar or folder that {@code member} comes from. Whoever means to go on at
     * a limit needs it, private table or not: when the last descriptor is in use, the first class that has not been
     * loaded can no longer be read.
     *
     * @throws IOException if it cannot be read
     */
    public static void preload(Class<?> member) throws IOException {
        CodeSource source = member.getProtectionDomain().getCodeSource();
        if (source == null) {
            return;
        }
        Path location = Path.of(URI.create(source.getLocation().toString()));
        for (String file : Files.isDirectory(location) ? filesOfFolder(location) : filesOfJar(location)) {
            if (!file.endsWith(".class") || file.endsWith("-info.class") || file.startsWith("META-INF")) {
                continue;
            }
            try {
                String name = file.substring(0, file.length() - ".class".length()).replace('/', '.');
                Class.forName(name, true, member.getClassLoader());
            } catch (ClassNotFoundException | LinkageError e) {
                // A class whose optional dependency is absent, or whose start-up fails, cannot be needed either.
                continue;
            }
        }
    }

    private static List<String> filesOfFolder(Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            return files.map(f -> root.relativize(f).toString()).toList();
        }
    }

    private static List<String> filesOfJar(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream().map(JarEntry::getName).toList();
        }
    }

    public boolean isPrivate() {
        return isPrivate;
    }

    /** Called by the loop on its own thread before the first turn. */
    void enter(CallState state) throws SyscallException {
        if (isPrivate) {
            split = true;
            Errno.check(Sched.unshare(state, Sched.CLONE_FILES), "unshare", "CLONE_FILES");
        }
    }

    /** Whether some thread of this process has taken a copy of the table that the others share. */
    static boolean hasSplit() {
        return split;
    }

    /** RLIMIT_NOFILE of this process: the soft limit, one more than the largest number that can be opened. */
    public static long nofile() throws SyscallException {
        return nofileLimit(Rlimit64.rlim_cur);
    }

    /** RLIMIT_NOFILE of this process: the hard limit, up to which it may raise the soft one. */
    public static long nofileHard() throws SyscallException {
        return nofileLimit(Rlimit64.rlim_max);
    }

    private static long nofileLimit(int field) throws SyscallException {
        try (Memory limit = Memory.map(Rlimit64.SIZEOF)) {
            Errno.check(Resource.prlimit64(new CallState(), 0, Resource.RLIMIT_NOFILE, 0, limit.address()), "prlimit64",
                    0, "RLIMIT_NOFILE", "NULL");
            return limit.getLong(field);
        }
    }

    /**
     * Sets the soft limit of RLIMIT_NOFILE, and raises the hard one with it if need be.
     *
     * @throws SyscallException EPERM above fs.nr_open, or above the hard limit without CAP_SYS_RESOURCE
     */
    public static void setNofile(long soft) throws SyscallException {
        long hard = nofileHard();
        try (Memory limit = Memory.map(Rlimit64.SIZEOF)) {
            limit.putLong(Rlimit64.rlim_cur, soft);
            limit.putLong(Rlimit64.rlim_max, Long.compareUnsigned(soft, hard) > 0 ? soft : hard);
            Errno.check(Resource.prlimit64(new CallState(), 0, Resource.RLIMIT_NOFILE, limit.address(), 0), "prlimit64",
                    0, "RLIMIT_NOFILE", "{rlim_cur=" + Long.toUnsignedString(soft) + ", rlim_max="
                            + Long.toUnsignedString(limit.getLong(Rlimit64.rlim_max)) + "}");
        }
    }

    int newHandlerIndex() {
        int index = handlers.incrementAndGet();
        if (index > MAX_HANDLERS) {
            throw new IllegalStateException("a descriptor table knows at most " + MAX_HANDLERS
                    + " handlers: make one for a kind of descriptor, not for each descriptor");
        }
        return index;
    }

    int state(int fd) {
        return entries.getInt((long) fd * ENTRY);
    }

    void setState(int fd, int state) {
        entries.putInt((long) fd * ENTRY, state);
    }

    int input(int fd) {
        return entries.getInt((long) fd * ENTRY + INPUT);
    }

    void setInput(int fd, int block) {
        entries.putInt((long) fd * ENTRY + INPUT, block);
    }

    int output(int fd) {
        return entries.getInt((long) fd * ENTRY + OUTPUT);
    }

    void setOutput(int fd, int block) {
        entries.putInt((long) fd * ENTRY + OUTPUT, block);
    }

    /** 32 bits that belong to the handler of the descriptor; 0 when it is new. */
    public int user(int fd) {
        return entries.getInt((long) fd * ENTRY + USER);
    }

    public void setUser(int fd, int value) {
        entries.putInt((long) fd * ENTRY + USER, value);
    }

    /** Room for {@code bytes} more a descriptor, indexed by descriptor, for handlers that 32 bits do not suffice. */
    public static Memory newArray(int bytes) throws SyscallException {
        return Memory.map((long) CAPACITY * bytes);
    }

    /** Gives back the memory of a table that describes nothing at the moment. */
    void discard(CallState state) {
        entries.discard(state);
    }

    @Override
    public void close() {
        entries.close();
    }
}
