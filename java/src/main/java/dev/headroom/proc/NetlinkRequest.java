package dev.headroom.proc;

import dev.headroom.linux.Memory;
import dev.headroom.linux.Netlink;
import dev.headroom.linux.Nlattr;
import dev.headroom.linux.Nlmsghdr;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One question, written into memory. What is not set is zero.
 * <p>
 * <b>Not thread-safe.</b>
 */
final class NetlinkRequest {
    private final Memory memory;
    private int length;

    NetlinkRequest(Memory memory) {
        this.memory = memory;
    }

    /** Begins with the header and a structure of the protocol, whose offset is {@link Nlmsghdr#SIZEOF}. */
    NetlinkRequest begin(int type, int flags, int structure) {
        for (int i = 0; i < memory.size(); i += 8) {
            memory.putLong(i, 0);
        }
        memory.putShort(Nlmsghdr.nlmsg_type, (short) type);
        memory.putShort(Nlmsghdr.nlmsg_flags, (short) (Netlink.NLM_F_REQUEST | flags));
        length = Nlmsghdr.SIZEOF + structure;
        return this;
    }

    NetlinkRequest u8(int field, int value) {
        memory.putByte(Nlmsghdr.SIZEOF + field, (byte) value);
        return this;
    }

    NetlinkRequest u32(int field, int value) {
        memory.putInt(Nlmsghdr.SIZEOF + field, value);
        return this;
    }

    NetlinkRequest net16(int field, int value) {
        memory.putByte(Nlmsghdr.SIZEOF + field, (byte) (value >> 8));
        memory.putByte(Nlmsghdr.SIZEOF + field + 1, (byte) value);
        return this;
    }

    NetlinkRequest bytes(int field, byte[] value) {
        memory.putBytes(Nlmsghdr.SIZEOF + field, value);
        return this;
    }

    NetlinkRequest attribute(int type, byte[] value) {
        int at = (length + 3) & -4;
        memory.putShort(at + Nlattr.nla_len, (short) (Nlattr.SIZEOF + value.length));
        memory.putShort(at + Nlattr.nla_type, (short) type);
        memory.putBytes(at + Nlattr.SIZEOF, value);
        length = at + Nlattr.SIZEOF + value.length;
        return this;
    }

    NetlinkRequest attribute(int type, int value) {
        return attribute(type, ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).array());
    }

    /** Sets what changes from one sending to the next. */
    int finish(int seq) {
        memory.putInt(Nlmsghdr.nlmsg_len, length);
        memory.putInt(Nlmsghdr.nlmsg_seq, seq);
        return length;
    }
}
