package dev.headroom.diag.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.diag.Facts;
import dev.headroom.diag.Snapshot;

/** The files, line by line: somebody will install them. */
class PlanFileTest {
    private static final List<String> NEVER = List.of("tcp_tw_recycle", "tcp_abort_on_overflow", "tcp_syncookies",
            "tcp_max_syn_backlog", "tcp_fin_timeout", "tcp_max_tw_buckets", "overcommit_memory", "infinity",
            "unlimited");
    private static final Plan BIG = Plan.of(Request.of(2_000_000), Hosts.root().build());

    @Test
    void shouldWriteASysctlFileThatSysctlCanRead() {
        Map<String, String> read = new LinkedHashMap<>();
        String before = "";
        for (String line : PlanFile.SYSCTL.text(BIG, true).lines().toList()) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                assertTrue(line.matches("[a-z0-9_.-]+ = \\d+( \\d+)?"), line);
                assertTrue(before.startsWith("# Here: "), "a comment before " + line);
                read.put(line.split(" = ")[0], line.split(" = ")[1]);
            }
            before = line;
        }

        assertEquals(Map.of("fs.nr_open", "2000064", "net.core.somaxconn", "33334", "net.netfilter.nf_conntrack_max",
                "2000023", "net.netfilter.nf_conntrack_buckets", "2000023"), read);
    }

    @Test
    void shouldWriteTheSystemdDropIn() {
        assertEquals("""
                # headroom plan: the server, 2,000,000 connections.
                # Install as /etc/systemd/system/NAME.service.d/90-headroom.conf, then:
                #   systemctl daemon-reload && systemctl restart NAME
                # First, by --format sysctl: fs.nr_open = 2000064, or this is refused.

                [Service]
                # 2,000,000 connections, and 64 descriptors for the process itself.
                # Here: 1,024 soft, 524,288 hard (/proc/4711/limits).
                LimitNOFILE=2000064

                # If a socket unit listens, its queue is set there, as Backlog=33334.
                """, PlanFile.SYSTEMD.text(BIG, true));
    }

    @Test
    void shouldWriteTheLimitsOfLogins() {
        assertEquals("""
                # headroom plan: the server, 2,000,000 connections.
                # Install as /etc/security/limits.d/90-headroom.conf, then log in anew.
                # For logins (PAM) only: systemd services and containers do not read it.
                # First, by --format sysctl: fs.nr_open = 2000064, or this is refused.

                # 2,000,000 connections, and 64 descriptors for the process itself.
                # Here: 1,024 soft, 524,288 hard (/proc/4711/limits).
                # "*" does not mean root, so root has lines of its own.
                *    soft nofile 2000064
                *    hard nofile 2000064
                root soft nofile 2000064
                root hard nofile 2000064
                """, PlanFile.LIMITS.text(BIG, true));
    }

    @Test
    void shouldWriteAComposeFileAndTheOptionsOfDockerRun() {
        assertEquals("""
                # headroom plan: each client host, 40,000 connections from 1 address.
                # Install as compose.override.yaml beside compose.yaml, with the service's name
                # for "app". The same for one container:
                #   docker run \\
                #     --ulimit nofile=40064:524288 \\
                #     --sysctl net.ipv4.ip_local_port_range="1024 65535"

                services:
                  app:
                    ulimits:
                      # 40,000 connections, and 64 descriptors for the process itself.
                      # Here: 1,024 soft, 524,288 hard (/proc/4711/limits).
                      nofile:
                        soft: 40064
                        hard: 524288
                    sysctls:
                      # Ports of outgoing connections, from one address to one address and port.
                      # Here: 32768 60999 (/proc/sys/net/ipv4/ip_local_port_range).
                      net.ipv4.ip_local_port_range: "1024 65535"
                """, PlanFile.DOCKER.text(Plan.of(Request.of(40_000), Hosts.plain().build()), false));
    }

    @Test
    void shouldTellSafeUnsafeAndNodeSysctlsApartForAPod() {
        assertEquals("""
                # headroom plan: the server, 2,000,000 connections.
                # Goes into the manifest of a pod, or of a Deployment below spec.template; a pod
                # that runs cannot be changed.
                # Unsafe sysctls are refused unless the node's kubelet has
                #   --allowed-unsafe-sysctls=net.core.somaxconn
                # No pod can set these: on the node, by --format sysctl,
                #   fs.nr_open = 2000064
                #   net.netfilter.nf_conntrack_max = 2000023
                #   net.netfilter.nf_conntrack_buckets = 2000023
                # A pod has no field for descriptors. On the node, for the container runtime
                # (containerd.service.d/90-headroom.conf): LimitNOFILE=2000064

                spec:
                  securityContext:
                    sysctls:
                      # Unsafe. Queue of connections that wait for accept: 1 s of them.
                      # Here: 4,096 (/proc/sys/net/core/somaxconn).
                      - name: net.core.somaxconn
                        value: "33334"
                """, PlanFile.KUBERNETES.text(BIG, true));
        String client = PlanFile.KUBERNETES.text(BIG, false);
        assertTrue(client.contains("      # Safe. Ports of"), client);
        assertFalse(client.contains("Unsafe"), client);
    }

    @Test
    void shouldWriteAnAnsibleTaskForEachSetting() {
        List<String> lines = PlanFile.ANSIBLE.text(BIG, true).lines().toList();

        for (Setting s : BIG.settings(true)) {
            if (s.isSysctl()) {
                int at = lines.indexOf("- name: Set " + s.name());
                assertEquals(List.of("  become: true", "  ansible.posix.sysctl:", "    name: " + s.name(),
                        "    value: \"" + s.value() + "\"", "    sysctl_file: /etc/sysctl.d/90-headroom.conf",
                        "    sysctl_set: true", "    state: present"), lines.subList(at + 1, at + 8));
            }
        }
        assertTrue(lines.contains("      LimitNOFILE=2000064"), lines.toString());
        assertTrue(
                lines.stream().filter(l -> !l.startsWith("#"))
                        .allMatch(l -> l.isEmpty() || l.matches("(- | {2,})\\S.*")),
                lines.toString());
    }

    @Test
    void shouldNeverLowerWhatTheHostHas() {
        Snapshot tuned = Hosts.root().put(Facts.limitSoft("nofile"), 1_048_576, "l").put(Facts.limitHard("nofile"),
                1_048_576, "l").put(Facts.sysctl("net.core.somaxconn"), 65_535, "s")
                .put(Facts.sysctl("fs.file-max"), Long.MAX_VALUE, "f").build();
        Plan plan = Plan.of(Request.of(100_000).withClients(2, 1, 1), tuned);

        assertEquals(List.of(), plan.settings(true));
        assertEquals("""
                # headroom plan: the server, 100,000 connections.
                # The host it was made on needs no change.
                # Install as /etc/sysctl.d/90-headroom.conf, then: sysctl --system
                """, PlanFile.SYSCTL.text(plan, true));
        assertTrue(PlanFile.DOCKER.text(plan, true).endsWith("services:\n  app: {}\n"));
        assertTrue(PlanFile.KUBERNETES.text(plan, true).endsWith("spec:\n  securityContext: {}\n"));
        assertTrue(PlanFile.ANSIBLE.text(plan, true).endsWith("\n[]\n"));
    }

    @ParameterizedTest
    @EnumSource(PlanFile.class)
    void shouldFitEightyColumnsAndNeverRecommendWhatHarms(PlanFile format) {
        List<Plan> plans = Stream.of(1L, 1000L, 65_000L, 1_000_000L, 2_147_483_646L)
                .flatMap(n -> Stream.of(Plan.of(Request.of(n), Hosts.plain().build()),
                        Plan.of(Request.of(n).withClients(7, 3, 2), Hosts.root().build()),
                        Plan.of(Request.of(n), new Snapshot.Builder(0).build())))
                .toList();
        for (Plan plan : plans) {
            for (boolean server : new boolean[] {true, false}) {
                String text = format.text(plan, server);
                text.lines().forEach(l -> assertTrue(l.length() <= 80 || l.contains("{{"), l));
                boolean tooLarge = plan.request().connections()
                        / Math.max(1, server ? 1 : plan.request().clients()) > 268_435_455;
                assertFalse(
                        tooLarge && text.matches("(?s).*(nr_open =|LimitNOFILE=\\d|(soft|hard) nofile|nofile[=:]).*"),
                        text);
                NEVER.forEach(word -> assertFalse(text.contains(word), word));
                assertTrue(text.lines().allMatch(l -> l.equals(l.stripTrailing())), text);
            }
        }
    }
}
