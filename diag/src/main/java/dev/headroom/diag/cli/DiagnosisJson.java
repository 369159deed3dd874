package dev.headroom.diag.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.headroom.diag.Diagnosis;
import dev.headroom.diag.Diagnosis.Judged;
import dev.headroom.diag.Fact;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Verdict;
import dev.headroom.linux.Errno;
import tools.jackson.jr.ob.JSON;

/** A diagnosis as JSON. */
final class DiagnosisJson {
    private DiagnosisJson() {
    }

    static String write(Diagnosis d) {
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("errno", d.question().errno().map(Errno::name).orElse(null));
        root.put("call", d.question().call().isEmpty() ? null : d.question().call());
        root.put("pid", d.question().pid().isPresent() ? d.question().pid().getAsLong() : null);
        root.put("kernel", d.now().text(Facts.KERNEL).orElse(null));
        List<Object> causes = new ArrayList<>();
        d.judged().forEach(j -> causes.add(cause(j, d)));
        root.put("causes", causes);
        root.put("next", d.judged().stream().filter(j -> j.finding().verdict() == Verdict.CONFIRMED
                || j.finding().verdict() == Verdict.POSSIBLE).findFirst().map(j -> j.cause().next()).orElse(List.of()));
        return JSON.builder().enable(JSON.Feature.PRETTY_PRINT_OUTPUT, JSON.Feature.WRITE_NULL_PROPERTIES).build()
                .asString(root);
    }

    private static Map<String, Object> cause(Judged j, Diagnosis d) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("id", j.cause().id());
        m.put("verdict", j.finding().verdict().name());
        m.put("sentence", j.finding().sentence());
        List<Object> evidence = new ArrayList<>();
        for (Fact f : j.finding().evidence().stream().distinct().toList()) {
            Map<String, Object> e = new LinkedHashMap<>();
            e.put("name", f.name());
            e.put("value", f.value());
            e.put("source", f.source());
            evidence.add(e);
        }
        m.put("evidence", evidence);
        List<Object> remedies = new ArrayList<>();
        for (Remedy r : Screen.ranked(j.finding().remedies(), d.now())) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("scope", r.scope().name().toLowerCase(Locale.ROOT));
            one.put("text", Screen.named(r.text(), d.now()));
            one.put("commands", r.commands().stream().map(c -> Screen.named(c, d.now())).toList());
            remedies.add(one);
        }
        m.put("remedies", remedies);
        boolean mayHold = j.finding().verdict() == Verdict.CONFIRMED || j.finding().verdict() == Verdict.POSSIBLE;
        m.put("dont", mayHold ? j.cause().dont() : List.of());
        return m;
    }
}
