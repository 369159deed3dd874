package dev.headroom.linux;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.Optional;

/**
 * Binds C functions. All calls have one shape: six arguments, each in a full 64-bit register, and a result in one. Both
 * ABIs allow it, because a callee may look neither at the upper half of the register of an {@code int} nor at a register
 * whose argument it does not have (System V x86-64, AAPCS64); an {@code int} result is cut to 32 bits by the wrapper that
 * knows its type. A shape costs about 4 ms at start-up, and a further handle of it almost nothing; a register set to 0
 * costs nothing that can be measured beside a system call.
 */
final class Native {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final int REGISTERS = 6;

    private Native() {
    }

    /**
     * A handle of the one shape that all have: {@code (MemorySegment errno, long × 6) → long}, with 0 for each argument
     * that the function does not have.
     */
    static MethodHandle bind(String symbol) {
        return find(symbol).orElseThrow(() -> new UnsatisfiedLinkError("the C library has no " + symbol));
    }

    /** As {@link #bind}, for a C function declared with {@code ...} after {@code fixed} arguments. */
    @SuppressWarnings("restricted")
    static MethodHandle bindVariadic(String symbol, int arguments, int fixed) {
        return LINKER.downcallHandle(LIBC.findOrThrow(symbol), longs(arguments), ERRNO,
                Linker.Option.firstVariadicArg(fixed));
    }

    /** As {@link #bind}, by syscall(2): for a call that most C libraries in use have no function of. */
    @SuppressWarnings("restricted")
    static MethodHandle bindSyscall(long number, int arguments) {
        MethodHandle syscall = LINKER.downcallHandle(LIBC.findOrThrow("syscall"), longs(arguments + 1), ERRNO,
                Linker.Option.firstVariadicArg(1));
        return MethodHandles.insertArguments(syscall, 1, number);
    }

    /** As {@link #bind}, or empty where this C library is older than the function. */
    @SuppressWarnings("restricted")
    static Optional<MethodHandle> find(String symbol) {
        return LIBC.find(symbol).map(address -> LINKER.downcallHandle(address, longs(REGISTERS), ERRNO));
    }

    /** A handle throws nothing of its own, so whatever arrives here is an error of the virtual machine. */
    static Error unexpected(Throwable t) {
        if (t instanceof Error e) {
            return e;
        }
        return new AssertionError("a foreign call threw", t);
    }

    private static FunctionDescriptor longs(int arguments) {
        MemoryLayout[] layouts = new MemoryLayout[arguments];
        Arrays.fill(layouts, ValueLayout.JAVA_LONG);
        return FunctionDescriptor.of(ValueLayout.JAVA_LONG, layouts);
    }
}
