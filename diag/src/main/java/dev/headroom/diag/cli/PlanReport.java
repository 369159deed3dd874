package dev.headroom.diag.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import tools.jackson.jr.ob.JSON;

import dev.headroom.diag.plan.Plan;
import dev.headroom.diag.plan.Request;
import dev.headroom.diag.plan.Row;

/** A plan for a person, and for a program. */
final class PlanReport {
    private static final String GREEN = "\033[32m";
    private static final String YELLOW = "\033[33m";
    private static final String PLAIN = "\033[m";
    private static final String INDENT = "      ";

    private PlanReport() {
    }

    /** @param kernel release of the host the plan is held against, empty if unknown */
    static String text(Plan plan, String kernel, boolean colour) {
        Request r = plan.request();
        StringBuilder out = new StringBuilder();
        String clients = r.clients() == 0 ? ""
                : " from " + count(r.clients(), "client host", "client hosts")
                        + (r.clients() > 1 ? " (" + count(r.connectionsOfClient(), "", "") + " each)" : "") + " with "
                        + count(r.addresses(), "address", "addresses") + (r.clients() > 1 ? " each" : "") + ", to "
                        + count(r.targets(), "address and port", "pairs of address and port") + " of the server";
        Prose.wrap(out, "", "", count(r.connections(), "connection", "connections") + clients
                + ". \"here\" is this host" + (kernel.isEmpty() ? "" : ", Linux " + kernel) + ".");
        Map<String, String> said = new HashMap<>();
        host(out, "The server", plan.server(), said, colour);
        if (!plan.client().isEmpty()) {
            host(out, r.clients() == 1 ? "The client" : "Each client host", plan.client(), said, colour);
        }
        out.append('\n');
        List<Row> obstacles = plan.obstacles();
        Prose.wrap(out, "", "", obstacles.isEmpty() ? "As it is, this host can be the server."
                : "As it is, this host cannot be the server: " + String.join(", ", obstacles.stream().map(Row::what)
                        .toList()) + ".");
        if (!plan.settings(true).isEmpty() || !plan.settings(false).isEmpty()) {
            Prose.wrap(out, "", "", "Files that set it: --format sysctl, systemd, limits, docker, kubernetes, ansible;"
                    + " those of a client host with --for client.");
        }
        return out.toString();
    }

    private static String count(long n, String one, String many) {
        return (Values.text(n, n == 1 ? one : many)).strip();
    }

    private static void host(StringBuilder out, String title, List<Row> rows, Map<String, String> said,
            boolean colour) {
        out.append('\n').append(String.format(Locale.ROOT, "%-34s%16s%16s%n", title, "needed", "here"));
        for (Row row : rows) {
            String status = row.status().name().toLowerCase(Locale.ROOT);
            String shown = !colour ? status : (row.status() == Row.Status.OK ? GREEN : YELLOW) + status + PLAIN;
            out.append(String.format(Locale.ROOT, "  %-32s%16s%16s  %s%n", row.what(), number(row, row.needed()),
                    row.here().isPresent() ? number(row, row.here().getAsLong()) : "?", shown));
            for (String change : row.change()) {
                Prose.wrap(out, INDENT + "do    ", INDENT + "      ", change);
            }
            if (!row.why().equals(said.put(row.id(), row.why()))) {
                Prose.wrap(out, INDENT + "why   ", INDENT + "      ", row.why());
            }
            if (row.status() == Row.Status.UNKNOWN
                    || !row.source().equals(said.put(row.id() + " from", row.source()))) {
                Prose.wrap(out, INDENT + (row.here().isPresent() ? "read  " : "not   "), INDENT + "      ",
                        row.source());
            }
        }
    }

    private static String number(Row row, long n) {
        return row.unit() == Row.Unit.BYTES ? Plan.bytes(n) : n == Long.MAX_VALUE ? "unlimited" : Values.text(n, "")
                .strip();
    }

    static String json(Plan plan, String kernel) {
        Request r = plan.request();
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("connections", r.connections());
        all.put("clients", r.clients());
        all.put("addresses", r.addresses());
        all.put("targets", r.targets());
        all.put("arrivals_per_second", r.arrivals());
        all.put("kernel", kernel);
        all.put("fits", plan.obstacles().isEmpty());
        all.put("server", rows(plan.server()));
        all.put("client", rows(plan.client()));
        return JSON.builder().enable(JSON.Feature.PRETTY_PRINT_OUTPUT).build().asString(all) + "\n";
    }

    private static List<Map<String, Object>> rows(List<Row> rows) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (Row row : rows) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("id", row.id());
            m.put("what", row.what());
            m.put("unit", row.unit().name().toLowerCase(Locale.ROOT));
            m.put("needed", row.needed());
            if (row.here().isPresent() && row.here().getAsLong() != Long.MAX_VALUE) {
                m.put("here", row.here().getAsLong());
            } else if (row.here().isPresent()) {
                m.put("here", "unlimited");
            }
            m.put(row.here().isPresent() ? "source" : "unread", row.source());
            m.put("status", row.status().name().toLowerCase(Locale.ROOT));
            m.put("change", row.change());
            m.put("why", row.why());
            Map<String, Object> settings = new LinkedHashMap<>();
            row.settings().forEach(s -> settings.put(s.name(), s.value()));
            m.put("settings", settings);
            all.add(m);
        }
        return all;
    }
}
