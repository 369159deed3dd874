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
 * Binds C functions. Every argument travels in a full 64-bit register and every result comes back in one, so that the
 * shape of a call depends on the number of its arguments alone: a new shape costs about 4 ms at start-up, a repeated
 * one almost nothing. Both ABIs allow it, because a callee may not look at the upper half of the register of an
 * {@code int} (System V x86-64, AAPCS64); an {@code int} result is cut to 32 bits by the wrapper that knows its type.
 */
final class Native {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

    private Native() {
    }

    /** A handle of type {@code (MemorySegment errno, long × arguments) → long}. */
    static MethodHandle bind(String symbol, int arguments) {
        return find(symbol, arguments).orElseThrow(() -> new UnsatisfiedLinkError("the C library has no " + symbol));
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
    static Optional<MethodHandle> find(String symbol, int arguments) {
        return LIBC.find(symbol).map(address -> LINKER.downcallHandle(address, longs(arguments), ERRNO));
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
