package dev.headroom.echo;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

import dev.headroom.linux.Errno;

/** What one loop counts. The loop's thread alone adds; any thread may read, each number a little late. */
final class Counters {
    private static final int ERRNOS = 256;

    final AtomicLong opened = new AtomicLong();
    final AtomicLong closed = new AtomicLong();
    final AtomicLong sent = new AtomicLong();
    final AtomicLong messages = new AtomicLong();
    final AtomicLong bytes = new AtomicLong();
    final AtomicLong lost = new AtomicLong();
    final AtomicLong mismatched = new AtomicLong();
    private final AtomicLongArray errors = new AtomicLongArray(ERRNOS);

    /** One writer, so that an increment need not be a locked instruction. */
    static void add(AtomicLong counter, long n) {
        counter.setRelease(counter.getPlain() + n);
    }

    void error(int errno) {
        int i = errno > 0 && errno < ERRNOS ? errno : 0;
        errors.setOpaque(i, errors.getPlain(i) + 1);
    }

    /** Adds the errors by name to {@code sums}. */
    void sumErrors(Map<String, Long> sums) {
        for (int i = 0; i < ERRNOS; i++) {
            long n = errors.getOpaque(i);
            if (n != 0) {
                sums.merge(i == 0 ? "other" : Errno.name(i), n, Long::sum);
            }
        }
    }

    static EchoCounters sum(Iterable<Counters> all, long shed) {
        long opened = 0;
        long closed = 0;
        long sent = 0;
        long messages = 0;
        long bytes = 0;
        long lost = 0;
        long mismatched = 0;
        Map<String, Long> errors = new TreeMap<>();
        for (Counters c : all) {
            // closed first: a reader must never see more closed than opened
            closed += c.closed.getAcquire();
            opened += c.opened.getOpaque();
            lost += c.lost.getOpaque();
            mismatched += c.mismatched.getOpaque();
            messages += c.messages.getAcquire();
            sent += c.sent.getOpaque();
            bytes += c.bytes.getOpaque();
            c.sumErrors(errors);
        }
        return new EchoCounters(opened, closed, sent, messages, bytes, lost, mismatched, shed, errors);
    }
}
