package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.NoSuchElementException;

/**
 * {@code /proc/PID/limits}: soft and hard limit of every resource of a process, readable by anyone.
 * Kernel: {@code fs/proc/base.c proc_pid_limits}; see man5 {@code proc_pid_limits}, man2 {@code getrlimit}.
 *
 * @param limits the limits by resource; every kernel since 2.6.25 prints all sixteen
 */
public record Limits(Map<Resource, Limit> limits) {
    /** No limit: {@code RLIM_INFINITY} of {@code <sys/resource.h>}, all 64 bits set. */
    public static final long RLIM_INFINITY = -1L;

    /** The resources in the order of their numbers in {@code <asm-generic/resource.h>} ({@link #ordinal()}). */
    public enum Resource {
        /** CPU time, seconds. */
        RLIMIT_CPU("Max cpu time"),
        /** Size of files the process may create, bytes. */
        RLIMIT_FSIZE("Max file size"),
        /** Private writable memory ({@code VmData}), bytes. */
        RLIMIT_DATA("Max data size"),
        /** Stack of the main thread, bytes; also the default for threads. */
        RLIMIT_STACK("Max stack size"),
        /** Core file, bytes. */
        RLIMIT_CORE("Max core file size"),
        /** Resident set, bytes; without effect since Linux 2.4.30. */
        RLIMIT_RSS("Max resident set"),
        /** Tasks (threads count) of the real user ID in its user namespace. */
        RLIMIT_NPROC("Max processes"),
        /** One more than the largest descriptor number that may be opened. */
        RLIMIT_NOFILE("Max open files"),
        /** Locked memory, bytes. */
        RLIMIT_MEMLOCK("Max locked memory"),
        /** Address space, bytes. */
        RLIMIT_AS("Max address space"),
        /** Locks and leases; without effect since Linux 2.4.25. */
        RLIMIT_LOCKS("Max file locks"),
        /** Queued signals of the real user ID. */
        RLIMIT_SIGPENDING("Max pending signals"),
        /** POSIX message queues of the real user ID, bytes. */
        RLIMIT_MSGQUEUE("Max msgqueue size"),
        /** Ceiling of the nice value, as 20 − nice. */
        RLIMIT_NICE("Max nice priority"),
        /** Ceiling of the real-time priority. */
        RLIMIT_RTPRIO("Max realtime priority"),
        /** Real-time CPU time without a blocking call, microseconds. */
        RLIMIT_RTTIME("Max realtime timeout");

        private final String label;

        Resource(String label) {
            this.label = label;
        }

        /** The name the kernel prints, for example {@code Max open files}. */
        public String label() {
            return label;
        }

        private static Resource of(String label) {
            for (Resource resource : values()) {
                if (resource.label.equals(label)) {
                    return resource;
                }
            }
            return null;
        }
    }

    /**
     * One line.
     *
     * @param soft  what the kernel enforces ({@code rlim_cur}), unsigned; {@link #RLIM_INFINITY} for unlimited
     * @param hard  the ceiling of soft ({@code rlim_max}), unsigned; {@link #RLIM_INFINITY} for unlimited
     * @param units the unit the kernel prints: seconds, bytes, files, processes, locks, signals, us, or empty
     */
    public record Limit(long soft, long hard, String units) {
        /** {@code 1024:524288 files}, with {@code unlimited} in words. */
        @Override
        public String toString() {
            return format(soft) + ":" + format(hard) + (units.isEmpty() ? "" : " " + units);
        }
    }

    public Limits {
        limits = limits.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(limits));
    }

    /** The limit of one resource. */
    public Limit get(Resource resource) {
        Limit limit = limits.get(resource);
        if (limit == null) {
            throw new NoSuchElementException(resource.toString());
        }
        return limit;
    }

    /** {@code unlimited} or the unsigned number. */
    public static String format(long value) {
        return value == RLIM_INFINITY ? "unlimited" : Long.toUnsignedString(value);
    }

    /**
     * Parses the file: a header, then fixed columns of 26, 21 and 21 characters and the unit. A resource newer than
     * this class is left alone; a missing one is an error, because taking it for unlimited would be a lie.
     */
    public static Limits parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        if (!lines.need("the header \"Limit … Soft Limit\"").startsWith("Limit ")) {
            throw lines.broken("not the header \"Limit … Soft Limit\"");
        }
        var limits = new EnumMap<Resource, Limit>(Resource.class);
        while (lines.next() != null) {
            String line = lines.line();
            String[] words = line.length() < 26 ? new String[0] : Lines.words(line.substring(26));
            if (words.length < 2 || words.length > 3) {
                throw lines.broken("expected a name, a soft and a hard limit");
            }
            long soft = lines.decimalOr("unlimited", "soft limit", words[0]);
            long hard = lines.decimalOr("unlimited", "hard limit", words[1]);
            Resource resource = Resource.of(line.substring(0, 26).strip());
            if (resource != null) {
                limits.put(resource, new Limit(soft, hard, words.length == 3 ? words[2] : ""));
            }
        }
        for (Resource resource : Resource.values()) {
            if (!limits.containsKey(resource)) {
                throw lines.ends("\"" + resource.label + "\"");
            }
        }
        return new Limits(limits);
    }
}
