package dev.headroom.diag.causes;

import java.util.List;
import java.util.Set;
import java.util.function.Function;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;
import dev.headroom.linux.Errno;

/**
 * A row of the catalogue while it is written down. What every row wants is done here: the evidence goes to each
 * finding, the remedies only to one that may hold.
 */
final class Row {
    private final String id;
    private final Set<Errno> errnos;
    private Set<String> calls = Set.of();
    private String rule = "";
    private String[] evidence = {};
    private Function<Case, List<Remedy>> remedies = c -> List.of();
    private List<String> dont = List.of();
    private List<String> next = List.of();
    private String provoked = "source only";

    private Row(String id, Set<Errno> errnos) {
        this.id = id;
        this.errnos = errnos;
    }

    static Row of(String id, Errno... errnos) {
        return new Row(id, Set.of(errnos));
    }

    Row calls(String... names) {
        calls = Set.of(names);
        return this;
    }

    Row calls(Set<String> names) {
        calls = names;
        return this;
    }

    Row rule(String text) {
        rule = text;
        return this;
    }

    Row evidence(String... facts) {
        evidence = facts;
        return this;
    }

    Row remedies(Function<Case, List<Remedy>> all) {
        remedies = all;
        return this;
    }

    Row dont(String... sentences) {
        dont = List.of(sentences);
        return this;
    }

    Row next(String... sentences) {
        next = List.of(sentences);
        return this;
    }

    Row provoked(String how) {
        provoked = how;
        return this;
    }

    Cause judge(Function<Case, Finding> judge) {
        String[] names = evidence;
        Function<Case, List<Remedy>> ways = remedies;
        return new Cause(id, errnos, calls, rule, c -> {
            Finding finding = judge.apply(c).with(c, names);
            boolean mayHold = finding.verdict() == Verdict.CONFIRMED || finding.verdict() == Verdict.POSSIBLE;
            return mayHold ? finding.remedies(ways.apply(c).toArray(Remedy[]::new)) : finding;
        }, dont, next, provoked);
    }
}
