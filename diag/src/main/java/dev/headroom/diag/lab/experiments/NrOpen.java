package dev.headroom.diag.lab.experiments;

import java.io.IOException;
import java.util.Map;
import java.util.stream.LongStream;

import dev.headroom.diag.Question;
import dev.headroom.diag.lab.Child;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.Host;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Resource;
import dev.headroom.linux.Rlimit64;
import dev.headroom.proc.Limits;
import dev.headroom.proc.ProcFs;
import dev.headroom.proc.ProcPid;

/** The hard limit of descriptors of a process of the lab, raised as far as somebody lets it. */
final class NrOpen implements Experiment {
    private static final String NR_OPEN = "fs.nr_open";
    private static final int CAP_SYS_RESOURCE = 24;
    private static final String GRANTED = "granted";

    @Override
    public String name() {
        return "nr-open";
    }

    @Override
    public String shows() {
        return "A hard limit above fs.nr_open is refused with EPERM to everybody, root included; below it, raising one"
                + " takes CAP_SYS_RESOURCE in the initial user namespace.";
    }

    @Override
    public String decidedBy() {
        return "do_prlimit (kernel/sys.c), in that order";
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("hard", "");
    }

    /** What do_prlimit asks for, in its order. */
    private record Rule(long nrOpen, long hard, boolean mayRaise, String who) {
        boolean isGranted(long asked) {
            return asked <= nrOpen && (asked <= hard || mayRaise);
        }

        String why(long asked) {
            if (asked > nrOpen) {
                return asked + " > fs.nr_open " + nrOpen + ", which is tested before any capability";
            }
            return asked + " <= fs.nr_open " + nrOpen + (asked <= hard ? " and <= the hard limit " + hard
                    : ", > the hard limit " + hard + ": " + who);
        }

        String cause(long asked) {
            return asked > nrOpen ? "above-nr-open" : "raise-hard-no-cap";
        }
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Host host = t.lab().host("server", Addresses.server(1));
        long nrOpen = new ProcFs().sysctl(NR_OPEN).asLong();
        long asked = t.setting("hard").isEmpty() ? nrOpen + 1 : t.number("hard", 64, Long.MAX_VALUE);
        // A process of its own, for a limit that was lowered would stay so.
        Child child = t.lab().start(host, "serve", "--listen", host.at(Addresses.PORT).toString());
        child.await("listening", 20);
        Limits.Limit now = child.proc().limits().get(Limits.Resource.RLIMIT_NOFILE);
        Rule rule = rule(t, nrOpen, now.hard());
        long[] limits = LongStream.of(asked, now.hard() + 1).distinct().toArray();
        for (long limit : limits) {
            predict(t, rule, limit);
        }
        t.begin();
        for (long limit : limits) {
            observe(t, rule, child, limit);
        }
    }

    private static Rule rule(Trial t, long nrOpen, long hard) throws IOException {
        ProcPid self = new ProcFs().self();
        boolean capable = self.status().hasEffective(CAP_SYS_RESOURCE);
        boolean initial = self.uidMap().isIdentity();
        t.read(NR_OPEN, nrOpen, "/proc/sys/fs/nr_open");
        t.read("RLIMIT_NOFILE", hard, "hard limit of the process, /proc/PID/limits");
        t.read("CapEff", String.format("%016x", self.status().capEff()),
                "/proc/self/status, bit 24 is CAP_SYS_RESOURCE");
        t.read("uid_map", initial ? "the identity" : "a map of its own", "/proc/self/uid_map");
        return new Rule(nrOpen, hard, capable && initial, !capable ? "CAP_SYS_RESOURCE is lacking"
                : initial ? "CAP_SYS_RESOURCE is held" : "CAP_SYS_RESOURCE counts in this user namespace only");
    }

    private static String name(long hard) {
        return "hard limit " + Expected.text(hard);
    }

    private static void predict(Trial t, Rule rule, long asked) {
        t.predict(name(asked), Expected.exactly(rule.isGranted(asked) ? GRANTED : Errno.EPERM.name()), rule.why(asked));
    }

    private static void observe(Trial t, Rule rule, Child child, long asked) throws IOException {
        int rc = raise(child.pid(), asked);
        long is = child.proc().limits().get(Limits.Resource.RLIMIT_NOFILE).hard();
        t.observe(name(asked), rc < 0 ? Errno.name(-rc) : is == asked ? GRANTED : "it is " + is);
        if (rc < 0) {
            t.wall(rule.cause(asked), Question.of(Errno.of(-rc).orElseThrow(), "prlimit64").withPid(child.pid())
                    .withRequested(asked));
        }
    }

    /** Sets both limits. @return 0 or {@code -errno} */
    private static int raise(long pid, long hard) throws IOException {
        try (Memory limit = Memory.map(Rlimit64.SIZEOF)) {
            limit.putLong(Rlimit64.rlim_cur, hard);
            limit.putLong(Rlimit64.rlim_max, hard);
            return Resource.prlimit64(new CallState(), (int) pid, Resource.RLIMIT_NOFILE, limit.address(), 0);
        }
    }
}
