package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.headroom.diag.lab.NotHereException;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.SlabInfo;

/**
 * What the kernel keeps of a connection that is idle: one object of each of these caches an end. Read from
 * {@code /sys/kernel/slab}, where a cache that is merged with others of its size has its name too, and from
 * {@code /proc/slabinfo}, where it has not.
 */
final class KernelMemory {
    /** The socket, its inode, dentry and file, and what epoll keeps of it (struct epitem, struct eppoll_entry). */
    static final List<String> CACHES = List.of("TCP", "sock_inode_cache", "dentry", "filp", "eventpoll_epi",
            "eventpoll_pwq");
    private static final Path SLAB = Path.of("/sys/kernel/slab");
    private static final int PAGE = 4096;

    private KernelMemory() {
    }

    /** Bytes of one object of each cache, with its share of what is left over in a slab. */
    static Map<String, Double> bytesAnEnd() throws IOException {
        Map<String, Double> bytes = new LinkedHashMap<>();
        for (String cache : CACHES) {
            Path folder = SLAB.resolve(cache);
            try {
                long objects = number(folder.resolve("objs_per_slab"));
                long order = number(folder.resolve("order"));
                bytes.put(cache, (double) ((long) PAGE << order) / objects);
            } catch (NoSuchFileException e) {
                throw new NotHereException(folder + ", which this kernel does not show (CONFIG_SLUB, SYSFS)");
            } catch (AccessDeniedException e) {
                throw new NotHereException("root, to read " + folder);
            }
        }
        return bytes;
    }

    static double sum(Map<String, Double> bytes) {
        return bytes.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    /** Objects in use in each cache that has a row of its own, and the bytes of all caches as "Slab". */
    static Map<String, Long> now() throws IOException {
        ProcFs proc = new ProcFs();
        Map<String, Long> now = new LinkedHashMap<>();
        try {
            SlabInfo slabs = proc.slabinfo();
            for (String cache : CACHES) {
                slabs.get(cache).ifPresent(row -> now.put(cache, row.activeObjs()));
            }
        } catch (AccessDeniedException e) {
            throw new NotHereException("root, to read /proc/slabinfo");
        }
        now.put("Slab", proc.meminfo().slab().orElseThrow());
        return now;
    }

    private static long number(Path file) throws IOException {
        String text = Files.readString(file).strip();
        return Long.parseLong(text.contains(" ") ? text.substring(0, text.indexOf(' ')) : text);
    }
}
