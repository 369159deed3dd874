package dev.headroom.loop;

import java.util.Arrays;

/** A binary heap of timers, the earliest at slot 0. */
final class Timers {
    static final long NEVER = Long.MAX_VALUE;
    /** 73 years. The clock's numbers wrap around, so that a deadline must not be half way round or further. */
    static final long FAR = Long.MAX_VALUE / 4;

    private Timer[] heap = new Timer[16];
    private int size;
    private boolean isRunning;
    private long runningAt;

    void schedule(Timer t, long deadline) {
        if (t.slot == Timer.IDLE) {
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, size * 2);
            }
            t.slot = size;
            heap[size++] = t;
        }
        t.deadline = isRunning && deadline - runningAt <= 0 ? runningAt + 1 : deadline;
        up(t.slot);
        down(t.slot);
    }

    void remove(Timer t) {
        if (t.slot == Timer.IDLE) {
            return;
        }
        int hole = t.slot;
        Timer last = heap[--size];
        heap[size] = null;
        t.slot = Timer.IDLE;
        if (last != t) {
            put(last, hole);
            up(hole);
            down(last.slot);
        }
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** Nanoseconds until the next timer, at least 0; {@link #NEVER} when there is none. */
    long delay(long now) {
        return size == 0 ? NEVER : Math.max(0, heap[0].deadline - now);
    }

    /** Runs what was due at {@code now}. A timer that arms itself for a time already past waits for the next turn. */
    void run(long now) {
        runningAt = now;
        isRunning = true;
        try {
            while (size > 0 && heap[0].deadline - now <= 0) {
                Timer t = heap[0];
                remove(t);
                t.task.run();
            }
        } finally {
            isRunning = false;
        }
    }

    private void up(int i) {
        while (i > 0 && before(i, (i - 1) / 2)) {
            swap(i, (i - 1) / 2);
            i = (i - 1) / 2;
        }
    }

    private void down(int i) {
        for (int child = 2 * i + 1; child < size; child = 2 * i + 1) {
            if (child + 1 < size && before(child + 1, child)) {
                child++;
            }
            if (!before(child, i)) {
                return;
            }
            swap(i, child);
            i = child;
        }
    }

    private boolean before(int a, int b) {
        return heap[a].deadline - heap[b].deadline < 0;
    }

    private void swap(int a, int b) {
        Timer t = heap[a];
        put(heap[b], a);
        put(t, b);
    }

    private void put(Timer t, int slot) {
        heap[slot] = t;
        t.slot = slot;
    }
}
