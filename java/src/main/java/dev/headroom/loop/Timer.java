package dev.headroom.loop;

/**
 * A task that its loop runs once at a given time, as often as it is armed. Arming again moves it; nothing is allocated.
 * <p>
 * <b>Not thread-safe</b>: the loop's thread alone may use it.
 */
public final class Timer {
    static final int IDLE = -1;

    final Runnable task;
    private final Timers timers;
    long deadline;
    int slot = IDLE;

    Timer(Timers timers, Runnable task) {
        this.timers = timers;
        this.task = task;
    }

    /** Runs the task {@code nanos} from now, instead of when it was last armed for. */
    public void arm(long nanos) {
        armAt(System.nanoTime() + Math.clamp(nanos, 0, Timers.FAR));
    }

    /** Runs the task at {@code deadline} on the clock of {@link System#nanoTime}. */
    public void armAt(long deadline) {
        timers.schedule(this, deadline);
    }

    /** Forgets it until it is armed again. */
    public void cancel() {
        timers.remove(this);
    }

    public boolean isArmed() {
        return slot != IDLE;
    }
}
