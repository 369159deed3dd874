package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.function.ToLongFunction;

/**
 * A row of an errno table: a call that must fail, and how.
 *
 * @param description what is wrong with the call
 * @param errno what the kernel says
 * @param call the call, with what it needs from the rig
 */
record ErrnoCase(String description, Errno errno, ToLongFunction<Rig> call) {

    /** Makes the call with a rig of its own. */
    void verify() {
        try (Rig rig = new Rig()) {
            assertEquals(errno.name(), Rig.outcome(call.applyAsLong(rig)), description);
        }
    }

    @Override
    public String toString() {
        return errno + ": " + description;
    }
}
