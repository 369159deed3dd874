package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * {@code /proc/PID/status} (or {@code task/TID/status}), readable by anyone.
 * Kernel: {@code fs/proc/array.c proc_pid_status}, {@code fs/proc/task_mmu.c task_mem}; see man5
 * {@code proc_pid_status}.
 *
 * @param name           command run by this process, at most 15 bytes ({@code TASK_COMM_LEN}), the kernel's escapes
 *                       undone
 * @param state          current state: R, S, D, T, t, Z, X, I or another letter
 * @param tgid           thread group ID, that is the process ID
 * @param pid            thread ID; equal to tgid for the main thread
 * @param ppid           PID of the parent process
 * @param tracerPid      PID of the process tracing this one, 0 if none
 * @param uid            real, effective, saved set and filesystem user ID
 * @param gid            real, effective, saved set and filesystem group ID
 * @param fdSize         slots of the descriptor table now allocated; a power of two, it never shrinks
 * @param nsPid          thread ID in each PID namespace this process is a member of, the reader's first; since Linux
 *                       4.1
 * @param vmPeak         peak virtual memory size, bytes; this and all Vm fields are absent for kernel threads and
 *                       zombies
 * @param vmSize         virtual memory size, bytes; what RLIMIT_AS bounds
 * @param vmLck          locked memory, bytes; what RLIMIT_MEMLOCK bounds
 * @param vmPin          pinned memory, bytes; since Linux 3.2
 * @param vmHwm          peak resident set size, bytes
 * @param vmRss          resident set size, bytes: anonymous, file and shared memory pages
 * @param rssAnon        resident anonymous memory, bytes: the part that no file is behind; since Linux 4.5
 * @param vmData         size of private writable memory, bytes; what RLIMIT_DATA bounds
 * @param vmStk          size of the stack, bytes
 * @param vmPte          size of page tables, bytes
 * @param vmSwap         swapped-out anonymous private memory, bytes
 * @param threads        number of threads in the process
 * @param sigQ           queued signals of the real user ID and their limit
 * @param capInh         inheritable capabilities, bit n is capability n
 * @param capPrm         permitted capabilities
 * @param capEff         effective capabilities, the ones the kernel checks, valid in the process's user namespace
 * @param capBnd         capability bounding set
 * @param capAmb         ambient capabilities; since Linux 4.3
 * @param noNewPrivs     value of the no_new_privs bit; since Linux 4.10
 * @param seccomp        seccomp mode: 0 disabled, 1 strict, 2 filter; absent without CONFIG_SECCOMP
 * @param seccompFilters number of seccomp filters attached; since Linux 5.11
 * @param voluntaryCtxtSwitches how often the thread has given up the processor to wait; of this thread alone, as its
 *                       {@code task/TID/status} has it
 */
public record Status(String name, char state, int tgid, int pid, int ppid, int tracerPid, Ids uid, Ids gid,
        long fdSize, List<Integer> nsPid,
        OptionalLong vmPeak, OptionalLong vmSize, OptionalLong vmLck, OptionalLong vmPin,
        OptionalLong vmHwm, OptionalLong vmRss, OptionalLong rssAnon, OptionalLong vmData, OptionalLong vmStk,
        OptionalLong vmPte, OptionalLong vmSwap,
        int threads, SigQ sigQ,
        long capInh, long capPrm, long capEff, long capBnd, OptionalLong capAmb,
        OptionalInt noNewPrivs, OptionalInt seccomp, OptionalInt seccompFilters,
        OptionalLong voluntaryCtxtSwitches) {

    /**
     * The four IDs of a line {@code Uid:} or {@code Gid:}, as the reader's user namespace maps them. IDs are unsigned
     * 32-bit; an unmapped one shows as {@code kernel.overflowuid}, 65534.
     *
     * @param real       whose RLIMIT_NPROC and RLIMIT_SIGPENDING counters are charged
     * @param effective  whose rights are checked, and whose epoll and inotify quotas are charged
     * @param saved      saved set ID
     * @param filesystem the ID for file access
     */
    public record Ids(long real, long effective, long saved, long filesystem) {
    }

    /**
     * {@code SigQ: queued/limit}.
     *
     * @param queued signals now queued for the real user ID of this process, unsigned
     * @param limit  RLIMIT_SIGPENDING, unsigned; {@link Limits#RLIM_INFINITY} for unlimited
     */
    public record SigQ(long queued, long limit) {
    }

    /**
     * Two lines of the file.
     *
     * @param uid     real, effective, saved set and filesystem user ID
     * @param threads number of threads in the process
     */
    public record Owner(Ids uid, int threads) {
        /** Parses the file as far as the second of them. */
        public static Owner parse(String file, Reader text) throws IOException {
            var lines = new Lines(file, text);
            Ids uid = null;
            while (lines.next() != null) {
                String line = lines.line();
                if (line.startsWith("Uid:")) {
                    String[] words = lines.words();
                    if (words.length < 5) {
                        throw lines.broken("expected 4 numbers, found " + (words.length - 1));
                    }
                    uid = new Ids(lines.decimal("Uid", words[1]), lines.decimal("Uid", words[2]),
                            lines.decimal("Uid", words[3]), lines.decimal("Uid", words[4]));
                } else if (uid != null && line.startsWith("Threads:")) {
                    return new Owner(uid, lines.integer("Threads", line.substring("Threads:".length()).strip()));
                }
            }
            throw lines.ends("lines \"Uid:\" and \"Threads:\"");
        }
    }

    public Status {
        nsPid = List.copyOf(nsPid);
    }

    /**
     * Whether the effective set holds a capability of {@code <linux/capability.h>}, for example 24, CAP_SYS_RESOURCE.
     */
    public boolean hasEffective(int capability) {
        return (capEff >>> capability & 1) != 0;
    }

    /** Parses the file; lines it does not know are left alone. */
    public static Status parse(String file, Reader text) throws IOException {
        var f = new Fields(file, new Lines(file, text), "\"Name:\"");
        String state = f.text("State");
        var nsPid = new ArrayList<Integer>();
        if (f.has("NSpid")) {
            for (long pid : f.decimals("NSpid", 1)) {
                nsPid.add((int) pid);
            }
        }
        long[] sigQ = f.pair("SigQ", '/');
        return new Status(unescape(f.raw("Name")), state.isEmpty() ? '?' : state.charAt(0),
                f.integer("Tgid"), f.integer("Pid"), f.integer("PPid"), f.integer("TracerPid"),
                ids(f, "Uid"), ids(f, "Gid"), f.decimal("FDSize"), nsPid,
                f.optionalKilobytes("VmPeak"), f.optionalKilobytes("VmSize"), f.optionalKilobytes("VmLck"),
                f.optionalKilobytes("VmPin"), f.optionalKilobytes("VmHWM"), f.optionalKilobytes("VmRSS"),
                f.optionalKilobytes("RssAnon"),
                f.optionalKilobytes("VmData"), f.optionalKilobytes("VmStk"), f.optionalKilobytes("VmPTE"),
                f.optionalKilobytes("VmSwap"),
                f.integer("Threads"), new SigQ(sigQ[0], sigQ[1]),
                f.hex("CapInh"), f.hex("CapPrm"), f.hex("CapEff"), f.hex("CapBnd"), f.optionalHex("CapAmb"),
                f.optionalInteger("NoNewPrivs"), f.optionalInteger("Seccomp"), f.optionalInteger("Seccomp_filters"),
                f.optionalDecimal("voluntary_ctxt_switches"));
    }

    private static Ids ids(Fields f, String label) throws ProcParseException {
        long[] v = f.decimals(label, 4);
        return new Ids(v[0], v[1], v[2], v[3]);
    }

    /** Only newline and backslash are escaped here ({@code proc_task_name}). */
    private static String unescape(String name) {
        if (name.indexOf('\\') < 0) {
            return name;
        }
        var out = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c == '\\' && i + 1 < name.length()) {
                char next = name.charAt(++i);
                out.append(next == 'n' ? '\n' : next);
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
