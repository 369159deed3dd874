package dev.headroom.diag;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a cause says of a case.
 *
 * @param verdict how sure it is
 * @param sentence the reason with its numbers: continues "… because", e.g. "all 1024 descriptors of process 4711 (java)
 *        are in use"; for RULED_OUT why it is not, e.g. "3 of 1024 descriptors are in use"; for UNKNOWN what would tell
 * @param evidence what was read
 * @param remedies what to do, only for a cause that may hold
 */
public record Finding(Verdict verdict, String sentence, List<Fact> evidence, List<Remedy> remedies) {
    public Finding {
        Objects.requireNonNull(verdict, "verdict");
        Objects.requireNonNull(sentence, "sentence");
        evidence = List.copyOf(evidence);
        remedies = List.copyOf(remedies);
    }

    public static Finding confirmed(String sentence) {
        return new Finding(Verdict.CONFIRMED, sentence, List.of(), List.of());
    }

    public static Finding possible(String sentence) {
        return new Finding(Verdict.POSSIBLE, sentence, List.of(), List.of());
    }

    public static Finding unknown(String whatWouldTell) {
        return new Finding(Verdict.UNKNOWN, whatWouldTell, List.of(), List.of());
    }

    public static Finding ruledOut(String sentence) {
        return new Finding(Verdict.RULED_OUT, sentence, List.of(), List.of());
    }

    /** With the named facts as evidence, those of them that are known. */
    public Finding with(Case c, String... names) {
        List<Fact> all = new ArrayList<>(evidence);
        for (String name : names) {
            c.now().fact(name).ifPresent(all::add);
        }
        return new Finding(verdict, sentence, all, remedies);
    }

    /** With one more piece of evidence, which was counted rather than read. */
    public Finding with(Fact fact) {
        List<Fact> all = new ArrayList<>(evidence);
        all.add(fact);
        return new Finding(verdict, sentence, all, remedies);
    }

    public Finding remedies(Remedy... more) {
        List<Remedy> all = new ArrayList<>(remedies);
        all.addAll(List.of(more));
        return new Finding(verdict, sentence, evidence, all);
    }
}
