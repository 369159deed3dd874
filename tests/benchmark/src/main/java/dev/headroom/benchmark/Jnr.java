package dev.headroom.benchmark;

import java.nio.file.Path;

import jnr.ffi.LibraryLoader;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/** The calls through JNR: jnr-posix where it has them, else jnr-ffi on an interface, which keeps errno as it does. */
final class Jnr {
    /** As the C library has them. Addresses are numbers, so that nothing is wrapped on the way. */
    public interface C {
        int getppid();

        int epoll_wait(int epfd, long events, int maxevents, int timeout);

        long recv(int fd, long buf, long len, int flags);

        long send(int fd, long buf, long len, int flags);
    }

    /** native/jni as a plain library. */
    public interface Nothing {
        long headroom_noop();
    }

    static final POSIX POSIX_CALLS = POSIXFactory.getNativePOSIX();
    static final C LIBC = LibraryLoader.create(C.class).load("c");
    static final Nothing NOTHING = nothing(Jni.sharedObject());

    private Jnr() {
    }

    private static Nothing nothing(Path library) {
        return LibraryLoader.create(Nothing.class).load(library.toString());
    }
}
