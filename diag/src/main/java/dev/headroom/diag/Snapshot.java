package dev.headroom.diag;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What was known of a process and its machine at one instant, and of what is not known why not. Immutable; goes to JSON
 * and back. It holds no command-line arguments and no environment.
 *
 * @param takenMillis when, in milliseconds since 1970
 * @param facts by name
 * @param unread why a fact could not be read, by name: which privilege or which kernel would tell
 * @param listeners listening TCP sockets of the target's network namespace
 * @param flows its TCP connections, summed up by addresses and peer port
 * @param holders what the descriptors of the process are, the most frequent first
 */
public record Snapshot(long takenMillis, Map<String, Fact> facts, Map<String, String> unread, List<Listening> listeners,
        List<Flow> flows, List<Holder> holders) {

    /**
     * A listening TCP socket.
     *
     * @param address e.g. "127.0.0.1:9999"
     * @param queue connections in its accept queue now
     * @param limit sk_max_ack_backlog: min(backlog, net.core.somaxconn); the queue is full at one more
     * @param inode of the socket
     * @param pid of a process that has it open, 0 if unknown
     * @param command of that process, empty if unknown
     */
    public record Listening(String address, long queue, long limit, long inode, long pid, String command) {
    }

    /**
     * The connections from one address to one address and port.
     *
     * @param source local address without port
     * @param target peer address with port
     * @param states number of sockets by state, e.g. "ESTAB" or "TIME-WAIT"
     * @param portsInRange distinct local ports within net.ipv4.ip_local_port_range
     */
    public record Flow(String source, String target, Map<String, Long> states, long portsInRange) {
        public Flow {
            states = Map.copyOf(states);
        }

        public long state(String name) {
            return states.getOrDefault(name, 0L);
        }

        public long total() {
            return states.values().stream().mapToLong(Long::longValue).sum();
        }
    }

    /**
     * Descriptors of one kind or target.
     *
     * @param what e.g. "socket" or "/var/log/app.log"
     * @param count how many
     */
    public record Holder(String what, long count) {
    }

    public Snapshot {
        facts = Map.copyOf(facts);
        unread = Map.copyOf(unread);
        listeners = List.copyOf(listeners);
        flows = List.copyOf(flows);
        holders = List.copyOf(holders);
    }

    public Optional<Fact> fact(String name) {
        return Optional.ofNullable(facts.get(name));
    }

    public Optional<String> text(String name) {
        return fact(name).map(Fact::value);
    }

    /** The fact as a number; empty if it is not known or not a number. "unlimited" is {@link Long#MAX_VALUE}. */
    public OptionalLong number(String name) {
        Fact fact = facts.get(name);
        if (fact == null) {
            return OptionalLong.empty();
        }
        if (fact.value().equals("unlimited")) {
            return OptionalLong.of(Long.MAX_VALUE);
        }
        try {
            return OptionalLong.of(Long.parseLong(fact.value()));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** With more facts: what the question says of itself. */
    public Snapshot with(Iterable<Fact> more) {
        Map<String, Fact> all = new TreeMap<>(facts);
        Map<String, String> missing = new TreeMap<>(unread);
        for (Fact f : more) {
            all.put(f.name(), f);
            missing.remove(f.name());
        }
        return new Snapshot(takenMillis, all, missing, listeners, flows, holders);
    }

    /** Why the fact is not here. */
    public String whyUnread(String name) {
        return unread.getOrDefault(name, "not read");
    }

    /** How much a counter has grown since an earlier snapshot; empty if one of the two lacks it. */
    public OptionalLong delta(Snapshot earlier, String counter) {
        OptionalLong now = number(counter);
        OptionalLong then = earlier.number(counter);
        return now.isPresent() && then.isPresent() ? OptionalLong.of(now.getAsLong() - then.getAsLong())
                : OptionalLong.empty();
    }

    /** A builder that has all of this already, to add what else is known. */
    public Builder toBuilder() {
        Builder b = new Builder(takenMillis);
        b.facts.putAll(facts);
        b.unread.putAll(unread);
        return b.listeners(listeners).flows(flows).holders(holders);
    }

    /** Collects facts. <b>Not thread-safe.</b> */
    public static final class Builder {
        private final long takenMillis;
        private final Map<String, Fact> facts = new TreeMap<>();
        private final Map<String, String> unread = new TreeMap<>();
        private List<Listening> listeners = List.of();
        private List<Flow> flows = List.of();
        private List<Holder> holders = List.of();

        public Builder(long takenMillis) {
            this.takenMillis = takenMillis;
        }

        public Builder put(String name, String value, String source) {
            facts.put(name, new Fact(name, value, source));
            unread.remove(name);
            return this;
        }

        public Builder put(String name, long value, String source) {
            return put(name, Long.toString(value), source);
        }

        /** Why a fact is missing, unless it is there. */
        public Builder unread(String name, String why) {
            if (!facts.containsKey(name)) {
                unread.put(name, why);
            }
            return this;
        }

        public Builder listeners(List<Listening> all) {
            listeners = all;
            return this;
        }

        public Builder flows(List<Flow> all) {
            flows = all;
            return this;
        }

        public Builder holders(List<Holder> all) {
            holders = all;
            return this;
        }

        public Snapshot build() {
            return new Snapshot(takenMillis, facts, unread, listeners, flows, holders);
        }
    }
}
