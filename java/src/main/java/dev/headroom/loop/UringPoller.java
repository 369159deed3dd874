package dev.headroom.loop;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.IoUring;
import dev.headroom.linux.IoUringBuffers;
import dev.headroom.linux.IoUringGeteventsArg;
import dev.headroom.linux.IoUringRing;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Timespec;
import dev.headroom.linux.Unistd;

/**
 * An io_uring. A connection that is read from has one multishot recv in the kernel, which takes a buffer whenever bytes
 * come; a listener without a quota has a multishot accept; everything else is polled. What is sent goes out with the
 * call that waits next, all of a turn at once.
 * <p>
 * Each request holds its file, beyond the close of the descriptor, until its last completion has come (the one without
 * IORING_CQE_F_MORE); so one that is no longer wanted is cancelled, and only then, if need be, asked anew. Changes are
 * written down and made with the next call, so that a turn's back and forth costs nothing. A completion carries the
 * generation of the descriptor's number, which tells those of earlier owners.
 * <p>
 * IORING_SETUP_DEFER_TASKRUN: the kernel receives only while the loop waits, after it has submitted. A cancelled recv
 * therefore takes nothing more, and completions of a send stand in the ring when the call that submits it returns.
 */
final class UringPoller extends Poller {
    private static final int EINTR = Errno.EINTR.number();
    private static final int EAGAIN = Errno.EAGAIN.number();
    private static final int EEXIST = Errno.EEXIST.number();
    private static final int EINVAL = Errno.EINVAL.number();
    private static final int ENOBUFS = Errno.ENOBUFS.number();
    private static final int ECANCELED = Errno.ECANCELED.number();
    private static final int ETIME = Errno.ETIME.number();

    private static final int ENTRIES = 512;
    private static final int COMPLETIONS = 4096;
    private static final int BUFFERS = 256;
    private static final int BUFFER = 16 * 1024;
    /** Behind the buffers: what is to be sent and does not lie in one of them. */
    private static final int STAGE = BUFFERS * BUFFER;
    private static final int STAGE_SIZE = 4 * Connections.BUFFER;

    // user_data: kind (4 bits) | 20 bits of nothing | generation (16) | descriptor (24); or kind and an index
    private static final int GENERATION = 24;
    private static final int FD_MASK = FdTable.CAPACITY - 1;
    private static final int KIND = 60;
    private static final long RECV = 0L << KIND;
    private static final long POLL = 1L << KIND;
    private static final long SEND = 2L << KIND;
    private static final long OWN_ACCEPT = 3L << KIND;
    private static final long OWN_POLL = 4L << KIND;
    private static final long NOTHING = 5L << KIND;

    // what is asked of the kernel for a descriptor: 4 bytes, of which the lower 16 bits are the interest
    private static final int INTEREST = 0xffff;
    /** A recv is in the kernel. */
    private static final int RECEIVING = 1 << 16;
    /** A poll is in the kernel. */
    private static final int POLLING = 1 << 17;
    /** It is one of Connections. */
    private static final int STREAM = 1 << 18;
    /** Its bytes go out with the next call. */
    private static final int SENDING = 1 << 19;
    /** It stands in the list of changes. */
    private static final int CHANGED = 1 << 20;
    private static final int WITHDRAWN = 1 << 21;
    /** The interest is another one than that of the poll in the kernel. */
    private static final int REPOLL = 1 << 22;
    /** Something is reported that nobody wants; it would be for ever. */
    private static final int EDGE = 1 << 23;

    private static final int ALWAYS = Epoll.EPOLLERR | Epoll.EPOLLHUP;
    private static final int SEND_FLAGS = Socket.MSG_NOSIGNAL | Socket.MSG_DONTWAIT | Socket.MSG_WAITALL;
    private static final int ACCEPT_FLAGS = Socket.SOCK_NONBLOCK | Socket.SOCK_CLOEXEC;
    private static final long LAST_COMPLETIONS_NANOS = 5_000_000_000L;

    private final EventLoop loop;
    private final CallState state;
    private final IoUringRing ring;
    private final Memory room;
    private final ByteBuffer stage;
    private final ByteBuffer[] views = new ByteBuffer[BUFFERS];
    private final IoUringBuffers buffers;
    private final Memory asked;
    private final Memory argument = Memory.map(IoUringGeteventsArg.SIZEOF + Timespec.SIZEOF);
    private boolean running;

    /** Requests in the kernel whose last completion is still to come. */
    private int pending;
    private long[] changes = new long[64];
    private int changeCount;

    // what goes out with the next call
    private final int[] sendFd = new int[ENTRIES];
    private final int[] sendGeneration = new int[ENTRIES];
    private final int[] sendOffset = new int[ENTRIES];
    private final int[] sendLength = new int[ENTRIES];
    private int sends;
    private int staged;
    private final int[] held = new int[ENTRIES];
    private int heldCount;
    /** The outcome of what went out is being looked at; what is sent meanwhile goes out by itself. */
    private boolean reaping;
    /** The completion queue is so full that the outcome of a send might not find a place in it. */
    private boolean crowded;

    /** The buffer whose bytes a handler has at the moment. */
    private ByteBuffer delivering;
    private int deliveringId;
    private boolean deliveringHeld;

    // what is the loop's own, by index
    private int[] ownFd = new int[0];
    private int[] ownInterest = new int[0];
    private int[] ownState = new int[0];
    private boolean ownChanged;
    private static final int WANTED = 1;
    private static final int ACCEPTS = 2;
    private static final int IN_KERNEL = 4;
    /** The last accept has failed: the next one waits until somebody comes. */
    private static final int POLL_FIRST = 8;

    UringPoller(EventLoop loop) throws SyscallException {
        this.loop = loop;
        this.state = loop.callState();
        // Disabled until the thread is there that shall be its only submitter.
        this.ring = new IoUringRing(ENTRIES, COMPLETIONS, IoUring.IORING_SETUP_R_DISABLED
                | IoUring.IORING_SETUP_SUBMIT_ALL | IoUring.IORING_SETUP_SINGLE_ISSUER
                | IoUring.IORING_SETUP_DEFER_TASKRUN);
        this.room = Memory.map(STAGE + STAGE_SIZE);
        this.stage = room.asByteBuffer(STAGE, STAGE_SIZE);
        this.asked = FdTable.newArray(Integer.BYTES);
        try {
            this.buffers = new IoUringBuffers(ring, room, BUFFERS, BUFFER);
        } catch (SyscallException e) {
            ring.close();
            throw e;
        }
        for (int id = 0; id < BUFFERS; id++) {
            views[id] = room.asByteBuffer(buffers.offset(id), BUFFER);
        }
    }

    @Override
    void begin() throws SyscallException {
        Errno.check(ring.register(IoUring.IORING_REGISTER_ENABLE_RINGS, 0, 0), "io_uring_register", ring.fd(),
                "IORING_REGISTER_ENABLE_RINGS", "NULL", 0);
        running = true;
    }

    // ---- what is registered ----

    private int asked(int fd) {
        return asked.getInt((long) fd * Integer.BYTES);
    }

    private void setAsked(int fd, int value) {
        asked.putInt((long) fd * Integer.BYTES, value);
    }

    @Override
    int add(int fd, int interest, int generation, boolean stream) {
        if (loop.isRegistered(fd)) {
            return -EEXIST;
        }
        setAsked(fd, 0);
        return modify(fd, interest, generation, stream);
    }

    @Override
    int addConnecting(int fd, int generation) {
        return add(fd, Epoll.EPOLLOUT, generation, false);
    }

    @Override
    int adopt(int fd, int generation) {
        return modify(fd, Epoll.EPOLLIN, generation, true);
    }

    @Override
    int modify(int fd, int interest, int generation, boolean stream) {
        if ((interest & ~INTEREST) != 0) {
            // EPOLLET, EPOLLONESHOT and EPOLLEXCLUSIVE are epoll's.
            return -EINVAL;
        }
        int kept = asked(fd) & ~(INTEREST | WITHDRAWN | EDGE | STREAM);
        setAsked(fd, kept | interest | (stream ? STREAM : 0) | REPOLL);
        changed(fd, generation);
        return 0;
    }

    @Override
    int withdraw(int fd, int generation) {
        if (loop.isRegistered(fd)) {
            setAsked(fd, asked(fd) | WITHDRAWN);
            changed(fd, generation);
        } else {
            cancelAll(fd, generation);
        }
        return 0;
    }

    @Override
    int rejoin(int fd, int interest, int generation) {
        return modify(fd, interest, generation, (asked(fd) & STREAM) != 0);
    }

    @Override
    void closing(int fd, int generation, boolean copies) {
        cancelAll(fd, generation);
    }

    private void cancelAll(int fd, int generation) {
        makeRoom();
        int a = asked(fd);
        if ((a & RECEIVING) != 0) {
            cancel(request(RECV, fd, generation));
        }
        if ((a & POLLING) != 0) {
            cancel(request(POLL, fd, generation));
        }
        setAsked(fd, 0);
    }

    private static long request(long kind, int fd, int generation) {
        return kind | (long) generation << GENERATION | fd;
    }

    private void changed(int fd, int generation) {
        int a = asked(fd);
        if ((a & CHANGED) != 0) {
            return;
        }
        setAsked(fd, a | CHANGED);
        if (changeCount == changes.length) {
            changes = Arrays.copyOf(changes, 2 * changeCount);
        }
        changes[changeCount++] = (long) generation << 32 | fd;
    }

    private void applyChanges() {
        if (ownChanged) {
            ownChanged = false;
            // An accept may complete at once, as often as clients wait: the outcome of sends must not be behind that.
            submitNow();
            for (int i = 0; i < ownFd.length; i++) {
                applyOwn(i);
            }
        }
        for (int i = 0; i < changeCount; i++) {
            makeRoom();
            int fd = (int) changes[i];
            int generation = (int) (changes[i] >>> 32);
            if (loop.isRegistered(fd) && loop.generation(fd) == generation) {
                apply(fd, generation);
            }
        }
        changeCount = 0;
    }

    private void apply(int fd, int generation) {
        int a = asked(fd);
        boolean receive = (a & (STREAM | Epoll.EPOLLIN | WITHDRAWN)) == (STREAM | Epoll.EPOLLIN);
        if (receive && (a & RECEIVING) == 0) {
            arm(IoUring.IORING_OP_RECV, IoUring.IOSQE_BUFFER_SELECT,
                    IoUring.IORING_RECV_MULTISHOT | IoUring.IORING_RECVSEND_POLL_FIRST, fd, 0, 0,
                    request(RECV, fd, generation));
            a |= RECEIVING;
        } else if (!receive && (a & RECEIVING) != 0) {
            cancel(request(RECV, fd, generation));
        }
        int events = pollEvents(a);
        if ((a & POLLING) == 0 && events != 0) {
            boolean multi = (a & (STREAM | EDGE)) != 0;
            arm(IoUring.IORING_OP_POLL_ADD, 0, 0, fd, multi ? IoUring.IORING_POLL_ADD_MULTI : 0, events,
                    request(POLL, fd, generation));
            a |= POLLING;
        } else if ((a & POLLING) != 0 && (events == 0 || (a & REPOLL) != 0)) {
            cancel(request(POLL, fd, generation));
        }
        setAsked(fd, a & ~(CHANGED | REPOLL));
    }

    /** What a poll in the kernel has to tell; 0 for nothing. What is read from tells all but room by itself. */
    private static int pollEvents(int a) {
        int interest = a & INTEREST;
        if ((a & WITHDRAWN) != 0 || (a & STREAM) != 0 && interest == Epoll.EPOLLIN) {
            return 0;
        }
        return ((a & STREAM) != 0 ? interest & ~Epoll.EPOLLIN : interest) | ALWAYS;
    }

    @Override
    int addOwn(int fd, int interest, int index, boolean accepts) {
        for (int i = 0; i < ownFd.length; i++) {
            if (i != index && ownFd[i] == fd && (ownState[i] & WANTED) != 0) {
                return -EEXIST;
            }
        }
        if (index >= ownFd.length) {
            ownFd = Arrays.copyOf(ownFd, index + 1);
            ownInterest = Arrays.copyOf(ownInterest, index + 1);
            ownState = Arrays.copyOf(ownState, index + 1);
        }
        ownFd[index] = fd;
        ownInterest[index] = interest;
        ownState[index] |= WANTED | (accepts ? ACCEPTS : 0);
        ownChanged = true;
        return 0;
    }

    @Override
    void removeOwn(int fd, int index) {
        ownState[index] &= ~WANTED;
        ownChanged = true;
    }

    private void applyOwn(int i) {
        makeRoom();
        int s = ownState[i];
        if ((s & (WANTED | IN_KERNEL)) == IN_KERNEL) {
            cancel(OWN_ACCEPT | i);
            cancel(OWN_POLL | i);
        } else if ((s & (WANTED | IN_KERNEL)) == WANTED) {
            if ((s & (ACCEPTS | POLL_FIRST)) == ACCEPTS) {
                arm(IoUring.IORING_OP_ACCEPT, 0, IoUring.IORING_ACCEPT_MULTISHOT, ownFd[i], 0, ACCEPT_FLAGS,
                        OWN_ACCEPT | i);
            } else {
                arm(IoUring.IORING_OP_POLL_ADD, 0, 0, ownFd[i], 0, ownInterest[i], OWN_POLL | i);
            }
            ownState[i] |= IN_KERNEL;
        }
    }

    @Override
    void check(int rc, boolean added, int fd, int interest) throws SyscallException {
        if (rc < 0) {
            Errno.check(rc, "io_uring_enter", ring.fd(), "IORING_OP_POLL_ADD", fd, Epoll.flagsToString(interest));
        }
    }

    // ---- submission ----

    private void arm(int opcode, int flags, int ioprio, int fd, int len, int opFlags, long userData) {
        ring.prepare(opcode, flags, ioprio, fd, 0, 0, len, opFlags, userData);
        pending++;
    }

    private void cancel(long userData) {
        ring.prepare(IoUring.IORING_OP_ASYNC_CANCEL, IoUring.IOSQE_CQE_SKIP_SUCCESS, 0, -1, 0, userData, 0, 0, NOTHING);
    }

    /** There is room for what one descriptor may need. */
    private void makeRoom() {
        if (ring.room() < 2) {
            submitNow();
        }
    }

    /** Whether bytes of the descriptor wait for the next call. */
    boolean isSending(int fd) {
        return sends > 0 && (asked(fd) & SENDING) != 0;
    }

    /**
     * Sends with the next call. There must be nothing of that descriptor yet that goes out with it.
     *
     * @return false if the caller has to do it; {@code data} is as it was then
     */
    boolean send(int fd, int generation, ByteBuffer data) {
        int n = data.remaining();
        if (!running || reaping || crowded || sends == ENTRIES || ring.room() == 0) {
            return false;
        }
        int offset;
        if (data == delivering) {
            offset = (int) buffers.offset(deliveringId) + data.position();
            deliveringHeld = true;
        } else if (n <= Math.min(Connections.BUFFER, STAGE_SIZE - staged)) {
            stage.put(staged, data, data.position(), n);
            offset = STAGE + staged;
            staged += n;
        } else {
            return false;
        }
        data.position(data.limit());
        ring.prepare(IoUring.IORING_OP_SEND, IoUring.IOSQE_CQE_SKIP_SUCCESS, 0, fd, 0, room.address() + offset, n,
                SEND_FLAGS, SEND | sends);
        sendFd[sends] = fd;
        sendGeneration[sends] = generation;
        sendOffset[sends] = offset;
        sendLength[sends] = n;
        sends++;
        setAsked(fd, asked(fd) | SENDING);
        return true;
    }

    /** Submits what is prepared, and sees to what could not be sent. */
    void submitNow() {
        submit(0, 0, 0, 0);
    }

    private int submit(int minComplete, int flags, long arg, long argSize) {
        int rc;
        buffers.publish();
        do {
            rc = ring.enter(minComplete, flags, arg, argSize);
        } while (ring.unsubmitted() > 0 && (rc > 0 || rc == -EINTR || rc == -EAGAIN));
        if (sends > 0) {
            reap();
        }
        return rc;
    }

    /** All that was to be sent has been, but for what has a completion. */
    private void reap() {
        int tail = ring.tail();
        reaping = true;
        for (int i = 0; i < sends; i++) {
            int fd = sendFd[i];
            setAsked(fd, asked(fd) & ~SENDING);
        }
        for (int number = ring.head(); number != tail; number++) {
            long data = ring.userData(number);
            if (data >>> KIND == SEND >>> KIND) {
                ring.setUserData(number, NOTHING);
                unsent((int) data, ring.res(number));
            }
        }
        for (int i = 0; i < heldCount; i++) {
            buffers.give(held[i]);
        }
        heldCount = 0;
        deliveringHeld = false;
        sends = 0;
        staged = 0;
        reaping = false;
    }

    private void unsent(int i, int result) {
        int fd = sendFd[i];
        int generation = sendGeneration[i];
        if (!loop.isRegistered(fd) || loop.generation(fd) != generation) {
            return;
        }
        try {
            int sent = result == -EAGAIN || result == -EINTR ? 0 : result;
            if (sent < 0) {
                loop.connections().arrivedError(fd, -sent);
            } else {
                loop.connections().unsent(fd, room, sendOffset[i] + sent, sendLength[i] - sent);
            }
        } catch (SyscallException | RuntimeException e) {
            loop.failed(fd, generation, e);
        }
    }

    // ---- completion ----

    @Override
    void turn(long nanos) throws SyscallException {
        applyChanges();
        int rc = await(nanos);
        if (rc < 0 && rc != -EINTR && rc != -ETIME && rc != -EAGAIN) {
            Errno.check(rc, "io_uring_enter", ring.fd());
        }
        int tail = ring.tail();
        crowded = tail - ring.head() > COMPLETIONS / 2 || ring.hasOverflown();
        while (ring.head() != tail) {
            complete();
        }
    }

    private int await(long nanos) {
        if (nanos == Timers.NEVER) {
            return submit(1, IoUring.IORING_ENTER_GETEVENTS, 0, 0);
        }
        if (nanos == 0) {
            return submit(0, IoUring.IORING_ENTER_GETEVENTS, 0, 0);
        }
        argument.putLong(IoUringGeteventsArg.ts, argument.address() + IoUringGeteventsArg.SIZEOF);
        argument.putLong(IoUringGeteventsArg.SIZEOF + Timespec.tv_sec, nanos / 1_000_000_000);
        argument.putLong(IoUringGeteventsArg.SIZEOF + Timespec.tv_nsec, nanos % 1_000_000_000);
        return submit(1, IoUring.IORING_ENTER_GETEVENTS | IoUring.IORING_ENTER_EXT_ARG, argument.address(),
                IoUringGeteventsArg.SIZEOF);
    }

    private void complete() {
        int number = ring.head();
        long data = ring.userData(number);
        int res = ring.res(number);
        int flags = ring.flags(number);
        ring.advance();
        boolean last = (flags & IoUring.IORING_CQE_F_MORE) == 0;
        int fd = (int) data & FD_MASK;
        int generation = (int) (data >>> GENERATION) & 0xffff;
        if (data >>> KIND == RECV >>> KIND) {
            received(fd, generation, res, flags, last);
        } else if (data >>> KIND == POLL >>> KIND) {
            polled(fd, generation, res, last);
        } else if (data >>> KIND == OWN_ACCEPT >>> KIND) {
            accepted((int) data, res, last);
        } else if (data >>> KIND == OWN_POLL >>> KIND) {
            polledOwn((int) data, res);
        }
    }

    private void received(int fd, int generation, int res, int flags, boolean last) {
        boolean current = loop.isRegistered(fd) && loop.generation(fd) == generation;
        if (last) {
            pending--;
            if (current) {
                setAsked(fd, asked(fd) & ~RECEIVING);
                changed(fd, generation);
            }
        }
        boolean hasBuffer = (flags & IoUring.IORING_CQE_F_BUFFER) != 0;
        int id = flags >>> IoUring.IORING_CQE_BUFFER_SHIFT;
        deliveringHeld = false;
        if (current) {
            try {
                if (res > 0) {
                    deliveringId = id;
                    delivering = views[id];
                    loop.connections().arrived(fd, delivering, room, buffers.offset(id), res);
                } else if (res == 0) {
                    loop.connections().arrivedEnd(fd);
                } else if (res != -ENOBUFS && res != -ECANCELED && res != -EINTR && res != -EAGAIN) {
                    loop.connections().arrivedError(fd, -res);
                }
            } catch (IOException | RuntimeException e) {
                loop.failed(fd, generation, e);
            }
            delivering = null;
        }
        if (!hasBuffer) {
            return;
        }
        if (deliveringHeld) {
            held[heldCount++] = id;
        } else {
            buffers.give(id);
        }
    }

    private void polled(int fd, int generation, int res, boolean last) {
        boolean current = loop.isRegistered(fd) && loop.generation(fd) == generation;
        if (last) {
            pending--;
        }
        if (!current) {
            return;
        }
        int a = asked(fd);
        int wanted = res > 0 ? res & pollEvents(a) : 0;
        if (last) {
            a = a & ~POLLING | (res > 0 && wanted == 0 ? EDGE : 0);
            setAsked(fd, a);
            changed(fd, generation);
        }
        if (wanted != 0) {
            loop.dispatch(fd, generation, wanted);
        }
    }

    private void accepted(int index, int res, boolean last) {
        if (last) {
            pending--;
            ownState[index] &= ~IN_KERNEL;
            ownChanged = true;
        }
        if (res >= 0) {
            loop.accepted(index, res);
        } else if (res != -ECANCELED && res != -EAGAIN) {
            ownState[index] |= POLL_FIRST;
            loop.accepted(index, res);
        }
    }

    private void polledOwn(int index, int res) {
        pending--;
        ownState[index] &= ~(IN_KERNEL | POLL_FIRST);
        ownChanged = true;
        if (res > 0 && (ownState[index] & WANTED) != 0) {
            loop.dispatchOwn(index);
        }
    }

    // ---- the end ----

    @Override
    void end() {
        if (!running) {
            return;
        }
        makeRoom();
        ring.prepare(IoUring.IORING_OP_ASYNC_CANCEL, IoUring.IOSQE_CQE_SKIP_SUCCESS, 0, -1, 0, 0, 0,
                IoUring.IORING_ASYNC_CANCEL_ANY | IoUring.IORING_ASYNC_CANCEL_ALL, NOTHING);
        argument.putLong(IoUringGeteventsArg.ts, argument.address() + IoUringGeteventsArg.SIZEOF);
        argument.putLong(IoUringGeteventsArg.SIZEOF + Timespec.tv_sec, 0);
        argument.putLong(IoUringGeteventsArg.SIZEOF + Timespec.tv_nsec, 10_000_000);
        long deadline = System.nanoTime() + LAST_COMPLETIONS_NANOS;
        do {
            submit(pending > 0 ? 1 : 0, IoUring.IORING_ENTER_GETEVENTS | IoUring.IORING_ENTER_EXT_ARG,
                    argument.address(), IoUringGeteventsArg.SIZEOF);
            for (int tail = ring.tail(); ring.head() != tail;) {
                dropCompletion();
            }
        } while (pending > 0 && System.nanoTime() - deadline < 0);
        running = false;
    }

    private void dropCompletion() {
        int number = ring.head();
        long kind = ring.userData(number) >>> KIND;
        int res = ring.res(number);
        boolean last = (ring.flags(number) & IoUring.IORING_CQE_F_MORE) == 0;
        ring.advance();
        if (kind == OWN_ACCEPT >>> KIND && res >= 0) {
            Unistd.close(state, res);
        }
        if (last && kind != NOTHING >>> KIND && kind != SEND >>> KIND) {
            pending--;
        }
    }

    @Override
    void discard() {
        asked.discard(state);
    }

    @Override
    void close() {
        ring.close();
        buffers.close();
        room.close();
        asked.close();
        argument.close();
    }
}
