package dev.headroom.diag;

import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

import dev.headroom.linux.Errno;

/**
 * One reason why the kernel says no: a row of the catalogue. Judging is a pure function of the case.
 *
 * @param id as in the catalogue, e.g. "nofile-soft"
 * @param errnos errors that it shows as; empty for losses that carry none
 * @param calls system calls that it concerns; empty for any call with that errno
 * @param rule the kernel's rule in one line, with the function that decides and the versions it holds for
 * @param judge the verdict on a case
 * @param dont folk remedies that do not help or do harm, each a sentence
 * @param next what happens if nothing is done, step by step
 * @param provoked how it was checked that the kernel does this, e.g. "6.18 by test", "6.1 by test in a guest", "source only"
 */
public record Cause(String id, Set<Errno> errnos, Set<String> calls, String rule, Function<Case, Finding> judge,
        List<String> dont, List<String> next, String provoked) {
    public Cause {
        Objects.requireNonNull(id, "id");
        errnos = Set.copyOf(errnos);
        calls = Set.copyOf(calls);
        Objects.requireNonNull(rule, "rule");
        Objects.requireNonNull(judge, "judge");
        dont = List.copyOf(dont);
        next = List.copyOf(next);
        Objects.requireNonNull(provoked, "provoked");
    }

    /** What the clients of a server see of its trouble, and what it sees of it itself. */
    private static final Set<Errno> TROUBLE = Set.of(Errno.ETIMEDOUT, Errno.ECONNRESET, Errno.EMFILE, Errno.ENFILE);
    private static final Set<String> OF_CONNECTIONS = Set.of("connect", "accept4");

    /**
     * Whether the cause can be behind that call and error. A question without a call, or without an errno, asks all; one
     * without both asks why clients time out and connections vanish.
     */
    public boolean answers(Question q) {
        if (q.errno().isEmpty() && q.call().isEmpty()) {
            return errnos.isEmpty() || !Collections.disjoint(errnos, TROUBLE)
                    && (calls.isEmpty() || calls.stream().anyMatch(c -> OF_CONNECTIONS.contains(Calls.same(c))));
        }
        return (q.errno().isEmpty() || errnos.contains(q.errno().get()))
                && (q.call().isEmpty() || calls.isEmpty()
                        || calls.stream().anyMatch(c -> Calls.same(c).equals(Calls.same(q.call()))));
    }
}
