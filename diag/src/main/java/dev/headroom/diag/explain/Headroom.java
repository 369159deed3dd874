package dev.headroom.diag.explain;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Messages;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.causes.Catalogue;
import dev.headroom.linux.Errno;
import dev.headroom.linux.SyscallException;

/**
 * Why did the kernel say no? For any Java program:
 *
 * <pre>{@code
 * Headroom.prepare();
 * …
 * } catch (IOException e) {
 *     Headroom.explain(e).ifPresent(d -> log.warn(d.sentence()));
 * }
 * }</pre>
 *
 * <p>A process that has run out of descriptors cannot open the files that tell why. {@link #prepare()} sets a few aside
 * while there are some, and an explanation uses these; in a program with several threads another one may be quicker to
 * take them, and then the diagnosis says what it could not read. Safe for use by several threads.
 */
public final class Headroom {
    /** A directory stream takes two descriptors, the file that is read meanwhile one. */
    private static final int RESERVE = 3;
    private static final List<FileChannel> RESERVED = new ArrayList<>();

    private Headroom() {
    }

    /**
     * Sets descriptors aside and reads everything once, so that no class is left to be loaded when it matters.
     *
     * @throws IOException if there is no descriptor left even now
     */
    public static void prepare() throws IOException {
        synchronized (RESERVED) {
            for (String call : List.of("accept4", "connect")) {
                explain(new IOException(call + ": " + Errno.EMFILE.text())).map(Diagnosis::sentence);
            }
            reserve();
        }
    }

    /**
     * Sets descriptors aside, as far as they are not, for a program that has loaded all classes by itself.
     *
     * @throws IOException if there is no descriptor left even now; those that there were are set aside
     */
    public static void reserve() throws IOException {
        synchronized (RESERVED) {
            while (RESERVED.size() < RESERVE) {
                RESERVED.add(FileChannel.open(Path.of("/dev/null"), StandardOpenOption.READ));
            }
        }
    }

    /**
     * Explains a failure of this process: an IOException of java.net, java.io or java.nio, an OutOfMemoryError for want
     * of threads, a {@link SyscallException}, or anything caused by one.
     *
     * @return empty if it is none that the kernel's limits could be behind
     */
    public static Optional<Diagnosis> explain(Throwable failure) {
        int depth = 0;
        for (Throwable t = failure; t != null && depth < 16; t = t.getCause(), depth++) {
            Optional<Question> question = question(t);
            if (question.isPresent()) {
                long pid = ProcessHandle.current().pid();
                return Optional.of(explain(question.get().withPid(pid)));
            }
        }
        return Optional.empty();
    }

    private static Optional<Question> question(Throwable t) {
        if (t instanceof SyscallException s) {
            return Errno.of(s.errno()).map(errno -> {
                Question said = Messages.recognise(s.getMessage()).map(Messages.Reading::question)
                        .orElse(Question.of(errno, s.call()));
                return new Question(Optional.of(errno), s.call(), said.pid(), said.local(), said.peer(),
                        said.requested(), said.seconds(), said.fd());
            });
        }
        if (!(t instanceof IOException) && !(t instanceof OutOfMemoryError)) {
            return Optional.empty();
        }
        Optional<Question> said = Messages.recognise(t.toString()).map(Messages.Reading::question);
        return said.filter(q -> q.errno().isPresent())
                .map(q -> q.call().isEmpty() ? q.withCall(callOf(t)) : q);
    }

    /** The call, from who threw it: java.net does not say. */
    private static String callOf(Throwable t) {
        for (StackTraceElement e : t.getStackTrace()) {
            String at = e.getClassName() + "." + e.getMethodName();
            if (!at.startsWith("sun.nio.") && !at.startsWith("java.")) {
                break;
            }
            switch (e.getMethodName()) {
                case "accept", "accept0", "implAccept":
                    return "accept4";
                case "connect", "connect0", "finishConnect", "pollConnect":
                    return "connect";
                case "bind", "bind0":
                    return "bind";
                case "listen", "listen0":
                    return "listen";
                case "socket", "socket0":
                    return "socket";
                case "open", "open0":
                    return "open";
                default:
            }
        }
        return "";
    }

    /**
     * Explains a call that failed in a process.
     *
     * @param errno the error
     * @param call name of the system call, e.g. "accept4"; empty if unknown
     * @param pid the process
     */
    public static Diagnosis explain(Errno errno, String call, long pid) {
        return explain(Question.of(errno, call).withPid(pid));
    }

    /**
     * Explains a failure of which more is known: addresses, for instance.
     *
     * @param question with the process
     */
    public static Diagnosis explain(Question question) {
        return explain(question, Optional.empty());
    }

    /**
     * As {@link #explain(Question)}, with a reading from before the failure: some causes show only in counters that have
     * grown meanwhile.
     *
     * @param before from {@link #capture}
     */
    public static Diagnosis explain(Question question, Snapshot before) {
        return explain(question, Optional.of(before));
    }

    private static Diagnosis explain(Question question, Optional<Snapshot> before) {
        synchronized (RESERVED) {
            int lent = RESERVED.size();
            boolean prepared = lent > 0;
            release();
            try {
                Snapshot now = capture(question);
                boolean own = question.pid().getAsLong() == ProcessHandle.current().pid();
                return Diagnosis.of(new Case(question, own ? asBefore(now, lent) : now, before),
                        Catalogue.all());
            } finally {
                if (prepared) {
                    try {
                        reserve();
                    } catch (IOException e) {
                        // Another thread was quicker. What there is stays set aside.
                    }
                }
            }
        }
    }

    /**
     * Reads what can tell something of a question.
     *
     * @param question with the process; the machine is read if that has ended
     */
    public static Snapshot capture(Question question) {
        Capture capture = new Capture();
        try {
            return capture.process(question.pid().getAsLong(), question, Capture.Topic.of(question));
        } catch (NoSuchFileException e) {
            return capture.machine(question, Capture.Topic.of(question));
        }
    }

    /** The numbers as they were while the reserve was still held. */
    private static Snapshot asBefore(Snapshot now, int lent) {
        OptionalLong soft = now.number(Facts.limitSoft("nofile"));
        OptionalLong used = now.number(Facts.FD_USED);
        OptionalLong below = now.number(Facts.FD_USED_BELOW_SOFT);
        if (lent == 0 || soft.isEmpty() || used.isEmpty() || below.isEmpty()) {
            return now;
        }
        // Another thread may have taken some meanwhile: more than all are not in use.
        long all = Math.min(soft.getAsLong(), below.getAsLong() + lent);
        long more = all - below.getAsLong();
        List<Fact> facts = new ArrayList<>();
        String source = now.fact(Facts.FD_USED).orElseThrow().source();
        facts.add(new Fact(Facts.FD_USED, Long.toString(used.getAsLong() + more), source));
        facts.add(new Fact(Facts.FD_USED_BELOW_SOFT, Long.toString(all), source));
        if (all == soft.getAsLong()) {
            facts.add(new Fact(Facts.FD_LOWEST_FREE, Long.toString(all), source));
        }
        return now.with(facts);
    }

    private static void release() {
        for (FileChannel held : RESERVED) {
            try {
                held.close();
            } catch (IOException e) {
                // It held nothing that could be lost.
            }
        }
        RESERVED.clear();
    }
}
