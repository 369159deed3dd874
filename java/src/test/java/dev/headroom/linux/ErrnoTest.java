package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The table itself is compared with the C library by {@link AbiTest}. */
class ErrnoTest {
    @ParameterizedTest
    @EnumSource
    void shouldBeFoundByNumberAndByName(Errno errno) {
        assertEquals(Optional.of(errno), Errno.of(errno.number()));
        assertEquals(Optional.of(errno), Errno.parse(errno.name()));
        assertEquals(errno.name(), Errno.name(errno.number()));
        assertEquals(errno.text(), Errno.text(errno.number()));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, 41, 58, 134, 524, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void shouldKnowNoOtherNumber(int number) {
        assertEquals(Optional.empty(), Errno.of(number));
        assertEquals("errno " + number, Errno.name(number));
        assertEquals("Unknown error " + number, Errno.text(number));
    }

    @ParameterizedTest
    @CsvSource({"EMFILE, EMFILE", "emfile, EMFILE", "' EmFile ', EMFILE", "24, EMFILE", "-24, EMFILE",
            "EWOULDBLOCK, EAGAIN", "ewouldblock, EAGAIN", "EDEADLOCK, EDEADLK", "ENOTSUP, EOPNOTSUPP"})
    void shouldBeParsed(String text, Errno errno) {
        assertEquals(Optional.of(errno), Errno.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "E", "EMFILES", "Too many open files", "0", "41", "524", "99999", "999999999999", "24x",
            "--24", "2.4"})
    void shouldNotBeParsed(String text) {
        assertEquals(Optional.empty(), Errno.parse(text));
    }

    @Test
    void shouldHaveThreeAliases() {
        assertSame(Errno.EAGAIN, Errno.EWOULDBLOCK);
        assertSame(Errno.EDEADLK, Errno.EDEADLOCK);
        assertSame(Errno.EOPNOTSUPP, Errno.ENOTSUP);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, Integer.MAX_VALUE})
    void shouldPassASuccessfulResultThrough(int rc) throws Exception {
        assertEquals(rc, Errno.check(rc, "socket"));
        assertEquals((long) rc, Errno.check((long) rc, "send"));
    }

    @Test
    void shouldPassALongResultThrough() throws Exception {
        assertEquals(0x7fff_1234_5678_9000L, Errno.check(0x7fff_1234_5678_9000L, "mmap"));
    }

    @Test
    void shouldThrowTheErrnoOfAFailedCall() {
        SyscallException e = assertThrows(SyscallException.class, () -> Errno.check(-24, "accept4", 3, "NULL"));
        assertEquals(24, e.errno());
        assertEquals("accept4", e.call());
        SyscallException l = assertThrows(SyscallException.class, () -> Errno.check(-12L, "mmap"));
        assertEquals(12, l.errno());
    }
}
