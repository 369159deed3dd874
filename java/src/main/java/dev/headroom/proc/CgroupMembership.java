package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * One line of {@code /proc/PID/cgroup}. Kernel: {@code kernel/cgroup/cgroup.c proc_cgroup_show}; see man7
 * {@code cgroups}.
 *
 * @param hierarchy   hierarchy ID; 0 for cgroup v2
 * @param controllers the controllers bound to a v1 hierarchy, or {@code name=…}; empty for v2
 * @param path        the cgroup, relative to the root of the reader's cgroup namespace; {@code /../…} is outside it
 */
public record CgroupMembership(int hierarchy, List<String> controllers, String path) {
    public CgroupMembership {
        controllers = List.copyOf(controllers);
    }

    /** Whether this is the line {@code 0::/…}. */
    public boolean isV2() {
        return hierarchy == 0 && controllers.isEmpty();
    }

    /** Parses the file. */
    public static List<CgroupMembership> parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var rows = new ArrayList<CgroupMembership>();
        while (lines.next() != null) {
            String[] w = lines.line().split(":", 3);
            if (w.length != 3 || !w[2].startsWith("/")) {
                throw lines.broken("expected hierarchy:controllers:/path");
            }
            rows.add(new CgroupMembership(lines.integer("hierarchy", w[0]),
                    w[1].isEmpty() ? List.of() : List.of(w[1].split(",")), w[2]));
        }
        return List.copyOf(rows);
    }
}
