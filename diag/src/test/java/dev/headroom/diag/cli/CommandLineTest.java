package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;
import dev.headroom.linux.SyscallException;
import dev.headroom.loop.Listener;
import dev.headroom.proc.KernelVersion;
import dev.headroom.proc.Status;

class CommandLineTest {
    private record Answer(int status, String out, String err) {
    }

    private static Answer type(String... line) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = Headroom.commandLine(line).setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(line);
        return new Answer(status, out.toString(), err.toString());
    }

    // ---- help ----

    static Stream<CommandLine> commands() {
        CommandLine all = Headroom.commandLine();
        return Stream.concat(Stream.of(all),
                all.getSubcommands().values().stream().filter(c -> !c.getCommandName().equals("help"))
                        .flatMap(c -> Stream.concat(Stream.of(c), c.getSubcommands().values().stream())));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void shouldFitATerminal(CommandLine command) {
        for (String line : command.getUsageMessage().split("\n")) {
            assertTrue(line.length() <= 80, line.length() + " columns: " + line);
        }
    }

    @ParameterizedTest
    @MethodSource("commands")
    void shouldExplainEveryOptionAndItsDefault(CommandLine command) {
        String help = command.getUsageMessage();
        for (OptionSpec option : command.getCommandSpec().options()) {
            for (String name : option.names()) {
                assertTrue(Pattern.compile("^ .*" + name + "\\b", Pattern.MULTILINE).matcher(help).find(),
                        name + " is not in:\n" + help);
            }
            String value = option.defaultValue();
            if (value != null) {
                int at = help.indexOf(option.longestName() + " ");
                int end = Stream.of(help.indexOf("\n  -", at), help.indexOf("\n\n", at)).filter(i -> i > 0)
                        .min(Integer::compare).orElseThrow();
                String told = help.substring(at, end).replaceAll("\\s+", " ");
                assertTrue(told.contains("default " + value), option.longestName() + ": " + told);
            }
        }
        for (CommandLine sub : command.getSubcommands().values()) {
            String line = "^  " + sub.getCommandSpec().qualifiedName() + "( [A-Z.]+)?  ";
            assertTrue(Pattern.compile(line, Pattern.MULTILINE).matcher(help).find(), line);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"serve", "connect"})
    void shouldNameNoOptionThatIsNotThere(String name) {
        CommandLine command = Headroom.commandLine().getSubcommands().get(name);
        Pattern.compile("(?<![\\w-])--?[a-z][a-z-]*").matcher(command.getUsageMessage()).results().map(m -> m.group())
                .forEach(option -> assertTrue(command.getCommandSpec().findOption(option) != null, option));
    }

    @Test
    void shouldGiveAnOverviewWhenAlone() {
        Answer answer = type();
        assertEquals(0, answer.status);
        assertEquals("", answer.err);
        assertTrue(answer.out.startsWith("headroom: "), answer.out);
        assertEquals(answer, type("--help"));
        assertEquals(type("serve", "--help"), type("help", "serve"));
    }

    @Test
    void shouldTellTheVersion() {
        assertTrue(type("--version").out.startsWith("headroom "));
        assertEquals(type("-V").out, type("serve", "--version").out);
    }

    // ---- what is wrong ----

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "serve --retry 10x | headroom serve: --retry 10x: not a duration; give 500ms, 10s, 5m or 1h",
            "serve --listen 127.0.0.1:x | headroom serve: --listen 127.0.0.1:x: not a port; give 9999 or 9000-9009, up to",
            "serve --max-connections 0 | headroom serve: --max-connections 0: give 1 or more",
            "serve --nofile 0 | headroom serve: --nofile 0: give 1 or more",
            "serve --on-limit stop | headroom serve: --on-limit stop: give pause or shed",
            "serve --fd-tables 3 --loops 2 | headroom serve: --loops 2 with --fd-tables 3: each private table has a loop of",
            "serve --loops | headroom serve: --loops: a value is missing",
            "serve --json --json | headroom serve: --json: give it once",
            "serve --xyz | headroom serve: there is no option --xyz",
            "serve --backlo 5 | headroom serve: there is no option --backlo; perhaps --backlog?",
            "serve more | headroom serve: this is one too many: more",
            "serve --report 1ms | headroom serve: --report 1ms: give 100ms or longer",
            "lab --report x run ports | headroom lab run: --report: give it behind run, not before",
            "lab --json list | headroom lab list: --json: give it behind list, not before",
            "servce | headroom: there is no command servce; perhaps serve?",
            "connect | headroom connect: which server? Give a TARGET: headroom connect 127.0.0.1:9999",
            "connect 300.0.0.1 | headroom connect: TARGET 300.0.0.1: not an address; give 127.0.0.1:9999,",
            "connect 127.0.0.1:0 | headroom connect: TARGET 127.0.0.1:0: a port to connect to is 1 to 65535",
            "connect 127.0.0.1 -n 0 | headroom connect: -n 0: give 1 or more",
            "connect 127.0.0.1 --size 65537 | headroom connect: --size 65537: give 1 to 65,536",
            "connect 127.0.0.1 --in-flight 0 | headroom connect: --in-flight 0: give 1 to 1,000,000",
            "connect 127.0.0.1 --rate 0/s | headroom connect: --rate 0/s: not a rate; give how many a second: 100, 100/s,",
            "connect 127.0.0.1 --source-ports 0 | headroom connect: --source-ports 0: give 1 to 65535, or leave it out: the kernel",
            "connect ::1 --source 127.0.0.1 | headroom connect: --source 127.0.0.1 is IPv4, TARGET [::1]:9999 is IPv6: one"})
    void shouldAnswerWhatIsWrongWithWhatIsRight(String line, String complaint) {
        Answer answer = type(line.split(" "));
        assertEquals(complaint, answer.err.lines().findFirst().orElse(""));
        assertEquals(Headroom.WRONG, answer.status);
        assertEquals("", answer.out);
        assertFalse(answer.err.contains("\tat "), answer.err);
        assertTrue(answer.err.endsWith(" --help\n"), answer.err);
        assertTrue(answer.err.lines().allMatch(l -> l.length() <= 80), answer.err);
    }

    @Test
    void shouldShowWhereOnlyWhenAsked() {
        assertTrue(type("serve", "--debug", "--retry", "10x").err.contains("\tat "));
    }

    // ---- what cannot be done here ----

    @Test
    void shouldSayThatAnAddressIsNotOfThisHost() {
        Answer answer = type("connect", "127.0.0.1", "--source", "192.0.2.1");
        assertEquals("headroom connect: --source 192.0.2.1: bind says EADDRNOTAVAIL (Cannot assign\n"
                + "  requested address)\n  that is not an address of this host (see: ip address)\n", answer.err);
        assertEquals(Headroom.CANNOT, answer.status);
    }

    @Test
    void shouldSayWhyTheLimitCannotBeRaised() {
        assertEquals("the hard limit is 4096, fs.nr_open 1000: 2000 is above fs.nr_open,\n"
                + "  which binds root too; raise that first: sysctl -w fs.nr_open=2000",
                Refusals.whyNofile(2000, 4096, 1000));
        assertEquals("the hard limit is 4096, fs.nr_open 9000: 5000 is above the hard\n"
                + "  limit, which only CAP_SYS_RESOURCE may raise (root outside of containers)",
                Refusals.whyNofile(5000, 4096, 9000));
        assertEquals("the hard limit is 4096, fs.nr_open 1000: while the hard limit\n"
                + "  is above fs.nr_open, every change is refused that leaves it there",
                Refusals.whyNofile(500, 4096, 1000));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "/tmp | --report /tmp: it is a folder; give the name of a file in it",
            "/dev/null | --report /dev/null: it is there already and no regular file",
            "/no/lab.html | --report /no/lab.html: there is no folder /no"})
    void shouldLookWhereTheReportGoesBeforeAnythingIsRun(String file, String complaint) {
        for (String command : List.of("lab", "lab run four-tuple")) {
            Answer answer = type((command + " --report " + file).split(" "));
            assertEquals("headroom " + command.replace(" four-tuple", "") + ": " + complaint + "\n", answer.err);
            assertEquals(Headroom.CANNOT, answer.status);
            assertEquals("", answer.out);
        }
    }

    private static String whyUring(Errno errno, String release, long disabled, String... status) throws IOException {
        String self = Files.readString(Path.of("/proc/self/status"));
        for (String line : status) {
            self = self.replaceFirst("(?m)^" + line.substring(0, line.indexOf(':')) + ":.*$", line);
        }
        return Refusals.whyUring(errno.number(), KernelVersion.parse("osrelease", release), disabled,
                Status.parse("status", new StringReader(self)), 65536);
    }

    @Test
    void shouldSayWhyIoUringIsRefused() throws IOException {
        String none = "CapEff:\t0000000000000000";
        assertEquals("kernel.io_uring_disabled is 2: nobody may use it on this machine",
                whyUring(Errno.EPERM, "6.12.1", 2, "Seccomp:\t2"));
        assertTrue(whyUring(Errno.EPERM, "6.12.1", 1, none, "Seccomp:\t0")
                .startsWith("kernel.io_uring_disabled is 1: only CAP_SYS_ADMIN and the group"));
        assertTrue(whyUring(Errno.EPERM, "6.12.1", 0, "Seccomp:\t2").startsWith("a filter of system calls"));
        assertEquals("a security module forbids it", whyUring(Errno.EPERM, "6.12.1", 0, "Seccomp:\t0"));
        assertEquals("this kernel (6.12.1) has no io_uring: CONFIG_IO_URING is off",
                whyUring(Errno.ENOSYS, "6.12.1", -1, "Seccomp:\t0"));
        assertEquals("this kernel is 5.15.0-91; the engine needs 6.1 (IORING_SETUP_DEFER_TASKRUN)",
                whyUring(Errno.EINVAL, "5.15.0-91", -1));
        assertTrue(whyUring(Errno.ENOMEM, "6.18.0", 0, none)
                .startsWith("RLIMIT_MEMLOCK is 65536 bytes for all of this user's processes"));
    }

    // ---- tables ----

    @ParameterizedTest
    @CsvSource({
            // wanted, soft, open, descriptors a loop, loops; tables
            "1000, 1048576, 10, 2, 2, 0", "1002, 1024, 10, 2, 2, 0", "1003, 1024, 10, 2, 2, 1",
            "200000, 20000, 10, 2, 1, 11",
            "1161216, 20000, 10, 2, 1, 59"})
    void shouldReckonTables(long wanted, long soft, long open, int eachLoop, int loops, int tables) throws Exception {
        assertEquals(tables, LoopOptions.tables(wanted, soft, open, eachLoop, loops));
        long holds = tables == 0 ? soft - open - loops * eachLoop : tables * (soft - open - tables * eachLoop);
        assertTrue(holds >= wanted, holds + " < " + wanted);
    }

    @Test
    void shouldSayHowManyAllTablesHold() {
        CannotException e = assertThrows(CannotException.class, () -> LoopOptions.tables(1000, 40, 10, 2, 1));
        assertEquals("--fd-tables auto: no number of tables holds 1,000 connections\n"
                + "  with a soft limit of 40 descriptors a table the most is 60", e.getMessage());
    }

    @Test
    void shouldFoldBetweenWords() {
        String word = "x".repeat(39);
        assertEquals(word + " " + word + "\n  y", Headroom.fold(word + " " + word + " y"));
        assertEquals("x".repeat(100), Headroom.fold("x".repeat(100)));
        assertEquals("a\nb", Headroom.fold("a\nb"));
    }

    @Test
    void shouldNameThePortThatIsInUse() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Sockaddr address = Sockaddr.of("127.0.0.1", taken.getLocalPort());
            SyscallException e = assertThrows(SyscallException.class,
                    () -> Listener.open(address, 1));
            String message = Refusals.start(e, List.of(address)).getMessage();
            assertEquals("cannot listen on " + address + "\n  EADDRINUSE (Address already in use): pid "
                    + ProcessHandle.current().pid() + " (java) listens there already", message);
        }
    }
}
