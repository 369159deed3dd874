package dev.headroom.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Finds or compiles {@code native/abi} and runs it. */
final class AbiProbe {
    private static final Path ROOT = root();

    private AbiProbe() {
    }

    /** The directory of the whole project: named by the build, or found upwards from here. */
    static Path root() {
        String named = System.getProperty("headroom.root");
        if (named != null) {
            return Path.of(named);
        }
        Path here = Path.of("").toAbsolutePath();
        while (here != null && !Files.isDirectory(here.resolve("native/abi"))) {
            here = here.getParent();
        }
        if (here == null) {
            throw new AssertionError("native/abi is in no directory above " + Path.of("").toAbsolutePath());
        }
        return here;
    }

    /**
     * The lines it prints, or empty where there is neither the program nor a C compiler.
     *
     * @param scratch where to compile it, when the build has not
     */
    static Optional<List<String>> lines(Path scratch) throws IOException, InterruptedException {
        String bin = System.getProperty("headroom.native.bin", ROOT.resolve("native/target/bin").toString());
        Path program = Path.of(bin).resolve("abi");
        if (!Files.isExecutable(program)) {
            if (!hasCompiler()) {
                return Optional.empty();
            }
            program = compile(scratch);
        }
        return Optional.of(run(List.of(program.toString())));
    }

    private static boolean hasCompiler() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(":")).map(Path::of)
                .anyMatch(directory -> Files.isExecutable(directory.resolve("cc")));
    }

    private static Path compile(Path scratch) throws IOException, InterruptedException {
        Path program = scratch.resolve("abi");
        List<String> command = new ArrayList<>(
                List.of("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program.toString()));
        try (Stream<Path> sources = Files.list(ROOT.resolve("native/abi"))) {
            sources.map(Path::toString).filter(name -> name.endsWith(".c")).forEach(command::add);
        }
        run(command);
        return program;
    }

    private static List<String> run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<String> lines = process.inputReader().lines().toList();
        if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new AssertionError(String.join(" ", command) + " failed");
        }
        return lines;
    }
}
