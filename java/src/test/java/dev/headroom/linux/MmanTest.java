package dev.headroom.linux;

import static dev.headroom.linux.Rig.ok;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** mmap, munmap and madvise against the kernel. */
class MmanTest {
    private static final int READ_WRITE = Mman.PROT_READ | Mman.PROT_WRITE;
    private static final int ANONYMOUS = Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS;
    /** A multiple of every page size that x86-64 and aarch64 have. */
    private static final int PAGE = 65_536;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<ErrnoCase> errors() {
        return Stream.of(
                new ErrnoCase("mmap of no bytes", Errno.EINVAL, r -> map(r, 0, READ_WRITE, ANONYMOUS, -1, 0)),
                new ErrnoCase("mmap neither shared nor private", Errno.EINVAL,
                        r -> map(r, PAGE, READ_WRITE, Mman.MAP_ANONYMOUS, -1, 0)),
                new ErrnoCase("mmap from the middle of a page", Errno.EINVAL,
                        r -> map(r, PAGE, Mman.PROT_READ, Mman.MAP_PRIVATE, r.regularFile(), 1)),
                new ErrnoCase("mmap of no descriptor", Errno.EBADF,
                        r -> map(r, PAGE, Mman.PROT_READ, Mman.MAP_PRIVATE, -1, 0)),
                new ErrnoCase("mmap of more than the address space", Errno.ENOMEM,
                        r -> map(r, 1L << 62, READ_WRITE, ANONYMOUS, -1, 0)),
                new ErrnoCase("mmap to write of a file open to read", Errno.EACCES,
                        r -> map(r, PAGE, READ_WRITE, Mman.MAP_SHARED, r.regularFile(), 0)),
                new ErrnoCase("mmap of an eventfd", Errno.ENODEV,
                        r -> map(r, PAGE, Mman.PROT_READ, Mman.MAP_PRIVATE, r.eventfd(), 0)),
                new ErrnoCase("mmap of a directory", Errno.ENODEV,
                        r -> map(r, PAGE, Mman.PROT_READ, Mman.MAP_PRIVATE, r.directory(), 0)),

                new ErrnoCase("munmap of no bytes", Errno.EINVAL,
                        r -> Mman.munmap(r.state, r.memory.address(), 0)),
                new ErrnoCase("munmap from the middle of a page", Errno.EINVAL,
                        r -> Mman.munmap(r.state, r.memory.address() + 1, PAGE)),

                new ErrnoCase("madvise from the middle of a page", Errno.EINVAL,
                        r -> Mman.madvise(r.state, r.memory.address() + 1, PAGE, Mman.MADV_DONTNEED)),
                new ErrnoCase("madvise with unknown advice", Errno.EINVAL,
                        r -> Mman.madvise(r.state, r.memory.address(), PAGE, 9999)),
                new ErrnoCase("madvise of what is not mapped", Errno.ENOMEM,
                        r -> Mman.madvise(r.state, 0, PAGE, Mman.MADV_DONTNEED)));
    }

    private static long map(Rig r, long length, int prot, int flags, int fd, long offset) {
        return Mman.mmap(r.state, 0, length, prot, flags, fd, offset);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void shouldReturnErrno(ErrnoCase error) {
        error.verify();
    }

    @Test
    void shouldMapZeroedMemoryAndUnmapIt() {
        long address = map(rig, PAGE, READ_WRITE, ANONYMOUS | Mman.MAP_NORESERVE, -1, 0);
        assertTrue(address > 0, () -> "mmap: " + Rig.outcome(address));
        // The kernel itself reads and writes it: 8 bytes of an eventfd.
        int fd = rig.eventfd();
        ok(Unistd.write(rig.state, fd, rig.dataLong(41), 8));
        assertEquals(8, Unistd.read(rig.state, fd, address, 8));
        assertEquals(8, Unistd.write(rig.state, fd, address, 8));
        assertEquals(8, Unistd.read(rig.state, fd, rig.data(), 8));
        assertEquals(41, rig.dataLong());
        assertEquals(0, Mman.munmap(rig.state, address, PAGE));
        assertEquals("EFAULT", Rig.outcome(Unistd.write(rig.state, fd, address, 8)));
    }

    @Test
    void shouldProtectMemory() {
        long address = map(rig, PAGE, Mman.PROT_NONE, ANONYMOUS, -1, 0);
        int fd = rig.eventfd();
        assertEquals("EFAULT", Rig.outcome(Unistd.write(rig.state, fd, address, 8)));
        assertEquals(0, Mman.munmap(rig.state, address, PAGE));
    }

    @Test
    void shouldMapAFile() throws Exception {
        long address = map(rig, 5, Mman.PROT_READ, Mman.MAP_PRIVATE, rig.regularFile(), 0);
        assertTrue(address > 0, () -> "mmap: " + Rig.outcome(address));
        Rig.Pair pair = rig.pair();
        assertEquals(5, Unistd.write(rig.state, pair.client(), address, 5));
        assertEquals(5, Unistd.read(rig.state, pair.server(), rig.data(), 5));
        assertEquals(Files.readString(Rig.REGULAR_FILE).substring(0, 5), rig.text(5));
        assertEquals(0, Mman.munmap(rig.state, address, 5));
    }

    @Test
    void shouldReadZeroAfterDontneed() throws Exception {
        try (Memory memory = Memory.map(PAGE)) {
            memory.putLong(0, 42);
            assertEquals(0, Mman.madvise(rig.state, memory.address(), PAGE, Mman.MADV_DONTNEED));
            assertEquals(0, memory.getLong(0));
        }
    }
}
