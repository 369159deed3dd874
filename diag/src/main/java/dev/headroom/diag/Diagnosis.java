package dev.headroom.diag;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

import dev.headroom.linux.Errno;

/**
 * The causes that may be behind a failure, the surest first.
 *
 * @param question what was asked
 * @param now the facts it rests on
 * @param judged each cause with its finding
 */
public record Diagnosis(Question question, Snapshot now, List<Judged> judged) {
    /** A cause and what it says of the case. */
    public record Judged(Cause cause, Finding finding) {
    }

    public Diagnosis {
        judged = List.copyOf(judged);
    }

    /** Asks every cause that answers the question. */
    public static Diagnosis of(Case c, List<Cause> catalogue) {
        List<Judged> all = new ArrayList<>();
        for (Cause cause : catalogue) {
            if (cause.answers(c.question())) {
                all.add(new Judged(cause, cause.judge().apply(c)));
            }
        }
        all.sort(Comparator.comparing(j -> j.finding().verdict()));
        return new Diagnosis(c.question(), c.now(), all);
    }

    /** The cause that holds, if one is certain. */
    public Optional<Judged> confirmed() {
        return judged.stream().filter(j -> j.finding().verdict() == Verdict.CONFIRMED).findFirst();
    }

    public List<Judged> with(Verdict verdict) {
        return judged.stream().filter(j -> j.finding().verdict() == verdict).toList();
    }

    /**
     * The answer in one sentence: {@code accept4(9<127.0.0.1:9999>) failed: EMFILE, because …}. Without a certain cause
     * it says what is possible, or that nothing local speaks for any.
     */
    public String sentence() {
        boolean known = !question.call().isEmpty();
        StringBuilder s = new StringBuilder(known ? question.call() : "the call");
        question.peer().ifPresent(a -> s.append(known ? "(" + a + ")" : " to " + a));
        if (question.peer().isEmpty()) {
            question.local().ifPresent(a -> s.append(known ? "(" + a + ")" : " at " + a));
        }
        s.append(" failed");
        question.errno().map(Errno::name).ifPresent(name -> s.append(": ").append(name));
        Optional<Judged> sure = confirmed();
        if (sure.isPresent()) {
            return s.append(", because ").append(sure.get().finding().sentence()).toString();
        }
        List<Judged> possible = with(Verdict.POSSIBLE);
        if (!possible.isEmpty()) {
            return s.append(", perhaps because ").append(possible.getFirst().finding().sentence()).toString();
        }
        return s.append("; what could be read here names no cause").toString();
    }
}
