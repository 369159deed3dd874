package dev.headroom.diag.lab.experiments;

import java.util.List;
import java.util.Optional;

import dev.headroom.diag.lab.Experiment;

/** All experiments, in the order of the tour: from what a connection is to what a machine can hold. */
public final class Experiments {
    private static final List<Experiment> ALL = List.of(new FourTuple(), new Descriptors(), new AcceptQueue(),
            new SynQueue(), new NrOpen(), Ports.defaultRange(), Ports.wideRange(), Ports.moreAddresses(),
            new BindBeforeConnect(), Ports.reservedPorts(), new OddRange(), new TimeWait(),
            new ClientStealsServerPort(), new EmfileSpin(), new FdTables(), new InotifyIsNotNofile(),
            new EpollWatches(), new ConntrackFull(), new Memory(), new Million());

    private Experiments() {
    }

    public static List<Experiment> all() {
        return ALL;
    }

    public static Optional<Experiment> of(String name) {
        return ALL.stream().filter(e -> e.name().equals(name)).findFirst();
    }
}
