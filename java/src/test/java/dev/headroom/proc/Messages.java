package dev.headroom.proc;

import dev.headroom.linux.InetDiag;
import dev.headroom.linux.InetDiagMsg;
import dev.headroom.linux.InetDiagSockid;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Nlmsghdr;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes netlink messages as the kernel does, or wrongly. */
final class Messages {
    static final int SEQ = 4711;

    private Messages() {
    }

    static byte[] message(int type, int flags, byte[] body) {
        ByteBuffer b = ByteBuffer.allocate(Nlmsghdr.SIZEOF + (body.length + 3 & -4)).order(ByteOrder.nativeOrder());
        b.putInt(Nlmsghdr.SIZEOF + body.length).putShort((short) type).putShort((short) flags).putInt(SEQ).putInt(0);
        return b.put(body).array();
    }

    static byte[] row(byte[] body) {
        return message(InetDiag.SOCK_DIAG_BY_FAMILY, Netlink.NLM_F_MULTI, body);
    }

    static byte[] done(int result) {
        return message(Netlink.NLMSG_DONE, Netlink.NLM_F_MULTI, number(result));
    }

    static byte[] error(int result) {
        return message(Netlink.NLMSG_ERROR, 0, concat(number(result), new byte[16]));
    }

    static byte[] number(int number) {
        return ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(number).array();
    }

    /** An inet_diag_msg in ESTABLISHED state. */
    static byte[] inet(int family, String source, int sport, String destination, int dport) {
        ByteBuffer b = ByteBuffer.allocate(InetDiagMsg.SIZEOF).order(ByteOrder.nativeOrder());
        b.put(InetDiagMsg.idiag_family, (byte) family).put(InetDiagMsg.idiag_state, (byte) 1);
        int id = InetDiagMsg.id;
        b.order(ByteOrder.BIG_ENDIAN);
        b.putShort(id + InetDiagSockid.idiag_sport, (short) sport);
        b.putShort(id + InetDiagSockid.idiag_dport, (short) dport);
        b.put(id + InetDiagSockid.idiag_src, InetAddress.ofLiteral(source).getAddress());
        b.put(id + InetDiagSockid.idiag_dst, InetAddress.ofLiteral(destination).getAddress());
        b.order(ByteOrder.nativeOrder());
        b.putInt(InetDiagMsg.idiag_rqueue, -1).putInt(InetDiagMsg.idiag_inode, -2);
        return b.array();
    }

    static byte[] attribute(int type, byte[] value) {
        ByteBuffer b = ByteBuffer.allocate(4 + (value.length + 3 & -4)).order(ByteOrder.nativeOrder());
        return b.putShort((short) (4 + value.length)).putShort((short) type).put(value).array();
    }

    static byte[] concat(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer all = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }
}
