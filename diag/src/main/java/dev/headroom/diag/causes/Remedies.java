package dev.headroom.diag.causes;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Remedy;

/** The ways to make room that many causes share, with their commands. */
final class Remedies {
    private Remedies() {
    }

    /** A sysctl of the whole machine. */
    static List<Remedy> sysctl(String name, long value) {
        String line = name + " = " + value;
        return List.of(
                Remedy.now("raise " + name + " for the whole machine", "sysctl -w " + name + "=" + value),
                Remedy.persistent("keep it across restarts of the machine",
                        "echo '" + line + "' > /etc/sysctl.d/90-headroom.conf", "sysctl --system"),
                Remedy.container("set it on the host (Kubernetes: on the node); a container cannot have its own",
                        "sysctl -w " + name + "=" + value));
    }

    /** A sysctl of the whole machine with room for twice what it allows now. */
    static List<Remedy> roomierSysctl(Case c, String name) {
        OptionalLong now = c.number(Facts.sysctl(name));
        return sysctl(name, Say.roomier(now.orElse(1024)));
    }

    /** A resource limit of a process by the names that prlimit, systemd, limits.conf and Docker have for it. */
    static List<Remedy> limit(Case c, String resource, long value) {
        String pid = c.text(Facts.PID).orElse("PID");
        OptionalLong hard = c.number(Facts.limitHard(resource));
        boolean within = hard.isPresent() && (Say.unlimited(hard.getAsLong()) || value <= hard.getAsLong());
        var all = new ArrayList<Remedy>();
        if (within) {
            all.add(Remedy.now("raise the soft limit of the running process; its own user may",
                    "prlimit --pid " + pid + " --" + resource + "=" + value + ":" + Say.number(hard.getAsLong())));
        } else {
            all.add(Remedy.now("raise both limits of the running process; needs CAP_SYS_RESOURCE on the host",
                    "prlimit --pid " + pid + " --" + resource + "=" + value + ":" + value));
        }
        // pam_limits counts memory in KiB, everything else as the kernel does.
        long pam = List.of("as", "data", "memlock", "stack").contains(resource) ? value / 1024 : value;
        all.add(Remedy.persistent("for logins by PAM (not for services, not for containers), in a new session",
                "echo 'USER - " + resource + " " + pam + "' > /etc/security/limits.d/90-headroom.conf"));
        String directive = "Limit" + resource.toUpperCase(Locale.ROOT) + "=" + value;
        all.add(Remedy.systemd("for a unit", "systemctl edit UNIT", "[Service]", directive,
                "systemctl daemon-reload && systemctl restart UNIT"));
        all.add(Remedy.container("when the container is made; Kubernetes has no field, so set it on the runtime's unit",
                "docker run --ulimit " + resource + "=" + value + ":" + value + " …"));
        return all;
    }

    static List<Remedy> memory(Case c) {
        long limit = c.number(Facts.cgroup("memory", "max")).orElse(Long.MAX_VALUE);
        String more = Say.unlimited(limit) ? "2G" : Say.roomier(limit) / (1L << 20) + "M";
        return List.of(
                Remedy.now("give the unit more memory", "systemctl set-property --runtime UNIT MemoryMax=" + more),
                Remedy.systemd("keep it", "systemctl set-property UNIT MemoryMax=" + more),
                Remedy.container("give the container more memory (Kubernetes: resources.limits.memory)",
                        "docker update --memory " + more + " --memory-swap " + more + " CONTAINER"));
    }
}
