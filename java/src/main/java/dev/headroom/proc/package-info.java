/**
 * What the kernel tells: {@code /proc}, {@code /sys/fs/cgroup} and their files as immutable records.
 *
 * <p>Opening and parsing are apart. {@link dev.headroom.proc.ProcFs}, {@link dev.headroom.proc.ProcPid} and
 * {@link dev.headroom.proc.ProcNet} open files; every record has a pure {@code parse(String file, Reader text)}, where
 * {@code file} is only the name that errors quote. A file costs one descriptor while it is read and a directory two;
 * nothing is held open between calls, and {@link dev.headroom.proc.PreOpened} serves those who have no descriptor left.
 *
 * <p>What no file tells well is asked by netlink: {@link dev.headroom.proc.SockDiag} sockets,
 * {@link dev.headroom.proc.Routes} routes, and {@link dev.headroom.proc.NetNamespace} does so in the namespace of
 * another process. Only these load {@code dev.headroom.linux} and its linker; the readers of files never do.
 *
 * <p>Three kinds of failure are kept apart: {@link java.nio.file.NoSuchFileException} (this kernel, or this process,
 * has no such file), {@link java.nio.file.AccessDeniedException} (not allowed to read it) and
 * {@link dev.headroom.proc.ProcParseException} (read, but not understood). Any other {@link java.io.IOException} is the
 * reader's own trouble, for example "Too many open files".
 *
 * <p>Numbers the kernel prints as unsigned 64-bit are kept as the same 64 bits: print them with
 * {@link Long#toUnsignedString(long)}, compare them with {@link Long#compareUnsigned(long, long)}. "unlimited" and
 * "max" are all ones, as {@code RLIM_INFINITY} is in C. What a kernel may leave out is an {@code Optional…}, or absent
 * from a map. Sizes are bytes, though the kernel prints many in kB (which means KiB).
 */
package dev.headroom.proc;
