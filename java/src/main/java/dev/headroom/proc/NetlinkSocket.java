package dev.headroom.proc;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;
import java.io.IOException;

/**
 * Asks the kernel by netlink. It answers for the network namespace of the thread that made this, also when another
 * thread asks.
 * <p>
 * <b>Not thread-safe</b>, but not bound to a thread either.
 */
class NetlinkSocket implements AutoCloseable {
    private static final int REQUEST = 1024;
    /**
     * The kernel makes the parts of a dump as large as the reader's buffer, up to 32 KiB (af_netlink.c, netlink_dump).
     */
    static final int REPLY = 64 * 1024;
    private static final int RCVBUF = 1 << 20;

    private final CallState state = new CallState();
    private final Memory requestMemory;
    private final Memory replyMemory;
    private final NetlinkRequest request;
    private final NetlinkReply reply;
    private final int fd;
    private int seq;
    private boolean answering;

    NetlinkSocket(int protocol, String name) throws SyscallException {
        this(Errno.check(
                Socket.socket(new CallState(), Socket.AF_NETLINK, Socket.SOCK_RAW | Socket.SOCK_CLOEXEC, protocol),
                "socket", "AF_NETLINK", "SOCK_RAW|SOCK_CLOEXEC", name));
    }

    /** Over a descriptor that is its own from now on. */
    NetlinkSocket(int fd) throws SyscallException {
        this.fd = fd;
        Memory first = null;
        try {
            first = Memory.map(REQUEST);
            replyMemory = Memory.map(REPLY);
        } catch (SyscallException e) {
            if (first != null) {
                first.close();
            }
            Unistd.close(state, fd);
            throw e;
        }
        requestMemory = first;
        request = new NetlinkRequest(requestMemory);
        reply = new NetlinkReply(replyMemory.asByteBuffer());
    }

    /** The question to be written and asked; one at a time. */
    NetlinkRequest request() {
        return request;
    }

    /**
     * How an exchange ended.
     *
     * @param errno positive error number of the kernel's answer, 0 for none
     * @param interrupted whether the table changed meanwhile
     */
    record Outcome(int errno, boolean interrupted) {
        boolean noRoom() {
            return errno == Errno.ENOBUFS.number();
        }
    }

    /**
     * Asks and hands each row to the handler.
     *
     * @throws IOException when no answer is to be had, or the handler gives up
     */
    Outcome ask(NetlinkReply.Handler handler) throws IOException {
        forgetTheRest();
        reply.begin(++seq);
        int length = request.finish(seq);
        long sent = send(state, requestMemory, length);
        if (sent == -Errno.ENOBUFS.number()) {
            return new Outcome(Errno.ENOBUFS.number(), false);
        }
        Errno.check(sent, "send", fd, "netlink request", length, 0);
        answering = true;
        while (answering) {
            // The kernel queues the next part before it hands out this one, so there is never anything to wait for.
            long received = receive(state, replyMemory);
            if (received == -Errno.ENOBUFS.number()) {
                return new Outcome(Errno.ENOBUFS.number(), false);
            }
            if (received == -Errno.EAGAIN.number()) {
                answering = false;
                throw new NetlinkException("ends before it is complete");
            }
            if (received != -Errno.EINTR.number()) {
                Errno.check(received, "recv", fd, "netlink reply", REPLY, "MSG_TRUNC|MSG_DONTWAIT");
                answering = !reply.datagram(received, handler);
            }
        }
        return new Outcome(reply.errno(), reply.interrupted());
    }

    /** The kernel refuses a dump with EBUSY while an earlier one has rows left. */
    private void forgetTheRest() {
        while (answering) {
            long received = receive(state, replyMemory);
            answering = received >= 0 || received == -Errno.EINTR.number() || received == -Errno.ENOBUFS.number();
        }
    }

    long send(CallState errno, Memory bytes, int length) {
        return Socket.send(errno, fd, bytes.address(), length, 0);
    }

    long receive(CallState errno, Memory bytes) {
        return Socket.recv(errno, fd, bytes.address(), bytes.size(), Socket.MSG_TRUNC | Socket.MSG_DONTWAIT);
    }

    /** Makes more room for answers, double each time. It may be cut to net.core.rmem_max, which is no failure. */
    void enlarge(int time) {
        int at = REQUEST - 4;
        requestMemory.putInt(at, RCVBUF << time);
        Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_RCVBUF, requestMemory.address() + at, 4);
    }

    @Override
    public void close() {
        Unistd.close(state, fd);
        requestMemory.close();
        replyMemory.close();
    }
}
