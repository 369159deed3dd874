package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/**
 * {@code /proc/meminfo}, of the machine. Kernel: {@code fs/proc/meminfo.c meminfo_proc_show}; see man5
 * {@code proc_meminfo}.
 *
 * @param values by the kernel's name: bytes where the file says kB, plain numbers for {@code HugePages_*}
 */
public record MemInfo(Map<String, Long> values) {
    public MemInfo {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** The value of that name, if this kernel has it. */
    public OptionalLong get(String name) {
        Long value = values.get(name);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /** Total usable RAM, bytes. */
    public long memTotal() {
        return values.get("MemTotal");
    }

    /** An estimate of how much memory is available for starting new applications, without swapping, bytes. */
    public OptionalLong memAvailable() {
        return get("MemAvailable");
    }

    /** Total swap space, bytes. */
    public OptionalLong swapTotal() {
        return get("SwapTotal");
    }

    /** In-kernel data structures cache, bytes: sockets, files, inodes. */
    public OptionalLong slab() {
        return get("Slab");
    }

    /** What may be allocated on the system while {@code vm.overcommit_memory} is 2, bytes. */
    public OptionalLong commitLimit() {
        return get("CommitLimit");
    }

    /** Memory presently promised to processes, bytes, used or not. */
    public OptionalLong committedAs() {
        return get("Committed_AS");
    }

    /** Parses the file. */
    public static MemInfo parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var values = new LinkedHashMap<String, Long>();
        while (lines.next() != null) {
            String[] w = lines.words();
            boolean kilobytes = w.length == 3 && w[2].equals("kB");
            if (w.length != 2 && !kilobytes || !w[0].endsWith(":")) {
                throw lines.broken("expected a name, a number and perhaps kB");
            }
            long value = lines.decimal("value", w[1]);
            values.put(w[0].substring(0, w[0].length() - 1), kilobytes ? value * 1024 : value);
        }
        if (!values.containsKey("MemTotal")) {
            throw lines.ends("\"MemTotal:\"");
        }
        return new MemInfo(values);
    }
}
