package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.headroom.diag.Children;
import tools.jackson.jr.ob.JSON;

/** As a user without privileges: everything that can be known is told, and of the rest what it takes. */
class AsNobodyTest {
    /** How a reason names what is missing: a privilege, another reading, or what the question left out. */
    private static final Pattern LACK = Pattern.compile("CAP_|same user|would tell|root only|--watch|missing");

    @TempDir
    private static Path folder;
    private static List<String> nobody;

    @BeforeAll
    static void become() throws Exception {
        assumeTrue(System.getProperty("user.name").equals("root"), "only root can become nobody");
        nobody = Children.asNobody(folder, Main.class);
    }

    private static Children.Said asked(String words) throws Exception {
        List<String> line = new ArrayList<>(nobody);
        line.addAll(List.of(words.split(" ")));
        return Children.run(line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"EMFILE --call accept4", "EMFILE --call inotify_init1", "ENFILE --call open",
            "EPERM --call setrlimit --requested 2000000", "EADDRNOTAVAIL --call connect --to 127.0.0.1:9",
            "EADDRINUSE --call bind --at 127.0.0.1:9", "ETIMEDOUT --call connect --to 127.0.0.1:9",
            "ECONNREFUSED --call connect --to 127.0.0.1:9", "EAGAIN --call pthread_create", "EAGAIN --call write",
            "ENOSPC --call epoll_ctl", "ENOSPC --call inotify_add_watch", "ENOMEM --call mmap --requested 4096",
            "EPIPE --call write", "EPERM --call sendto --to 127.0.0.1:9"})
    void shouldSayWhatEachUnknownLacks(String question) throws Exception {
        Children.Said said = asked("explain " + question + " --pid 1 --json");

        assertTrue(said.status() == 0 || said.status() == 1, said.out());
        assertFalse(said.out().contains("Exception"), said.out());
        for (Object cause : (List<?>) JSON.std.mapFrom(said.out()).get("causes")) {
            Map<?, ?> c = (Map<?, ?>) cause;
            if (c.get("verdict").equals("UNKNOWN")) {
                assertTrue(LACK.matcher((String) c.get("sentence")).find(), c.get("id") + ": " + c.get("sentence"));
            }
        }
    }

    @Test
    void shouldCheckAProcessOfAnotherUser() throws Exception {
        Children.Said said = asked("check --pid 1");

        assertTrue(said.status() == 0 || said.status() == 1, said.out());
        assertTrue(said.out().contains("descriptors, this process"), said.out());
        assertTrue(said.out().contains("CAP_SYS_PTRACE"), said.out());
    }
}
