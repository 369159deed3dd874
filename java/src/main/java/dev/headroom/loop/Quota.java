package dev.headroom.loop;

import java.util.concurrent.atomic.AtomicInteger;

/** A number of connections that several loops share. <b>Thread-safe.</b> */
public final class Quota {
    private final int limit;
    private final AtomicInteger used = new AtomicInteger();

    /** @param limit at least 0; {@link Integer#MAX_VALUE} for no limit */
    public Quota(int limit) {
        this.limit = limit;
    }

    /** Takes one, if there is one left. */
    public boolean tryAcquire() {
        if (limit == Integer.MAX_VALUE) {
            return true;
        }
        for (int u = used.get(); u < limit; u = used.get()) {
            if (used.compareAndSet(u, u + 1)) {
                return true;
            }
        }
        return false;
    }

    public void release() {
        if (limit != Integer.MAX_VALUE) {
            used.decrementAndGet();
        }
    }

    public int limit() {
        return limit;
    }
}
