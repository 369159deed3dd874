package dev.headroom.diag.explain;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import dev.headroom.diag.Capture;
import dev.headroom.diag.Case;
import dev.headroom.diag.Diagnosis;
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
            explain(Errno.EMFILE, "accept4", ProcessHandle.current().pid());
            reserve();
        }
    }

    private static void reserve() throws IOException {
        while (RESERVED.size() < RESERVE) {
            RESERVED.add(FileChannel.open(Path.of("/dev/null"), StandardOpenOption.READ));
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
                        said.requested(), said.seconds());
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

    private static Diagnosis explain(Question question) {
        synchronized (RESERVED) {
            boolean prepared = !RESERVED.isEmpty();
            release();
            try {
                return Diagnosis.of(new Case(question, capture(question), Optional.empty()), Catalogue.all());
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

    private static Snapshot capture(Question question) {
        Capture capture = new Capture();
        try {
            return capture.process(question.pid().getAsLong(), question, Capture.Topic.of(question));
        } catch (NoSuchFileException e) {
            return capture.machine(question, Capture.Topic.of(question));
        }
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
