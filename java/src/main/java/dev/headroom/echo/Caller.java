package dev.headroom.echo;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

import org.HdrHistogram.Histogram;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.ConnectionHandler;
import dev.headroom.loop.Connections;
import dev.headroom.loop.Connector;
import dev.headroom.loop.EventLoop;
import dev.headroom.loop.FdTable;
import dev.headroom.loop.Quota;
import dev.headroom.loop.Timer;
import dev.headroom.proc.Sysctl;

/**
 * One loop of the client. What it remembers of a connection are the 32 bits of the table and 16 bytes of its own:
 *
 * <pre>
 *   table:  received (17 bits) | pending (11) | sequence (4)
 *   here:   due (8 bytes) | previous (4) | next (4)
 * </pre>
 *
 * A connection stands in one of two queues, linked through previous and next: those being made, by the time when they
 * are given up, and those made, by the time when the next message is due. As the timeout and the interval are the same
 * for all, appending keeps both queues in order of time. Where there is no interval the second one is a mere list.
 * <p>
 * {@code pending} counts the messages whose time has come and that are not back yet; the first of them is on its way,
 * the others follow one by one. That first one was intended for {@code due - pending × interval}.
 */
final class Caller implements ConnectionHandler {
    static final int ENTRY = 16;
    private static final int PREVIOUS = 8;
    private static final int NEXT = 12;

    private static final int RECEIVED_MASK = 0x1ffff;
    private static final int PENDING = 17;
    private static final int PENDING_MASK = 0x7ff;
    private static final int SEQUENCE = 28;

    private static final int EADDRNOTAVAIL = Errno.EADDRNOTAVAIL.number();
    private static final int EADDRINUSE = Errno.EADDRINUSE.number();
    private static final int ETIMEDOUT = Errno.ETIMEDOUT.number();
    private static final int ENOPROTOOPT = Errno.ENOPROTOOPT.number();
    private static final int EINVAL = Errno.EINVAL.number();
    private static final int A_SWEEP = 256;
    private static final long A_MOMENT = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int PORTS_AT_ONCE = 64;

    final Counters counters = new Counters();
    final Histogram latency = newHistogram();

    private final EchoClient client;
    private final EventLoop loop;
    private final Connections connections;
    private final FdTable table;
    private final EchoClient.Options options;
    private final Quota quota;
    private final AtomicLong nextTuple;
    private final Connector connector;
    private final Memory entries;
    private final ByteBuffer message;
    private final List<Sockaddr> targets;
    private final List<Sockaddr> sources;
    private final boolean[] exhausted;
    /** net.ipv4.ip_local_port_range. */
    private final int lowPort;
    private final int highPort;
    /** For each pair of addresses, the lowest port that may still be free; all loops take from the same part. */
    private final AtomicIntegerArray nextPort;
    private final int maxInFlight;
    private final double rate;
    private final Timer connectTimer;
    private final Timer dueTimer;
    private final Timer rateTimer;
    private final Timer retryTimer;
    private final Timer roundTimer;

    private final Queue connecting = new Queue();
    private final Queue connected = new Queue();

    private int exhaustedCount;
    private int cursor;
    private double nextStart;
    private volatile int inFlight;
    private volatile boolean waiting;
    private boolean quiet;
    /** Over what time the round is spread that is asked for. */
    private long roundNanos;
    /** A tuple that has not been used, because something other than itself was in the way; or -1. */
    private long tupleLeft = -1;
    /** Tuples behind {@code nextTuple} have come free. */
    private boolean tuplesFreed;

    Caller(EchoClient client, EventLoop loop, EchoClient.Options options, Memory entries, Sysctl.Range range,
            Quota quota, AtomicLong nextTuple, AtomicIntegerArray nextPort) {
        this.client = client;
        this.loop = loop;
        this.connections = loop.connections();
        this.table = loop.table();
        this.options = options;
        this.quota = quota;
        this.nextTuple = nextTuple;
        this.connector = new Connector(loop, this, this::connectFailed);
        this.entries = entries;
        this.message = ByteBuffer.allocateDirect(options.size());
        this.targets = options.targets();
        this.sources = options.sources();
        this.exhausted = new boolean[options.pairs()];
        this.lowPort = (int) range.low();
        this.highPort = (int) range.high();
        this.nextPort = nextPort;
        startFrom(lowPort);
        this.maxInFlight = Math.max(1, Math.ceilDiv(options.inFlight(), options.loops()));
        this.rate = options.rate() / options.loops();
        this.connectTimer = loop.timer(this::expireConnecting);
        this.dueTimer = loop.timer(this::sendDue);
        this.rateTimer = loop.timer(this::connectMore);
        this.retryTimer = loop.timer(this::retry);
        this.roundTimer = loop.timer(this::beginRound);
    }

    static Histogram newHistogram() {
        return new Histogram(1, TimeUnit.HOURS.toMicros(1), 3);
    }

    void begin() {
        nextStart = System.nanoTime();
        loop.execute(this::connectMore);
    }

    boolean isWaiting() {
        return waiting;
    }

    int inFlight() {
        return inFlight;
    }

    // ---- connecting ----

    private void connectMore() {
        while (!quiet && !waiting && inFlight < maxInFlight && mayStart()) {
            if (!quota.tryAcquire()) {
                // Another loop may give some back that has no room for them.
                rateTimer.arm(options.retryNanos());
                return;
            }
            int errno = options.sourcePortLow() == 0 ? connectAnyPort() : connectNextTuple();
            if (errno != 0) {
                quota.release();
                counters.error(errno);
                // Where none failed, there was no tuple left to try.
                hold(connector.failedCall().isEmpty() ? "connect" : connector.failedCall(), errno, detail(errno));
                return;
            }
            nextStart += rate > 0 ? 1e9 / rate : 0;
        }
    }

    private boolean mayStart() {
        if (rate <= 0) {
            return true;
        }
        double now = System.nanoTime();
        if (now >= nextStart) {
            // A pause does not entitle to a burst.
            nextStart = Math.max(nextStart, now - 1e7);
            return true;
        }
        rateTimer.arm((long) (nextStart - now));
        return false;
    }

    /** Begins a connection between the next pair of addresses that has a port left. @return 0 or the positive error */
    private int connectAnyPort() {
        while (true) {
            if (cursor == exhausted.length) {
                cursor = 0;
            }
            int pair = cursor++;
            if (exhausted[pair]) {
                continue;
            }
            Sockaddr source = options.source(pair);
            int fd = connectWithin(pair, source == null ? null : source.withPort(0), options.target(pair));
            if (fd >= 0) {
                started(fd);
                return 0;
            }
            if (fd != -EADDRNOTAVAIL) {
                return -fd;
            }
            exhausted[pair] = true;
            if (++exhaustedCount == exhausted.length) {
                return -fd;
            }
        }
    }

    /**
     * Lets the kernel choose a port, from one small part of the range after the other: when most of the range is in use
     * it would otherwise look at thousands of ports for each connection (net/ipv4/inet_hashtables.c,
     * __inet_hash_connect), and the last ones take a millisecond each. What the parts do not yield is asked of the whole
     * range, so that the last word is the kernel's.
     *
     * @return the descriptor or {@code -errno}
     */
    private int connectWithin(int pair, Sockaddr source, Sockaddr target) {
        for (int low = nextPort.get(pair); low <= highPort; low = nextPort.get(pair)) {
            int fd = connector.connect(source, target, low, Math.min(low + PORTS_AT_ONCE - 1, highPort));
            if (fd == -ENOPROTOOPT || fd == -EINVAL && connector.failedCall().equals("setsockopt")) {
                startFrom(highPort + 1);
            } else if (fd != -EADDRNOTAVAIL || !connector.failedCall().equals("connect")) {
                return fd;
            } else {
                nextPort.compareAndSet(pair, low, low + PORTS_AT_ONCE);
            }
        }
        return connector.connect(source, target);
    }

    private void startFrom(int port) {
        for (int pair = 0; pair < nextPort.length(); pair++) {
            nextPort.set(pair, port);
        }
    }

    /** Begins the next connection of (port, source, target) that is free. @return 0 or the positive error */
    private int connectNextTuple() {
        int errno = EADDRNOTAVAIL;
        for (long i = takeTuple(); i < tuples(); i = takeTuple()) {
            int pair = (int) (i % exhausted.length);
            int port = (int) (options.sourcePortLow() + i / exhausted.length);
            Sockaddr target = options.target(pair);
            Sockaddr source = options.source(pair);
            source = source == null ? Sockaddr.of(target.family() == Socket.AF_INET ? "0.0.0.0" : "::", port)
                    : source.withPort(port);
            int fd = connector.connect(source, target);
            if (fd >= 0) {
                started(fd);
                return 0;
            }
            errno = -fd;
            if (errno != EADDRNOTAVAIL && errno != EADDRINUSE) {
                tupleLeft = i;
                return errno;
            }
        }
        return errno;
    }

    private long tuples() {
        return (options.sourcePortHigh() - options.sourcePortLow() + 1L) * exhausted.length;
    }

    private long takeTuple() {
        if (tupleLeft < 0) {
            return nextTuple.getAndIncrement();
        }
        long i = tupleLeft;
        tupleLeft = -1;
        return i;
    }

    private void started(int fd) {
        inFlight++;
        long deadline = System.nanoTime() + options.timeoutNanos();
        connecting.append(fd, deadline);
        if (!connectTimer.isArmed()) {
            connectTimer.armAt(deadline);
        }
    }

    private String detail(int errno) {
        String from = sources.isEmpty() ? "" : sources.size() == 1 ? sources.getFirst().address().getHostAddress()
                : sources.size() + " sources";
        String to = targets.size() == 1 ? targets.getFirst().toString() : targets.size() + " targets";
        String ports = options.sourcePortLow() == 0 ? ""
                : ":" + options.sourcePortLow() + "-" + options.sourcePortHigh();
        boolean addresses = errno != Errno.EMFILE.number() && errno != Errno.ENFILE.number();
        return addresses ? (from + ports).isEmpty() ? to : from + ports + " → " + to : "";
    }

    private void connectFailed(int fd, int errno) {
        leaveConnecting(fd);
        counters.error(errno);
        hold("connect", errno, detail(errno));
    }

    private void leaveConnecting(int fd) {
        connecting.remove(fd);
        inFlight--;
        quota.release();
        tuplesFreed = true;
    }

    private void expireConnecting() {
        long now = System.nanoTime();
        boolean expired = false;
        while (connecting.isDue(now)) {
            int fd = connecting.first();
            leaveConnecting(fd);
            connector.abandon(fd);
            counters.error(ETIMEDOUT);
            expired = true;
        }
        if (!connecting.isEmpty()) {
            connectTimer.armAt(due(connecting.first()));
        }
        if (expired) {
            hold("connect", ETIMEDOUT, detail(ETIMEDOUT));
        }
    }

    /** Keeps what there is and tries again later. */
    private void hold(String call, int errno, String detail) {
        if (quiet) {
            return;
        }
        boolean first = !waiting;
        waiting = true;
        if (first) {
            retryTimer.arm(options.retryNanos());
        }
        client.limit(call, errno, detail);
    }

    private void retry() {
        waiting = false;
        Arrays.fill(exhausted, false);
        startFrom(lowPort);
        exhaustedCount = 0;
        if (tuplesFreed && nextTuple.get() >= tuples()) {
            tuplesFreed = false;
            nextTuple.set(0);
        }
        connectMore();
    }

    // ---- connected ----

    @Override
    public void opened(Connections c, int fd) throws IOException {
        connecting.remove(fd);
        inFlight--;
        table.setUser(fd, 0);
        Counters.add(counters.opened, 1);
        client.loops().opened(c, fd);
        long now = System.nanoTime();
        connected.append(fd, now + options.everyNanos());
        armDue();
        if (!quiet) {
            send(fd, 1);
        }
        connectMore();
    }

    private void armDue() {
        if (options.everyNanos() > 0 && !dueTimer.isArmed() && !connected.isEmpty() && !quiet) {
            dueTimer.armAt(due(connected.first()));
        }
    }

    private void sendDue() {
        long now = System.nanoTime();
        for (int i = 0; i < A_SWEEP && connected.isDue(now); i++) {
            int fd = connected.first();
            long next = due(fd) + options.everyNanos();
            connected.remove(fd);
            connected.append(fd, next);
            int pending = pending(fd);
            if (pending == 0) {
                try {
                    send(fd, 1);
                } catch (IOException e) {
                    connections.close(fd);
                }
            } else if (pending < PENDING_MASK) {
                table.setUser(fd, table.user(fd) + (1 << PENDING));
            }
        }
        armDue();
    }

    void echoAll(long spreadNanos) {
        loop.execute(() -> {
            roundNanos = spreadNanos;
            beginRound();
        });
    }

    /** The connections keep their order, and get new times. */
    private void beginRound() {
        if (options.everyNanos() == 0 || quiet || connected.isEmpty()) {
            return;
        }
        long out = counters.sent.getPlain() - counters.messages.getPlain() - counters.lost.getPlain()
                - counters.mismatched.getPlain();
        if (out > 0) {
            // The time of a message that is out is reckoned from when the next one is due.
            roundTimer.arm(A_MOMENT);
            return;
        }
        latency.reset();
        double gap = (double) roundNanos / (counters.opened.getPlain() - counters.closed.getPlain());
        long now = System.nanoTime();
        long i = 0;
        for (int fd = connected.first(); fd >= 0; fd = next(fd) - 1) {
            setDue(fd, now + (long) (i++ * gap));
        }
        dueTimer.cancel();
        armDue();
    }

    private int pending(int fd) {
        return table.user(fd) >>> PENDING & PENDING_MASK;
    }

    /** Sends the next message; {@code pending} messages are due, with this one. */
    private void send(int fd, int pending) throws SyscallException {
        int sequence = (table.user(fd) >>> SEQUENCE) + 1 & 0xf;
        table.setUser(fd, sequence << SEQUENCE | pending << PENDING);
        long seed = seed(fd, sequence);
        message.clear();
        for (int i = 0; i < message.capacity(); i++) {
            message.put(i, pattern(seed, i));
        }
        Counters.add(counters.sent, 1);
        connections.send(fd, message);
    }

    /** A message tells its connection and its place in the row from others, so that a mixed-up echo shows. */
    private long seed(int fd, int sequence) {
        long z = ((long) loop.generation(fd) << 32 | fd) * 16 + sequence + 0x9e3779b97f4a7c15L;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    private static byte pattern(long seed, int i) {
        return (byte) ((seed >>> ((i & 7) << 3)) + (i >>> 3));
    }

    @Override
    public boolean readsWhileSending() {
        return true;
    }

    @Override
    public void received(Connections c, int fd, ByteBuffer data) throws IOException {
        int user = table.user(fd);
        int received = user & RECEIVED_MASK;
        int pending = user >>> PENDING & PENDING_MASK;
        long seed = seed(fd, user >>> SEQUENCE);
        int n = data.remaining();
        boolean same = pending > 0 && received + n <= options.size();
        for (int i = 0; i < n && same; i++) {
            same = data.get() == pattern(seed, received + i);
        }
        Counters.add(counters.bytes, n);
        if (!same) {
            Counters.add(counters.mismatched, 1);
            table.setUser(fd, user & ~(PENDING_MASK << PENDING));
            c.close(fd);
            return;
        }
        received += n;
        table.setUser(fd, user & ~RECEIVED_MASK | received);
        if (received == options.size()) {
            complete(fd, pending);
        }
    }

    private void complete(int fd, int pending) throws IOException {
        long now = System.nanoTime();
        latency.recordValue(Math.clamp((now - intended(fd, pending)) / 1000, 1, latency.getHighestTrackableValue()));
        Counters.add(counters.messages, 1);
        table.setUser(fd, table.user(fd) & ~(PENDING_MASK << PENDING | RECEIVED_MASK));
        if (quiet) {
            return;
        }
        if (options.everyNanos() == 0) {
            setDue(fd, now);
            send(fd, 1);
        } else if (pending > 1) {
            send(fd, pending - 1);
        }
    }

    private long intended(int fd, int pending) {
        return due(fd) - pending * options.everyNanos();
    }

    @Override
    public void ended(Connections c, int fd, ByteBuffer rest) {
        c.close(fd);
    }

    @Override
    public void closed(Connections c, int fd, int errno) {
        connected.remove(fd);
        if (pending(fd) > 0 && !loopEnded) {
            Counters.add(counters.lost, 1);
        }
        if (errno != 0) {
            counters.error(errno);
        }
        Counters.add(counters.closed, 1);
        client.loops().closed(c, fd, errno);
        quota.release();
        tuplesFreed = true;
        if (!quiet && !waiting && !loopEnded) {
            waiting = true;
            retryTimer.arm(options.retryNanos());
        }
    }

    // ---- the end ----

    private boolean loopEnded;

    void quiesce() {
        loop.execute(() -> {
            quiet = true;
            dueTimer.cancel();
            retryTimer.cancel();
            rateTimer.cancel();
            roundTimer.cancel();
            while (!connecting.isEmpty()) {
                int fd = connecting.first();
                leaveConnecting(fd);
                connector.abandon(fd);
            }
        });
    }

    /** Counts the messages that are out for longer than the timeout, and from now on none that is cut short by us. */
    void countOverdue() {
        if (!loop.isRunning()) {
            return;
        }
        CountDownLatch done = new CountDownLatch(1);
        loop.execute(() -> {
            quiet = true;
            loopEnded = true;
            long now = System.nanoTime();
            for (int fd = connected.first(); fd >= 0; fd = next(fd) - 1) {
                int pending = pending(fd);
                if (pending > 0 && now - intended(fd, pending) > options.timeoutNanos()) {
                    Counters.add(counters.lost, 1);
                }
            }
            done.countDown();
        });
        try {
            done.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // ---- the queues ----

    private long due(int fd) {
        return entries.getLong((long) fd * ENTRY);
    }

    private void setDue(int fd, long time) {
        entries.putLong((long) fd * ENTRY, time);
    }

    private int previous(int fd) {
        return entries.getInt((long) fd * ENTRY + PREVIOUS);
    }

    private void setPrevious(int fd, int link) {
        entries.putInt((long) fd * ENTRY + PREVIOUS, link);
    }

    private int next(int fd) {
        return entries.getInt((long) fd * ENTRY + NEXT);
    }

    private void setNext(int fd, int link) {
        entries.putInt((long) fd * ENTRY + NEXT, link);
    }

    /** Descriptors in the order in which they are due. A link is a descriptor + 1, or 0 at the ends. */
    private final class Queue {
        private int head;
        private int tail;

        boolean isEmpty() {
            return head == 0;
        }

        /** The descriptor that is due first, or -1. */
        int first() {
            return head - 1;
        }

        boolean isDue(long now) {
            return head != 0 && due(head - 1) - now <= 0;
        }

        /** @param time not before that of the last one */
        void append(int fd, long time) {
            setDue(fd, time);
            setPrevious(fd, tail);
            setNext(fd, 0);
            if (tail == 0) {
                head = fd + 1;
            } else {
                setNext(tail - 1, fd + 1);
            }
            tail = fd + 1;
        }

        void remove(int fd) {
            int previous = previous(fd);
            int next = next(fd);
            if (previous == 0) {
                head = next;
            } else {
                setNext(previous - 1, next);
            }
            if (next == 0) {
                tail = previous;
            } else {
                setPrevious(next - 1, previous);
            }
        }
    }
}
