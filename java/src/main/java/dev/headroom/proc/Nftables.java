package dev.headroom.proc;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.NfTables;
import dev.headroom.linux.Nfgenmsg;
import dev.headroom.linux.Nlattr;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The chains and rules of nf_tables in one network namespace: that of the thread that called {@link #open()}. Needs
 * CAP_NET_ADMIN there. Rules of iptables are among them where it works over nf_tables; those of its older form are not,
 * and no message shows them.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class Nftables implements AutoCloseable {
    private static final int SUBSYSTEM = NfTables.NFNL_SUBSYS_NFTABLES << 8;

    private final NetlinkSocket netlink;

    private Nftables(NetlinkSocket netlink) {
        this.netlink = netlink;
    }

    /**
     * A chain.
     *
     * @param family NFPROTO_INET, NFPROTO_IPV4 and so on
     * @param type "filter", "route" or "nat"; empty if no hook calls it
     * @param hook NF_INET_LOCAL_OUT and so on; -1 if no hook calls it
     * @param drops whether a packet is dropped that no rule decided
     */
    public record Chain(int family, String table, String name, String type, int hook, boolean drops) {
    }

    /** What a rule does with a packet that it matches: NONE leaves it to the next one. */
    public enum Action {
        NONE, ACCEPT, DROP, REJECT_RST, REJECT_ICMP, CALL, OTHER
    }

    /**
     * A rule, as far as it is understood: what it compares with one value. Absent means any.
     *
     * @param handle its number in the table
     * @param protocol IPPROTO_…
     * @param family NFPROTO_IPV4 or NFPROTO_IPV6
     * @param whole whether all that it asks is here; else it may match fewer packets
     * @param target the chain that {@link Action#CALL} goes to
     * @param packets how many it has counted, if it counts
     */
    public record Rule(int chainFamily, String table, String chain, long handle, Optional<Integer> protocol,
            Optional<Integer> family, Optional<InetAddress> source, Optional<InetAddress> destination,
            Optional<Integer> sourcePort, Optional<Integer> destinationPort, boolean whole, Action action,
            String target,
            OptionalLong packets) {
    }

    public static Nftables open() throws IOException {
        return new Nftables(new NetlinkSocket(Netlink.NETLINK_NETFILTER, "NETLINK_NETFILTER"));
    }

    /** All chains, in the order in which they were made. */
    public List<Chain> chains() throws IOException {
        List<Chain> all = new ArrayList<>();
        dump(NfTables.NFT_MSG_GETCHAIN, NfTables.NFT_MSG_NEWCHAIN, (family, at) -> all.add(chain(family, at)));
        return all;
    }

    /** All rules; those of one chain in the order in which a packet meets them. */
    public List<Rule> rules() throws IOException {
        List<Rule> all = new ArrayList<>();
        dump(NfTables.NFT_MSG_GETRULE, NfTables.NFT_MSG_NEWRULE, (family, at) -> all.add(rule(family, at)));
        return all;
    }

    private interface Row {
        void row(int family, List<Attribute> attributes) throws IOException;
    }

    private void dump(int get, int expected, Row row) throws IOException {
        netlink.request().begin(SUBSYSTEM | get, Netlink.NLM_F_DUMP, Nfgenmsg.SIZEOF)
                .u8(Nfgenmsg.nfgen_family, NfTables.NFPROTO_UNSPEC);
        NetlinkSocket.Outcome outcome = netlink.ask(message -> {
            if (message.type() == (SUBSYSTEM | expected)) {
                message.need(Nfgenmsg.SIZEOF, "nfgenmsg");
                byte[] body = message.copy(message.body(), message.bodyLength());
                row.row(body[Nfgenmsg.nfgen_family],
                        Attribute.within(ByteBuffer.wrap(body).order(ByteOrder.nativeOrder()), Nfgenmsg.SIZEOF,
                                body.length));
            }
        });
        // Without the subsystem there is no rule of it, and its number is refused (nfnetlink_rcv_msg).
        if (outcome.errno() != Errno.EINVAL.number() && outcome.errno() != Errno.EOPNOTSUPP.number()) {
            Errno.check(-outcome.errno(), "nfnetlink", expected == NfTables.NFT_MSG_NEWCHAIN ? "NFT_MSG_GETCHAIN"
                    : "NFT_MSG_GETRULE");
        }
    }

    /** An attribute, and the bytes of its value. Numbers are in network byte order. */
    record Attribute(int type, ByteBuffer bytes, int at, int length) {
        static List<Attribute> within(ByteBuffer bytes, int from, int to) throws NetlinkException {
            List<Attribute> all = new ArrayList<>();
            for (int at = from; to - at >= Nlattr.SIZEOF;) {
                int len = bytes.getShort(at + Nlattr.nla_len) & 0xffff;
                if (len < Nlattr.SIZEOF || len > to - at) {
                    throw new NetlinkException("nla_len=" + len + " at offset=" + at + " of end=" + to);
                }
                all.add(new Attribute(bytes.getShort(at + Nlattr.nla_type) & Netlink.NLA_TYPE_MASK, bytes,
                        at + Nlattr.SIZEOF, len - Nlattr.SIZEOF));
                at += (len + 3) & -4;
            }
            return all;
        }

        static Optional<Attribute> of(List<Attribute> all, int type) {
            return all.stream().filter(a -> a.type == type).findFirst();
        }

        List<Attribute> nested() throws NetlinkException {
            return within(bytes, at, at + length);
        }

        /** A number of up to 8 bytes. */
        long number() {
            long n = 0;
            for (int i = 0; i < Math.min(8, length); i++) {
                n = n << 8 | bytes.get(at + i) & 0xff;
            }
            return n;
        }

        String text() {
            int end = 0;
            while (end < length && bytes.get(at + end) != 0) {
                end++;
            }
            return new String(value(), 0, end, StandardCharsets.UTF_8);
        }

        byte[] value() {
            byte[] copy = new byte[length];
            bytes.get(at, copy);
            return copy;
        }
    }

    private static String text(List<Attribute> all, int type) {
        return Attribute.of(all, type).map(Attribute::text).orElse("");
    }

    private static int number(List<Attribute> all, int type, int absent) {
        return Attribute.of(all, type).map(a -> (int) a.number()).orElse(absent);
    }

    static Chain chain(int family, List<Attribute> all) throws NetlinkException {
        Optional<Attribute> hook = Attribute.of(all, NfTables.NFTA_CHAIN_HOOK);
        int number = hook.isEmpty() ? -1 : number(hook.get().nested(), NfTables.NFTA_HOOK_HOOKNUM, -1);
        return new Chain(family, text(all, NfTables.NFTA_CHAIN_TABLE), text(all, NfTables.NFTA_CHAIN_NAME),
                text(all, NfTables.NFTA_CHAIN_TYPE), number,
                number >= 0 && number(all, NfTables.NFTA_CHAIN_POLICY, NfTables.NF_ACCEPT) == NfTables.NF_DROP);
    }

    /** What a rule loads, and then compares. */
    private enum Loaded {
        PROTOCOL, FAMILY, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, UNKNOWN
    }

    static Rule rule(int family, List<Attribute> all) throws NetlinkException {
        var parser = new Parser(family);
        Optional<Attribute> expressions = Attribute.of(all, NfTables.NFTA_RULE_EXPRESSIONS);
        if (expressions.isPresent()) {
            for (Attribute e : expressions.get().nested()) {
                parser.expression(e.nested());
            }
        }
        return new Rule(family, text(all, NfTables.NFTA_RULE_TABLE), text(all, NfTables.NFTA_RULE_CHAIN),
                Attribute.of(all, NfTables.NFTA_RULE_HANDLE).map(Attribute::number).orElse(0L), parser.protocol,
                parser.family, parser.source, parser.destination, parser.sourcePort, parser.destinationPort,
                parser.whole, parser.action, parser.target, parser.packets);
    }

    /** Follows the expressions of one rule. */
    private static final class Parser {
        private final boolean six;
        private Loaded loaded = Loaded.UNKNOWN;
        private Optional<Integer> protocol = Optional.empty();
        private Optional<Integer> family = Optional.empty();
        private Optional<InetAddress> source = Optional.empty();
        private Optional<InetAddress> destination = Optional.empty();
        private Optional<Integer> sourcePort = Optional.empty();
        private Optional<Integer> destinationPort = Optional.empty();
        private boolean whole = true;
        private Action action = Action.NONE;
        private String target = "";
        private OptionalLong packets = OptionalLong.empty();

        Parser(int family) {
            six = family == NfTables.NFPROTO_IPV6;
        }

        void expression(List<Attribute> expression) throws NetlinkException {
            Optional<Attribute> data = Attribute.of(expression, NfTables.NFTA_EXPR_DATA);
            List<Attribute> parts = data.isPresent() ? data.get().nested() : List.of();
            switch (text(expression, NfTables.NFTA_EXPR_NAME)) {
                case "meta" -> loaded = switch (number(parts, NfTables.NFTA_META_KEY, -1)) {
                    case NfTables.NFT_META_L4PROTO -> Loaded.PROTOCOL;
                    case NfTables.NFT_META_NFPROTO -> Loaded.FAMILY;
                    default -> Loaded.UNKNOWN;
                };
                case "payload" -> loaded = payload(number(parts, NfTables.NFTA_PAYLOAD_BASE, -1),
                        number(parts, NfTables.NFTA_PAYLOAD_OFFSET, -1), number(parts, NfTables.NFTA_PAYLOAD_LEN, -1));
                case "cmp" -> compare(parts);
                case "counter" -> packets = Attribute.of(parts, NfTables.NFTA_COUNTER_PACKETS).map(Attribute::number)
                        .map(OptionalLong::of).orElse(OptionalLong.empty());
                case "immediate" -> verdict(parts);
                case "reject" -> action = number(parts, NfTables.NFTA_REJECT_TYPE, -1) == NfTables.NFT_REJECT_TCP_RST
                        ? Action.REJECT_RST : Action.REJECT_ICMP;
                case "log" -> {
                    // It decides nothing.
                }
                default -> whole = false;
            }
        }

        private Loaded payload(int base, int offset, int length) {
            if (base == NfTables.NFT_PAYLOAD_TRANSPORT_HEADER && length == 2) {
                return offset == 2 ? Loaded.DESTINATION_PORT : offset == 0 ? Loaded.SOURCE_PORT : Loaded.UNKNOWN;
            }
            boolean v6 = six || family.filter(f -> f == NfTables.NFPROTO_IPV6).isPresent();
            if (base == NfTables.NFT_PAYLOAD_NETWORK_HEADER && length == (v6 ? 16 : 4)) {
                return offset == (v6 ? 24 : 16) ? Loaded.DESTINATION
                        : offset == (v6 ? 8 : 12) ? Loaded.SOURCE : Loaded.UNKNOWN;
            }
            return Loaded.UNKNOWN;
        }

        private void compare(List<Attribute> parts) throws NetlinkException {
            Optional<Attribute> data = Attribute.of(parts, NfTables.NFTA_CMP_DATA);
            Optional<Attribute> value = data.isEmpty() ? Optional.empty()
                    : Attribute.of(data.get().nested(), NfTables.NFTA_DATA_VALUE);
            if (number(parts, NfTables.NFTA_CMP_OP, -1) != NfTables.NFT_CMP_EQ || value.isEmpty()) {
                whole = false;
                return;
            }
            int number = (int) value.get().number();
            switch (loaded) {
                case PROTOCOL -> protocol = Optional.of(number);
                case FAMILY -> family = Optional.of(number);
                case SOURCE_PORT -> sourcePort = Optional.of(number);
                case DESTINATION_PORT -> destinationPort = Optional.of(number);
                case SOURCE -> source = address(value.get().value());
                case DESTINATION -> destination = address(value.get().value());
                case UNKNOWN -> whole = false;
            }
        }

        private Optional<InetAddress> address(byte[] bytes) {
            try {
                return Optional.of(InetAddress.getByAddress(bytes));
            } catch (UnknownHostException e) {
                whole = false;
                return Optional.empty();
            }
        }

        private void verdict(List<Attribute> parts) throws NetlinkException {
            Optional<Attribute> data = Attribute.of(parts, NfTables.NFTA_IMMEDIATE_DATA);
            Optional<Attribute> verdict = data.isEmpty() ? Optional.empty()
                    : Attribute.of(data.get().nested(), NfTables.NFTA_DATA_VERDICT);
            if (verdict.isEmpty()) {
                // A value for an expression that comes.
                whole = false;
                return;
            }
            List<Attribute> of = verdict.get().nested();
            target = text(of, NfTables.NFTA_VERDICT_CHAIN);
            int code = number(of, NfTables.NFTA_VERDICT_CODE, -1);
            action = !target.isEmpty() ? Action.CALL
                    : code == NfTables.NF_DROP ? Action.DROP
                            : code == NfTables.NF_ACCEPT ? Action.ACCEPT : Action.OTHER;
        }
    }

    @Override
    public void close() {
        netlink.close();
    }
}
