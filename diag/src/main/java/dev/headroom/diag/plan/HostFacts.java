package dev.headroom.diag.plan;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.SlabInfo;
import dev.headroom.proc.Sysctl;

/** Facts of a host that only a plan asks for, beside those every snapshot has. */
public final class HostFacts {
    /** Bytes of a page. */
    public static final String PAGE_SIZE = "machine.page_size";
    /** Kernel objects of a connection, one of each; a client's has the last two besides. */
    static final List<String> CACHES = List.of("TCP", "sock_inode_cache", "filp", "dentry", "eventpoll_epi",
            "eventpoll_pwq");
    static final List<String> CLIENT_CACHES = List.of("tcp_bind_bucket", "tcp_bind2_bucket");
    static final String HASH = "net.ipv4.tcp_ehash_entries";
    private static final long AT_PAGESZ = 6;
    private static final int WORD = Long.BYTES;

    private HostFacts() {
    }

    /** Bytes an object of a kernel cache takes, its share of the slab's unused end included. */
    public static String slab(String cache) {
        return "slab." + cache;
    }

    /** Adds them to a snapshot. What cannot be read gets its reason. */
    public static Snapshot addTo(Snapshot s, ProcFs proc) {
        Snapshot.Builder out = s.toBuilder();
        OptionalLong page = pageSize(proc.self().directory().resolve("auxv"));
        if (page.isPresent()) {
            out.put(PAGE_SIZE, page.getAsLong(), "/proc/self/auxv");
        } else {
            out.unread(PAGE_SIZE, "/proc/self/auxv has no AT_PAGESZ");
        }
        try {
            SlabInfo slab = proc.slabinfo();
            for (String name : CACHES) {
                cache(out, slab, name, page);
            }
            for (String name : CLIENT_CACHES) {
                cache(out, slab, name, page);
            }
        } catch (IOException e) {
            out.unread(slab(CACHES.getFirst()), "/proc/slabinfo is for root only");
        }
        try {
            Sysctl hash = proc.sysctl(HASH);
            // Negative in a network namespace that shares the table of the machine.
            out.put(Facts.sysctl(HASH), Math.abs(hash.asLong()), hash.file());
        } catch (IOException e) {
            out.unread(Facts.sysctl(HASH), "not before Linux 6.1");
        }
        return out.build();
    }

    private static void cache(Snapshot.Builder out, SlabInfo slab, String name, OptionalLong page) {
        SlabInfo.Cache c = slab.get(name).orElse(null);
        if (c == null) {
            out.unread(slab(name), "not in /proc/slabinfo: merged with a cache of like size");
            return;
        }
        long share = page.isEmpty() || c.objPerSlab() == 0 ? c.objSize()
                : Math.ceilDiv(c.pagesPerSlab() * page.getAsLong(), c.objPerSlab());
        out.put(slab(name), share, "/proc/slabinfo");
    }

    /** The auxiliary vector: pairs of words, a tag and its value. See man3 getauxval. */
    static OptionalLong pageSize(Path auxv) {
        try {
            ByteBuffer words = ByteBuffer.wrap(Files.readAllBytes(auxv)).order(ByteOrder.nativeOrder());
            while (words.remaining() >= 2 * WORD) {
                long tag = words.getLong();
                long value = words.getLong();
                if (tag == AT_PAGESZ) {
                    return OptionalLong.of(value);
                }
            }
        } catch (IOException e) {
            return OptionalLong.empty();
        }
        return OptionalLong.empty();
    }
}
