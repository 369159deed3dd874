package dev.headroom.proc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * {@code /proc/PID} of one process, or {@code /proc/PID/task/TID} of one of its threads. All facts are the target's.
 * A process that has ended gives {@link NoSuchFileException}, also when it ends in the middle of a reading.
 *
 * <p>Stateless: a number that was given to another process meanwhile is not noticed; compare {@link Stat#starttime()}.
 */
public final class ProcPid {
    private final ProcFs fs;
    private final Path directory;

    ProcPid(ProcFs fs, Path directory) {
        this.fs = fs;
        this.directory = directory;
    }

    /** The directory this reads. */
    public Path directory() {
        return directory;
    }

    /** One thread: its own descriptor table (threads usually share one), status and command. */
    public ProcPid task(long tid) {
        return new ProcPid(fs, directory.resolve("task").resolve(Long.toString(tid)));
    }

    /** The thread IDs, ascending. */
    public int[] tids() throws IOException {
        return numbers(directory.resolve("task"));
    }

    /** The network namespace of this process. */
    public ProcNet net() {
        return new ProcNet(this);
    }

    /** {@code limits}; anyone may read it. */
    public Limits limits() throws IOException {
        return read(directory.resolve("limits"), Limits::parse);
    }

    /** {@code status}; anyone may read it. */
    public Status status() throws IOException {
        return read(directory.resolve("status"), Status::parse);
    }

    /** Whose it is and how many threads it has: the two lines of {@code status} that tell, where all processes are asked. */
    public Status.Owner owner() throws IOException {
        return read(directory.resolve("status"), Status.Owner::parse);
    }

    /** {@code stat}; anyone may read it. */
    public Stat stat() throws IOException {
        return read(directory.resolve("stat"), Stat::parse);
    }

    /** {@code comm}: at most 15 bytes, any but NUL; anyone may read it. */
    public String comm() throws IOException {
        return read(directory.resolve("comm"), (file, text) -> ProcFs.chomp(Lines.all(text)));
    }

    /** {@code exe}: path of the program, with {@code " (deleted)"} when it was replaced. Absent for kernel threads. */
    public String exe() throws IOException {
        return link("exe");
    }

    /** {@code uid_map}; anyone may read it. */
    public IdMap uidMap() throws IOException {
        return read(directory.resolve("uid_map"), IdMap::parse);
    }

    /** {@code gid_map}; anyone may read it. */
    public IdMap gidMap() throws IOException {
        return read(directory.resolve("gid_map"), IdMap::parse);
    }

    /** {@code maps}, counted; needs the same user ID or CAP_SYS_PTRACE. */
    public Maps maps() throws IOException {
        return read(directory.resolve("maps"), Maps::parse);
    }

    /** {@code mountinfo}: the mounts of its mount namespace, below its root directory. */
    public List<Mount> mountinfo() throws IOException {
        return read(directory.resolve("mountinfo"), Mount::parse);
    }

    /** One of {@code ns/}: cgroup, ipc, mnt, net, pid, pid_for_children, time, time_for_children, user, uts. */
    public Namespace namespace(String name) throws IOException {
        return Namespace.parse(directory.resolve("ns").resolve(name).toString(), link("ns/" + name));
    }

    /** All of {@code ns/} by the name of the link; needs the same user ID or CAP_SYS_PTRACE. */
    public Map<String, Namespace> namespaces() throws IOException {
        var names = new ArrayList<String>();
        try (var entries = Files.newDirectoryStream(directory.resolve("ns"))) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (IOException e) {
            throw orGone(e, directory.resolve("ns"));
        }
        var namespaces = new TreeMap<String, Namespace>();
        for (String name : names) {
            namespaces.put(name, namespace(name));
        }
        return Collections.unmodifiableMap(namespaces);
    }

    /**
     * Whether the reader is in the same namespace of that name, so that its sysctls are the target's too; empty when
     * that may not be known.
     */
    public Optional<Boolean> sharesNamespace(String name) throws IOException {
        try {
            return Optional.of(namespace(name).equals(fs.self().namespace(name)));
        } catch (AccessDeniedException e) {
            return Optional.empty();
        }
    }

    /**
     * How many descriptors are open, by {@code stat("fd").st_size}: opens nothing and needs no privilege. Empty when
     * the
     * kernel says 0, as all do before Linux 6.2. Kernel: {@code fs/proc/fd.c proc_fd_getattr}.
     */
    public OptionalLong fdCount() throws IOException {
        Path fd = directory.resolve("fd");
        try {
            long size = Files.readAttributes(fd, BasicFileAttributes.class).size();
            return size == 0 ? OptionalLong.empty() : OptionalLong.of(size);
        } catch (IOException e) {
            throw orGone(e, fd);
        }
    }

    /**
     * The numbers of the open descriptors, ascending; needs the same user ID or CAP_SYS_PTRACE. A process that reads
     * itself also finds the two descriptors this costs while it runs.
     */
    public int[] fdNumbers() throws IOException {
        return numbers(directory.resolve("fd"));
    }

    /** One descriptor; {@link FdKind#UNREADABLE} when its link may not be read. */
    public Descriptor descriptor(int fd) throws IOException {
        return descriptor(fd, directory.resolve("fd").resolve(Integer.toString(fd)));
    }

    private Descriptor descriptor(int fd, Path link) throws IOException {
        try {
            return Descriptor.of(fd, link(link));
        } catch (AccessDeniedException e) {
            return new Descriptor(fd, FdKind.UNREADABLE, "");
        }
    }

    /**
     * Each open descriptor, in the order of the directory, without holding more than one; those closed meanwhile are
     * left out. The same rights and the same two extra descriptors as {@link #fdNumbers()}.
     */
    public void eachDescriptor(Consumer<Descriptor> consumer) throws IOException {
        Path fd = directory.resolve("fd");
        try {
            ProcFs.eachNumber(fd, (number, link) -> {
                try {
                    consumer.accept(descriptor(number, link));
                } catch (NoSuchFileException e) {
                    // closed meanwhile
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } catch (IOException e) {
            throw orGone(e, fd);
        }
    }

    /** The whole descriptor table, summed up. */
    public DescriptorTable descriptors() throws IOException {
        var builder = new DescriptorTable.Builder();
        eachDescriptor(builder::add);
        return builder.build();
    }

    /** {@code fdinfo/N}, keeping at most {@code keep} of an epoll's or inotify's watches and counting all. */
    public FdInfo fdInfo(int fd, int keep) throws IOException {
        return read(directory.resolve("fdinfo").resolve(Integer.toString(fd)),
                (file, text) -> FdInfo.parse(file, text, keep));
    }

    /** {@code cgroup}: one line a hierarchy. */
    public List<CgroupMembership> cgroups() throws IOException {
        return read(directory.resolve("cgroup"), CgroupMembership::parse);
    }

    /** The {@code pids} controller from this process's cgroup to the root; empty when it is not in use. */
    public Optional<CgroupWalk> cgroupPids() throws IOException {
        return CgroupFs.walk(fs, cgroups(), "pids");
    }

    /** The {@code memory} controller from this process's cgroup to the root; empty when it is not in use. */
    public Optional<CgroupWalk> cgroupMemory() throws IOException {
        return CgroupFs.walk(fs, cgroups(), "memory");
    }

    @Override
    public String toString() {
        return "ProcPid[" + directory + "]";
    }

    <T> T read(Path file, ProcFs.Parser<T> parser) throws IOException {
        try {
            return ProcFs.read(file, parser);
        } catch (IOException e) {
            throw orGone(e, file);
        }
    }

    private int[] numbers(Path path) throws IOException {
        try {
            return ProcFs.numbers(path);
        } catch (IOException e) {
            throw orGone(e, path);
        }
    }

    private String link(String name) throws IOException {
        return link(directory.resolve(name));
    }

    private String link(Path file) throws IOException {
        try {
            return Files.readSymbolicLink(file).toString();
        } catch (IOException e) {
            throw orGone(ProcFs.named(e, file), file);
        }
    }

    /** A failure of any kind but "not allowed", when the process has gone meanwhile, means just that. */
    private IOException orGone(IOException e, Path file) {
        if (e instanceof NoSuchFileException || e instanceof AccessDeniedException || Files.exists(directory)) {
            return e;
        }
        FileSystemException gone = new NoSuchFileException(file.toString(), null, "the process has ended");
        gone.initCause(e);
        return gone;
    }
}
