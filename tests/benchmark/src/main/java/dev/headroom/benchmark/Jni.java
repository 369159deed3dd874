package dev.headroom.benchmark;

import java.nio.file.Files;
import java.nio.file.Path;

/** The calls of native/jni. */
final class Jni {
    private static final Path LIBRARY = Path.of(System.getProperty("headroom.root", "."),
            "native/target/lib/libheadroom-jni.so").toAbsolutePath();

    static {
        load();
    }

    private Jni() {
    }

    @SuppressWarnings("restricted")
    private static void load() {
        if (!Files.exists(LIBRARY)) {
            throw new UnsatisfiedLinkError(LIBRARY + " is not there: cmake builds it where a JDK's jni.h is found");
        }
        System.load(LIBRARY.toString());
    }

    /** Where headroom_noop is, for those who call C functions without JNI. */
    static Path sharedObject() {
        return LIBRARY;
    }

    static native long noop();

    static native int getppid();

    static native int epollWait(int epfd, long events, int maxevents, int timeout);

    static native long recv(int fd, long buf, long len, int flags);

    static native long send(int fd, long buf, long len, int flags);
}
