package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the kernel answers to a user without privileges; root becomes one for it. */
class UnprivilegedTest {
    @TempDir
    Path folder;

    @Test
    void shouldBeRefusedWithoutTheCapability() throws Exception {
        List<String> command = new ArrayList<>();
        if ((int) Files.getAttribute(Path.of("/proc/self"), "unix:uid") == 0) {
            command.addAll(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
        }
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                copy(CHeader.class, "main") + File.pathSeparator + copy(Unprivileged.class, "test"),
                Unprivileged.class.getName(), Long.toString(ProcessHandle.current().pid())));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        List<String> lines = process.inputReader().lines().toList();
        assertTrue(process.waitFor(1, TimeUnit.MINUTES), "it hangs");

        assertEquals(List.of("unshare(CLONE_NEWNET): EPERM", "setns(CLONE_NEWNET): EPERM",
                "bind below the first unprivileged port: EACCES", "prlimit64 of process 1: EPERM",
                "pidfd_getfd of another user's process: EPERM"), lines);
    }

    /** The classes may lie where that user may not look. */
    private Path copy(Class<?> type, String name) throws Exception {
        var open = PosixFilePermissions.fromString("rwxr-xr-x");
        Path from = Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        Path to = folder.resolve(name);
        Files.setPosixFilePermissions(folder, open);
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.setPosixFilePermissions(Files.copy(file, to.resolve(from.relativize(file).toString())), open);
            }
        }
        return to;
    }
}
