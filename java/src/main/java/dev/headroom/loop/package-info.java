/**
 * Event loops, listeners, connectors, timers and private descriptor tables: what owns descriptors and threads.
 * <p>One platform thread a loop, level-triggered, no object per connection, nothing allocated in the steady state.
 */
package dev.headroom.loop;
