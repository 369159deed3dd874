package dev.headroom.diag.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import dev.headroom.diag.plan.Setting.Kind;

/**
 * A plan's numbers as files ready to install: only those that the host which was read has not already, so that none is
 * ever lowered. Each says in comments what it is for and where it goes.
 */
public enum PlanFile {
    /** For {@code sysctl --system}. */
    SYSCTL {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of("# Install as " + SYSCTL_FILE + ", then: sysctl --system"));
            if (settings.stream().anyMatch(Setting::ofNamespace)) {
                out.add("# It reaches the host's network namespace: containers have net.* of their own.");
            }
            if (nofile(settings).isPresent()) {
                out.add("# The limit of descriptors is no sysctl: see --format systemd, limits, docker.");
            }
            for (Setting s : settings) {
                if (s.isSysctl()) {
                    out.add("");
                    out.addAll(comment("# ", s));
                    out.add(s.name() + " = " + s.value());
                }
            }
            return out;
        }
    },
    /** A drop-in for a unit. */
    SYSTEMD {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of(
                    "# Install as /etc/systemd/system/NAME.service.d/90-headroom.conf, then:",
                    "#   systemctl daemon-reload && systemctl restart NAME"));
            out.addAll(first(settings));
            out.add("");
            out.add("[Service]");
            nofile(settings).ifPresentOrElse(s -> {
                out.addAll(comment("# ", s));
                out.add("LimitNOFILE=" + s.value());
            }, () -> out.add(unchanged("LimitNOFILE=", plan, server)));
            if (server) {
                out.addAll(List.of("", "# If a socket unit listens, its queue is set there, as Backlog="
                        + plan.request().arrivals() + "."));
            }
            return out;
        }
    },
    /** For pam_limits. */
    LIMITS {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of(
                    "# Install as /etc/security/limits.d/90-headroom.conf, then log in anew.",
                    "# For logins (PAM) only: systemd services and containers do not read it."));
            out.addAll(first(settings));
            nofile(settings).ifPresentOrElse(s -> {
                out.add("");
                out.addAll(comment("# ", s));
                out.add("# \"*\" does not mean root, so root has lines of its own.");
                for (String who : List.of("*   ", "root")) {
                    out.add(who + " soft nofile " + s.soft());
                    out.add(who + " hard nofile " + s.hard());
                }
            }, () -> out.add(unchanged("nofile", plan, server)));
            return out;
        }
    },
    /** A Compose file to lay over another, and the same as options of docker run. */
    DOCKER {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of(
                    "# Install as compose.override.yaml beside compose.yaml, with the service's name",
                    "# for \"app\". The same for one container:"));
            List<String> options = new ArrayList<>();
            nofile(settings).ifPresent(s -> options.add("--ulimit nofile=" + s.soft() + ":" + s.hard()));
            for (Setting s : settings) {
                if (s.ofNamespace()) {
                    options.add("--sysctl " + s.name() + "=" + quoted(s.value()));
                }
            }
            out.add("#   docker run" + (options.isEmpty() ? "" : " \\"));
            for (int i = 0; i < options.size(); i++) {
                out.add("#     " + options.get(i) + (i < options.size() - 1 ? " \\" : ""));
            }
            out.addAll(node("docker run and Compose cannot set these: on the host, by --format sysctl,", settings));
            out.addAll(List.of("", "services:", "  app:"));
            boolean empty = options.isEmpty();
            nofile(settings).ifPresent(s -> {
                out.add("    ulimits:");
                out.addAll(comment("      # ", s));
                out.addAll(List.of("      nofile:", "        soft: " + s.soft(), "        hard: " + s.hard()));
            });
            if (settings.stream().anyMatch(Setting::ofNamespace)) {
                out.add("    sysctls:");
                for (Setting s : settings) {
                    if (s.ofNamespace()) {
                        out.addAll(comment("      # ", s));
                        out.add("      " + s.name() + ": \"" + s.value() + "\"");
                    }
                }
            }
            if (empty) {
                out.set(out.size() - 1, "  app: {}");
            }
            return out;
        }
    },
    /** The part of a pod that matters. */
    KUBERNETES {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of(
                    "# Goes into the manifest of a pod, or of a Deployment below spec.template; a pod",
                    "# that runs cannot be changed."));
            List<String> unsafe = settings.stream().filter(s -> s.kind() == Kind.UNSAFE_SYSCTL).map(Setting::name)
                    .toList();
            if (!unsafe.isEmpty()) {
                out.add("# Unsafe sysctls are refused unless the node's kubelet has");
                out.add("#   --allowed-unsafe-sysctls=" + String.join(",", unsafe));
            }
            out.addAll(node("No pod can set these: on the node, by --format sysctl,", settings));
            nofile(settings).ifPresent(s -> {
                out.add("# A pod has no field for descriptors. On the node, for the container runtime");
                out.add("# (containerd.service.d/90-headroom.conf): LimitNOFILE=" + s.value());
            });
            out.addAll(List.of("", "spec:"));
            if (settings.stream().noneMatch(Setting::ofNamespace)) {
                out.add("  securityContext: {}");
                return out;
            }
            out.add("  securityContext:");
            out.add("    sysctls:");
            for (Setting s : settings) {
                if (s.ofNamespace()) {
                    out.addAll(comment("      # " + (s.kind() == Kind.SAFE_SYSCTL ? "Safe. " : "Unsafe. "), s));
                    out.add("      - name: " + s.name());
                    out.add("        value: \"" + s.value() + "\"");
                }
            }
            return out;
        }
    },
    /** Tasks for a play. */
    ANSIBLE {
        @Override
        List<String> body(Plan plan, boolean server, List<Setting> settings) {
            List<String> out = new ArrayList<>(List.of(
                    "# Install as tasks of a role, e.g. roles/headroom/tasks/main.yaml. It needs the",
                    "# collection ansible.posix; headroom_service names the systemd unit."));
            boolean any = false;
            for (Setting s : settings) {
                if (s.isSysctl()) {
                    any = true;
                    out.add("");
                    out.addAll(comment("# ", s));
                    out.addAll(List.of("- name: Set " + s.name(), "  become: true", "  ansible.posix.sysctl:",
                            "    name: " + s.name(), "    value: \"" + s.value() + "\"",
                            "    sysctl_file: " + SYSCTL_FILE, "    sysctl_set: true", "    state: present"));
                }
            }
            Optional<Setting> nofile = nofile(settings);
            if (nofile.isPresent()) {
                Setting s = nofile.get();
                any = true;
                out.add("");
                out.addAll(comment("# ", s));
                String folder = "/etc/systemd/system/{{ headroom_service }}.service.d";
                out.addAll(List.of("- name: Make the folder of the unit's drop-ins", "  become: true",
                        "  ansible.builtin.file:", "    path: \"" + folder + "\"", "    state: directory",
                        "    mode: \"0755\"", "",
                        "- name: Set the limit of descriptors (holds from the unit's next start)", "  become: true",
                        "  ansible.builtin.copy:", "    dest: \"" + folder + "/90-headroom.conf\"",
                        "    mode: \"0644\"", "    content: |", "      [Service]", "      LimitNOFILE=" + s.value(),
                        "", "- name: Have systemd read it", "  become: true", "  ansible.builtin.systemd_service:",
                        "    daemon_reload: true"));
            }
            if (!any) {
                out.addAll(List.of("", "[]"));
            }
            return out;
        }
    };

    private static final String SYSCTL_FILE = "/etc/sysctl.d/90-headroom.conf";
    private static final int WIDTH = 80;

    /** The file for the server's host, or for each client's. */
    public String text(Plan plan, boolean server) {
        List<String> out = new ArrayList<>();
        Request r = plan.request();
        long here = server ? r.connections() : r.connectionsOfClient();
        out.add("# headroom plan: " + (server ? "the server" : "each client host") + ", " + Plan.text(here)
                + " connections" + (server ? "" : " from " + Plan.text(r.addresses())
                        + (r.addresses() == 1 ? " address" : " addresses"))
                + ".");
        List<Setting> settings = plan.settings(server);
        if (settings.isEmpty()) {
            out.add("# The host it was made on needs no change.");
        }
        out.addAll(body(plan, server, settings));
        return String.join("\n", out) + "\n";
    }

    abstract List<String> body(Plan plan, boolean server, List<Setting> settings);

    private static Optional<Setting> nofile(List<Setting> settings) {
        return settings.stream().filter(s -> s.kind() == Kind.NOFILE).findFirst();
    }

    private static String unchanged(String name, Plan plan, boolean server) {
        Request r = plan.request();
        return (server ? r.connections() : r.connectionsOfClient()) + Plan.OWN > Plan.LARGEST_TABLE
                ? "# One table holds no more than " + Plan.text(Plan.LARGEST_TABLE) + " descriptors: more processes."
                : "# " + name + " need not change.";
    }

    private static List<String> comment(String prefix, Setting s) {
        List<String> out = new ArrayList<>(wrap(prefix, s.why() + "."));
        out.addAll(wrap(prefix.substring(0, prefix.indexOf('#') + 2), "Here: " + s.here() + "."));
        return out;
    }

    /** systemd and PAM are refused a limit above fs.nr_open: that goes first. */
    private static List<String> first(List<Setting> settings) {
        for (Setting s : settings) {
            if (s.name().equals("fs.nr_open")) {
                return List
                        .of("# First, by --format sysctl: fs.nr_open = " + s.value() + ", or this is refused.");
            }
        }
        return List.of();
    }

    private static List<String> node(String text, List<Setting> settings) {
        List<String> out = new ArrayList<>();
        for (Setting s : settings) {
            if (s.kind() == Kind.NODE_SYSCTL) {
                if (out.isEmpty()) {
                    out.add("# " + text);
                }
                out.add("#   " + s.name() + " = " + s.value());
            }
        }
        return out;
    }

    private static String quoted(String value) {
        return value.contains(" ") ? "\"" + value + "\"" : value;
    }

    private static List<String> wrap(String prefix, String text) {
        List<String> out = new ArrayList<>();
        String next = " ".repeat(prefix.indexOf('#')) + "# ";
        StringBuilder line = new StringBuilder(prefix.stripTrailing());
        for (String word : text.split(" ")) {
            if (line.length() + 1 + word.length() > WIDTH) {
                out.add(line.toString());
                line = new StringBuilder(next.stripTrailing());
            }
            line.append(' ').append(word);
        }
        out.add(line.toString());
        return out;
    }
}
