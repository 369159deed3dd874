/**
 * Linux from Java without JNI: system calls, what /proc tells, an epoll event loop, and a pair of echo programs on it.
 *
 * <p>Run it with {@code --enable-native-access=dev.headroom.toolkit} (or {@code ALL-UNNAMED} on the class path).
 */
module dev.headroom.toolkit {
    requires transitive HdrHistogram;

    exports dev.headroom.echo;
    exports dev.headroom.linux;
    exports dev.headroom.loop;
    exports dev.headroom.proc;
}
