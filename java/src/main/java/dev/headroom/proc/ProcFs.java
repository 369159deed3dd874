package dev.headroom.proc;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * A mounted {@code /proc}, or a folder that looks like one. Gives what is the machine's or the reader's; what is a
 * process's is in {@link #process(long)}, and what is a network namespace's in {@link ProcPid#net()}. There is no way
 * here to the reader's {@code /proc/net}: ask {@code self().net()}, so that it is said whose it is.
 *
 * <p>Stateless and safe for use by several threads.
 */
public final class ProcFs {
    private final Path proc;
    private final Path root;

    /** The {@code /proc} of this machine. */
    public ProcFs() {
        this(Path.of("/proc"));
    }

    /** Another {@code /proc}; mount points such as {@code /sys/fs/cgroup} are looked for beside it. */
    public ProcFs(Path proc) {
        this(proc, proc.toAbsolutePath().getParent());
    }

    /**
     * @param proc where the proc filesystem is mounted
     * @param root the directory that {@code /} of its {@code mountinfo} stands for
     */
    public ProcFs(Path proc, Path root) {
        this.proc = proc;
        this.root = root;
    }

    /** A process. Nothing is opened yet, so it need not exist. */
    public ProcPid process(long pid) {
        return new ProcPid(this, proc.resolve(Long.toString(pid)));
    }

    /** The process that reads. */
    public ProcPid self() {
        return new ProcPid(this, proc.resolve("self"));
    }

    /** The thread that reads; it alone may have entered another namespace. */
    ProcPid thread() {
        return new ProcPid(this, proc.resolve("thread-self"));
    }

    /** The processes of the reader's PID namespace that it may see ({@code hidepid}), ascending. */
    public int[] pids() throws IOException {
        return numbers(proc);
    }

    /**
     * How many descriptors each process has open; empty where it cannot be told. One stat a process since Linux 6.2,
     * for anyone; before, the descriptor directories are read where that is allowed.
     */
    public Map<Integer, OptionalLong> fdCounts() throws IOException {
        var counts = new TreeMap<Integer, OptionalLong>();
        boolean told = false;
        for (int pid : pids()) {
            try {
                OptionalLong count = process(pid).fdCount();
                told |= count.isPresent();
                counts.put(pid, count);
            } catch (NoSuchFileException e) {
                // it has ended meanwhile
            } catch (AccessDeniedException e) {
                counts.put(pid, OptionalLong.empty());
            }
        }
        for (Map.Entry<Integer, OptionalLong> entry : counts.entrySet()) {
            if (entry.getValue().isEmpty()) {
                entry.setValue(told ? OptionalLong.of(0) : counted(entry.getKey()));
            }
        }
        return counts;
    }

    private OptionalLong counted(int pid) throws IOException {
        try {
            return OptionalLong.of(process(pid).fdNumbers().length);
        } catch (NoSuchFileException | AccessDeniedException e) {
            return OptionalLong.empty();
        }
    }

    /** A file below {@code /proc/sys}: {@link Sysctl#scope()} says whose the value is, never a target's. */
    public Sysctl sysctl(String name) throws IOException {
        Path file = proc.resolve("sys").resolve(Sysctl.path(name));
        return new Sysctl(name, file.toString(), chomp(new String(readAtOnce(file), StandardCharsets.UTF_8)));
    }

    /**
     * Most handlers of {@code /proc/sys} answer the first read only ({@code kernel/sysctl.c do_proc_dointvec}, {@code
     * proc_do_large_bitmap}: nothing once the offset is not 0), so what does not fit into that read is lost. A list of
     * reserved ports may be long; Files.readString gets one byte.
     */
    private static byte[] readAtOnce(Path file) throws IOException {
        byte[] bytes = readAtOnce(file, 4096);
        return bytes.length < 4096 ? bytes : readAtOnce(file, 64 * 1024);
    }

    private static byte[] readAtOnce(Path file, int most) throws IOException {
        byte[] bytes = new byte[most];
        int count = 0;
        try (InputStream in = open(file)) {
            for (int n; count < bytes.length && (n = in.read(bytes, count, bytes.length - count)) > 0;) {
                count += n;
            }
        } catch (IOException e) {
            throw named(e, file);
        }
        return Arrays.copyOf(bytes, count);
    }

    /** Files.newInputStream makes a channel, which for a file of one line is most of the work. It says best why not. */
    private static InputStream open(Path file) throws IOException {
        try {
            return new FileInputStream(file.toString());
        } catch (FileNotFoundException e) {
            return Files.newInputStream(file);
        }
    }

    /** {@code fs.file-nr}, of the machine. */
    public FileNr fileNr() throws IOException {
        return read(proc.resolve("sys/fs/file-nr"), FileNr::parse);
    }

    /** {@code kernel.osrelease}, of the machine. */
    public KernelVersion kernelVersion() throws IOException {
        return read(proc.resolve("sys/kernel/osrelease"), (label, text) -> KernelVersion.parse(label, Lines.all(text)));
    }

    /** {@code loadavg}, of the machine. */
    public LoadAvg loadavg() throws IOException {
        return read(proc.resolve("loadavg"), LoadAvg::parse);
    }

    /** {@code meminfo}, of the machine. */
    public MemInfo meminfo() throws IOException {
        return read(proc.resolve("meminfo"), MemInfo::parse);
    }

    /** {@code vmstat}, of the machine; {@code oom_kill} counts processes the kernel killed for want of memory. */
    public Counters vmstat() throws IOException {
        return read(proc.resolve("vmstat"), Counters::parseFlat);
    }

    /** {@code slabinfo}, of the machine; root only. */
    public SlabInfo slabinfo() throws IOException {
        return read(proc.resolve("slabinfo"), SlabInfo::parse);
    }

    /** Where a mount point named in {@code mountinfo} is to be found. */
    Path below(String mountPoint) {
        return root.resolve(mountPoint.substring(mountPoint.startsWith("/") ? 1 : 0));
    }

    @Override
    public String toString() {
        return "ProcFs[" + proc + "]";
    }

    /** What turns a text into a record. */
    interface Parser<T> {
        T parse(String file, Reader text) throws IOException;
    }

    /** Opens one file, parses, closes. Bytes that are not UTF-8 (a command name cut in two) become U+FFFD. */
    static <T> T read(Path file, Parser<T> parser) throws IOException {
        try (Reader text = new InputStreamReader(open(file), StandardCharsets.UTF_8)) {
            return parser.parse(file.toString(), text);
        } catch (IOException e) {
            throw named(e, file);
        }
    }

    /**
     * The same failure as one of the three this package promises. A process that ends while it is read shows as ESRCH,
     * and some files refuse with EPERM instead of EACCES; Java has no exceptions of their own for these.
     */
    static IOException named(IOException e, Path file) {
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        IOException named;
        if ("No such process".equals(reason)) {
            named = new NoSuchFileException(file.toString(), null, reason);
        } else if ("Operation not permitted".equals(reason)
                || !(e instanceof FileSystemException) && "Permission denied".equals(reason)) {
            named = new AccessDeniedException(file.toString(), null, reason);
        } else {
            return e;
        }
        named.initCause(e);
        return named;
    }

    /** The entries of a directory whose names are numbers, ascending. */
    static int[] numbers(Path directory) throws IOException {
        var numbers = new Object() {
            int[] all = new int[64];
            int count;
        };
        eachNumber(directory, (n, entry) -> {
            if (numbers.count == numbers.all.length) {
                numbers.all = Arrays.copyOf(numbers.all, numbers.count * 2);
            }
            numbers.all[numbers.count++] = n;
        });
        int[] sorted = Arrays.copyOf(numbers.all, numbers.count);
        Arrays.sort(sorted);
        return sorted;
    }

    /** Takes an entry of a directory. */
    interface NumberConsumer {
        void accept(int number, Path entry);
    }

    static void eachNumber(Path directory, NumberConsumer consumer) throws IOException {
        try (var entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                int number = number(entry.getFileName().toString());
                if (number >= 0) {
                    consumer.accept(number, entry);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw named(e.getCause(), directory);
        }
    }

    /** −1 for what is no number. */
    private static int number(String name) {
        int number = name.isEmpty() || name.length() >= 10 ? -1 : 0;
        for (int i = 0; i < name.length() && number >= 0; i++) {
            char c = name.charAt(i);
            number = c < '0' || c > '9' ? -1 : number * 10 + c - '0';
        }
        return number;
    }

    static String chomp(String text) {
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** The mounts of the reader's mount namespace. */
    List<Mount> mounts() throws IOException {
        return read(proc.resolve("self/mountinfo"), Mount::parse);
    }
}
