package dev.headroom.proc;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which processes have a socket open, by its inode: only files are read. Of each process the 4096 lowest descriptors are
 * looked at, and the others only for sockets that nobody has had so far; so the answer may lack a process that has the
 * socket a second time, under a high number.
 *
 * @param pids the processes by inode, ascending; without an entry for a socket that nobody was seen to have
 * @param unreadable processes whose descriptors may not be read: that needs the same user ID or CAP_SYS_PTRACE
 */
public record SocketOwners(Map<Long, Set<Integer>> pids, Set<Integer> unreadable) {
    private static final int LOWEST = 4096;
    private static final String PREFIX = "socket:[";

    /** The processes that have any of these sockets; inode 0 is nobody's. */
    public static SocketOwners find(ProcFs proc, Set<Long> inodes) throws IOException {
        return new Search(proc, inodes).run();
    }

    /** The processes that have this socket. */
    public Set<Integer> of(long inode) {
        return pids.getOrDefault(inode, Set.of());
    }

    private static final class Search {
        private final ProcFs proc;
        private final Set<Long> wanted;
        private final Set<Long> missing;
        private final Map<Long, Set<Integer>> found = new TreeMap<>();
        private final Set<Integer> unreadable = new TreeSet<>();

        Search(ProcFs proc, Set<Long> inodes) {
            this.proc = proc;
            this.wanted = new HashSet<>(inodes);
            wanted.remove(0L);
            this.missing = new HashSet<>(wanted);
        }

        SocketOwners run() throws IOException {
            int[] pids = wanted.isEmpty() ? new int[0] : proc.pids();
            boolean[] more = new boolean[pids.length];
            for (int i = 0; i < pids.length; i++) {
                more[i] = look(pids[i], proc.process(pids[i]), wanted, 0, LOWEST);
            }
            for (int i = 0; i < pids.length && !missing.isEmpty(); i++) {
                if (more[i]) {
                    look(pids[i], proc.process(pids[i]), missing, LOWEST, Integer.MAX_VALUE);
                }
            }
            for (int i = 0; i < pids.length && !missing.isEmpty(); i++) {
                lookAtThreads(pids[i]);
            }
            return new SocketOwners(found, unreadable);
        }

        /**
         * A thread may have a descriptor table of its own; it then hardly has as many descriptors as the process. Before
         * Linux 6.2 nobody counts them, so of each thread only the lowest are looked at.
         */
        private void lookAtThreads(int pid) throws IOException {
            ProcPid process = proc.process(pid);
            try {
                OptionalLong count = process.fdCount();
                for (int tid : process.tids()) {
                    if (tid != pid && (count.isEmpty() || !process.task(tid).fdCount().equals(count))) {
                        look(pid, process.task(tid), missing, 0, count.isEmpty() ? LOWEST : Integer.MAX_VALUE);
                    }
                }
            } catch (NoSuchFileException | AccessDeniedException e) {
                // it has ended meanwhile, or was counted as unreadable before
            }
        }

        /**
         * Looks at descriptors from the {@code from}-th to before the {@code to}-th; the kernel lists them in ascending
         * order.
         *
         * @return whether there are more
         */
        private boolean look(int pid, ProcPid table, Set<Long> these, int from, int to) throws IOException {
            Path directory = table.directory().resolve("fd");
            int n = 0;
            try (var entries = Files.newDirectoryStream(directory)) {
                for (Path entry : entries) {
                    if (n == to) {
                        return true;
                    }
                    if (n++ >= from) {
                        long inode = inode(entry);
                        if (inode != 0 && these.contains(inode)) {
                            found.computeIfAbsent(inode, i -> new TreeSet<>()).add(pid);
                            missing.remove(inode);
                            if (these == missing && missing.isEmpty()) {
                                return false;
                            }
                        }
                    }
                }
            } catch (IOException e) {
                forgive(pid, ProcFs.named(e, directory));
            } catch (DirectoryIteratorException e) {
                forgive(pid, ProcFs.named(e.getCause(), directory));
            }
            return false;
        }

        private void forgive(int pid, IOException e) throws IOException {
            if (e instanceof AccessDeniedException) {
                unreadable.add(pid);
            } else if (!(e instanceof NoSuchFileException)) {
                throw e;
            }
        }

        private static long inode(Path link) throws IOException {
            String target;
            try {
                target = Files.readSymbolicLink(link).toString();
            } catch (NoSuchFileException e) {
                return 0;
            }
            try {
                return target.startsWith(PREFIX) && target.endsWith("]")
                        ? Long.parseLong(target, PREFIX.length(), target.length() - 1, 10) : 0;
            } catch (NumberFormatException e) {
                return 0;
            }
        }
    }
}
