package dev.headroom.diag.json;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

import dev.headroom.diag.Fact;
import dev.headroom.diag.Snapshot;
import dev.headroom.diag.Snapshot.Flow;
import dev.headroom.diag.Snapshot.Holder;
import dev.headroom.diag.Snapshot.Listening;
import tools.jackson.core.JacksonException;
import tools.jackson.jr.ob.JSON;

/**
 * A snapshot, or two an interval apart, as one JSON document: {@code {"headroom":"snapshot","now":{…},"earlier":{…}}}.
 */
public final class SnapshotJson {
    private static final String KIND = "snapshot";

    private SnapshotJson() {
    }

    /**
     * What a document holds.
     *
     * @param now the snapshot
     * @param earlier the one an interval before
     */
    public record Document(Snapshot now, Optional<Snapshot> earlier) {
    }

    /** The document, indented, with its keys in order. */
    public static String write(Document document) {
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("headroom", KIND);
        root.put("now", map(document.now));
        document.earlier.ifPresent(s -> root.put("earlier", map(s)));
        return JSON.builder().enable(JSON.Feature.PRETTY_PRINT_OUTPUT).build().asString(root);
    }

    private static Map<String, Object> map(Snapshot s) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("taken", s.takenMillis());
        Map<String, Object> facts = new LinkedHashMap<>();
        new TreeMap<>(s.facts()).forEach((name, f) -> facts.put(name, strings("value", f.value(), "source",
                f.source())));
        out.put("facts", facts);
        out.put("unread", new TreeMap<>(s.unread()));
        out.put("listeners", s.listeners().stream().map(SnapshotJson::listening).toList());
        out.put("flows", s.flows().stream().map(SnapshotJson::flow).toList());
        List<Object> holders = new ArrayList<>();
        for (Holder h : s.holders()) {
            Map<String, Object> one = strings("what", h.what());
            one.put("count", h.count());
            holders.add(one);
        }
        out.put("holders", holders);
        return out;
    }

    private static Map<String, Object> strings(String... pairs) {
        Map<String, Object> m = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            m.put(pairs[i], pairs[i + 1]);
        }
        return m;
    }

    private static Map<String, Object> listening(Listening l) {
        Map<String, Object> m = strings("address", l.address());
        m.put("queue", l.queue());
        m.put("limit", l.limit());
        m.put("inode", l.inode());
        m.put("pid", l.pid());
        m.put("command", l.command());
        return m;
    }

    private static Map<String, Object> flow(Flow f) {
        Map<String, Object> m = strings("source", f.source(), "target", f.target());
        m.put("states", new TreeMap<>(f.states()));
        m.put("portsInRange", f.portsInRange());
        return m;
    }

    /**
     * Reads a document.
     *
     * @throws IOException if it is not one: the message says what is wrong with it
     */
    public static Document read(Reader text) throws IOException {
        Map<String, Object> root;
        try {
            root = JSON.std.mapFrom(text);
        } catch (JacksonException e) {
            throw new IOException("not JSON: " + e.getOriginalMessage(), e);
        }
        if (root == null || !KIND.equals(root.get("headroom"))) {
            throw new IOException("not a snapshot: write one with: headroom snapshot --pid PID > FILE");
        }
        Object earlier = root.get("earlier");
        return new Document(snapshot(object("now", root.get("now"))),
                earlier == null ? Optional.empty() : Optional.of(snapshot(object("earlier", earlier))));
    }

    private static Snapshot snapshot(Map<String, Object> m) throws IOException {
        var out = new Snapshot.Builder(number(m, "taken"));
        for (Map.Entry<String, Object> e : object("facts", m.get("facts")).entrySet()) {
            Map<String, Object> fact = object(e.getKey(), e.getValue());
            Fact f = new Fact(e.getKey(), text(fact, "value"), text(fact, "source"));
            out.put(f.name(), f.value(), f.source());
        }
        for (Map.Entry<String, Object> e : object("unread", m.get("unread")).entrySet()) {
            out.unread(e.getKey(), String.valueOf(e.getValue()));
        }
        out.listeners(list(m, "listeners", l -> new Listening(text(l, "address"), number(l, "queue"),
                number(l, "limit"), number(l, "inode"), number(l, "pid"), text(l, "command"))));
        out.flows(list(m, "flows", f -> {
            Map<String, Long> states = new TreeMap<>();
            Map<String, Object> counted = object("states", f.get("states"));
            for (String state : counted.keySet()) {
                states.put(state, number(counted, state));
            }
            return new Flow(text(f, "source"), text(f, "target"), states, number(f, "portsInRange"));
        }));
        out.holders(list(m, "holders", h -> new Holder(text(h, "what"), number(h, "count"))));
        return out.build();
    }

    /** Reads one element. */
    private interface Element<T> {
        T read(Map<String, Object> m) throws IOException;
    }

    private static <T> List<T> list(Map<String, Object> m, String name, Element<T> element) throws IOException {
        if (!(m.get(name) instanceof List<?> all)) {
            throw new IOException("not a snapshot: " + name + " is not a list");
        }
        List<T> out = new ArrayList<>();
        for (Object one : all) {
            out.add(element.read(object(name, one)));
        }
        return out;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(String name, Object value) throws IOException {
        if (value instanceof Map<?, ?> m) {
            return (Map<String, Object>) m;
        }
        throw new IOException("not a snapshot: " + name + " is not an object");
    }

    private static long number(Map<String, Object> m, String name) throws IOException {
        return get(m, name, v -> v instanceof Number n ? n.longValue() : null, "a number");
    }

    private static String text(Map<String, Object> m, String name) throws IOException {
        return get(m, name, v -> v instanceof String s ? s : null, "a text");
    }

    private static <T> T get(Map<String, Object> m, String name, Function<Object, T> as, String kind)
            throws IOException {
        T value = as.apply(m.get(name));
        if (value == null) {
            throw new IOException("not a snapshot: " + name + " is not " + kind);
        }
        return value;
    }
}
