/**
 * The ground floor: Linux system calls, constants, structures and errno as C has them. The only room that knows
 * {@code java.lang.foreign}.
 * <p>
 * A raw call returns what the kernel returns, a result of at least 0 or {@code -errno}. It allocates nothing and throws
 * nothing. Pointers are {@code long} addresses, taken from {@link dev.headroom.linux.Memory}. Constants and structure
 * fields keep their C names. x86-64 and aarch64, kernel 5.10 or later.
 */
package dev.headroom.linux;
