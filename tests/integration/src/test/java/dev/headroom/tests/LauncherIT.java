package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The launcher in a tree of its own, on a PATH of its own: JDKs are folders with a release file and a stub {@code java}
 * that tells who was called, Maven is a stub that leaves what a build leaves, and so are the package managers.
 */
class LauncherIT {
    private static final Path REPOSITORY = Path.of(System.getProperty("headroom.root"));

    /** What the launcher may use of the real machine. */
    private static final List<String> BORROWED = List.of("bash", "cat", "cp", "env", "find", "flock", "grep", "head",
            "mkdir", "mv", "readlink", "rm", "sleep", "tail", "touch", "tty");

    private static final Path BORROWED_BIN = REPOSITORY.resolve("tests/integration/target/borrowed");

    /** Does what the module diag does at the end of a build, and counts how often. */
    private static final String STUB_MAVEN = """
            echo "JAVA_HOME=$JAVA_HOME" "$@" >>"$STUBS/mvn.calls"
            sleep "${STUB_BUILD_SECONDS:-0}"
            [[ ${STUB_MAVEN_FAILS-} ]] && { echo '[INFO] compiling'; echo '[ERROR] Main.java:[1,1] no'; exit 1; }
            n=$(grep -c . "$STUBS/mvn.calls")
            mkdir -p "$TREE/diag/target/headroom/build-$n/lib"
            : >"$TREE/diag/target/headroom/build-$n/lib/headroom-diag.jar"
            echo "build-$n" >"$TREE/diag/target/headroom/current"
            """;

    @TempDir
    private Path temp;
    private Path tree;
    private Path bin;
    private Path stubs;
    private Path jvms;
    private final Map<String, String> environment = new TreeMap<>();

    @BeforeAll
    static void borrow() throws IOException {
        Files.createDirectories(BORROWED_BIN);
        for (String tool : BORROWED) {
            Files.deleteIfExists(BORROWED_BIN.resolve(tool));
            Files.createSymbolicLink(BORROWED_BIN.resolve(tool), Requires.tool(tool));
        }
    }

    @BeforeEach
    void layOut() throws IOException {
        tree = temp.resolve("a tree of its own");
        bin = Files.createDirectories(temp.resolve("bin"));
        stubs = Files.createDirectories(temp.resolve("stubs"));
        jvms = Files.createDirectories(temp.resolve("jvms"));
        for (String file : List.of("headroom", "diag/src/launcher/prepare.sh", "diag/src/launcher/packages.sh")) {
            Path copy = tree.resolve(file);
            Files.createDirectories(copy.getParent());
            Files.copy(REPOSITORY.resolve(file), copy);
        }
        for (String file : List.of("pom.xml", "java/pom.xml", "diag/pom.xml", "java/src/main/java/A.java",
                "java/src/main/java/B.java", "diag/src/main/java/C.java")) {
            Path source = tree.resolve(file);
            Files.createDirectories(source.getParent());
            Files.writeString(source, "");
        }
        stub(bin.resolve("mvn"), STUB_MAVEN);
        stub(bin.resolve("id"), "echo 1000");
        environment.put("PATH", bin + ":" + BORROWED_BIN);
        environment.put("HOME", temp.resolve("home").toString());
        environment.put("HEADROOM_JVM_DIRS", jvms.toString());
        environment.put("STUBS", stubs.toString());
        environment.put("TREE", tree.toString());
        age();
    }

    // ---- which JDK ----

    @Test
    void shouldTakeHeadroomJavaHomeBeforeAllElse() throws Exception {
        environment.put("HEADROOM_JAVA_HOME", jdk(temp.resolve("mine"), "25.0.1").toString());
        environment.put("JAVA_HOME", jdk(temp.resolve("other"), "25.0.1").toString());
        assertRunsWith(temp.resolve("mine"));
    }

    @Test
    void shouldRefuseHeadroomJavaHomeThatDoesNotSuit() throws Exception {
        environment.put("HEADROOM_JAVA_HOME", jdk(temp.resolve("old"), "17.0.15").toString());
        jdk(jvms.resolve("good"), "25");
        Run run = launch("--version");
        assertEquals(3, run.status, run.toString());
        assertTrue(run.err.contains("HEADROOM_JAVA_HOME=" + temp.resolve("old") + " is not a JDK 25 or newer"),
                run.err);
    }

    @Test
    void shouldTakeJavaHomeBeforePath() throws Exception {
        environment.put("JAVA_HOME", jdk(temp.resolve("home of java"), "26-ea").toString());
        Files.createSymbolicLink(bin.resolve("java"), jdk(temp.resolve("onpath"), "25").resolve("bin/java"));
        assertRunsWith(temp.resolve("home of java"));
    }

    @Test
    void shouldFollowJavaOnPathToItsHome() throws Exception {
        environment.put("JAVA_HOME", jdk(temp.resolve("old"), "1.8.0_402").toString());
        Path alternatives = Files.createSymbolicLink(temp.resolve("alternatives-java"),
                jdk(temp.resolve("onpath"), "25.0.3").resolve("bin/java"));
        Files.createSymbolicLink(bin.resolve("java"), alternatives);
        jdk(jvms.resolve("never"), "25");
        assertRunsWith(temp.resolve("onpath"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"jvms/java-25-openjdk", "home/.jdks/temurin-25.0.1", "home/.sdkman/candidates/java/25-tem"})
    void shouldLookWhereJdksLie(String folder) throws Exception {
        Files.createSymbolicLink(bin.resolve("java"), jdk(temp.resolve("onpath"), "21.0.2").resolve("bin/java"));
        jdk(jvms.resolve("a-17"), "17.0.2");
        Files.createDirectories(jvms.resolve("b-empty"));
        assertRunsWith(jdk(temp.resolve(folder), "25.0.1"));
    }

    @Test
    void shouldNotTakeARuntimeWithoutCompiler() throws Exception {
        Files.delete(jdk(jvms.resolve("a-jre"), "25").resolve("bin/javac"));
        assertRunsWith(jdk(jvms.resolve("b-jdk"), "25"));
    }

    @Test
    void shouldSayWhereToGetAJdkWhenNoneIsHereOrOffered() throws Exception {
        stub(bin.resolve("apt-cache"), "echo '  Candidate: (none)'");
        stub(bin.resolve("apt-get"), "echo apt-get \"$@\" >>\"$STUBS/installs\"");
        jdk(jvms.resolve("old"), "17.0.15");
        Run run = launch("--version");
        assertEquals(3, run.status, run.toString());
        assertTrue(run.err.contains("a JDK 25 or newer is needed, and none was found"), run.err);
        assertTrue(run.err.contains("adoptium.net") && run.err.contains("sdk install java 25"), run.err);
        assertFalse(Files.exists(stubs.resolve("installs")));
        assertEquals("", run.out);
    }

    @Test
    void shouldInstallAJdkThatThePackageManagerOffers() throws Exception {
        environment.put("HEADROOM_YES", "1");
        stub(bin.resolve("id"), "echo 0");
        stub(bin.resolve("apt-cache"), "[[ $2 == openjdk-25-jdk-headless ]] && echo '  Candidate: 25.0.1+8-1'");
        Path ready = jdk(temp.resolve("package"), "25.0.1");
        stub(bin.resolve("apt-get"), "echo apt-get \"$@\" >>\"$STUBS/installs\"\n[[ $1 == install ]] && mv '" + ready
                + "' '" + jvms + "/openjdk-25'; true");
        Run run = launch("--version");
        assertEquals(0, run.status, run.toString());
        assertEquals(List.of("apt-get update", "apt-get install -y openjdk-25-jdk-headless"),
                Files.readAllLines(stubs.resolve("installs")));
        assertTrue(run.err.contains("installing a JDK 25: apt-get update && apt-get install -y openjdk-25"), run.err);
    }

    // ---- what is missing ----

    @ParameterizedTest
    @CsvSource({"apt-get, sudo apt-get update && sudo apt-get install -y maven", "dnf, sudo dnf install -y maven",
            "yum, sudo yum install -y maven", "zypper, sudo zypper --non-interactive install maven",
            "apk, sudo apk add maven", "pacman, sudo pacman -Sy --noconfirm maven"})
    void shouldNameTheLineToTypeWhenMavenIsMissing(String manager, String line) throws Exception {
        jdk(jvms.resolve("good"), "25");
        Files.delete(bin.resolve("mvn"));
        stub(bin.resolve(manager), "echo no >>\"$STUBS/installs\"");
        Run run = launch("--version");
        assertEquals(3, run.status, run.toString());
        assertEquals("headroom: Maven is needed and not here. Install it with: " + line + "\n", run.err);
        assertFalse(Files.exists(stubs.resolve("installs")));
    }

    @Test
    void shouldSayWhatIsMissingWithoutAnyPackageManager() throws Exception {
        jdk(jvms.resolve("good"), "25");
        Files.delete(bin.resolve("mvn"));
        Run run = launch("--version");
        assertEquals(3, run.status, run.toString());
        assertTrue(run.err.contains("Maven is needed and not here, and no package manager known"), run.err);
    }

    @ParameterizedTest
    @CsvSource({"0, ''", "1000, 1"})
    void shouldInstallAtOnceForRootWithoutTerminalOrWhenToldYes(String uid, String yes) throws Exception {
        jdk(jvms.resolve("good"), "25");
        makeMavenInstallable();
        stub(bin.resolve("id"), "echo " + uid);
        environment.put("HEADROOM_YES", yes);
        Run run = launch("--version");
        assertEquals(0, run.status, run.toString());
        assertTrue(run.err.contains("headroom: installing Maven: "), run.err);
        assertEquals(List.of("add maven"), Files.readAllLines(stubs.resolve("installs")));
    }

    @ParameterizedTest
    @CsvSource({"y, 0, installing Maven", "n, 3, then nothing was installed. The line"})
    void shouldAskOnATerminal(String answer, int status, String said) throws Exception {
        Path script = Requires.tool("script");
        jdk(jvms.resolve("good"), "25");
        makeMavenInstallable();
        Run run = run(answer + "\n", temp,
                List.of(script.toString(), "-qefc", "'" + tree.resolve("headroom") + "' --version",
                        "/dev/null"));
        assertEquals(status, run.status, run.toString());
        assertTrue(run.out.contains("Maven is needed and not here. Run \"sudo apk add maven\" now? [y/N]"), run.out);
        assertTrue(run.out.contains(said), run.out);
        assertEquals(status == 0, Files.exists(stubs.resolve("installs")));
    }

    // ---- when it builds ----

    @Test
    void shouldBuildOnFirstUseWithOneLineAndThenNoMore() throws Exception {
        Path jdk = jdk(jvms.resolve("good"), "25");
        Run first = launch("check", "a b", "");
        assertEquals(0, first.status, first.toString());
        assertTrue(first.err.matches("""
                headroom: building \\(first use\\) … done in \\d+ s
                headroom: preparing a fast start … done in \\d+ s
                """), first.err);
        assertTrue(first.out.endsWith("dev.headroom.diag.cli.Main|check|a b||\n"), first.out);
        assertTrue(call(1).startsWith("JAVA_HOME=" + jdk + " -B "), call(1));
        assertFalse(call(1).contains("native"), "C is not needed to run the command");

        Run second = launch("check");
        assertEquals(0, second.status, second.toString());
        assertEquals("", second.err);
        assertEquals(1, builds());
    }

    @ParameterizedTest
    @ValueSource(strings = {"pom.xml", "java/pom.xml", "diag/pom.xml", "java/src/main/java/A.java",
            "diag/src/main/java/C.java",
            "diag/src/launcher/packages.sh"})
    void shouldBuildAgainAfterAChangeOf(String source) throws Exception {
        jdk(jvms.resolve("good"), "25");
        launch("--version");
        Files.setLastModifiedTime(tree.resolve(source), FileTime.from(Instant.now().plusSeconds(1)));
        Run run = launch("--version");
        assertTrue(run.err.startsWith("headroom: building (after a change) … done in "), run.err);
        assertEquals(2, builds());
    }

    @Test
    void shouldBuildAgainAfterASourceWent() throws Exception {
        jdk(jvms.resolve("good"), "25");
        launch("--version");
        Thread.sleep(20);
        Files.delete(tree.resolve("java/src/main/java/B.java"));
        launch("--version");
        assertEquals(2, builds());
    }

    @Test
    void shouldNotBuildAgainAfterAChangeOfTests() throws Exception {
        jdk(jvms.resolve("good"), "25");
        launch("--version");
        Files.createDirectories(tree.resolve("java/src/test/java"));
        Files.writeString(tree.resolve("java/src/test/java/ATest.java"), "");
        Files.writeString(tree.resolve("README.md"), "");
        assertEquals("", launch("--version").err);
        assertEquals(1, builds());
    }

    @Test
    void shouldShowWhatFailedAndWhereTheRestIs() throws Exception {
        jdk(jvms.resolve("good"), "25");
        environment.put("STUB_MAVEN_FAILS", "1");
        Run run = launch("--version");
        assertEquals(3, run.status, run.toString());
        assertTrue(run.err.matches("(?s)headroom: building \\(first use\\) … failed after \\d+ s\n"
                + "\\[ERROR\\] Main.java:\\[1,1\\] no\nheadroom: the build failed. All of it: .*/target/build.log\n"),
                run.err);
        assertTrue(Files.exists(tree.resolve("target/build.log")));
        assertEquals("", run.out);
    }

    @Test
    void shouldBuildOnceWhenManyStartAtOnce() throws Exception {
        jdk(jvms.resolve("good"), "25");
        environment.put("STUB_BUILD_SECONDS", "1");
        List<Process> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(start(temp, List.of(tree.resolve("headroom").toString(), "--version")));
        }
        for (Process each : all) {
            each.getOutputStream().close();
            assertTrue(each.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, each.exitValue());
        }
        assertEquals(1, builds());
    }

    // ---- how it starts ----

    @Test
    void shouldWorkThroughSymlinksFromAnywhere() throws Exception {
        jdk(jvms.resolve("good"), "25");
        Path elsewhere = Files.createDirectories(temp.resolve("else where"));
        Files.createSymbolicLink(elsewhere.resolve("one"), Path.of("../a tree of its own/headroom"));
        Files.createSymbolicLink(bin.resolve("two"), elsewhere.resolve("one"));
        Run run = run("", elsewhere, List.of("bash", "-c", "two x && ./one y && cd '" + tree + "' && ./headroom z"));
        assertEquals(0, run.status, run.toString());
        assertEquals(1, builds());
        assertEquals(List.of("x|", "y|", "z|"),
                run.out.lines().map(line -> line.substring(line.lastIndexOf("Main|") + 5)).toList());
    }

    @Test
    void shouldPassJvmOptionsAndTheStatusOfTheCommand() throws Exception {
        jdk(jvms.resolve("good"), "25");
        environment.put("HEADROOM_JAVA_OPTS", "-Xmx64m -Da=b");
        environment.put("STUB_STATUS", "42");
        Run run = launch("--version");
        assertEquals(42, run.status, run.toString());
        assertTrue(run.out.contains("|-Xmx64m|-Da=b|dev.headroom.diag.cli.Main|--version|"), run.out);
        assertTrue(run.out.contains("|--enable-native-access=ALL-UNNAMED|"), run.out);
    }

    @Test
    void shouldStartTheRealCommandQuietlyAndQuickly() throws Exception {
        Process warm = new ProcessBuilder(REPOSITORY.resolve("headroom").toString(), "--version")
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        assertEquals(0, warm.waitFor());
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 15; i++) {
            long from = System.nanoTime();
            Process process = new ProcessBuilder(REPOSITORY.resolve("headroom").toString(), "--version").start();
            String out = new String(process.getInputStream().readAllBytes());
            String err = new String(process.getErrorStream().readAllBytes());
            assertEquals(0, process.waitFor());
            best = Math.min(best, System.nanoTime() - from);
            assertTrue(out.startsWith("headroom ") && out.lines().count() == 1, out);
            assertEquals("", err.lines().filter(line -> !line.startsWith("Picked up ")).reduce("", String::concat));
        }
        // The best of them: the machine may be busy with other things.
        assertTrue(best < 200_000_000, "headroom --version took " + best / 1_000_000 + " ms at best");
    }

    // ---- the stage ----

    private void assertRunsWith(Path home) throws Exception {
        Run run = launch("--version");
        assertEquals(0, run.status, run.toString());
        assertTrue(run.out.startsWith(home + "/bin/java|"), run.out);
    }

    private void makeMavenInstallable() throws IOException {
        Files.move(bin.resolve("mvn"), stubs.resolve("mvn"));
        stub(bin.resolve("sudo"), "exec \"$@\"");
        stub(bin.resolve("apk"), "echo \"$@\" >>\"$STUBS/installs\"; mv \"$STUBS/mvn\" '" + bin + "/mvn'");
    }

    private Path jdk(Path home, String version) throws IOException {
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"),
                "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\nMODULES=\"java.base\"");
        stub(home.resolve("bin/java"), """
                case "$*" in
                    *Rehearsal*) for o; do [[ $o == -XX:AOTCacheOutput=* ]] && echo >"${o#*=}"; done; exit 0 ;;
                    *RenewClasses*) exit 0 ;;
                esac
                printf '%s|' "$0" "$@"; echo
                exit "${STUB_STATUS:-0}"
                """);
        stub(home.resolve("bin/javac"), "exit 0");
        return home;
    }

    private static void stub(Path file, String script) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/usr/bin/env bash\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Everything in the tree is an hour old. */
    private void age() throws IOException {
        try (Stream<Path> all = Files.walk(tree)) {
            for (Path each : all.toList()) {
                Files.setLastModifiedTime(each, FileTime.from(Instant.now().minusSeconds(3600)));
            }
        }
    }

    private String call(int number) throws IOException {
        return Files.readAllLines(stubs.resolve("mvn.calls")).get(number - 1);
    }

    private int builds() throws IOException {
        return Files.readAllLines(stubs.resolve("mvn.calls")).size();
    }

    private Run launch(String... arguments) throws Exception {
        List<String> line = new ArrayList<>(List.of(tree.resolve("headroom").toString()));
        line.addAll(List.of(arguments));
        return run("", temp, line);
    }

    private Run run(String input, Path folder, List<String> line) throws Exception {
        Process process = start(folder, line);
        try (var in = process.getOutputStream()) {
            in.write(input.getBytes());
            in.flush();
            if (!input.isEmpty()) {
                // An answer is typed after the question: at the end of input, script hangs up.
                process.waitFor(1, TimeUnit.SECONDS);
            }
        }
        String out = new String(process.getInputStream().readAllBytes());
        String err = new String(process.getErrorStream().readAllBytes());
        assertTrue(process.waitFor(20, TimeUnit.SECONDS));
        return new Run(process.exitValue(), out, err);
    }

    private Process start(Path folder, List<String> line) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(line).directory(folder.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.environment().put("LC_ALL", "C.UTF-8");
        return builder.start();
    }

    private record Run(int status, String out, String err) {
    }
}
