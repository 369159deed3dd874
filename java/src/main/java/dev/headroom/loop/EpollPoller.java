package dev.headroom.loop;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.EpollEvents;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Timespec;
import dev.headroom.linux.Unistd;

/**
 * An epoll instance. {@code epoll_data} carries {@code generation << 32 | fd}.
 * <p>
 * Connections are edge-triggered, which {@link Connections} knows how to live with: a level-triggered event is looked at
 * again with the next wait, although nothing is left of it (fs/eventpoll.c, ep_send_events).
 */
final class EpollPoller extends Poller {
    private static final int EINTR = Errno.EINTR.number();
    private static final int ENOSYS = Errno.ENOSYS.number();

    private static final int EVENTS_A_TURN = 1024;

    /** epoll_data of what is the loop's own: this and the index. */
    private static final long OWN = 1L << 63;

    private final EventLoop loop;
    private final CallState state;
    private final int epfd;
    private final EpollEvents events = new EpollEvents(EVENTS_A_TURN);
    private final EpollEvents change = new EpollEvents(1);
    private final Memory timeout = Memory.map(Timespec.SIZEOF);
    private boolean pwait2 = true;

    EpollPoller(EventLoop loop) throws SyscallException {
        this.loop = loop;
        this.state = loop.callState();
        this.epfd = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1", "EPOLL_CLOEXEC");
    }

    @Override
    void begin() {
    }

    @Override
    int add(int fd, int interest, int generation, boolean stream) {
        return control(Epoll.EPOLL_CTL_ADD, fd, stream ? edge(interest) : interest, generation);
    }

    /** One registration for all its life: the edges that nobody waits for do not come. */
    @Override
    int addConnecting(int fd, int generation) {
        return control(Epoll.EPOLL_CTL_ADD, fd, edge(Epoll.EPOLLIN | Epoll.EPOLLOUT), generation);
    }

    @Override
    int adopt(int fd, int generation) {
        return 0;
    }

    /** Whatever is there already is reported anew, edge or not. */
    @Override
    int modify(int fd, int interest, int generation, boolean stream) {
        return control(Epoll.EPOLL_CTL_MOD, fd, stream ? edge(interest) : interest, generation);
    }

    /** EPOLLRDHUP says that an end is behind the bytes, for which there will be no other edge. */
    private static int edge(int interest) {
        return interest | Epoll.EPOLLET | ((interest & Epoll.EPOLLIN) == 0 ? 0 : Epoll.EPOLLRDHUP);
    }

    @Override
    int withdraw(int fd, int generation) {
        return Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_DEL, fd, 0);
    }

    @Override
    int rejoin(int fd, int interest, int generation) {
        return control(Epoll.EPOLL_CTL_ADD, fd, edge(interest), generation);
    }

    /**
     * The kernel drops its registration with the last copy of the descriptor (epoll(7), question 6), which saves the
     * call to epoll_ctl; copies in other tables would keep it alive.
     */
    @Override
    void closing(int fd, int generation, boolean copies) {
        if (copies) {
            Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_DEL, fd, 0);
        }
    }

    private int control(int op, int fd, int interest, int generation) {
        change.set(0, interest, (long) generation << 32 | fd);
        return Epoll.epollCtl(state, epfd, op, fd, change.address());
    }

    @Override
    int addOwn(int fd, int interest, int index, boolean accepts) {
        change.set(0, interest, OWN | index);
        return Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_ADD, fd, change.address());
    }

    @Override
    void removeOwn(int fd, int index) {
        Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_DEL, fd, 0);
    }

    @Override
    void check(int rc, boolean added, int fd, int interest) throws SyscallException {
        if (rc < 0) {
            Errno.check(rc, "epoll_ctl", epfd, added ? "EPOLL_CTL_ADD" : "EPOLL_CTL_MOD", fd,
                    Epoll.flagsToString(interest));
        }
    }

    @Override
    void turn(long nanos) throws SyscallException {
        int n = await(nanos);
        for (int i = 0; i < n; i++) {
            long data = events.data(i);
            if (data < 0) {
                loop.dispatchOwn((int) data);
            } else {
                loop.dispatch((int) data, (int) (data >>> 32), events.events(i));
            }
        }
    }

    /** Waits for events or {@code nanos}. A signal ends the wait early, and the next turn reckons the rest anew. */
    private int await(long nanos) throws SyscallException {
        int n;
        if (nanos == Timers.NEVER || nanos == 0) {
            n = Epoll.epollWait(state, epfd, events.address(), EVENTS_A_TURN, nanos == 0 ? 0 : -1);
        } else {
            n = pwait2 ? pwait2(nanos) : -ENOSYS;
            if (n == -ENOSYS) {
                pwait2 = false;
                // Rounded up, or the last fraction of a millisecond would be a busy loop.
                long millis = Math.min(Integer.MAX_VALUE, Math.ceilDiv(nanos, 1_000_000L));
                n = Epoll.epollWait(state, epfd, events.address(), EVENTS_A_TURN, (int) millis);
            }
        }
        if (n == -EINTR) {
            return 0;
        }
        // Asked for only now: the arguments of check are an array, and whether the compiler removes it is a matter of luck.
        return n >= 0 ? n : Errno.check(n, "epoll_wait", epfd);
    }

    private int pwait2(long nanos) {
        timeout.putLong(Timespec.tv_sec, nanos / 1_000_000_000);
        timeout.putLong(Timespec.tv_nsec, nanos % 1_000_000_000);
        return Epoll.epollPwait2(state, epfd, events.address(), EVENTS_A_TURN, timeout.address(), 0);
    }

    @Override
    void end() {
    }

    @Override
    void discard() {
    }

    @Override
    void close() {
        Unistd.close(state, epfd);
        events.close();
        change.close();
        timeout.close();
    }
}
