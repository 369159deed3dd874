package dev.headroom.diag.lab;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A rule of the kernel that can be predicted from what is read, and then seen. */
public interface Experiment {
    /** As it is typed, e.g. "accept-queue". */
    String name();

    /** The rule, in one sentence. */
    String shows();

    /** The kernel function that decides, with its file. */
    String decidedBy();

    /** What {@code --set} may change, with the values it has otherwise. */
    default Map<String, String> settings() {
        return Map.of();
    }

    /** Tools it needs besides ip. */
    default Set<String> tools() {
        return Set.of();
    }

    /** Settings of the whole machine that it changes for its time, e.g. "net.netfilter.nf_conntrack_max". */
    default List<String> touches() {
        return List.of();
    }

    /** Whether it is done within seconds, with nothing of the machine changed, and so part of the tour. */
    default boolean isShort() {
        return touches().isEmpty();
    }

    /**
     * Reads, predicts, provokes, observes, in that order.
     *
     * @throws NotHereException if this machine does not let it be done
     * @throws IOException if something failed that should not have
     */
    void run(Trial trial) throws IOException, InterruptedException;
}
