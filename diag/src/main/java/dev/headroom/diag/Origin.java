package dev.headroom.diag;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What started a process, as the path of its cgroup tells: so that the remedy is the one that fits.
 *
 * @param unit systemd unit
 * @param container kind of container
 */
record Origin(Optional<String> unit, Optional<String> container) {
    private static final Pattern UNIT = Pattern.compile("/([^/]+\\.service)(?:/|$)");
    private static final Pattern SESSION = Pattern.compile("user@\\d+\\.service|session-.*");

    /** The last unit on the way down: a user's unit is below user@1000.service. */
    static Origin of(String path) {
        Optional<String> container = container(path);
        if (container.isPresent()) {
            return new Origin(Optional.empty(), container);
        }
        Matcher m = UNIT.matcher(path);
        String unit = null;
        for (int from = 0; m.find(from); from = m.end(1)) {
            unit = m.group(1);
        }
        return new Origin(Optional.ofNullable(unit).filter(u -> !SESSION.matcher(u).matches()), container);
    }

    private static Optional<String> container(String path) {
        if (path.contains("kubepods")) {
            return Optional.of("kubernetes");
        }
        if (path.contains("/docker/") || path.contains("/docker-")) {
            return Optional.of("docker");
        }
        if (path.contains("libpod")) {
            return Optional.of("podman");
        }
        if (path.contains("/lxc") || path.contains("lxc.payload")) {
            return Optional.of("lxc");
        }
        return path.contains("cri-containerd") || path.contains("crio-") || path.contains("/machine.slice/")
                ? Optional.of("container") : Optional.empty();
    }
}
