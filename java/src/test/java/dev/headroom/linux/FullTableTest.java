package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What calls answer when the descriptor table is full (fs/file.c, alloc_fd): the number is reserved before the kernel
 * looks at anything else, so EMFILE says nothing about what would have been opened.
 */
class FullTableTest {
    private static Map<String, String> answers;

    @BeforeAll
    static void run() throws Exception {
        String classPath = Stream.of(CHeader.class, FullTable.class).map(FullTableTest::home)
                .collect(Collectors.joining(File.pathSeparator));
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classPath,
                FullTable.class.getName()).redirectErrorStream(true).start();
        process.getOutputStream().close();
        List<String> lines = process.inputReader().lines().toList();
        assertTrue(process.waitFor(1, TimeUnit.MINUTES), "it hangs");
        assertEquals(0, process.exitValue(), () -> String.join("\n", lines));
        answers = lines.stream().map(line -> line.split(": ")).collect(Collectors.toMap(p -> p[0], p -> p[1]));
    }

    private static String home(Class<?> type) {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath()).toString();
    }

    @ParameterizedTest(name = "{1}: {0}")
    @CsvSource(delimiter = '|', textBlock = """
            accept4, client waiting               | EMFILE
            accept4, no descriptor                | EBADF
            accept4, unknown flag                 | EINVAL
            socket                                | EMFILE
            epoll_create1                         | EMFILE
            eventfd                               | EMFILE
            open, what is there                   | EMFILE
            F_DUPFD from 0                        | EMFILE
            F_DUPFD_CLOEXEC from 0                | EMFILE
            F_DUPFD from the last number          | EMFILE
            F_DUPFD from the limit                | EINVAL
            """)
    void shouldReturnErrnoWhenTheTableIsFull(String call, String errno) {
        assertEquals(errno, answers.get(call));
    }

    @Test
    void shouldReportEmfileFromAcceptThoughNobodyWaits() {
        assertEquals("EMFILE", answers.get("accept4, nobody waiting, blocking"));
        assertEquals("EMFILE", answers.get("accept4, nobody waiting, non-blocking"));
    }

    @Test
    void shouldReportEmfileAndNotThatTheFileIsMissing() {
        assertEquals("EMFILE", answers.get("open, what is not there"));
    }

    @Test
    void shouldUseEveryNumberBelowTheLimit() {
        assertEquals("63", answers.get("the last descriptor of 64"));
    }

    @Test
    void shouldKeepWhatIsOpenWhenTheLimitGoesBelowIt() {
        assertEquals("ok", answers.get("an open descriptor above the limit"));
        assertEquals("EMFILE", answers.get("F_DUPFD with every number below the limit taken"));
        assertEquals("that number", answers.get("F_DUPFD with one number below the limit free"));
    }

    @Test
    void shouldLeaveTheClientInTheQueueAndAcceptItWhenThereIsRoom() {
        assertEquals("EMFILE", answers.get("accept4, client waiting"));
        assertEquals("ok", answers.get("accept4 after a close, client waiting"));
    }

    @Test
    void shouldStillBindAndConnectWhatIsOpen() {
        assertEquals("ok", answers.get("bind"));
        assertEquals("ok", answers.get("connect"));
    }
}
