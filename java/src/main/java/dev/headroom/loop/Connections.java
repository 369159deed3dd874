package dev.headroom.loop;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Linger;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SockaddrIn;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;

/**
 * Byte streams on one loop: reads into a buffer that all share, sends, and keeps what the other side has no room for.
 * A connection is its descriptor; there is no object for it. The common event costs one recv and one send; with
 * {@link Engine#IO_URING} all events of a turn share one call.
 * <p>
 * Memory is bounded: a connection whose peer does not read holds at most {@link #BUFFER} bytes of output, and until
 * they have gone its input rests in the kernel (TCP then closes the peer's window). One whose handler waits for more
 * holds at most as much input, and with io_uring what one wait has brought besides.
 * <p>
 * <b>Not thread-safe</b>: the loop's thread alone may use it.
 */
public final class Connections {
    /** Bytes read at once, and the most that is kept for a connection in each direction. */
    public static final int BUFFER = 64 * 1024;

    private static final int EAGAIN = Errno.EAGAIN.number();
    private static final int EINTR = Errno.EINTR.number();
    private static final int EMSGSIZE = Errno.EMSGSIZE.number();
    private static final int ECONNRESET = Errno.ECONNRESET.number();

    // flags of a connection
    /** EPOLLIN is in the interest. */
    private static final int IN = 1;
    /** EPOLLOUT is in the interest. */
    private static final int OUT = 2;
    /** The handler has asked for a rest. */
    private static final int PAUSED = 4;
    /** The peer has ended. */
    private static final int ENDED = 8;
    /** To be closed when the output has gone. */
    private static final int FINISH = 16;
    /** Our direction to be shut down when the output has gone. */
    private static final int SHUT = 32;
    /** Taken out of epoll, because EPOLLHUP would be reported for ever while the input rests. */
    private static final int OFF = 64;

    private final EventLoop loop;
    private final FdTable table;
    private final CallState state;
    private final Poller poller;
    /** The same, where it receives and sends by itself; else null. */
    private final UringPoller uring;
    private final Memory input = Memory.map(BUFFER);
    private final Memory output = Memory.map(BUFFER);
    private final ByteBuffer inputBuffer = input.asByteBuffer();
    private final ByteBuffer outputBuffer = output.asByteBuffer();
    private final Blocks blocks = new Blocks();

    /** Connections that must be looked at at the end of the turn: {@code generation << 32 | fd}. */
    private long[] again = new long[64];
    private int againCount;

    Connections(EventLoop loop) throws SyscallException {
        this.loop = loop;
        this.table = loop.table();
        this.state = loop.callState();
        this.poller = loop.poller();
        this.uring = poller instanceof UringPoller u ? u : null;
    }

    public EventLoop loop() {
        return loop;
    }

    /** One for each ConnectionHandler, whatever number of connections it serves. */
    private static final class Kind implements Handler {
        final Connections connections;
        final ConnectionHandler handler;

        Kind(Connections connections, ConnectionHandler handler) {
            this.connections = connections;
            this.handler = handler;
        }

        @Override
        public void ready(EventLoop loop, int fd, int events) throws IOException {
            connections.ready(handler, fd, events);
        }
    }

    private Kind[] kinds = new Kind[0];

    /** The loop's index for connections with that handler, found again or made. */
    int kindOf(ConnectionHandler handler) {
        for (Kind kind : kinds) {
            if (kind.handler == handler) {
                return loop.handlerIndex(kind);
            }
        }
        Kind kind = new Kind(this, handler);
        kinds = Arrays.copyOf(kinds, kinds.length + 1);
        kinds[kinds.length - 1] = kind;
        return loop.handlerIndex(kind);
    }

    private ConnectionHandler handlerOf(int fd) {
        return loop.handlerAt(loop.handlerOf(fd)) instanceof Kind kind ? kind.handler : null;
    }

    /**
     * Takes over a connected, non-blocking socket.
     *
     * @throws SyscallException what epoll_ctl says; the socket is still open then, and still the caller's
     */
    public void open(int fd, ConnectionHandler handler) throws SyscallException {
        poller.check(tryOpen(fd, kindOf(handler)), true, fd, Epoll.EPOLLIN);
        opened(fd, handler);
    }

    /** Tells the handler. What it throws ends this connection, and not the one that is being served when it opens. */
    void opened(int fd, ConnectionHandler handler) {
        int generation = loop.generation(fd);
        try {
            handler.opened(this, fd);
        } catch (IOException | RuntimeException e) {
            loop.failed(fd, generation, e);
        }
    }

    /** @return 0 or {@code -errno} of epoll_ctl */
    int tryOpen(int fd, int kind) {
        int rc = loop.tryAdd(fd, Epoll.EPOLLIN, kind, true);
        if (rc == 0) {
            loop.setFlags(fd, IN);
        }
        return rc;
    }

    /**
     * A socket that the loop knows already, as a connection in progress, becomes a connection.
     *
     * @param events what has told that it is one; bytes may have come with it
     * @return 0 or {@code -errno}; it is what it was then
     */
    int adopt(int fd, ConnectionHandler handler, int events) {
        int generation = loop.generation(fd);
        int rc = poller.adopt(fd, generation);
        if (rc == 0) {
            loop.setHandler(fd, kindOf(handler));
            loop.setFlags(fd, IN);
            opened(fd, handler);
            if ((events & ~Epoll.EPOLLOUT) != 0 && isCurrent(fd, generation)) {
                try {
                    ready(handler, fd, events);
                } catch (IOException | RuntimeException e) {
                    loop.failed(fd, generation, e);
                }
            }
        }
        return rc;
    }

    private void ready(ConnectionHandler handler, int fd, int events) throws IOException {
        int generation = loop.generation(fd);
        if ((events & Epoll.EPOLLOUT) != 0 && (loop.flags(fd) & OUT) != 0) {
            flush(handler, fd);
            if (!isCurrent(fd, generation)) {
                return;
            }
        }
        if ((events & ~Epoll.EPOLLOUT) == 0) {
            return;
        }
        if ((loop.flags(fd) & IN) != 0) {
            if (uring != null) {
                // The bytes, the end or the error come by themselves.
                return;
            }
            boolean more = (events & Epoll.EPOLLHUP) != 0 && isToBeRedelivered(fd);
            if (!more) {
                more = read(handler, fd);
                if ((events & (Epoll.EPOLLRDHUP | Epoll.EPOLLHUP | Epoll.EPOLLERR)) != 0 && isReading(fd, generation)) {
                    // Most often the end is right behind.
                    read(handler, fd);
                    more = true;
                }
            }
            if (more && isReading(fd, generation)) {
                rearm(fd);
            }
        } else if ((events & Epoll.EPOLLERR) != 0) {
            int errno = error(fd);
            close(fd, errno == 0 ? ECONNRESET : errno);
        } else if ((events & Epoll.EPOLLHUP) != 0) {
            hungUp(fd);
        }
    }

    /** What the handler has left comes again before the end does, even if it resumed in the turn of EPOLLHUP. */
    private boolean isToBeRedelivered(int fd) {
        long wanted = (long) loop.generation(fd) << 32 | fd;
        for (int i = 0; i < againCount; i++) {
            if (again[i] == wanted) {
                return true;
            }
        }
        return false;
    }

    private boolean isReading(int fd, int generation) {
        return isCurrent(fd, generation) && (loop.flags(fd) & IN) != 0;
    }

    private boolean isCurrent(int fd, int generation) {
        return loop.isRegistered(fd) && loop.generation(fd) == generation;
    }

    /** Both directions have ended while the input rests. What has come is still there to be read. */
    private void hungUp(int fd) {
        int flags = loop.flags(fd);
        if ((flags & ENDED) != 0 || table.output(fd) != Blocks.NONE) {
            close(fd, (flags & ENDED) != 0 && table.output(fd) == Blocks.NONE ? 0 : ECONNRESET);
            return;
        }
        poller.withdraw(fd, loop.generation(fd));
        loop.setFlags(fd, flags & ~(IN | OUT) | OFF);
    }

    /** @return whether something may be left in the socket: what fills the buffer need not be all */
    private boolean read(ConnectionHandler handler, int fd) throws IOException {
        if ((loop.flags(fd) & FINISH) != 0) {
            interest(fd, loop.flags(fd) & OUT);
            return false;
        }
        int kept = table.input(fd);
        int have = 0;
        if (kept != Blocks.NONE) {
            have = blocks.length(kept);
            if (have == BUFFER) {
                interest(fd, loop.flags(fd) & OUT);
                return false;
            }
            blocks.copyTo(kept, input, 0);
        }
        long n;
        do {
            n = Socket.recv(state, fd, input.address() + have, BUFFER - have, 0);
        } while (n == -EINTR);
        if (n > 0) {
            deliver(handler, fd, have + (int) n);
        } else if (n == 0) {
            end(handler, fd, have);
        } else if (n != -EAGAIN) {
            close(fd, (int) -n);
        }
        // An event, and nothing there: whatever was in the way need not bring an edge when it goes.
        return n == BUFFER - have || n == -EAGAIN;
    }

    /** Hands {@code length} bytes of the input buffer to the handler and keeps what it leaves. */
    private void deliver(ConnectionHandler handler, int fd, int length) throws IOException {
        int generation = loop.generation(fd);
        ByteBuffer data = inputBuffer.clear().limit(length);
        handler.received(this, fd, data);
        if (isCurrent(fd, generation)) {
            keep(fd, data, length);
        }
    }

    /** Hands what is kept to the handler, as much of it as the buffer holds at a time. */
    private void deliverKept(ConnectionHandler handler, int fd) throws IOException {
        int generation = loop.generation(fd);
        boolean more = true;
        while (more && isCurrent(fd, generation) && table.input(fd) != Blocks.NONE && readable(fd)) {
            int have = blocks.gather(table.input(fd), input);
            more = blocks.chainLength(table.input(fd)) > have;
            ByteBuffer data = inputBuffer.clear().limit(have);
            handler.received(this, fd, data);
            if (!isCurrent(fd, generation)) {
                return;
            }
            int taken = data.position();
            table.setInput(fd, blocks.consumeChain(table.input(fd), taken, state));
            if (taken == 0 && have == BUFFER) {
                more = false;
                if (table.output(fd) == Blocks.NONE && (loop.flags(fd) & PAUSED) == 0) {
                    close(fd, EMSGSIZE);
                } else {
                    interest(fd, loop.flags(fd) & OUT);
                }
            }
        }
    }

    // ---- what io_uring brings ----

    /** Bytes have come: {@code data}, which are the {@code length} at {@code offset} of {@code from}. */
    void arrived(int fd, ByteBuffer data, Memory from, long offset, int length) throws IOException {
        if ((loop.flags(fd) & FINISH) != 0) {
            interest(fd, loop.flags(fd) & OUT);
            return;
        }
        ConnectionHandler handler = handlerOf(fd);
        int done = 0;
        if (table.input(fd) == Blocks.NONE && readable(fd)) {
            int generation = loop.generation(fd);
            handler.received(this, fd, data.clear().limit(length));
            if (!isCurrent(fd, generation)) {
                return;
            }
            done = data.position();
            if (done == length) {
                return;
            }
            table.setInput(fd, blocks.appendChain(table.input(fd), from, offset + done, length - done));
            return;
        }
        table.setInput(fd, blocks.appendChain(table.input(fd), from, offset, length));
        deliverKept(handler, fd);
    }

    /** The peer has ended. Whoever does not read finds out when it reads again: an end does not go away. */
    void arrivedEnd(int fd) throws IOException {
        if ((loop.flags(fd) & FINISH) != 0) {
            interest(fd, loop.flags(fd) & OUT);
        } else if (readable(fd)) {
            int kept = table.input(fd);
            end(handlerOf(fd), fd, kept == Blocks.NONE ? 0 : blocks.gather(kept, input));
        }
    }

    void arrivedError(int fd, int errno) {
        close(fd, errno);
    }

    /** What {@link UringPoller#send} had taken upon itself has not all gone out after all. */
    void unsent(int fd, Memory from, long offset, int length) throws SyscallException {
        appendOutput(fd, from, offset, length);
    }

    /** Sends what has been handed to {@link UringPoller#send} for it, so that calls come in their order. */
    private void settle(int fd) {
        if (uring != null && uring.isSending(fd)) {
            uring.submitNow();
        }
    }

    // ----

    private void keep(int fd, ByteBuffer data, int length) throws SyscallException {
        int kept = table.input(fd);
        if (kept != Blocks.NONE) {
            blocks.release(kept, state);
            table.setInput(fd, Blocks.NONE);
        }
        // By the position alone: a handler that has narrowed the limit, to a line perhaps, has not taken what is behind.
        int left = length - data.position();
        if (left == 0) {
            return;
        }
        if (left == BUFFER && table.output(fd) == Blocks.NONE && (loop.flags(fd) & PAUSED) == 0) {
            close(fd, EMSGSIZE);
            return;
        }
        kept = blocks.take();
        blocks.append(kept, input, length - left, left);
        table.setInput(fd, kept);
        if (left == BUFFER) {
            // no room to read into: it waits for the output to go, or for resume
            interest(fd, loop.flags(fd) & OUT);
        }
    }

    private void end(ConnectionHandler handler, int fd, int have) throws IOException {
        int generation = loop.generation(fd);
        dropInput(fd);
        loop.setFlags(fd, loop.flags(fd) | ENDED);
        interest(fd, loop.flags(fd) & OUT);
        handler.ended(this, fd, inputBuffer.clear().limit(have));
        if (isCurrent(fd, generation) && (loop.flags(fd) & SHUT) != 0 && table.output(fd) == Blocks.NONE) {
            close(fd, 0);
        }
    }

    /**
     * Sends the bytes of {@code data}. What the socket does not take is kept, up to {@link #BUFFER} bytes, and goes out
     * as room appears; {@link ConnectionHandler#drained} tells when. What is more than that stays in {@code data}.
     *
     * <p>
     * A connection that cannot be sent to any more is closed, as one that cannot be read from, and its own handler is
     * told; whoever was sending on its behalf goes on. To a connection that is closed, or not there yet, nothing is
     * sent, and {@code data} is left as it is.
     *
     * <p>
     * With {@link Engine#IO_URING} the bytes may go out at the end of the turn, with those of other connections, and only
     * then it shows whether the socket takes them all; the buffer that {@link ConnectionHandler#received} is given must
     * not be written to once it has been sent.
     *
     * @return true if everything has gone out or goes out with this turn; false if something waits or the connection is
     *         closed, and it is better to send nothing more yet
     */
    public boolean send(int fd, ByteBuffer data) throws SyscallException {
        if (!isOpen(fd)) {
            return false;
        }
        if ((loop.flags(fd) & (FINISH | SHUT)) != 0) {
            throw new IllegalStateException("send after finish or shutdownOutput on descriptor " + fd);
        }
        int kept = 0;
        if (uring != null) {
            if (uring.isSending(fd)) {
                uring.submitNow();
                if (!isOpen(fd)) {
                    return false;
                }
                // What was promised to go out and has not is not counted against these bytes.
                kept = waiting(fd);
            }
            if (table.output(fd) == Blocks.NONE && data.hasRemaining() && uring.send(fd, loop.generation(fd), data)) {
                return true;
            }
        }
        if (table.output(fd) != Blocks.NONE) {
            keepOutput(fd, data, kept + BUFFER);
            return false;
        }
        while (data.hasRemaining()) {
            Memory from = input;
            int offset = data.position();
            int n = data.remaining();
            if (data != inputBuffer) {
                from = output;
                offset = 0;
                n = stage(data);
            }
            int sent = sendNow(fd, from.address() + offset, n);
            if (sent < 0) {
                close(fd, -sent);
                return false;
            }
            data.position(data.position() + sent);
            if (sent < n) {
                keepOutput(fd, data, BUFFER);
                return false;
            }
        }
        return true;
    }

    /** Copies the front of {@code data} to where send can take it from, and leaves its position. */
    private int stage(ByteBuffer data) {
        int n = Math.min(data.remaining(), BUFFER);
        outputBuffer.put(0, data, data.position(), n);
        return n;
    }

    /** @param most bytes that may wait then */
    private void keepOutput(int fd, ByteBuffer data, int most) throws SyscallException {
        int n = Math.min(data.remaining(), most - waiting(fd));
        if (data == inputBuffer) {
            appendOutput(fd, input, data.position(), n);
        } else {
            outputBuffer.put(0, data, data.position(), n);
            appendOutput(fd, output, 0, n);
        }
        data.position(data.position() + n);
    }

    private void appendOutput(int fd, Memory from, long offset, int n) throws SyscallException {
        boolean first = table.output(fd) == Blocks.NONE;
        table.setOutput(fd, blocks.appendChain(table.output(fd), from, offset, n));
        if (first) {
            interest(fd, OUT | (handlerOf(fd).readsWhileSending() ? loop.flags(fd) & IN : 0));
        }
    }

    /** @return bytes taken, 0 when the socket has no room, or {@code -errno} when it is broken */
    private int sendNow(int fd, long address, int length) {
        while (true) {
            long n = Socket.send(state, fd, address, length, Socket.MSG_NOSIGNAL);
            if (n == -EAGAIN) {
                return 0;
            }
            if (n != -EINTR) {
                return (int) n;
            }
        }
    }

    private void flush(ConnectionHandler handler, int fd) throws IOException {
        for (int block = table.output(fd); block != Blocks.NONE; block = table.output(fd)) {
            int length = blocks.length(block);
            int sent = sendNow(fd, blocks.address(block), length);
            if (sent < 0) {
                close(fd, -sent);
                return;
            }
            table.setOutput(fd, blocks.consumeChain(block, sent, state));
            if (sent == 0) {
                rearm(fd);
            }
            if (sent < length) {
                return;
            }
        }
        int flags = loop.flags(fd);
        if ((flags & FINISH) != 0) {
            close(fd, 0);
            return;
        }
        if ((flags & SHUT) != 0) {
            Socket.shutdown(state, fd, Socket.SHUT_WR);
            if ((flags & ENDED) != 0) {
                close(fd, 0);
                return;
            }
        }
        interest(fd, readable(fd) ? IN : 0);
        int generation = loop.generation(fd);
        handler.drained(this, fd);
        if (isCurrent(fd, generation) && readable(fd)) {
            redeliver(fd);
        }
    }

    /** Whether input is wanted: the peer has not ended, the handler has not paused, no output waits. */
    private boolean readable(int fd) {
        return (loop.flags(fd) & (PAUSED | ENDED | FINISH)) == 0
                && (table.output(fd) == Blocks.NONE || handlerOf(fd).readsWhileSending());
    }

    private void redeliver(int fd) {
        if (table.input(fd) != Blocks.NONE) {
            if (againCount == again.length) {
                again = Arrays.copyOf(again, againCount * 2);
            }
            again[againCount++] = (long) loop.generation(fd) << 32 | fd;
        }
    }

    void endOfTurn() {
        for (int i = 0; i < againCount; i++) {
            int fd = (int) again[i];
            if (isCurrent(fd, (int) (again[i] >>> 32)) && table.input(fd) != Blocks.NONE && readable(fd)) {
                try {
                    deliverKept(handlerOf(fd), fd);
                } catch (IOException | RuntimeException e) {
                    loop.failed(fd, (int) (again[i] >>> 32), e);
                }
            }
        }
        againCount = 0;
    }

    /** Lets the input of a connection rest in the kernel, until {@link #resume}. Does nothing if it is closed. */
    public void pause(int fd) throws SyscallException {
        if (!isOpen(fd)) {
            return;
        }
        loop.setFlags(fd, loop.flags(fd) | PAUSED);
        interest(fd, loop.flags(fd) & OUT);
    }

    /** Takes input again after {@link #pause}. Does nothing if the connection is closed. */
    public void resume(int fd) throws SyscallException {
        if (!isOpen(fd)) {
            return;
        }
        loop.setFlags(fd, loop.flags(fd) & ~PAUSED);
        if (readable(fd)) {
            interest(fd, loop.flags(fd) & OUT | IN);
            redeliver(fd);
        }
    }

    /**
     * Takes no more input and closes the connection when all that was sent has gone out. Does nothing if it is closed
     * already.
     * <p>
     * If bytes of the peer are still unread then, the kernel sends a RST instead of a FIN (net/ipv4/tcp.c,
     * __tcp_close), and what the peer has not read yet may be lost to it. Where that matters, use
     * {@link #shutdownOutput} and take input until the peer ends.
     */
    public void finish(int fd) {
        settle(fd);
        if (!isOpen(fd)) {
            return;
        }
        if (table.output(fd) == Blocks.NONE) {
            close(fd, 0);
        } else {
            loop.setFlags(fd, loop.flags(fd) | FINISH);
        }
    }

    /**
     * Ends our direction when all that was sent has gone out; the connection closes when the peer has ended too. Does
     * nothing if it is closed.
     */
    public void shutdownOutput(int fd) {
        settle(fd);
        int flags = loop.flags(fd);
        if (!isOpen(fd) || (flags & SHUT) != 0) {
            return;
        }
        loop.setFlags(fd, flags | SHUT);
        if (table.output(fd) == Blocks.NONE) {
            Socket.shutdown(state, fd, Socket.SHUT_WR);
            if ((flags & ENDED) != 0) {
                close(fd, 0);
            }
        }
    }

    /** Closes the connection now; what waits is lost. Does nothing if it is closed already. */
    public void close(int fd) {
        close(fd, 0);
    }

    /** Closes the connection with a RST, so that neither side keeps TIME_WAIT. Does nothing if it is closed already. */
    public void reset(int fd) {
        settle(fd);
        if (!isOpen(fd)) {
            return;
        }
        Memory scratch = loop.scratch();
        scratch.putInt(Linger.l_onoff, 1);
        scratch.putInt(Linger.l_linger, 0);
        Socket.setsockopt(state, fd, Socket.SOL_SOCKET, Socket.SO_LINGER, scratch.address(), Linger.SIZEOF);
        if (loop.mayHaveCopies()) {
            // Only the last close resets; dissolving the association does it at once (net/ipv4/tcp.c, tcp_disconnect).
            scratch.putLong(0, Socket.AF_UNSPEC);
            scratch.putLong(8, 0);
            Socket.connect(state, fd, scratch.address(), SockaddrIn.SIZEOF);
        }
        close(fd, 0);
    }

    /**
     * The handler is told last, when to all others the connection has gone already: it may close a connection that in
     * turn closes this one. Its number is still taken then, so that it can ask for the addresses.
     */
    private void close(int fd, int errno) {
        settle(fd);
        ConnectionHandler handler = handlerOf(fd);
        if (handler == null) {
            return;
        }
        drop(fd);
        loop.forget(fd);
        try {
            handler.closed(this, fd, errno);
        } catch (RuntimeException e) {
            loop.report(fd, e);
        } finally {
            loop.closeForgotten(fd);
        }
    }

    /** Whether output of the connection waits for room. */
    public boolean isSending(int fd) {
        settle(fd);
        return table.output(fd) != Blocks.NONE;
    }

    /** Bytes of output that are kept for the connection. */
    int waiting(int fd) {
        return blocks.chainLength(table.output(fd));
    }

    /** Blocks of memory made so far, in use or not. */
    int blocks() {
        return blocks.count();
    }

    /** Whether that number is an open connection of this loop. */
    public boolean isOpen(int fd) {
        return loop.isRegistered(fd) && handlerOf(fd) != null;
    }

    /** The local address, by getsockname(2). */
    public Sockaddr localAddress(int fd) throws SyscallException {
        Memory scratch = loop.scratch();
        scratch.putInt(Sockaddr.MAX_LENGTH, Sockaddr.MAX_LENGTH);
        Errno.check(Socket.getsockname(state, fd, scratch.address(), scratch.address() + Sockaddr.MAX_LENGTH),
                "getsockname", fd);
        return Sockaddr.read(scratch, 0);
    }

    /** The peer's address, by getpeername(2). */
    public Sockaddr peerAddress(int fd) throws SyscallException {
        Memory scratch = loop.scratch();
        scratch.putInt(Sockaddr.MAX_LENGTH, Sockaddr.MAX_LENGTH);
        Errno.check(Socket.getpeername(state, fd, scratch.address(), scratch.address() + Sockaddr.MAX_LENGTH),
                "getpeername", fd);
        return Sockaddr.read(scratch, 0);
    }

    /** Takes and clears the pending error of the socket. */
    private int error(int fd) {
        return error(loop, fd);
    }

    static int error(EventLoop loop, int fd) {
        Memory scratch = loop.scratch();
        scratch.putInt(0, 0);
        scratch.putInt(4, Integer.BYTES);
        int rc = Socket.getsockopt(loop.callState(), fd, Socket.SOL_SOCKET, Socket.SO_ERROR, scratch.address(),
                scratch.address() + 4);
        return rc < 0 ? -rc : scratch.getInt(0);
    }

    private void interest(int fd, int wanted) throws SyscallException {
        int flags = loop.flags(fd);
        if ((flags & (IN | OUT)) == wanted && (flags & OFF) == 0) {
            return;
        }
        int events = events(wanted);
        if ((flags & OFF) != 0) {
            if (wanted == 0) {
                return;
            }
            poller.check(poller.rejoin(fd, events, loop.generation(fd)), true, fd, events);
        } else {
            poller.check(poller.modify(fd, events, loop.generation(fd), true), false, fd, events);
        }
        loop.setFlags(fd, flags & ~(IN | OUT | OFF) | wanted);
    }

    /** Edge-triggered: what is ready all the same is reported again after this. */
    private void rearm(int fd) throws SyscallException {
        int events = events(loop.flags(fd));
        poller.check(poller.modify(fd, events, loop.generation(fd), true), false, fd, events);
    }

    private static int events(int flags) {
        return ((flags & IN) != 0 ? Epoll.EPOLLIN : 0) | ((flags & OUT) != 0 ? Epoll.EPOLLOUT : 0);
    }

    /** Ends whatever is registered under that number, a connection or not. */
    void end(int fd, int errno) {
        if (handlerOf(fd) == null) {
            loop.close(fd);
        } else {
            close(fd, errno);
        }
    }

    /** Lets go of what waits for a number that is no longer ours. */
    void drop(int fd) {
        settle(fd);
        dropInput(fd);
        if (table.output(fd) != Blocks.NONE) {
            blocks.releaseChain(table.output(fd), state);
            table.setOutput(fd, Blocks.NONE);
        }
    }

    private void dropInput(int fd) {
        if (table.input(fd) != Blocks.NONE) {
            blocks.releaseChain(table.input(fd), state);
            table.setInput(fd, Blocks.NONE);
        }
    }

    /** Gives memory back when there is no connection left. */
    void discard() {
        input.discard(state);
        output.discard(state);
    }

    /** Frees its memory. */
    void free() {
        blocks.close();
        input.close();
        output.close();
    }
}
