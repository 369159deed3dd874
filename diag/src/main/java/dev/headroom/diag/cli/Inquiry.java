package dev.headroom.diag.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Question;
import dev.headroom.diag.Verdict;
import dev.headroom.echo.EchoObserver;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

/**
 * Why the kernel says no to this very process. Reading that takes descriptors, which are what is missing at EMFILE, so
 * {@link #prepare} sets a few aside; they are given up for the reading and taken back at once. Nobody else takes them
 * meanwhile, for a limit is reported when none grows any more: every acceptor of the listener is disarmed, every caller
 * of the client waits, and they try again when a connection has closed (then there is room anyway) or after the retry
 * interval. Should one be quicker all the same, a server that sheds or a retry interval shorter than the reading takes, then
 * it holds so many connections more and the reason says less; the limit itself is told in any case.
 * <p>
 * <b>Not thread-safe</b>: the main thread alone uses it. No loop waits for it.
 */
final class Inquiry {
    /**
     * What is behind a limit.
     *
     * @param verdict CONFIRMED or POSSIBLE, or null when no cause could be named
     * @param cause its id in the catalogue, or null
     * @param sentence continues "because …", or null
     * @param command what tells the whole story
     */
    record Reason(Verdict verdict, String cause, String sentence, List<String> command) {
    }

    /** @param isNew whether it differs from what was told of that call and error before */
    record Answer(Reason reason, boolean isNew) {
    }

    private record Asked(String call, int errno) {
    }

    private record Known(Reason reason, long again) {
    }

    /** A hundredth of the main thread's time at most goes into looking again whether the cause is still the same. */
    private static final int PART = 100;
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(1);

    private final List<Sockaddr> sources;
    private final List<Sockaddr> targets;
    private final Map<Asked, Known> known = new HashMap<>();

    /** Of a server, which knows the address of its listener from the limit. */
    Inquiry() {
        this(List.of(), List.of());
    }

    /** Of a client. */
    Inquiry(List<Sockaddr> sources, List<Sockaddr> targets) {
        this.sources = List.copyOf(sources);
        this.targets = List.copyOf(targets);
    }

    /** Sets descriptors aside, as far as there are any. */
    void prepare() {
        try {
            dev.headroom.diag.explain.Headroom.reserve();
        } catch (IOException e) {
            // So few descriptors that it hardly starts: a reason may be missing then, nothing else.
            return;
        }
    }

    /** The reason for a limit; empty for a limit of our own, which says itself why, and if the reading failed. */
    Optional<Answer> why(EchoObserver.Limit limit) {
        Optional<Errno> errno = Errno.of(limit.errno());
        if (limit.errno() == 0 || errno.isEmpty()) {
            return Optional.empty();
        }
        Asked asked = new Asked(limit.call(), limit.errno());
        Known before = known.get(asked);
        long now = System.nanoTime();
        if (before != null && now - before.again < 0) {
            return Optional.of(new Answer(before.reason, false));
        }
        Reason reason;
        try {
            reason = reason(question(limit, errno.get()));
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            // It was to help; the server or client goes on without.
            return Optional.empty();
        }
        long end = System.nanoTime();
        known.put(asked, new Known(reason, end + Math.max(PAUSE, PART * (end - now))));
        boolean same = before != null && Objects.equals(before.reason.cause, reason.cause);
        return Optional.of(new Answer(reason, !same));
    }

    private static Reason reason(Question q) {
        Diagnosis d = dev.headroom.diag.explain.Headroom.explain(q);
        return d.confirmed().or(() -> d.with(Verdict.POSSIBLE).stream().findFirst())
                .map(j -> new Reason(j.finding().verdict(), j.cause().id(), j.finding().sentence(), command(q)))
                .orElseGet(() -> new Reason(null, null, null, command(q)));
    }

    private Question question(EchoObserver.Limit limit, Errno errno) {
        Question q = Question.of(errno, limit.call()).withPid(ProcessHandle.current().pid());
        if (targets.isEmpty()) {
            return limit.detail().isEmpty() ? q : q.withLocal(limit.detail());
        }
        if (errno == Errno.EMFILE || errno == Errno.ENFILE) {
            return q;
        }
        // When no address is to be had any more, none of the pairs has one left: the first is as good as any.
        boolean any = errno == Errno.EADDRNOTAVAIL;
        if (sources.size() == 1 || any && !sources.isEmpty()) {
            q = q.withLocal(sources.getFirst().withPort(0).toString());
        }
        return targets.size() == 1 || any ? q.withPeer(targets.getFirst().toString()) : q;
    }

    private static List<String> command(Question q) {
        List<String> words = new ArrayList<>(List.of("headroom", "explain", q.errno().orElseThrow().name(), "--call",
                q.call()));
        q.peer().ifPresent(peer -> {
            words.addAll(List.of("--to", peer));
            q.local().ifPresent(local -> words.addAll(List.of("--at", local)));
        });
        words.addAll(List.of("--pid", Long.toString(q.pid().orElseThrow())));
        return words;
    }
}
