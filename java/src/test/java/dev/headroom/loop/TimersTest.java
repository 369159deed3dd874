package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;

class TimersTest {
    private final Timers timers = new Timers();
    private final List<String> ran = new ArrayList<>();

    private Timer timer(String name) {
        return new Timer(timers, () -> ran.add(name));
    }

    @Test
    void shouldRunInOrderOfTimeWhateverTheOrderOfArming() {
        timer("c").armAt(30);
        timer("a").armAt(10);
        timer("d").armAt(40);
        timer("b").armAt(20);

        timers.run(30);

        assertEquals(List.of("a", "b", "c"), ran);
        assertEquals(10, timers.delay(30));
    }

    @Test
    void shouldMoveWhenArmedAgain() {
        Timer moved = timer("moved");
        moved.armAt(10);
        moved.armAt(50);
        timers.run(40);
        assertEquals(List.of(), ran);
        moved.armAt(20);

        timers.run(40);

        assertEquals(List.of("moved"), ran);
        assertFalse(moved.isArmed());
        assertEquals(Timers.NEVER, timers.delay(40));
    }

    @Test
    void shouldNotRunWhatWasCancelled() {
        Timer cancelled = timer("cancelled");
        cancelled.armAt(10);
        timer("other").armAt(20);
        cancelled.cancel();
        cancelled.cancel();

        timers.run(100);

        assertEquals(List.of("other"), ran);
    }

    @Test
    void shouldNotRunWhatAnEarlierOneOfTheSameTurnCancels() {
        Timer victim = timer("victim");
        new Timer(timers, victim::cancel).armAt(1);
        victim.armAt(2);

        timers.run(10);

        assertEquals(List.of(), ran);
        assertFalse(victim.isArmed());
    }

    @Test
    void shouldLetOthersRunBeforeATimerThatArmsItselfForThePast() {
        Timer[] again = new Timer[1];
        again[0] = new Timer(timers, () -> {
            ran.add("again");
            again[0].armAt(0);
        });
        again[0].armAt(1);
        timer("other").armAt(2);

        timers.run(10);

        assertEquals(List.of("again", "other"), ran);
        assertTrue(again[0].isArmed());
        timers.run(11);
        assertEquals(List.of("again", "other", "again"), ran);
    }

    @Test
    void shouldKeepTheRestForTheNextTurnWhenATaskThrows() {
        new Timer(timers, () -> {
            throw new IllegalStateException("task");
        }).armAt(1);
        timer("next").armAt(2);
        try {
            timers.run(10);
        } catch (IllegalStateException expected) {
            ran.add(expected.getMessage());
        }

        timers.run(10);

        assertEquals(List.of("task", "next"), ran);
    }

    @Test
    void shouldTakeTheLongestTimeForLaterThanAllOthers() {
        long now = System.nanoTime();
        Timer never = timer("never");
        never.arm(Long.MAX_VALUE);
        timer("overdue").armAt(now - 1_000_000_000L);

        assertEquals(0, timers.delay(now));
        timers.run(System.nanoTime());

        assertEquals(List.of("overdue"), ran);
        assertTrue(timers.delay(now) > 1_000_000_000L * 3600 * 24 * 365);
    }

    @Test
    void shouldKeepOrderWhereTheClockWrapsAround() {
        timer("after").armAt(Long.MIN_VALUE + 5);
        timer("before").armAt(Long.MAX_VALUE - 5);

        timers.run(Long.MIN_VALUE + 10);

        assertEquals(List.of("before", "after"), ran);
    }

    @Test
    void shouldAgreeWithATreeUnderRandomOperations() {
        Random random = new Random(42);
        int count = 300;
        Timer[] all = new Timer[count];
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            all[i] = new Timer(timers, () -> order.add(number));
        }
        // deadlines are made unique, so that the order is
        TreeMap<Long, Integer> expected = new TreeMap<>();
        Map<Integer, Long> deadlines = new TreeMap<>();
        long now = 0;
        int runs = 0;
        for (long step = 0; step < 200_000; step++) {
            int i = random.nextInt(count);
            int what = random.nextInt(10);
            if (what < 6) {
                long deadline = (now + random.nextInt(1000)) * 1_000_000 + step % 1_000_000;
                Long before = deadlines.put(i, deadline);
                if (before != null) {
                    expected.remove(before);
                }
                expected.put(deadline, i);
                all[i].armAt(deadline);
            } else if (what < 8) {
                Long before = deadlines.remove(i);
                if (before != null) {
                    expected.remove(before);
                }
                all[i].cancel();
            } else {
                now += random.nextInt(20);
                order.clear();
                timers.run(now * 1_000_000);
                List<Integer> due = new ArrayList<>(expected.headMap(now * 1_000_000, true).values());
                expected.headMap(now * 1_000_000, true).clear();
                due.forEach(deadlines::remove);
                assertEquals(due, order);
                runs += due.size();
            }
            assertEquals(deadlines.containsKey(i), all[i].isArmed());
            assertEquals(expected.isEmpty() ? Timers.NEVER : Math.max(0, expected.firstKey() - now * 1_000_000),
                    timers.delay(now * 1_000_000));
        }
        assertTrue(runs > 10_000, "timers that ran: " + runs);
    }
}
