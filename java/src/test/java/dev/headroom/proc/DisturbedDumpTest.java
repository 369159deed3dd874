package dev.headroom.proc;

import static dev.headroom.proc.Messages.concat;
import static dev.headroom.proc.Messages.done;
import static dev.headroom.proc.Messages.error;
import static dev.headroom.proc.Messages.inet;
import static dev.headroom.proc.Messages.message;
import static dev.headroom.proc.Messages.row;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headroom.linux.CallState;
import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagMsg;
import dev.headroom.linux.InetDiagReqV2;
import dev.headroom.linux.InetDiagSockid;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Nlmsghdr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Dumps that a kernel disturbs, played by a socket that answers what it was told to. */
class DisturbedDumpTest {
    private static final byte[] V4 = row(inet(Socket.AF_INET, "127.0.0.1", 40000, "10.0.0.7", 9999));
    private static final byte[] V6 = row(inet(Socket.AF_INET6, "::1", 40000, "::1", 9999));
    private static final byte[] INTERRUPTED = message(Netlink.NLMSG_DONE, Netlink.NLM_F_MULTI | Netlink.NLM_F_DUMP_INTR,
            new byte[4]);
    private static final SockFilter ALL = SockFilter.all();
    private static final int ENOBUFS = -105;

    /** Answers of a kernel: bytes, or the negative errno of a failed recv. */
    private static final class Played extends NetlinkSocket {
        private final ArrayDeque<Object> answers = new ArrayDeque<>();
        private final List<Integer> families = new ArrayList<>();
        private int sent;
        private int enlarged;

        Played(Object... answers) throws SyscallException {
            super(-1);
            this.answers.addAll(List.of(answers));
        }

        @Override
        long send(CallState errno, Memory bytes, int length) {
            assertEquals(length, bytes.getInt(Nlmsghdr.nlmsg_len));
            sent = bytes.getInt(Nlmsghdr.nlmsg_seq);
            families.add((int) bytes.getByte(Nlmsghdr.SIZEOF + InetDiagReqV2.sdiag_family));
            return length;
        }

        @Override
        long receive(CallState errno, Memory bytes) {
            Object answer = answers.isEmpty() ? -11 : answers.remove();
            if (answer instanceof Integer failure) {
                return failure;
            }
            byte[] datagram = (byte[]) answer;
            ByteBuffer b = ByteBuffer.wrap(datagram.clone()).order(ByteOrder.nativeOrder());
            for (int at = 0; at + 16 <= b.capacity(); at += b.getInt(at) + 3 & -4) {
                b.putInt(at + Nlmsghdr.nlmsg_seq, sent);
            }
            bytes.putBytes(0, b.array());
            return datagram.length;
        }

        @Override
        void enlarge(int time) {
            enlarged++;
        }
    }

    private final List<String> rows = new ArrayList<>();

    private final Rows<InetRow> keep = new Rows<>() {
        @Override
        public void row(InetRow row) {
            rows.add(row.local().toString());
        }

        @Override
        public void again() {
            rows.clear();
        }
    };

    private SockDiag.Dump dump(Played kernel) throws IOException {
        try (var diag = new SockDiag(kernel)) {
            return diag.tcp(ALL, keep);
        }
    }

    private SockDiag.Dump walk(Played kernel) throws IOException {
        try (var diag = new SockDiag(kernel)) {
            return diag.walk(ALL, keep);
        }
    }

    private static byte[] ofWalk(byte[] row) {
        byte[] answer = row.clone();
        ByteBuffer.wrap(answer).order(ByteOrder.nativeOrder()).putShort(Nlmsghdr.nlmsg_type,
                (short) InetDiag.TCPDIAG_GETSOCK);
        return answer;
    }

    @Test
    void shouldWalkOnceForBothFamilies() throws Exception {
        var kernel = new Played(ofWalk(V4), INTERRUPTED, ofWalk(V4), ENOBUFS, -11,
                concat(ofWalk(V4), ofWalk(V6), done(0)));
        assertEquals(new SockDiag.Dump(2, 3, false), walk(kernel));
        assertEquals(List.of(0, 0, 0), kernel.families);
        assertEquals(1, kernel.enlarged);
        assertEquals(List.of("127.0.0.1:40000", "[::1]:40000"), rows);
    }

    @Test
    void shouldAskForBothFamiliesWhereNoneAnswersForBoth() throws Exception {
        int unsupported = -95;
        var kernel = new Played(error(unsupported), concat(V4, done(0)), concat(V6, done(0)));
        assertEquals(new SockDiag.Dump(2, 1, false), walk(kernel));
        assertEquals(List.of(0, Socket.AF_INET, Socket.AF_INET6), kernel.families);
        assertEquals(List.of("127.0.0.1:40000", "[::1]:40000"), rows);
        assertThrows(SockDiagAbsentException.class, () -> walk(new Played(error(unsupported), error(unsupported))));
    }

    @Test
    void shouldAskForBothFamilies() throws Exception {
        var kernel = new Played(V4, concat(V4, done(0)), concat(V6, done(0)));
        assertEquals(new SockDiag.Dump(3, 1, false), dump(kernel));
        assertEquals(List.of(Socket.AF_INET, Socket.AF_INET6), kernel.families);
        assertEquals(3, rows.size());
    }

    @Test
    void shouldAskAgainWhenTheTablesChanged() throws Exception {
        var kernel = new Played(concat(V4, done(0)), concat(V6, INTERRUPTED), concat(V4, done(0)),
                concat(V6, done(0)));
        assertEquals(new SockDiag.Dump(2, 2, false), dump(kernel));
        assertEquals(List.of("127.0.0.1:40000", "[::1]:40000"), rows);
    }

    @Test
    void shouldSayWhenTheTablesChangeAllTheTime() throws Exception {
        var kernel = new Played(V4, INTERRUPTED, done(0), V4, INTERRUPTED, done(0), V4, INTERRUPTED, done(0), V4,
                INTERRUPTED, done(0));
        assertEquals(new SockDiag.Dump(1, 4, true), dump(kernel));
        assertEquals(1, rows.size());
    }

    @Test
    void shouldMakeRoomAndAskAgain() throws Exception {
        var kernel = new Played(V4, ENOBUFS, V4, done(0), -11, done(ENOBUFS), error(ENOBUFS), V4,
                done(0), done(0));
        assertEquals(new SockDiag.Dump(1, 4, false), dump(kernel));
        assertEquals(3, kernel.enlarged);
        assertEquals(List.of("127.0.0.1:40000"), rows);
    }

    @Test
    void shouldGiveUpWhenThereIsNeverRoom() throws Exception {
        var kernel = new Played(ENOBUFS, -11, ENOBUFS, -11, ENOBUFS, -11, ENOBUFS, -11);
        var e = assertThrows(SyscallException.class, () -> dump(kernel));
        assertEquals("sock_diag(dump, attempts=4) failed: ENOBUFS (105, No buffer space available)", e.getMessage());
    }

    @Test
    void shouldSayWhenTheAnswerEndsTooSoon() throws Exception {
        var e = assertThrows(NetlinkException.class, () -> dump(new Played(V4)));
        assertEquals("netlink reply: ends before it is complete", e.getMessage());
    }

    @Test
    void shouldReadOnAfterASignal() throws Exception {
        assertEquals(2, dump(new Played(V4, -4, concat(V4, done(0)), done(0))).rows());
    }

    @Test
    void shouldReportAnyOtherError() throws Exception {
        var e = assertThrows(SyscallException.class, () -> dump(new Played(error(-22))));
        assertEquals("sock_diag(AF_INET, IPPROTO_TCP) failed: EINVAL (22, Invalid argument)", e.getMessage());
        var absent = assertThrows(SockDiagAbsentException.class, () -> dump(new Played(done(-2))));
        assertEquals("the kernel has no tcp_diag, or may not load it: "
                + "sock_diag(AF_INET, IPPROTO_TCP) failed: ENOENT (2, No such file or directory)", absent.getMessage());
    }

    @Test
    void shouldCheckWhatTheKernelDidNotFilter() throws Exception {
        try (var diag = new SockDiag(new Played(concat(V4, done(0))))) {
            assertEquals(0,
                    diag.tcp(SockFilter.all().remote(InetAddress.ofLiteral("::7")), row -> rows.add("")).rows());
        }
        assertTrue(rows.isEmpty());
    }

    @Test
    void shouldKeepTheFirst16384FlowsAndCountTheOthers() throws Exception {
        var counter = new Flows.Counter(1024, 65535, new BitSet());
        for (int round = 0; round < 2; round++) {
            feed(counter);
            Flows flows = counter.result(false);
            assertEquals(Flows.MOST, flows.flows().size());
            assertEquals(20_000 - Flows.MOST, flows.others());
            assertEquals(20_000 + 63_999, flows.connections());
            assertEquals(64_000, flows.flows().getFirst().ports());
            assertEquals("10.0.0.0:9", flows.flows().getFirst().target().toString());
            counter.again();
        }
        assertEquals(0, counter.result(false).connections());
    }

    private static void feed(Flows.Counter counter) throws Exception {
        ByteBuffer datagram = ByteBuffer.wrap(V4.clone()).order(ByteOrder.BIG_ENDIAN);
        ByteBuffer written = datagram.duplicate();
        var reply = new NetlinkReply(datagram);
        reply.begin(Messages.SEQ);
        int id = Nlmsghdr.SIZEOF + InetDiagMsg.id;
        for (int i = 0; i < 20_000 + 63_999; i++) {
            written.putShort(id + InetDiagSockid.idiag_sport, (short) (1024 + Math.min(i, 63_999)));
            written.putShort(id + InetDiagSockid.idiag_dport, (short) 9);
            written.putInt(id + InetDiagSockid.idiag_dst, 0x0a00_0000 + Math.max(0, i - 63_999));
            var row = new InetRow();
            reply.datagram(V4.length, message -> {
                row.at(message, Socket.IPPROTO_TCP);
                counter.row(row);
            });
        }
    }

    @Test
    void shouldCountPortsOnce() {
        var random = new Random(3);
        for (int most : new int[] {1, 3, 100, 3071, 3072, 3073, 65_536}) {
            var set = new PortSet();
            var expected = new HashSet<Integer>();
            for (int i = 0; i < 2 * most; i++) {
                int port = random.nextInt(most) * 65_535 / Math.max(1, most - 1) & 0xffff;
                set.add(port);
                expected.add(port);
                assertEquals(expected.size(), set.size());
            }
        }
    }
}
