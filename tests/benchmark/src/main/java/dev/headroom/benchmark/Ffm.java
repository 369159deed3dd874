package dev.headroom.benchmark;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** Handles as the toolkit makes them, every argument in a full register, and in the variants it does not use. */
final class Ffm {
    static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    static final Linker.Option CRITICAL = Linker.Option.critical(false);

    private static final Linker LINKER = Linker.nativeLinker();

    private Ffm() {
    }

    @SuppressWarnings("restricted")
    static MethodHandle bind(String symbol, int arguments, Linker.Option... options) {
        SymbolLookup symbols = symbol.startsWith("headroom_")
                ? SymbolLookup.libraryLookup(Jni.sharedObject(), Arena.global())
                : LINKER.defaultLookup();
        MemoryLayout[] layouts = new MemoryLayout[arguments];
        Arrays.fill(layouts, ValueLayout.JAVA_LONG);
        return LINKER.downcallHandle(symbols.findOrThrow(symbol), FunctionDescriptor.of(ValueLayout.JAVA_LONG, layouts),
                options);
    }
}
