package dev.headroom.loop;

import java.io.IOException;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.headroom.linux.CallState;
import dev.headroom.linux.Epoll;
import dev.headroom.linux.Errno;
import dev.headroom.linux.Eventfd;
import dev.headroom.linux.Memory;
import dev.headroom.linux.Socket;
import dev.headroom.linux.SyscallException;
import dev.headroom.linux.Unistd;

/**
 * Descriptors with their handlers, timers, tasks from other threads, and the thread that {@linkplain #run runs} them.
 * Level-triggered for whoever has a {@link Handler}. An event carries the generation of the descriptor's number, so that one which was meant for an
 * earlier owner is dropped. There is no object per descriptor, and a turn allocates nothing. The kernel is asked by
 * epoll, or by another {@link Engine}.
 *
 * <pre>{@code
 * try (EventLoop loop = EventLoop.open("echo")) {
 *     loop.listen(Listener.open(Sockaddr.of("127.0.0.1", 9999), 4096), (connections, fd, data) -> connections.send(fd,
 * data));
 *     loop.run();
 * }
 * }</pre>
 *
 * <b>Not thread-safe</b>, but for {@link #execute} and {@link #stop}. Before {@link #run} the thread that opened it may
 * use it; from then on only the one that runs it.
 */
public final class EventLoop implements AutoCloseable {
    /** Told of what went wrong in a handler or task; the descriptor has been closed by then. */
    @FunctionalInterface
    public interface ErrorHandler {
        /** @param fd the descriptor whose handler failed, or -1 for a task or timer */
        void failed(int fd, Throwable t);
    }

    private static final System.Logger LOG = System.getLogger(EventLoop.class.getName());
    private static final int TASKS_A_TURN = 1024;

    private static final Memory ONE = one();

    /** The index of the wake-up among what is the loop's own; acceptor i has i + 1. */
    private static final int WAKE = 0;

    // the state word of a descriptor: generation << 16 | handler << 8 | flags
    private static final int GENERATION = 16;
    private static final int HANDLER = 8;
    /** Flags that Connections keeps for its descriptors. */
    static final int FLAGS = 0x7f;
    /** The descriptor is registered here; together with a handler that is never 0. */
    private static final int REGISTERED = 0x80;

    private final String name;
    private final FdTable table;
    private final boolean ownsTable;
    private final CallState state = new CallState();
    private final int wakefd;
    private final Poller poller;
    private final Memory scratch = Memory.map(256);
    private final Timers timers = new Timers();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean woken = new AtomicBoolean();
    /** Held where the descriptor of the wake-up is written to or closed. */
    private final Object wakeLock = new Object();
    private final CallState wakeState = new CallState();
    private boolean wakeClosed;
    private final Connections connections;

    /** By index; the indices are given out by the table, so that those of two loops on it differ. */
    private final Handler[] handlers = new Handler[FdTable.MAX_HANDLERS + 1];
    private Acceptor[] acceptors = new Acceptor[0];
    private ErrorHandler errorHandler = (fd, t) -> LOG.log(System.Logger.Level.WARNING, "handler of " + fd, t);
    private int registered;
    private int mostRegistered;
    private int highest;
    private boolean closedThisTurn;
    private volatile boolean stopped;
    private volatile boolean running;
    private long turns;

    private EventLoop(String name, FdTable table, boolean ownsTable, Engine engine) throws SyscallException {
        this.name = Objects.requireNonNull(name, "name");
        this.table = table;
        this.ownsTable = ownsTable;
        this.wakefd = Eventfd.eventfd(state, 0, Eventfd.EFD_NONBLOCK | Eventfd.EFD_CLOEXEC);
        Poller opened = null;
        try {
            Errno.check(wakefd, "eventfd", 0, "EFD_NONBLOCK|EFD_CLOEXEC");
            opened = engine == Engine.EPOLL ? new EpollPoller(this) : new UringPoller(this);
            Errno.check(opened.addOwn(wakefd, Epoll.EPOLLIN, WAKE, false), "epoll_ctl", "EPOLL_CTL_ADD", wakefd);
        } catch (SyscallException e) {
            if (opened != null) {
                opened.close();
            }
            if (wakefd >= 0) {
                Unistd.close(state, wakefd);
            }
            if (ownsTable) {
                table.close();
            }
            throw e;
        }
        this.poller = opened;
        this.connections = new Connections(this);
    }

    /**
     * A loop on the process's own descriptor table.
     *
     * @throws SyscallException EMFILE, ENFILE, ENOMEM: it needs two descriptors
     */
    public static EventLoop open(String name) throws SyscallException {
        return open(name, Engine.EPOLL);
    }

    /**
     * A loop on a given table: one that several loops share, or a private one.
     *
     * @throws SyscallException EMFILE, ENFILE, ENOMEM: it needs two descriptors of the table it is opened from
     */
    public static EventLoop open(String name, FdTable table) throws SyscallException {
        return open(name, table, Engine.EPOLL);
    }

    /** A loop on the process's own descriptor table. See {@link #open(String, FdTable, Engine)}. */
    public static EventLoop open(String name, Engine engine) throws SyscallException {
        return new EventLoop(name, FdTable.shared(), true, engine);
    }

    /**
     * A loop that asks the kernel in another way than by epoll.
     *
     * @throws SyscallException EMFILE, ENFILE, ENOMEM; of io_uring_setup EINVAL (before kernel 6.1), ENOSYS or EPERM
     *         (forbidden: kernel.io_uring_disabled, or a filter of system calls as containers have it), ENOMEM
     *         (RLIMIT_MEMLOCK)
     */
    public static EventLoop open(String name, FdTable table, Engine engine) throws SyscallException {
        return new EventLoop(name, table, false, engine);
    }

    public String name() {
        return name;
    }

    public FdTable table() {
        return table;
    }

    /** Streams of bytes with back-pressure, on this loop. */
    public Connections connections() {
        return connections;
    }

    /** The place for errno of calls that handlers make on this loop's thread. */
    public CallState callState() {
        return state;
    }

    /** 256 bytes for the structures of calls; whoever needs them longer than a call makes a place of their own. */
    Memory scratch() {
        return scratch;
    }

    /** Number of times the loop has been woken by the kernel or a timer. */
    public long turns() {
        return turns;
    }

    /** Number of descriptors registered. */
    public int registered() {
        return registered;
    }

    public void onError(ErrorHandler handler) {
        this.errorHandler = Objects.requireNonNull(handler, "handler");
    }

    /** A timer of this loop, not armed yet. */
    public Timer timer(Runnable task) {
        return new Timer(timers, Objects.requireNonNull(task, "task"));
    }

    /**
     * Accepts the connections of a listener on this loop. The listener may serve other loops too.
     *
     * @throws SyscallException what epoll_ctl says
     */
    public Acceptor listen(Listener listener, ConnectionHandler handler) throws SyscallException {
        return listen(listener, handler, Acceptor.Options.DEFAULT);
    }

    public Acceptor listen(Listener listener, ConnectionHandler handler, Acceptor.Options options)
            throws SyscallException {
        Acceptor acceptor = new Acceptor(this, acceptors.length + 1, listener, handler, options);
        acceptor.arm();
        acceptors = Arrays.copyOf(acceptors, acceptors.length + 1);
        acceptors[acceptors.length - 1] = acceptor;
        if (running) {
            acceptor.begin();
        }
        return acceptor;
    }

    /**
     * Registers a descriptor. {@link #close} ends it.
     *
     * @param interest flags of {@link Epoll}
     * @throws SyscallException ENOSPC (fs.epoll.max_user_watches), ENOMEM, EPERM (not pollable), EEXIST, EBADF
     */
    public void add(int fd, int interest, Handler handler) throws SyscallException {
        poller.check(tryAdd(fd, interest, handlerIndex(handler), false), true, fd, interest);
    }

    /** As {@link #add}, without an exception. @return 0 or {@code -errno} */
    int tryAdd(int fd, int interest, int handlerIndex, boolean stream) {
        int generation = nextGeneration(fd);
        return added(fd, generation, handlerIndex, poller.add(fd, interest, generation, stream));
    }

    /** @return 0 or {@code -errno} */
    int tryAddConnecting(int fd, int handlerIndex) {
        int generation = nextGeneration(fd);
        return added(fd, generation, handlerIndex, poller.addConnecting(fd, generation));
    }

    private int nextGeneration(int fd) {
        if (fd >= FdTable.CAPACITY) {
            throw new IllegalArgumentException(
                    "descriptor " + fd + " is above the " + FdTable.CAPACITY + " that a loop can hold");
        }
        return (table.state(fd) >>> GENERATION) + 1 & 0xffff;
    }

    private int added(int fd, int generation, int handlerIndex, int rc) {
        if (rc == 0) {
            table.setState(fd, generation << GENERATION | handlerIndex << HANDLER | REGISTERED);
            table.setInput(fd, 0);
            table.setOutput(fd, 0);
            table.setUser(fd, 0);
            registered++;
            mostRegistered = Math.max(mostRegistered, registered);
            highest = Math.max(highest, fd);
        }
        return rc;
    }

    /** Changes the interest of a registered descriptor. */
    public void modify(int fd, int interest) throws SyscallException {
        poller.check(poller.modify(fd, interest, generation(fd), false), false, fd, interest);
    }

    /** Takes a descriptor off the loop and leaves it open. Events of it that are still to come are dropped. */
    public void remove(int fd) throws SyscallException {
        connections.drop(fd);
        forget(fd);
        Errno.check(poller.withdraw(fd, generation(fd)), "epoll_ctl", "EPOLL_CTL_DEL", fd);
    }

    /** Takes a descriptor off the loop and closes it. */
    public void close(int fd) {
        connections.drop(fd);
        forget(fd);
        closeForgotten(fd);
    }

    /** Whether a private table may have copies of the descriptors of this loop. */
    boolean mayHaveCopies() {
        return !table.isPrivate() && FdTable.hasSplit();
    }

    void closeForgotten(int fd) {
        closedThisTurn = true;
        boolean copies = mayHaveCopies();
        poller.closing(fd, generation(fd), copies);
        if (copies) {
            // They would keep the connection alive.
            Socket.shutdown(state, fd, Socket.SHUT_RDWR);
        }
        Unistd.close(state, fd);
    }

    /** Whether the number is registered on a loop of this table at the moment. */
    public boolean isRegistered(int fd) {
        return (table.state(fd) & REGISTERED) != 0;
    }

    /** Tells one owner of the number from the next, for handlers that keep a number for later. */
    public int generation(int fd) {
        return table.state(fd) >>> GENERATION;
    }

    /** Registers a handler and gives its index, or finds it again. */
    int handlerIndex(Handler handler) {
        for (int i = 1; i < handlers.length; i++) {
            if (handlers[i] == handler) {
                return i;
            }
        }
        int index = table.newHandlerIndex();
        handlers[index] = handler;
        return index;
    }

    Handler handlerAt(int index) {
        return handlers[index];
    }

    int handlerOf(int fd) {
        return table.state(fd) >>> HANDLER & 0xff;
    }

    void setHandler(int fd, int handlerIndex) {
        table.setState(fd, table.state(fd) & ~(0xff << HANDLER) | handlerIndex << HANDLER);
    }

    int flags(int fd) {
        return table.state(fd) & FLAGS;
    }

    void setFlags(int fd, int flags) {
        table.setState(fd, table.state(fd) & ~FLAGS | flags);
    }

    Poller poller() {
        return poller;
    }

    void forget(int fd) {
        int s = table.state(fd);
        if ((s & REGISTERED) != 0) {
            registered--;
        }
        table.setState(fd, s & 0xffff << GENERATION);
    }

    /** Runs a task on the loop's thread, soon. Any thread may call it. */
    public void execute(Runnable task) {
        tasks.add(Objects.requireNonNull(task, "task"));
        wake();
    }

    /** Ends {@link #run} after the turn that it is in. Any thread may call it, as often as it likes. */
    public void stop() {
        stopped = true;
        wake();
    }

    private void wake() {
        if (!woken.compareAndSet(false, true)) {
            return;
        }
        synchronized (wakeLock) {
            // After close the number may be anybody's.
            if (!wakeClosed) {
                Unistd.write(wakeState, wakefd, ONE.address(), Long.BYTES);
            }
        }
    }

    private static Memory one() {
        try {
            Memory one = Memory.map(Long.BYTES);
            one.putLong(0, 1);
            return one;
        } catch (SyscallException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /**
     * Serves events until {@link #stop}, then closes what is registered. With a private table the calling thread leaves
     * the main one for good.
     *
     * @throws SyscallException if the table cannot be split or epoll_wait fails for good
     */
    public void run() throws SyscallException {
        table.enter(state);
        poller.begin();
        running = true;
        try {
            for (Acceptor a : acceptors) {
                a.begin();
            }
            while (!stopped) {
                turn();
            }
        } finally {
            closeAll();
            poller.end();
            leaveTable();
            running = false;
        }
    }

    /** The thread ends a little after this; its copies of the listeners would keep their ports taken until then. */
    private void leaveTable() {
        if (table.isPrivate()) {
            for (Acceptor a : acceptors) {
                Unistd.close(state, a.listener().fd());
            }
        }
    }

    private void turn() throws SyscallException {
        poller.turn(timers.isEmpty() ? Timers.NEVER : timers.delay(System.nanoTime()));
        turns++;
        if (!timers.isEmpty()) {
            try {
                timers.run(System.nanoTime());
            } catch (RuntimeException e) {
                errorHandler.failed(-1, e);
            }
        }
        connections.endOfTurn();
        if (closedThisTurn) {
            closedThisTurn = false;
            for (Acceptor a : acceptors) {
                a.roomAppeared();
            }
            releaseMemory();
        }
    }

    void dispatch(int fd, int generation, int ready) {
        int s = table.state(fd);
        if (s >>> GENERATION != generation || (s & REGISTERED) == 0) {
            return;
        }
        try {
            handlers[s >>> HANDLER & 0xff].ready(this, fd, ready);
        } catch (IOException | RuntimeException e) {
            failed(fd, s >>> GENERATION, e);
        }
    }

    /** A handler threw: its descriptor is closed, if that has not happened yet, and nothing else. */
    void failed(int fd, int generation, Exception e) {
        try {
            if (isRegistered(fd) && generation(fd) == generation) {
                connections.end(fd, e instanceof SyscallException s ? s.errno() : Errno.ECONNABORTED.number());
            }
        } catch (RuntimeException again) {
            e.addSuppressed(again);
        }
        errorHandler.failed(fd, e);
    }

    void report(int fd, Exception e) {
        errorHandler.failed(fd, e);
    }

    void dispatchOwn(int index) {
        if (index == WAKE) {
            runTasks();
            return;
        }
        try {
            acceptors[index - 1].ready();
        } catch (IOException | RuntimeException e) {
            errorHandler.failed(-1, e);
        }
    }

    /** A connection that the kernel has accepted for an acceptor, or {@code -errno} of what has ended that. */
    void accepted(int index, int result) {
        try {
            acceptors[index - 1].arrived(result);
        } catch (IOException | RuntimeException e) {
            errorHandler.failed(-1, e);
        }
    }

    private void runTasks() {
        Unistd.read(state, wakefd, scratch.address(), Long.BYTES);
        woken.set(false);
        for (int i = 0; i < TASKS_A_TURN; i++) {
            Runnable task = tasks.poll();
            if (task == null) {
                return;
            }
            try {
                task.run();
            } catch (RuntimeException e) {
                errorHandler.failed(-1, e);
            }
        }
        // The rest, and a task that posts itself, wait for the next turn: connections have theirs in between.
        wake();
    }

    /** When the last of many descriptors has gone, their memory goes back too. Nothing refers to it between turns. */
    private void releaseMemory() {
        if (registered == 0 && mostRegistered > 4096) {
            mostRegistered = 0;
            connections.discard();
            poller.discard();
            if (ownsTable || table.isPrivate()) {
                table.discard(state);
            }
        }
    }

    private void closeAll() {
        for (Acceptor a : acceptors) {
            a.close();
        }
        for (int fd = 0; fd <= highest && registered > 0; fd++) {
            if (isRegistered(fd) && handlers[handlerOf(fd)] != null) {
                connections.end(fd, 0);
            }
        }
    }

    /** Whether a thread is running it. */
    public boolean isRunning() {
        return running;
    }

    /** Frees what the loop holds. Stop it first, and wait until {@link #run} has returned. */
    @Override
    public void close() {
        if (running) {
            throw new IllegalStateException("the loop " + name + " is still running: stop it and wait for its thread");
        }
        synchronized (wakeLock) {
            if (wakeClosed) {
                return;
            }
            wakeClosed = true;
            Unistd.close(state, wakefd);
        }
        closeAll();
        poller.close();
        connections.free();
        scratch.close();
        if (ownsTable) {
            table.close();
        }
    }
}
