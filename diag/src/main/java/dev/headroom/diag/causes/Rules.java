package dev.headroom.diag.causes;

import dev.headroom.diag.Case;
import dev.headroom.diag.Facts;

/** What the packet filter of the network namespace does with the question's packet: facts of {@link Facts#firewall}. */
final class Rules {
    static final String[] EVIDENCE = {Facts.FIREWALL_OUT, Facts.firewall("out", "does"), Facts.firewall("out", "rule"),
            Facts.firewall("out", "packets"), Facts.firewall("in", "does"), Facts.firewall("in", "rule"),
            Facts.firewall("in", "packets")};

    private Rules() {
    }

    private static String does(Case c, String way) {
        return c.text(Facts.firewall(way, "does")).orElse("");
    }

    /** @param how "drop", "reject" for both kinds, "reject-rst", "reject-icmp" */
    static boolean certain(Case c, String way, String how) {
        return does(c, way).startsWith("certainly-" + how);
    }

    /** Also if it depends on more than addresses and ports. */
    static boolean perhaps(Case c, String way, String how) {
        return does(c, way).startsWith("perhaps-" + how);
    }

    /** Whether it is known that no rule stops the packet. */
    static boolean none(Case c, String way) {
        return does(c, way).equals("nothing")
                || way.equals("out") && c.number(Facts.FIREWALL_OUT).orElse(1) == 0;
    }

    /** "chain inet filter output handle 12". */
    static String rule(Case c, String way) {
        return c.text(Facts.firewall(way, "rule")).orElse("a rule");
    }

    /** Whether the rule counts, and counted between the readings. */
    static boolean counted(Case c, String way) {
        return Signs.grew(c, Facts.firewall(way, "packets"));
    }

    /** "nftables rejects the packet on its way out: chain inet t o handle 4 (3 packets so far)". */
    static String sentence(Case c, String way, String where) {
        String does = does(c, way);
        String verb = does.endsWith("drop") ? "drops the packet"
                : does.endsWith("rst") ? "answers the packet with a reset" : "answers the packet with an ICMP error";
        return "nftables " + (does.startsWith("perhaps") ? "perhaps " : "") + verb + " " + where + ": " + rule(c, way)
                + c.text(Facts.firewall(way, "packets")).map(n -> " (" + n + " packets so far)").orElse("");
    }

    static String nothing(Case c) {
        long chains = c.number(Facts.FIREWALL_OUT).orElse(0);
        if (none(c, "in") && none(c, "out")) {
            return "no rule of netfilter on this host stops the packet";
        }
        return chains == 0 ? "no chain of netfilter hooks the way out"
                : "none of the " + Say.count(chains, "chain") + " of netfilter on the way out stops the packet";
    }

    /** Why the rules are not known, to be appended. */
    static String unread(Case c) {
        return c.now().unread().containsKey(Facts.FIREWALL_OUT)
                ? "; " + c.now().whyUnread(Facts.FIREWALL_OUT) : "";
    }
}
