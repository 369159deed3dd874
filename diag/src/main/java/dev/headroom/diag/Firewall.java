package dev.headroom.diag;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

import dev.headroom.linux.Errno;
import dev.headroom.linux.NfTables;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.proc.Nftables;
import dev.headroom.proc.Nftables.Action;
import dev.headroom.proc.Nftables.Chain;
import dev.headroom.proc.Nftables.Rule;
import dev.headroom.proc.ProcNet;

/**
 * What the rules of nf_tables do with the packet that the question is about. A rule is followed as far as it compares
 * addresses, ports and protocol with one value each; what else it asks makes its answer uncertain, never wrong.
 */
final class Firewall {
    private static final Set<Errno> CONCERNED = EnumSet.of(Errno.ETIMEDOUT, Errno.EPERM, Errno.ECONNREFUSED);
    private static final List<String> LEGACY = List.of("ip_tables_names", "ip6_tables_names");
    private static final String SOURCE = "nfnetlink NFT_MSG_GETRULE";

    private final ProcNet net;
    private final Question question;

    Firewall(ProcNet net, Question question) {
        this.net = net;
        this.question = question;
    }

    static boolean concerns(Question q) {
        return q.errno().map(CONCERNED::contains).orElse(q.call().isEmpty());
    }

    /** A packet; its own port is not known, and its own address perhaps. */
    private record Packet(int protocol, Optional<InetAddress> source, Optional<InetAddress> destination,
            Optional<Integer> sourcePort, Optional<Integer> destinationPort) {
    }

    private enum Match {
        YES, PERHAPS, NO
    }

    void read(Sheet out) {
        String[] names = {Facts.FIREWALL_OUT, Facts.firewall("out", "does"), Facts.firewall("in", "does")};
        try (Nftables nft = Nftables.open()) {
            List<Chain> chains = nft.chains();
            List<Rule> rules = nft.rules();
            List<Chain> ways = chains.stream().filter(leaving().and(filters())).toList();
            String legacy = legacy();
            out.put(Facts.FIREWALL_OUT, ways.size() + (legacy.isEmpty() ? 0 : 1), SOURCE
                    + (legacy.isEmpty() ? "" : ", " + legacy));
            Optional<Sockaddr> peer = Network.literal(question.peer()).filter(p -> p.port() != 0);
            if (peer.isEmpty()) {
                out.unread("the address that was called would tell (--to ADDRESS:PORT)", names);
                return;
            }
            boolean udp = question.errno().filter(e -> e == Errno.EPERM).isPresent();
            Optional<InetAddress> own = Network.literal(question.local()).map(Sockaddr::address)
                    .filter(a -> !a.isAnyLocalAddress());
            boolean here = out.done().text(Facts.ROUTE_TYPE).filter("local"::equals).isPresent();
            var there = new Packet(udp ? Socket.IPPROTO_UDP : Socket.IPPROTO_TCP, own,
                    Optional.of(peer.get().address()), Optional.empty(), Optional.of(peer.get().port()));
            var back = new Packet(there.protocol, there.destination, own, there.destinationPort, Optional.empty());
            way(out, "out", ways, rules, there, legacy);
            way(out, "in",
                    chains.stream().filter(c -> c.hook() == NfTables.NF_INET_LOCAL_IN).filter(filters()).toList(),
                    rules, here ? there : back, legacy);
        } catch (IOException e) {
            out.unread(e instanceof SyscallException s && s.errno() == Errno.EPERM.number()
                    ? "the rules of nf_tables need CAP_NET_ADMIN" : Sheet.why(e), names);
        }
    }

    private static Predicate<Chain> leaving() {
        return c -> c.hook() == NfTables.NF_INET_LOCAL_OUT || c.hook() == NfTables.NF_INET_POST_ROUTING;
    }

    private static Predicate<Chain> filters() {
        return c -> !c.type().equals("nat");
    }

    /** Tables of iptables in its older form, whose rules no message shows; "" if there are none. */
    private String legacy() throws IOException {
        for (String file : LEGACY) {
            try {
                List<String> tables = Files.readAllLines(Path.of(net.file(file))).stream()
                        .filter(t -> !t.equals("nat")).toList();
                if (!tables.isEmpty()) {
                    return net.file(file) + ": " + String.join(" ", tables);
                }
            } catch (NoSuchFileException e) {
                // The module is not loaded, so there are none.
            }
        }
        return "";
    }

    /** What becomes of the packet on one way. */
    private void way(Sheet out, String way, List<Chain> chains, List<Rule> rules, Packet packet, String legacy) {
        String does = "nothing";
        for (Chain chain : chains) {
            String answer = chain(out, way, chain, rules, packet);
            if (answer.startsWith("certainly")) {
                does = answer;
                break;
            }
            does = answer.equals("nothing") ? does : answer;
        }
        out.put(Facts.firewall(way, "does"), does.equals("nothing") && !legacy.isEmpty() ? "perhaps-drop" : does,
                SOURCE);
        if (does.equals("nothing") && !legacy.isEmpty()) {
            out.put(Facts.firewall(way, "rule"), "a table of iptables (" + legacy + ")", legacy);
        }
    }

    private static boolean takes(int chainFamily, Packet p) {
        boolean six = p.destination.or(() -> p.source).filter(a -> !(a instanceof Inet4Address)).isPresent();
        return chainFamily == NfTables.NFPROTO_INET
                || chainFamily == (six ? NfTables.NFPROTO_IPV6 : NfTables.NFPROTO_IPV4);
    }

    /** "nothing", "certainly-drop", "perhaps-reject-rst" …; the rule that does it is written down. */
    private static String chain(Sheet out, String way, Chain chain, List<Rule> rules, Packet packet) {
        if (!takes(chain.family(), packet)) {
            return "nothing";
        }
        String perhaps = "nothing";
        boolean certain = true;
        for (Rule r : rules) {
            if (r.chainFamily() != chain.family() || !r.table().equals(chain.table())
                    || !r.chain().equals(chain.name())) {
                continue;
            }
            Match match = match(r, packet);
            if (match == Match.NO || r.action() == Action.NONE && r.whole()) {
                continue;
            }
            // What is not understood may decide, too.
            String verb = verb(r.action());
            if (!verb.isEmpty()) {
                boolean sure = certain && match == Match.YES;
                if (sure || perhaps.equals("nothing")) {
                    out.put(Facts.firewall(way, "rule"), text(chain) + " handle " + r.handle(), SOURCE);
                    r.packets().ifPresent(n -> out.put(Facts.firewall(way, "packets"), n, SOURCE));
                }
                if (sure) {
                    return "certainly-" + verb;
                }
                perhaps = perhaps.equals("nothing") ? "perhaps-" + verb : perhaps;
            }
            if (r.action() == Action.ACCEPT && match == Match.YES && certain) {
                return perhaps;
            }
            if (r.action() == Action.CALL && perhaps.equals("nothing") && dropping(r, rules, 0)) {
                out.put(Facts.firewall(way, "rule"), text(chain) + " handle " + r.handle() + " (jump " + r.target()
                        + ")", SOURCE);
                perhaps = "perhaps-drop";
            }
            certain = false;
        }
        if (!chain.drops()) {
            return perhaps;
        }
        if (certain || perhaps.equals("nothing")) {
            out.put(Facts.firewall(way, "rule"), text(chain) + " policy drop", SOURCE);
        }
        return certain ? "certainly-drop" : perhaps.equals("nothing") ? "perhaps-drop" : perhaps;
    }

    /** Whether a chain that a rule calls, or one below it, may drop. */
    private static boolean dropping(Rule call, List<Rule> rules, int depth) {
        return depth < 16 && rules.stream()
                .filter(r -> r.chainFamily() == call.chainFamily() && r.table().equals(call.table())
                        && r.chain().equals(call.target()))
                .anyMatch(r -> !verb(r.action()).isEmpty()
                        || r.action() == Action.CALL && dropping(r, rules, depth + 1));
    }

    private static String text(Chain c) {
        String family = switch (c.family()) {
            case NfTables.NFPROTO_INET -> "inet ";
            case NfTables.NFPROTO_IPV6 -> "ip6 ";
            default -> "ip ";
        };
        return "chain " + family + c.table() + " " + c.name();
    }

    private static String verb(Action action) {
        return switch (action) {
            case DROP -> "drop";
            case REJECT_RST -> "reject-rst";
            case REJECT_ICMP -> "reject-icmp";
            default -> "";
        };
    }

    private static Match match(Rule r, Packet p) {
        boolean six = p.destination.or(() -> p.source).filter(a -> !(a instanceof Inet4Address)).isPresent();
        Match match = r.whole() ? Match.YES : Match.PERHAPS;
        match = and(match, r.protocol(), Optional.of(p.protocol));
        match = and(match, r.family(), Optional.of(six ? NfTables.NFPROTO_IPV6 : NfTables.NFPROTO_IPV4));
        match = and(match, r.source(), p.source);
        match = and(match, r.destination(), p.destination);
        match = and(match, r.sourcePort(), p.sourcePort);
        return and(match, r.destinationPort(), p.destinationPort);
    }

    private static <T> Match and(Match before, Optional<T> asked, Optional<T> is) {
        if (asked.isEmpty()) {
            return before;
        }
        return is.isEmpty() ? before == Match.NO ? Match.NO : Match.PERHAPS
                : asked.equals(is) ? before : Match.NO;
    }
}
