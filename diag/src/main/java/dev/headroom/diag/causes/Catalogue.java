package dev.headroom.diag.causes;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import dev.headroom.diag.Cause;

/** All causes, in the order in which they are to be thought of. */
public final class Catalogue {
    private static final List<Cause> ALL = Stream.<List<Cause>>of(Descriptors.ALL, ResourceLimits.ALL,
            Watches.ALL, Tasks.ALL, MemoryMaps.ALL, Quotas.ALL, ConnectPorts.ALL, ConnectTimeouts.ALL, Connect.ALL,
            Routing.ALL, Bind.ALL, Queues.ALL, Send.ALL, Losses.ALL).flatMap(List::stream).toList();

    private Catalogue() {
    }

    public static List<Cause> all() {
        return ALL;
    }

    public static Optional<Cause> byId(String id) {
        return ALL.stream().filter(c -> c.id().equals(id)).findFirst();
    }
}
