package dev.headroom.benchmark;

import java.io.IOException;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.EpollEvents;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Eventfd;
import dev.headroom.linux.Unistd;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.Handler;

/**
 * What the EventLoop adds to an event: with {@code ready} descriptors that stay readable, the loop and its dispatch,
 * beside epoll_wait and the reading of its array alone. The number is for one event; the difference of the two is the
 * loop's.
 * <p>
 * Not measured: sockets and what is done with their data, accepting, timers, tasks; many descriptors, whose state would
 * not be in the cache. Opening and closing the loop is in the number, for one event in 100,000.
 */
public class LoopBenchmark extends HotPath {
    private static final int COUNT = 100_000;

    @Param({"1", "64"})
    private int ready;

    private final CallState state = new CallState();
    private int[] fds;
    private int epfd;
    private EpollEvents events;

    @Setup
    public void open() throws IOException {
        fds = new int[ready];
        events = new EpollEvents(1024);
        epfd = Errno.check(Epoll.epollCreate1(state, Epoll.EPOLL_CLOEXEC), "epoll_create1");
        for (int i = 0; i < ready; i++) {
            fds[i] = newReadable();
            events.set(0, Epoll.EPOLLIN, fds[i]);
            Errno.check(Epoll.epollCtl(state, epfd, Epoll.EPOLL_CTL_ADD, fds[i], events.address()), "epoll_ctl");
        }
    }

    private int newReadable() throws IOException {
        return Errno.check(Eventfd.eventfd(state, 1, Eventfd.EFD_NONBLOCK), "eventfd");
    }

    @TearDown
    public void close() {
        for (int fd : fds) {
            Unistd.close(state, fd);
        }
        Unistd.close(state, epfd);
        events.close();
    }

    /** Counts events and stops the loop. */
    private static final class Counting implements Handler {
        int left = COUNT;
        long sum;

        @Override
        public void ready(EventLoop loop, int fd, int events) {
            sum += fd ^ events;
            if (--left == 0) {
                loop.stop();
            }
        }
    }

    @Benchmark
    @OperationsPerInvocation(COUNT)
    public long eventLoop() throws IOException {
        Counting counting = new Counting();
        try (EventLoop loop = EventLoop.open("benchmark")) {
            for (int i = 0; i < ready; i++) {
                loop.add(newReadable(), Epoll.EPOLLIN, counting);
            }
            loop.run();
        }
        return counting.sum;
    }

    @Benchmark
    @OperationsPerInvocation(COUNT)
    public long epollWaitAlone() {
        long sum = 0;
        for (int left = COUNT; left > 0;) {
            int n = Epoll.epollWait(state, epfd, events.address(), 1024, -1);
            for (int i = 0; i < n; i++) {
                sum += events.data(i) ^ events.events(i);
            }
            left -= n;
        }
        return sum;
    }
}
