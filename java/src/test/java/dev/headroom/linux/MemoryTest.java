package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryTest {
    @Test
    void shouldKeepNumbersOfEveryWidthAtAnyOffset() throws Exception {
        try (Memory memory = Memory.map(100)) {
            memory.putByte(1, (byte) 0x81);
            memory.putShort(3, (short) 0x8182);
            memory.putInt(7, 0x8182_8384);
            memory.putLong(13, 0x8182_8384_8586_8788L);
            assertEquals((byte) 0x81, memory.getByte(1));
            assertEquals((short) 0x8182, memory.getShort(3));
            assertEquals(0x8182_8384, memory.getInt(7));
            assertEquals(0x8182_8384_8586_8788L, memory.getLong(13));
            ByteBuffer host = ByteBuffer.wrap(memory.getBytes(7, 4)).order(ByteOrder.nativeOrder());
            assertEquals(0x8182_8384, host.getInt());
        }
    }

    @Test
    void shouldBeginWithZeroesAtAPageOfItsOwn() throws Exception {
        try (Memory memory = Memory.map(100)) {
            assertEquals(100, memory.size());
            assertEquals(0, memory.address() % 4096);
            assertArrayEquals(new byte[100], memory.getBytes(0, 100));
        }
    }

    @Test
    void shouldCopyBytesInOutAndAcross() throws Exception {
        try (Memory a = Memory.map(10); Memory b = Memory.map(10)) {
            a.putBytes(2, new byte[] {1, 2, 3, 4});
            b.copyFrom(5, a, 3, 2);
            assertArrayEquals(new byte[] {0, 0, 0, 0, 0, 2, 3, 0, 0, 0}, b.getBytes(0, 10));
            a.copyFrom(0, a, 2, 4);
            assertArrayEquals(new byte[] {1, 2, 3, 4, 3, 4, 0, 0, 0, 0}, a.getBytes(0, 10));
        }
    }

    @Test
    void shouldBeTheSameBytesAsItsBuffer() throws Exception {
        try (Memory memory = Memory.map(10)) {
            ByteBuffer buffer = memory.asByteBuffer();
            assertEquals(10, buffer.capacity());
            buffer.put(4, (byte) 7);
            assertEquals(7, memory.getByte(4));
        }
    }

    interface Access {
        void to(Memory memory);
    }

    static Stream<Access> outside() {
        return Stream.of(m -> m.getByte(-1), m -> m.getByte(10), m -> m.getShort(9), m -> m.getInt(7),
                m -> m.getLong(3), m -> m.putByte(10, (byte) 1), m -> m.putShort(9, (short) 1), m -> m.putInt(7, 1),
                m -> m.putLong(3, 1), m -> m.putBytes(9, new byte[2]), m -> m.getBytes(9, 2),
                m -> m.copyFrom(9, m, 0, 2), m -> m.copyFrom(0, m, 9, 2));
    }

    @ParameterizedTest
    @MethodSource("outside")
    void shouldRefuseAccessOutsideItsBounds(Access access) throws Exception {
        try (Memory memory = Memory.map(10)) {
            assertThrows(IndexOutOfBoundsException.class, () -> access.to(memory));
        }
    }

    @Test
    void shouldRefuseAccessAfterClose() throws Exception {
        Memory memory = Memory.map(10);
        memory.close();
        assertThrows(IllegalStateException.class, () -> memory.getByte(0));
        assertThrows(IllegalStateException.class, () -> memory.putByte(0, (byte) 1));
        assertThrows(IllegalStateException.class, memory::close);
    }

    @Test
    void shouldUnmapOnClose() throws Exception {
        Memory memory = Memory.map(4096);
        memory.close();
        // mincore is not bound; the kernel refuses advice about what is not mapped.
        assertEquals(-Errno.ENOMEM.number(),
                Mman.madvise(new CallState(), memory.address(), 4096, Mman.MADV_DONTNEED));
    }

    @Test
    void shouldForgetWhatIsDiscarded() throws Exception {
        try (Memory memory = Memory.map(3 * 4096)) {
            memory.putLong(0, 1);
            memory.putLong(8192, 1);
            memory.discard(new CallState());
            assertEquals(0, memory.getLong(0));
            assertEquals(0, memory.getLong(8192));
        }
    }

    @Test
    void shouldCostNothingUntilItIsTouched() throws Exception {
        long bytes = 1L << 30;
        long before = residentKib();
        try (Memory memory = Memory.map(bytes)) {
            memory.putByte(bytes - 1, (byte) 1);
            long grown = residentKib() - before;
            assertTrue(grown < 100_000, "grew by " + grown + " KiB");
            assertNotEquals(0, memory.getByte(bytes - 1));
        }
    }

    private static long residentKib() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElseThrow();
    }

    @Test
    void shouldSayHowTheKernelRefused() {
        SyscallException refused = assertThrows(SyscallException.class, () -> Memory.map(1L << 62));
        assertEquals("mmap(NULL, 4611686018427387904, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, "
                + "-1, 0) failed: ENOMEM (12, Cannot allocate memory)", refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, -4096, Long.MIN_VALUE})
    void shouldRefuseToMapLessThanAByte(long bytes) {
        assertThrows(SyscallException.class, () -> Memory.map(bytes).close());
    }
}
