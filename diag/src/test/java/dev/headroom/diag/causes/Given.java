package dev.headroom.diag.causes;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Question;
import dev.headroom.diag.Snapshot;
import dev.headroom.linux.Errno;

/** A case made by hand: java as process 4711 of user 1000, without capabilities, and what the test says besides. */
final class Given {
    private final Map<String, String> now = new TreeMap<>(Map.of(Facts.PID, "4711", Facts.COMMAND, "java", Facts.EUID,
            "1000", Facts.RUID, "1000", Facts.RGID, "1000", Facts.CAP_EFF, "0000000000000000", Facts.USERNS_INITIAL,
            "yes",
            Facts.KERNEL, "6.18.44"));
    private final Map<String, String> earlier = new TreeMap<>();
    private final List<Snapshot.Listening> listeners = new ArrayList<>();
    private final List<Snapshot.Flow> flows = new ArrayList<>();
    private Question question;

    Given(Errno errno, String call) {
        question = Question.of(errno, call);
    }

    /**
     * Of the network: "peer=ADDRESS:PORT", "local=ADDRESS:PORT", "seconds=N", "listen=ADDRESS:PORT,QUEUE,LIMIT" and
     * "flow=SOURCE,TARGET,PORTS,STATE,N"; other words as {@link #say}.
     */
    Given network(String word) {
        String value = word.substring(word.indexOf('=') + 1);
        String[] part = value.split(",");
        switch (word.substring(0, word.indexOf('='))) {
            case "peer" -> question = question.withPeer(value);
            case "local" -> question = question.withLocal(value);
            case "seconds" -> question = question.withSeconds(Double.parseDouble(value));
            case "listen" -> listeners.add(new Snapshot.Listening(part[0], Long.parseLong(part[1]),
                    Long.parseLong(part[2]), 1, 4711, "java"));
            case "flow" -> flows.add(new Snapshot.Flow(part[0], part[1], Map.of(part[3], Long.valueOf(part[4])),
                    Long.parseLong(part[2])));
            default -> say(word);
        }
        return this;
    }

    /** A question without an errno: what clients of a server see. */
    Given withoutErrno() {
        question = new Question(Optional.empty(), question.call(), question.pid(), question.local(), question.peer(),
                question.requested(), question.seconds());
        return this;
    }

    /** "requested=N", "was:FACT=VALUE" for an earlier reading, "FACT=VALUE", and "FACT=" to take one away. */
    Given say(String word) {
        String name = word.substring(0, word.indexOf('='));
        String value = word.substring(name.length() + 1).replace('_', ' ');
        if (name.equals("requested")) {
            question = question.withRequested(Long.parseLong(value));
        } else if (name.startsWith("was:")) {
            earlier.put(name.substring("was:".length()), value);
        } else if (value.isEmpty()) {
            now.remove(name);
        } else {
            now.put(name, value);
        }
        return this;
    }

    Case build() {
        return new Case(question, snapshot(now), earlier.isEmpty() ? Optional.empty() : Optional.of(snapshot(earlier)));
    }

    private Snapshot snapshot(Map<String, String> facts) {
        var builder = new Snapshot.Builder(0);
        facts.forEach((name, value) -> builder.put(name, value, "test"));
        return builder.listeners(listeners).flows(flows).build();
    }
}
