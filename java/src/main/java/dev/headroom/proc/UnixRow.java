package dev.headroom.proc;

import dev.headroom.linux.UnixDiag;
import dev.headroom.linux.UnixDiagMsg;
import dev.headroom.linux.UnixDiagRqlen;
import java.nio.charset.StandardCharsets;
import java.util.OptionalLong;

/**
 * A unix socket as sock_diag shows it, read in place. Use {@link #copy()} to keep it.
 * <p>
 * <b>Not thread-safe.</b>
 */
public final class UnixRow {
    private NetlinkReply reply;

    UnixRow() {
    }

    void at(NetlinkReply message) throws NetlinkException {
        message.need(UnixDiagMsg.SIZEOF, "unix_diag_msg");
        reply = message;
    }

    /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
    public int type() {
        return reply.u8(reply.body() + UnixDiagMsg.udiag_type);
    }

    /** TCP_LISTEN, TCP_ESTABLISHED or TCP_CLOSE. */
    public TcpState state() {
        return TcpState.of(reply.u8(reply.body() + UnixDiagMsg.udiag_state));
    }

    /** The number in {@code socket:[N]} of {@code /proc/PID/fd}. */
    public long inode() {
        return reply.u32(reply.body() + UnixDiagMsg.udiag_ino);
    }

    /** All of it, to be kept. */
    public UnixSock copy() throws NetlinkException {
        int rqlen = reply.attribute(UnixDiagMsg.SIZEOF, UnixDiag.UNIX_DIAG_RQLEN);
        boolean queues = rqlen >= 0 && reply.valueLength(rqlen) >= UnixDiagRqlen.SIZEOF;
        long uid = reply.u32Attribute(UnixDiagMsg.SIZEOF, UnixDiag.UNIX_DIAG_UID, -1);
        return new UnixSock(type(), state(), name(), queues ? reply.u32(rqlen + UnixDiagRqlen.udiag_rqueue) : 0,
                queues ? reply.u32(rqlen + UnixDiagRqlen.udiag_wqueue) : 0,
                uid < 0 ? OptionalLong.empty() : OptionalLong.of(uid), inode());
    }

    private String name() throws NetlinkException {
        int at = reply.attribute(UnixDiagMsg.SIZEOF, UnixDiag.UNIX_DIAG_NAME);
        if (at < 0 || reply.valueLength(at) == 0) {
            return "";
        }
        String name = new String(reply.copy(at, reply.valueLength(at)), StandardCharsets.UTF_8);
        if (name.charAt(0) == '\0') {
            return name.replace('\0', '@');
        }
        int end = name.indexOf('\0');
        return end < 0 ? name : name.substring(0, end);
    }
}
