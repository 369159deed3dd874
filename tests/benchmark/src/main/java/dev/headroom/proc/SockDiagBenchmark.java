package dev.headroom.proc;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;

import dev.headroom.benchmark.HotPath;
import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagMsg;
import dev.headroom.linux.InetDiagSockid;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Nlmsghdr;
import dev.headroom.linux.Socket;

/**
 * Reading the rows of a sock_diag answer, of which a datagram carries some 300: all that a sum over connections looks
 * at. The number is for one socket. It stands in this package, because the reader of netlink does.
 * <p>
 * Not measured: the kernel, which walks its tables for longer than this; attributes behind the row, which TCP is not
 * asked for.
 */
public class SockDiagBenchmark extends HotPath {
    private static final int ROWS = 300;
    private static final int SIZE = Nlmsghdr.SIZEOF + InetDiagMsg.SIZEOF;
    private static final int SEQ = 7;

    private final InetRow row = new InetRow();
    private NetlinkReply reply;
    private long sum;

    @Setup
    public void answer() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(ROWS * SIZE).order(ByteOrder.nativeOrder());
        for (int i = 0; i < ROWS; i++) {
            int at = i * SIZE;
            bytes.putInt(at + Nlmsghdr.nlmsg_len, SIZE);
            bytes.putShort(at + Nlmsghdr.nlmsg_type, (short) InetDiag.SOCK_DIAG_BY_FAMILY);
            bytes.putShort(at + Nlmsghdr.nlmsg_flags, (short) Netlink.NLM_F_MULTI);
            bytes.putInt(at + Nlmsghdr.nlmsg_seq, SEQ);
            int body = at + Nlmsghdr.SIZEOF;
            bytes.put(body + InetDiagMsg.idiag_family, (byte) Socket.AF_INET);
            bytes.put(body + InetDiagMsg.idiag_state, (byte) TcpState.TCP_ESTABLISHED.number());
            bytes.putShort(body + InetDiagMsg.id + InetDiagSockid.idiag_sport, Short.reverseBytes((short) (1024 + i)));
            bytes.putInt(body + InetDiagMsg.id + InetDiagSockid.idiag_src, Integer.reverseBytes(0x7f000001));
        }
        reply = new NetlinkReply(bytes);
    }

    @Benchmark
    @OperationsPerInvocation(ROWS)
    public long parse() throws IOException {
        sum = 0;
        reply.begin(SEQ);
        reply.datagram(ROWS * SIZE, this::add);
        return sum;
    }

    private void add(NetlinkReply message) throws IOException {
        row.at(message, Socket.IPPROTO_TCP);
        if (row.isInet() && row.state() == TcpState.TCP_ESTABLISHED) {
            sum += row.localPort() ^ row.localLow() ^ row.remotePort() ^ row.remoteLow();
        }
    }
}
