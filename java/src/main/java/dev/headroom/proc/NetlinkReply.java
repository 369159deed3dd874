package dev.headroom.proc;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Nlattr;
import dev.headroom.linux.Nlmsgerr;
import dev.headroom.linux.Nlmsghdr;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One answer of the kernel, read from the datagrams it comes in: pure, it knows a buffer and no socket. While a handler
 * runs, this is the message it is about.
 * <p>
 * <b>Not thread-safe.</b>
 */
final class NetlinkReply {
    /** Takes the messages that are rows of the answer. */
    @FunctionalInterface
    interface Handler {
        void message(NetlinkReply message) throws IOException;
    }

    private final ByteBuffer bytes;
    private int seq;
    private boolean interrupted;
    private int errno;

    private int message;
    private int end;

    /** @param bytes where datagrams land, from index 0; its byte order becomes the machine's */
    NetlinkReply(ByteBuffer bytes) {
        this.bytes = bytes.order(ByteOrder.nativeOrder());
    }

    /** Forgets the last answer. */
    void begin(int expectedSeq) {
        seq = expectedSeq;
        interrupted = false;
        errno = 0;
    }

    /** Whether the kernel said that the table changed meanwhile (NLM_F_DUMP_INTR). */
    boolean interrupted() {
        return interrupted;
    }

    /** The positive error number the kernel answered with, 0 for none. */
    int errno() {
        return errno;
    }

    /**
     * Reads one datagram. Messages with another sequence number are left-overs of an earlier question.
     *
     * @param length its length; more than the buffer holds means that it was cut
     * @return whether the answer is complete
     * @throws NetlinkException if it is broken or cut
     */
    boolean datagram(long length, Handler handler) throws IOException {
        if (length > bytes.capacity()) {
            throw new NetlinkException("cut off: length=" + length + ", buffer=" + bytes.capacity());
        }
        boolean complete = false;
        for (int at = 0; at < length && !complete;) {
            long len = length - at < Nlmsghdr.SIZEOF ? -1 : u32(at + Nlmsghdr.nlmsg_len);
            if (len < Nlmsghdr.SIZEOF || len > length - at) {
                throw new NetlinkException(len < 0 ? "ends within a header, at offset=" + at + " of length=" + length
                        : "nlmsg_len=" + len + " at offset=" + at + " of length=" + length);
            }
            message = at;
            end = at + (int) len;
            if (bytes.getInt(at + Nlmsghdr.nlmsg_seq) == seq) {
                complete = ours(handler);
            }
            at += ((int) len + Netlink.NLMSG_ALIGNTO - 1) & -Netlink.NLMSG_ALIGNTO;
        }
        return complete;
    }

    private boolean ours(Handler handler) throws IOException {
        int flags = u16(message + Nlmsghdr.nlmsg_flags);
        interrupted |= (flags & Netlink.NLM_F_DUMP_INTR) != 0;
        switch (type()) {
            case Netlink.NLMSG_NOOP:
                return false;
            case Netlink.NLMSG_OVERRUN:
                errno = Errno.ENOBUFS.number();
                return true;
            case Netlink.NLMSG_ERROR:
                need(Nlmsgerr.error + 4, "nlmsgerr");
                errno = -bytes.getInt(body() + Nlmsgerr.error);
                return true;
            case Netlink.NLMSG_DONE:
                // The result of the dump (af_netlink.c, netlink_dump_done); a dump that fails midway says so here only.
                errno = bodyLength() < 4 ? 0 : Math.max(0, -bytes.getInt(body()));
                return true;
            default:
                handler.message(this);
                return (flags & Netlink.NLM_F_MULTI) == 0;
        }
    }

    int type() {
        return u16(message + Nlmsghdr.nlmsg_type);
    }

    /** Where the payload begins. */
    int body() {
        return message + Nlmsghdr.SIZEOF;
    }

    int bodyLength() {
        return end - body();
    }

    /** Demands that the payload begins with a whole structure. */
    void need(int size, String structure) throws NetlinkException {
        if (bodyLength() < size) {
            throw new NetlinkException(structure + " of bytes=" + bodyLength() + ", expected at least " + size
                    + ", at offset=" + body());
        }
    }

    /**
     * Finds the first attribute of a type behind a structure; those of other types are skipped.
     *
     * @param structure length of the structure the payload begins with
     * @return index of its value, or -1 if there is none
     */
    int attribute(int structure, int type) throws NetlinkException {
        for (int at = body() + ((structure + 3) & -4); end - at >= Nlattr.SIZEOF;) {
            int len = u16(at + Nlattr.nla_len);
            if (len < Nlattr.SIZEOF || len > end - at) {
                throw new NetlinkException("nla_len=" + len + " at offset=" + at + " of message end=" + end);
            }
            if ((u16(at + Nlattr.nla_type) & Netlink.NLA_TYPE_MASK) == type) {
                return at + Nlattr.SIZEOF;
            }
            at += (len + 3) & -4;
        }
        return -1;
    }

    /** Length of the value that {@link #attribute} found. */
    int valueLength(int value) {
        return u16(value - Nlattr.SIZEOF + Nlattr.nla_len) - Nlattr.SIZEOF;
    }

    /** A value of 32 bits, or {@code absent} if the attribute is missing or too short for one. */
    long u32Attribute(int structure, int type, long absent) throws NetlinkException {
        int value = attribute(structure, type);
        return value < 0 || valueLength(value) < 4 ? absent : u32(value);
    }

    int u8(int at) {
        return bytes.get(at) & 0xff;
    }

    int u16(int at) {
        return bytes.getShort(at) & 0xffff;
    }

    long u32(int at) {
        return bytes.getInt(at) & 0xffff_ffffL;
    }

    /** 16 bits in network byte order. */
    int net16(int at) {
        return (bytes.get(at) & 0xff) << 8 | bytes.get(at + 1) & 0xff;
    }

    /** 32 bits in network byte order. */
    int net32(int at) {
        int value = bytes.getInt(at);
        return bytes.order() == ByteOrder.LITTLE_ENDIAN ? Integer.reverseBytes(value) : value;
    }

    /** 64 bits in network byte order. */
    long net64(int at) {
        long value = bytes.getLong(at);
        return bytes.order() == ByteOrder.LITTLE_ENDIAN ? Long.reverseBytes(value) : value;
    }

    byte[] copy(int at, int length) {
        byte[] copy = new byte[length];
        bytes.get(at, copy);
        return copy;
    }
}
