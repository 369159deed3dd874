package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * {@code /proc/slabinfo}: kernel object caches of the machine; mode 0400. A cache may be merged with another of like
 * size and then has no row ({@code mm/slab_common.c slab_unmergeable}; boot with {@code slab_nomerge} to see all).
 * Kernel: {@code mm/slab_common.c slab_show}; see man5 {@code slabinfo}.
 *
 * @param caches the rows by name
 */
public record SlabInfo(Map<String, Cache> caches) {
    /**
     * One row.
     *
     * @param activeObjs   objects in use (SLUB counts objects in per-CPU slabs as in use)
     * @param numObjs      objects allocated
     * @param objSize      bytes of one object, with its padding
     * @param objPerSlab   objects in one slab
     * @param pagesPerSlab pages of one slab
     */
    public record Cache(long activeObjs, long numObjs, long objSize, int objPerSlab, int pagesPerSlab) {
        /** Pages held, in use or not. */
        public long pages() {
            return objPerSlab == 0 ? 0 : (numObjs + objPerSlab - 1) / objPerSlab * pagesPerSlab;
        }
    }

    public SlabInfo {
        caches = Collections.unmodifiableMap(new LinkedHashMap<>(caches));
    }

    /** The cache of that name, if it has a row. */
    public Optional<Cache> get(String name) {
        return Optional.ofNullable(caches.get(name));
    }

    /** Parses version 2.1 of the file. */
    public static SlabInfo parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        if (!lines.need("\"slabinfo - version: 2.1\"").startsWith("slabinfo - version: 2.")) {
            throw lines.broken("not \"slabinfo - version: 2.1\"");
        }
        var caches = new LinkedHashMap<String, Cache>();
        while (lines.next() != null) {
            if (lines.line().startsWith("#")) {
                continue;
            }
            String[] w = lines.words();
            if (w.length < 6) {
                throw lines.broken("expected a name and five numbers");
            }
            caches.put(w[0], new Cache(lines.decimal("active_objs", w[1]), lines.decimal("num_objs", w[2]),
                    lines.decimal("objsize", w[3]), lines.integer("objperslab", w[4]),
                    lines.integer("pagesperslab", w[5])));
        }
        return new SlabInfo(caches);
    }
}
