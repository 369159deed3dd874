package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EAGAIN;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.EPERM;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.linux.Errno;

/**
 * Why memory could not be mapped or locked. glibc makes EAGAIN of the ENOMEM that its mmap of a thread's stack met, so
 * these causes answer for {@code pthread_create} too.
 */
final class MemoryMaps {
    private static final Set<String> MAP = Set.of("mmap", "mmap2", "mremap", "brk", "sbrk", "malloc", "calloc",
            "mprotect", "shmat", "pthread_create");
    private static final Set<String> SPLIT = Set.of("mmap", "mmap2", "mremap", "malloc", "calloc", "mprotect", "munmap",
            "madvise", "mlock", "shmat", "pthread_create");
    private static final Set<String> LOCK = Set.of("mlock", "mlock2", "mlockall");
    private static final String MAX_MAP_COUNT = Facts.sysctl("vm.max_map_count");
    private static final String MODE = Facts.sysctl("vm.overcommit_memory");
    private static final String MEMLOCK = Facts.limitSoft("memlock");
    private static final String STACK = Facts.limitSoft("stack");
    private static final String[] LOCK_EVIDENCE = {MEMLOCK, Facts.VM_LCK, Facts.CAP_EFF, Facts.USERNS_INITIAL};
    /** User addresses of x86-64 and of aarch64 with 48 bits, by 47 bits of the smaller. */
    private static final long ADDRESSES = 1L << 47;

    static final String[] STRICT_EVIDENCE = {MODE, Facts.meminfo("CommitLimit"), Facts.meminfo("Committed_AS"),
            Facts.VM_DATA};

    static final List<Cause> ALL = List.of(maxMapCount(), rlimitAs(), rlimitData(), overcommitHeuristic(),
            overcommitStrict(), addressSpace(), hugetlbPool(), memlockMap(), memlockMlock(), memlockZero());

    private MemoryMaps() {
    }

    /** A cause of ENOMEM that pthread_create tells as EAGAIN; why not, if another call said EAGAIN. */
    private static Optional<Finding> ofThread(Case c) {
        String call = c.question().call();
        if (c.question().errno().filter(e -> e == EAGAIN).isPresent() && !call.isEmpty()
                && !call.equals("pthread_create")) {
            return Optional
                    .of(Finding.ruledOut(call + " tells this as ENOMEM; only pthread_create makes EAGAIN of it"));
        }
        return Optional.empty();
    }

    private static Finding orThread(Case c, Function<Case, Finding> judge) {
        Optional<Finding> not = ofThread(c);
        if (not.isPresent()) {
            return not.get();
        }
        OptionalLong wanted = wanted(c);
        if (wanted.isPresent() && wanted.getAsLong() >= ADDRESSES) {
            return Finding.ruledOut(Say.bytes(wanted.getAsLong()) + " of addresses are not to be had, which is tested "
                    + "first");
        }
        return judge.apply(c);
    }

    /** Bytes asked for: said, or those of a thread's default stack with its guard page. */
    private static OptionalLong wanted(Case c) {
        if (c.question().requested().isPresent() || !c.question().call().equals("pthread_create")) {
            return c.question().requested();
        }
        OptionalLong stack = c.number(STACK);
        if (stack.isEmpty()) {
            return stack;
        }
        return OptionalLong.of((Say.unlimited(stack.getAsLong()) ? 2L << 20 : stack.getAsLong()) + 4096);
    }

    private static OptionalLong bytes(Case c, String fact) {
        OptionalLong kb = c.number(fact);
        return kb.isPresent() ? OptionalLong.of(kb.getAsLong() * 1024) : kb;
    }

    private static Cause maxMapCount() {
        return Row.of("max-map-count", ENOMEM, EAGAIN).calls(SPLIT)
                .rule("mm/mmap.c do_mmap: ENOMEM at more than vm.max_map_count mappings, so one more than it is reached; "
                        + "a munmap or mprotect that splits one fails too (all versions)")
                .evidence(Facts.MAP_COUNT, MAX_MAP_COUNT)
                .remedies(c -> Remedies.sysctl("vm.max_map_count",
                        Math.max(262144, Say.roomier(c.number(MAX_MAP_COUNT).orElse(65530)))))
                .dont("Do not add memory: it is the number of mappings, two for each thread's stack.")
                .next("malloc and new threads fail too, though memory is free.")
                .provoked("6.18 by test")
                .judge(c -> orThread(c, MemoryMaps::judgeMaps));
    }

    private static Finding judgeMaps(Case c) {
        OptionalLong limit = c.number(MAX_MAP_COUNT);
        OptionalLong count = c.number(Facts.MAP_COUNT);
        String things = "mappings of " + Say.process(c);
        // What needs two (a stack with its guard, a split) fails while one may still be made.
        if (count.isPresent() && limit.isPresent() && count.getAsLong() >= limit.getAsLong()) {
            return Finding.confirmed(Say.process(c) + " has " + count.getAsLong() + " mappings and vm.max_map_count is "
                    + limit.getAsLong());
        }
        return Gauge.judge(c, things, count, limit, "the number of mappings is missing: "
                + c.now().whyUnread(Facts.MAP_COUNT));
    }

    private static Cause rlimitAs() {
        String limit = Facts.limitSoft("as");
        return Row.of("rlimit-as", ENOMEM, EAGAIN).calls(MAP)
                .rule("mm/mmap.c may_expand_vm: ENOMEM when all mappings together would exceed the soft RLIMIT_AS, "
                        + "touched or not (all versions)")
                .evidence(limit, Facts.VM_SIZE)
                .remedies(c -> Remedies.limit(c, "as", Say.roomier(c.number(limit).orElse(1L << 30))))
                .dont("Do not look at RSS: address space counts, and a JVM or Go program reserves far more than it uses.")
                .next("malloc, new threads and libraries to be loaded fail next.")
                .provoked("6.18 by test")
                .judge(c -> orThread(c, x -> Shapes.fits(bytes(x, Facts.VM_SIZE), wanted(x), x.number(limit),
                        "RLIMIT_AS", "of address space", x.now().whyUnread(Facts.VM_SIZE))));
    }

    private static Cause rlimitData() {
        String limit = Facts.limitSoft("data");
        return Row.of("rlimit-data", ENOMEM, EAGAIN).calls(MAP)
                .rule("mm/mmap.c may_expand_vm: ENOMEM when private writable mappings would exceed the soft RLIMIT_DATA; "
                        + "shared ones do not count (all supported versions)")
                .evidence(limit, Facts.VM_DATA)
                .remedies(c -> Remedies.limit(c, "data", Say.roomier(c.number(limit).orElse(1L << 30))))
                .dont("Do not raise RLIMIT_AS: it is not reached.")
                .next("The kernel log says once per boot: mmap: … VmData N exceed data ulimit M.")
                .provoked("6.18 by test")
                .judge(c -> orThread(c, x -> Shapes.fits(bytes(x, Facts.VM_DATA), wanted(x), x.number(limit),
                        "RLIMIT_DATA", "of private memory", x.now().whyUnread(Facts.VM_DATA))));
    }

    private static Cause overcommitHeuristic() {
        return Row.of("overcommit-heuristic", ENOMEM, EAGAIN).calls(MAP)
                .rule("mm/util.c __vm_enough_memory: with vm.overcommit_memory=0 a single request of more than RAM and "
                        + "swap is ENOMEM, unless MAP_NORESERVE or PROT_NONE (all supported versions)")
                .evidence(MODE, Facts.meminfo("MemTotal"), Facts.meminfo("SwapTotal"))
                .remedies(c -> List.of(Remedy.now("reserve with MAP_NORESERVE or PROT_NONE and commit what is used"),
                        Remedy.now("or add swap", "fallocate -l 8G /swapfile", "chmod 600 /swapfile",
                                "mkswap /swapfile && swapon /swapfile")))
                .dont("Do not set vm.overcommit_memory=1 blindly: then nothing is refused and the OOM killer chooses.")
                .next("The kernel log says: __vm_enough_memory: pid: …, bytes: … not enough memory.")
                .provoked("6.18 by test")
                .judge(c -> orThread(c, MemoryMaps::heuristic));
    }

    private static Finding heuristic(Case c) {
        OptionalLong mode = c.number(MODE);
        OptionalLong ram = bytes(c, Facts.meminfo("MemTotal"));
        if (mode.isEmpty() || ram.isEmpty()) {
            return Finding.unknown("vm.overcommit_memory is missing: " + c.now().whyUnread(MODE));
        }
        if (mode.getAsLong() != 0) {
            return Finding.ruledOut("vm.overcommit_memory is " + mode.getAsLong() + ", not 0");
        }
        long most = ram.getAsLong() + bytes(c, Facts.meminfo("SwapTotal")).orElse(0);
        OptionalLong wanted = wanted(c);
        if (wanted.isEmpty()) {
            return Finding.unknown("how much was asked for would tell: more than " + Say.bytes(most)
                    + " (RAM and swap) at once is refused");
        }
        String compared = Say.bytes(wanted.getAsLong()) + " at once is "
                + (wanted.getAsLong() > most ? "more than " : "not more than ") + Say.bytes(most) + " of RAM and swap";
        return wanted.getAsLong() > most ? Finding.confirmed(compared + " (vm.overcommit_memory is 0)")
                : Finding.ruledOut(compared);
    }

    private static Cause overcommitStrict() {
        return Row.of("overcommit-strict", ENOMEM, EAGAIN).calls(MAP)
                .rule("mm/util.c __vm_enough_memory: with vm.overcommit_memory=2 ENOMEM when Committed_AS would exceed "
                        + "CommitLimit less the reserves (all versions)")
                .evidence(STRICT_EVIDENCE)
                .remedies(MemoryMaps::moreCommit)
                .dont("Do not look at free memory: promises count, not use.",
                        "Do not set vm.overcommit_memory=1 blindly: then nothing is refused and the OOM killer chooses.")
                .next("malloc, fork and new threads fail on the whole machine.")
                .provoked("6.1 by test in a guest")
                .judge(c -> orThread(c, x -> strict(x, wanted(x), "the request")));
    }

    /** Strict accounting: whether so much more may be promised. */
    static Finding strict(Case c, OptionalLong wanted, String what) {
        OptionalLong mode = c.number(MODE);
        if (mode.isEmpty()) {
            return Finding.unknown("vm.overcommit_memory is missing: " + c.now().whyUnread(MODE));
        }
        if (mode.getAsLong() != 2) {
            return Finding.ruledOut("vm.overcommit_memory is " + mode.getAsLong() + ", so promises are not added up");
        }
        return Shapes.fits(bytes(c, Facts.meminfo("Committed_AS")), wanted, bytes(c, Facts.meminfo("CommitLimit")),
                "CommitLimit", "of commit charge", what + ": " + c.now().whyUnread(Facts.meminfo("Committed_AS")));
    }

    static List<Remedy> moreCommit(Case c) {
        long ratio = c.number(Facts.sysctl("vm.overcommit_ratio")).orElse(50);
        return ratio >= 100 ? List.of(Remedy.now("add swap; it counts in full", "fallocate -l 8G /swapfile",
                "chmod 600 /swapfile", "mkswap /swapfile && swapon /swapfile"))
                : Remedies.sysctl("vm.overcommit_ratio", Math.min(100, ratio + 30));
    }

    private static Cause addressSpace() {
        return Row.of("address-space", ENOMEM, EAGAIN).calls(MAP)
                .rule("mm/mmap.c get_unmapped_area: ENOMEM when no hole is large enough in the 128 TiB of a 64-bit "
                        + "process, 3 or 4 GiB of a 32-bit one (all versions)")
                .evidence(Facts.VM_SIZE)
                .remedies(c -> List.of(Remedy.now("ask for less at once; a 32-bit program needs a 64-bit build")))
                .dont("Do not add memory: it is addresses that are missing.")
                .next("Smaller requests go on to work.")
                .provoked("6.18 by test")
                .judge(c -> ofThread(c).orElseGet(() -> {
                    OptionalLong held = bytes(c, Facts.VM_SIZE);
                    OptionalLong wanted = wanted(c);
                    if (held.isPresent() && wanted.isEmpty()) {
                        return Finding.unknown("how much was asked for would tell: " + Say.bytes(held.getAsLong())
                                + " of 128 TiB of addresses are mapped");
                    }
                    return Shapes.fits(held, wanted, OptionalLong.of(ADDRESSES), "the range of addresses",
                            "of addresses", c.now().whyUnread(Facts.VM_SIZE));
                }));
    }

    private static Cause hugetlbPool() {
        String free = Facts.meminfo("HugePages_Free");
        String reserved = Facts.meminfo("HugePages_Rsvd");
        return Row.of("hugetlb-pool", ENOMEM).calls("mmap", "mmap2", "shmget")
                .rule("mm/hugetlb.c hugetlb_acct_memory: ENOMEM when the pool has fewer free and unreserved huge pages "
                        + "than MAP_HUGETLB wants (all versions)")
                .evidence(Facts.meminfo("HugePages_Total"), free, reserved)
                .remedies(c -> Remedies.sysctl("vm.nr_hugepages", Say.roomier(
                        c.number(Facts.meminfo("HugePages_Total")).orElse(0))))
                .dont("Do not look at MemAvailable: the pool is apart from it.")
                .next("Programs fall back to small pages or do not start.")
                .provoked("6.18 by test")
                .judge(c -> {
                    OptionalLong pages = c.number(free);
                    long left = pages.orElse(0) - c.number(reserved).orElse(0);
                    String pool = left + " huge pages are free and not reserved";
                    if (c.text(Facts.ASKED_FLAGS).isEmpty()) {
                        return Finding.unknown("the flags of the call would tell: with MAP_HUGETLB, " + pool);
                    }
                    if (!c.text(Facts.ASKED_FLAGS).get().contains("HUGETLB")) {
                        return Finding.ruledOut("MAP_HUGETLB was not asked for");
                    }
                    if (pages.isEmpty()) {
                        return Finding.unknown("the pool is missing: " + c.now().whyUnread(free));
                    }
                    long size = c.number(Facts.meminfo("Hugepagesize")).orElse(2048) * 1024;
                    OptionalLong asked = c.question().requested();
                    return left == 0 || asked.isPresent() && (asked.getAsLong() + size - 1) / size > left
                            ? Finding.confirmed((left == 0 ? "no huge page is"
                                    : Say.agree("only %d huge {page is|pages are}", left)) + " free and not reserved")
                            : Finding.possible(pool);
                });
    }

    private static Row memlock(String id, Errno errno, String function) {
        return Row.of(id, errno)
                .rule(function
                        + ": locking beyond the soft RLIMIT_MEMLOCK is EAGAIN for MAP_LOCKED and MCL_FUTURE, ENOMEM"
                        + " for mlock and mlockall(MCL_CURRENT), EPERM for all at a limit of 0, unless CAP_IPC_LOCK (all"
                        + " versions)")
                .evidence(LOCK_EVIDENCE)
                .remedies(c -> Remedies.limit(c, "memlock", Say.roomier(c.number(MEMLOCK).orElse(8L << 20))))
                .dont("Do not add memory: it is the right to lock it that is used up.")
                .next("The memory stays unlocked and may be swapped out; some programs refuse to run so.")
                .provoked("6.18 by test");
    }

    private static Finding locked(Case c, Function<Case, OptionalLong> wanted) {
        return Shapes.unless(new Capability[] {Capability.CAP_IPC_LOCK}, x -> {
            if (x.number(MEMLOCK).orElse(-1) == 0) {
                return Finding.ruledOut("RLIMIT_MEMLOCK is 0, which shows as EPERM");
            }
            return Shapes.fits(bytes(x, Facts.VM_LCK), wanted.apply(x), x.number(MEMLOCK), "RLIMIT_MEMLOCK",
                    "of locked memory", x.now().whyUnread(Facts.VM_LCK));
        }).apply(c);
    }

    private static Cause memlockMap() {
        return memlock("memlock-map", EAGAIN, "mm/mmap.c mlock_future_ok").calls("mmap", "mmap2", "mremap", "brk")
                .judge(c -> locked(c, x -> x.question().requested()));
    }

    private static Cause memlockMlock() {
        return memlock("memlock-mlock", ENOMEM, "mm/mlock.c do_mlock").calls(LOCK)
                .judge(c -> locked(c, x -> x.question().call().equals("mlockall")
                        && x.question().requested().isEmpty() ? bytes(x, Facts.VM_SIZE) : x.question().requested()));
    }

    private static Cause memlockZero() {
        return memlock("memlock-zero", EPERM, "mm/mlock.c can_do_mlock")
                .calls("mlock", "mlock2", "mlockall", "mmap", "mmap2", "shmctl")
                .judge(Shapes.unless(new Capability[] {Capability.CAP_IPC_LOCK}, c -> {
                    OptionalLong limit = c.number(MEMLOCK);
                    if (limit.isEmpty()) {
                        return Finding.unknown("RLIMIT_MEMLOCK is missing: " + c.now().whyUnread(MEMLOCK));
                    }
                    return limit.getAsLong() == 0
                            ? Finding.confirmed("RLIMIT_MEMLOCK is 0 and " + Say.process(c) + " "
                                    + Capability.CAP_IPC_LOCK.lack(c))
                            : Finding.ruledOut("RLIMIT_MEMLOCK is " + Say.bytes(limit.getAsLong()) + ", not 0");
                }));
    }
}
