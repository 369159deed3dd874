package dev.headroom.proc;

import static dev.headroom.proc.Messages.attribute;
import static dev.headroom.proc.Messages.concat;
import static dev.headroom.proc.Messages.done;
import static dev.headroom.proc.Messages.error;
import static dev.headroom.proc.Messages.inet;
import static dev.headroom.proc.Messages.message;
import static dev.headroom.proc.Messages.row;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagMsg;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Rtnetlink;
import dev.headroom.linux.Socket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Replies that no kernel was asked for, whole and broken. */
class NetlinkReplyTest {
    private static final byte[] ROW = row(
            inet(Socket.AF_INET, "127.0.0.1", 40000, "10.0.0.7", 9999));

    private NetlinkReply reply;
    private final List<InetSock> rows = new ArrayList<>();
    private final InetRow row = new InetRow();

    private boolean read(byte[]... datagram) throws Exception {
        byte[] bytes = concat(datagram);
        reply = new NetlinkReply(ByteBuffer.wrap(bytes));
        reply.begin(Messages.SEQ);
        return reply.datagram(bytes.length, this::take);
    }

    private void take(NetlinkReply message) throws NetlinkException {
        row.at(message, Socket.IPPROTO_TCP);
        rows.add(row.copy());
    }

    private String broken(byte[]... datagram) {
        return assertThrows(NetlinkException.class, () -> read(datagram)).getMessage();
    }

    @Test
    void shouldReadRowsUntilDone() throws Exception {
        assertFalse(read(ROW, ROW));
        assertTrue(read(ROW, done(0)));
        assertEquals(0, reply.errno());
        assertEquals(3, rows.size());
        InetSock first = rows.getFirst();
        assertEquals("ESTAB 127.0.0.1:40000 10.0.0.7:9999", first.toString());
        assertEquals(0xffff_ffffL, first.rqueue());
        assertEquals(0xffff_fffeL, first.inode());
        assertEquals(OptionalLong.empty(), first.drops());
    }

    @Test
    void shouldReadNothingBehindTheEnd() throws Exception {
        assertTrue(read(done(0), ROW));
        assertEquals(0, rows.size());
    }

    @Test
    void shouldReadIpv6AndScope() throws Exception {
        byte[] body = inet(Socket.AF_INET6, "fe80::7", 1, "fe80::9", 2);
        ByteBuffer.wrap(body).order(ByteOrder.nativeOrder()).putInt(InetDiagMsg.id + 36, 3);
        read(row(body), row(inet(Socket.AF_INET6, "2001:db8::1", 3, "::", 0)));
        assertTrue(rows.getFirst().local().toString().startsWith("[fe80::7%"), "" + rows);
        assertEquals("ESTAB [2001:db8::1]:3", rows.get(1).toString());
    }

    @Test
    void shouldSayWhyADumpFailed() throws Exception {
        assertTrue(read(error(-2)));
        assertEquals(2, reply.errno());
        assertTrue(read(ROW, done(-105)));
        assertEquals(105, reply.errno());
        assertTrue(read(error(0)));
        assertEquals(0, reply.errno());
        assertTrue(read(message(Netlink.NLMSG_OVERRUN, 0, new byte[0])));
        assertEquals(105, reply.errno());
        assertTrue(read(message(Netlink.NLMSG_DONE, Netlink.NLM_F_MULTI, new byte[0])), "old kernels say no more");
        assertEquals(0, reply.errno());
    }

    @Test
    void shouldNoticeThatTheTablesChanged() throws Exception {
        read(ROW, done(0));
        assertFalse(reply.interrupted());
        read(ROW, message(Netlink.NLMSG_DONE, Netlink.NLM_F_MULTI | Netlink.NLM_F_DUMP_INTR, new byte[4]));
        assertTrue(reply.interrupted());
    }

    @Test
    void shouldSkipWhatIsNotAnAnswer() throws Exception {
        byte[] late = ROW.clone();
        ByteBuffer.wrap(late).order(ByteOrder.nativeOrder()).putInt(8, Messages.SEQ - 1);
        assertFalse(read(late, message(Netlink.NLMSG_NOOP, 0, new byte[0]), ROW));
        assertEquals(1, rows.size());
    }

    @Test
    void shouldSkipAttributesItDoesNotKnow() throws Exception {
        byte[] meminfo = new byte[36];
        ByteBuffer.wrap(meminfo).order(ByteOrder.nativeOrder()).putInt(32, 77);
        byte[] body = concat(inet(Socket.AF_INET6, "::1", 5, "::", 0), attribute(999, new byte[7]),
                attribute(InetDiag.INET_DIAG_SKV6ONLY, new byte[] {1}), attribute(998, new byte[0]),
                attribute(0x8000 | InetDiag.INET_DIAG_SKMEMINFO, meminfo));
        read(row(body));
        assertTrue(rows.getFirst().v6Only());
        assertEquals(OptionalLong.of(77), rows.getFirst().drops());
    }

    @Test
    void shouldTakeShortAttributesForAbsent() throws Exception {
        read(row(concat(inet(Socket.AF_INET6, "::1", 5, "::", 0), attribute(InetDiag.INET_DIAG_SKV6ONLY, new byte[0]),
                attribute(InetDiag.INET_DIAG_SKMEMINFO, new byte[32]), new byte[] {1, 2, 3})));
        assertFalse(rows.getFirst().v6Only());
        assertEquals(OptionalLong.empty(), rows.getFirst().drops());
    }

    @Test
    void shouldTakeLongerStructuresForWhatTheyWere() throws Exception {
        read(row(concat(inet(Socket.AF_INET, "127.0.0.1", 5, "0.0.0.0", 0), attribute(60, new byte[4000]))));
        assertEquals("ESTAB 127.0.0.1:5", rows.getFirst().toString());
    }

    @Test
    void shouldRefuseBrokenLengths() {
        byte[] tooLong = ROW.clone();
        ByteBuffer.wrap(tooLong).order(ByteOrder.nativeOrder()).putInt(0, 92);
        assertEquals("netlink reply: nlmsg_len=92 at offset=88 of length=176", broken(ROW, tooLong));
        ByteBuffer.wrap(tooLong).order(ByteOrder.nativeOrder()).putInt(0, 15);
        assertEquals("netlink reply: nlmsg_len=15 at offset=0 of length=88", broken(tooLong));
        ByteBuffer.wrap(tooLong).order(ByteOrder.nativeOrder()).putInt(0, -1);
        assertEquals("netlink reply: nlmsg_len=4294967295 at offset=0 of length=88", broken(tooLong));
        assertEquals("netlink reply: ends within a header, at offset=88 of length=91", broken(ROW, new byte[3]));
        assertEquals("netlink reply: inet_diag_msg of bytes=71, expected at least 72, at offset=16",
                broken(row(new byte[71])));
        assertEquals("netlink reply: nlmsgerr of bytes=2, expected at least 4, at offset=16",
                broken(message(Netlink.NLMSG_ERROR, 0, new byte[2])));
        byte[] body = concat(inet(Socket.AF_INET, "127.0.0.1", 5, "0.0.0.0", 0), attribute(8, new byte[4]));
        ByteBuffer.wrap(body).order(ByteOrder.nativeOrder()).putShort(72, (short) 9);
        assertEquals("netlink reply: nla_len=9 at offset=88 of message end=96", broken(row(body)));
        ByteBuffer.wrap(body).order(ByteOrder.nativeOrder()).putShort(72, (short) 3);
        assertEquals("netlink reply: nla_len=3 at offset=88 of message end=96", broken(row(body)));
    }

    @Test
    void shouldRefuseACutDatagram() {
        var small = new NetlinkReply(ByteBuffer.allocate(64));
        small.begin(Messages.SEQ);
        assertEquals("netlink reply: cut off: length=65, buffer=64",
                assertThrows(NetlinkException.class, () -> small.datagram(65, this::take)).getMessage());
    }

    /** Whatever the bytes, it is a reading or a NetlinkException, and it ends. */
    @Test
    void shouldSurviveAnyBytes() throws Exception {
        var random = new Random(7);
        byte[] whole = concat(ROW, row(concat(inet(Socket.AF_INET6, "::1", 5, "::", 0),
                attribute(InetDiag.INET_DIAG_SKMEMINFO, new byte[36]))), done(0));
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = whole.clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            byte[] cut = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
            try {
                read(cut);
            } catch (NetlinkException e) {
                refused++;
            }
        }
        assertTrue(refused > 1000 && refused < 20_000, "refused " + refused);
    }

    @Test
    void shouldReadARouteThatRefuses() throws Exception {
        byte[] rtmsg = new byte[12];
        rtmsg[7] = Rtnetlink.RTN_PROHIBIT;
        rtmsg[4] = (byte) 254;
        InetAddress to = InetAddress.ofLiteral("2001:db8::1");
        assertEquals(new Route(to, Route.Type.RTN_PROHIBIT, Optional.empty(),
                OptionalInt.empty(), Optional.empty(), Optional.empty(),
                OptionalInt.of(254), 13), route(to, rtmsg));
        rtmsg[7] = 77;
        assertEquals(Route.Type.OTHER, route(to, rtmsg).type());
        rtmsg[7] = 1;
        Route via = route(InetAddress.ofLiteral("10.0.0.1"), concat(rtmsg,
                attribute(Rtnetlink.RTA_VIA, concat(new byte[] {10, 0}, to.getAddress())),
                attribute(Rtnetlink.RTA_PREFSRC, new byte[] {10, 0, 0, 7}),
                attribute(Rtnetlink.RTA_OIF, Messages.number(3)),
                attribute(Rtnetlink.RTA_TABLE, Messages.number(1000)),
                attribute(Rtnetlink.RTA_GATEWAY, new byte[5])));
        assertEquals(to, via.gateway().orElseThrow());
        assertEquals("/10.0.0.7", via.prefsrc().orElseThrow().toString());
        assertEquals(3, via.oif().orElseThrow());
        assertEquals(1000, via.table().orElseThrow());
        assertTrue(via.isUsable());
        assertThrows(NetlinkException.class, () -> route(to, new byte[11]));
    }

    private static Route route(InetAddress to, byte[] body) throws Exception {
        byte[] bytes = message(Rtnetlink.RTM_NEWROUTE, 0, body);
        var reply = new NetlinkReply(ByteBuffer.wrap(bytes));
        reply.begin(Messages.SEQ);
        var routes = new ArrayList<Route>();
        reply.datagram(bytes.length, message -> routes.add(Routes.parse(to, message)));
        return routes.getFirst();
    }
}
