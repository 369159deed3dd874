package dev.headroom.diag.lab.experiments;

import java.io.IOException;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.lab.Expected;
import dev.headroom.diag.lab.Experiment;
import dev.headroom.diag.lab.NotHereException;
import dev.headroom.diag.lab.Sockets;
import dev.headroom.diag.lab.Trial;
import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Inotify;
import dev.headroom.linux.Unistd;
import dev.headroom.loop.FdTable;
import dev.headroom.proc.ProcFs;

/** inotify instances until there are no more, which is no matter of descriptors. */
final class InotifyIsNotNofile implements Experiment {
    private static final String LIMIT = "fs.inotify.max_user_instances";
    /** What the diagnosis may open while all instances are there. */
    private static final int SPARE = 200;

    @Override
    public String name() {
        return "inotify-is-not-nofile";
    }

    @Override
    public String shows() {
        return "inotify_init says \"Too many open files\" when the user has all its inotify instances, in whatever process,"
                + " with thousands of descriptors free.";
    }

    @Override
    public String decidedBy() {
        return "inotify_new_group → inc_inotify_instances (fs/notify/inotify/inotify_user.c)";
    }

    @Override
    public void run(Trial t) throws IOException, InterruptedException {
        Question q = Question.of(Errno.EMFILE, "inotify_init1").withPid(ProcessHandle.current().pid());
        Snapshot now = t.snapshot(q);
        long has = now.number(Facts.INOTIFY_INSTANCES_USER)
                .orElseThrow(() -> new NotHereException("to count inotify instances: "
                        + now.whyUnread(Facts.INOTIFY_INSTANCES_USER)));
        long limit = new ProcFs().sysctl(LIMIT).asLong();
        long nofile = FdTable.nofile();
        long used = now.number(Facts.FD_USED).orElse(0);
        long more = limit - has;
        t.read(LIMIT, limit, "/proc/sys/fs/inotify/max_user_instances");
        t.read("instances of this user", has, "inotify descriptors of all its processes, "
                + now.fact(Facts.INOTIFY_INSTANCES_USER).orElseThrow().source());
        t.read("RLIMIT_NOFILE", nofile, "soft limit of this process, which has " + used);
        if (more < 0 || nofile - used - more < SPARE) {
            throw new NotHereException("more free descriptors than free inotify instances, not " + (nofile - used)
                    + " and " + more);
        }
        t.predict("instances", more, limit + " - " + has + " that are there already");
        t.predict("descriptors free", Expected.atLeast(nofile - used - more - SPARE),
                nofile + " - " + used + " - " + more + ", less what reading takes");
        t.begin();
        CallState state = new CallState();
        Sockets.Calls calls = Sockets.until(() -> Inotify.inotifyInit1(state, Inotify.IN_CLOEXEC), limit + 1);
        try {
            t.observe("instances", calls.fds().size());
            t.observe("descriptors free", nofile - new ProcFs().self().fdCount().orElse((int) nofile));
            if (calls.rc() < 0) {
                t.wall("inotify-instances", q.withErrno(Errno.of(-calls.rc()).orElseThrow()));
            }
        } finally {
            calls.fds().forEach(fd -> Unistd.close(state, fd));
        }
    }
}
