package dev.headroom.diag.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

import dev.headroom.proc.ProcFs;

/**
 * What a run must undo, written down before it is done, so that somebody else can undo it should the run be killed. One
 * file a run, {@code /run/headroom-lab/PID-STARTTIME}; the start time tells it from a later process with that number. A
 * line is {@code netns NAME} or {@code sysctl NAME OLD NEW}.
 */
public final class Leftovers {
    static final String PREFIX = "headroom-lab-";
    private static final Path FOLDER = Path.of("/run/headroom-lab");

    private final Path file;
    private final ProcFs proc = new ProcFs();
    private final long pid = ProcessHandle.current().pid();
    private int hosts;

    Leftovers() throws IOException {
        this.file = FOLDER.resolve(pid + "-" + proc.process(pid).stat().starttime());
        try {
            Files.createDirectories(FOLDER);
        } catch (IOException e) {
            throw new NotHereException("to write below /run: " + e.getMessage());
        }
    }

    /** A name that no other host of any run has, written down. */
    String newHost() throws IOException {
        String name = PREFIX + pid + "-" + ++hosts;
        note("netns " + name);
        return name;
    }

    /** Sets a sysctl of the machine. */
    void set(String name, String value) throws IOException {
        note("sysctl " + name + " " + proc.sysctl(name).value().replaceAll("\\s+", ",") + " " + value);
        write(name, value);
    }

    private void note(String line) throws IOException {
        Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND,
                StandardOpenOption.SYNC);
    }

    private static void write(String name, String value) throws IOException {
        Files.writeString(Path.of("/proc/sys", name.split("\\.")), value + "\n");
    }

    /** Undoes everything of this run. What fails is left noted. */
    void undo() throws IOException {
        undo(file);
    }

    /**
     * Undoes what runs have left that have ended without doing it themselves.
     *
     * @return what has been undone, a line each
     */
    public static List<String> clean() throws IOException {
        List<String> done = new ArrayList<>();
        List<Path> files;
        try (Stream<Path> all = Files.list(FOLDER)) {
            files = all.sorted().toList();
        } catch (NoSuchFileException e) {
            files = List.of();
        }
        for (Path file : files) {
            if (!isRunning(file.getFileName().toString())) {
                done.addAll(undo(file));
            }
        }
        return done;
    }

    private static boolean isRunning(String name) {
        String[] parts = name.split("-");
        try {
            return parts.length == 2 && new ProcFs().process(Long.parseLong(parts[0])).stat()
                    .starttime() == Long.parseLong(parts[1]);
        } catch (IOException | NumberFormatException e) {
            return false;
        }
    }

    private static List<String> undo(Path file) throws IOException {
        List<String> lines;
        try {
            lines = new ArrayList<>(Files.readAllLines(file));
        } catch (NoSuchFileException e) {
            return List.of();
        }
        Collections.reverse(lines);
        List<String> done = new ArrayList<>();
        IOException failure = null;
        for (String line : lines) {
            try {
                undo(line.split(" "), done);
            } catch (IOException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        Files.delete(file);
        try {
            Files.delete(FOLDER);
        } catch (IOException e) {
            // Others are at work.
            return done;
        }
        return done;
    }

    private static void undo(String[] words, List<String> done) throws IOException {
        if (words.length == 2 && words[0].equals("netns")) {
            if (Files.exists(Path.of("/run/netns", words[1]))) {
                endProcesses(words[1], done);
                Tool.ip("netns", "delete", words[1]);
                done.add("removed the host " + words[1]);
            }
        } else if (words.length == 4 && words[0].equals("sysctl")) {
            String now = new ProcFs().sysctl(words[1]).value().replaceAll("\\s+", ",");
            String old = words[2].replace(',', ' ');
            // Whoever has changed it meanwhile had a reason.
            if (now.equals(words[3].replaceAll("\\s+", ",")) && !now.equals(words[2])) {
                write(words[1], old);
                done.add("put " + words[1] + " back to " + old);
            }
        }
    }

    /** Only the lab's own are there: nobody else knows the name of the host. */
    private static void endProcesses(String netns, List<String> done) throws IOException {
        for (String pid : Tool.ip("netns", "pids", netns).split("\\s+")) {
            if (pid.isEmpty() || Long.parseLong(pid) == ProcessHandle.current().pid()) {
                continue;
            }
            ProcessHandle.of(Long.parseLong(pid)).ifPresent(p -> {
                p.destroyForcibly();
                p.onExit().join();
                done.add("ended process " + pid);
            });
        }
    }

    /** For a shutdown hook, which has nobody to tell. */
    void undoQuietly() {
        try {
            undo();
        } catch (IOException | UncheckedIOException e) {
            // lab clean will try again.
            return;
        }
    }
}
