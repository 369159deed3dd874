package dev.headroom.benchmark.race;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The built tree: where the programs are that race. */
record Tree(Path root) {
    /** The root is what the script says it is. */
    static Tree here() {
        return new Tree(Path.of(System.getProperty("headroom.root", ".")).toAbsolutePath().normalize());
    }

    String headroom() {
        return root.resolve("headroom").toString();
    }

    List<String> server() {
        return List.of(program("reference-server"), "--listen", "127.0.0.1:0");
    }

    String load() {
        return program("reference-load");
    }

    String program(String name) {
        return root.resolve("native/target/bin").resolve(name).toString();
    }

    String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    String classPath() {
        return System.getProperty("java.class.path");
    }

    /** What the servers complain of. */
    Path log() {
        return root.resolve("tests/benchmark/target/race.log");
    }

    /** The commit that is checked out, with a star if something is changed, or "unknown". */
    String commit() {
        try {
            Process git = new ProcessBuilder("git", "-C", root.toString(), "describe", "--always", "--dirty=*")
                    .redirectErrorStream(true).start();
            String said = new String(git.getInputStream().readAllBytes()).strip();
            return git.waitFor() == 0 ? said : "unknown";
        } catch (IOException e) {
            return "unknown";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "unknown";
        }
    }

    /** Throws where a program is missing. */
    void check() throws IOException {
        for (String program : List.of(headroom(), program("reference-server"), load())) {
            if (!Files.isExecutable(Path.of(program))) {
                throw new IOException(program + " is not there: mvn package builds it");
            }
        }
    }
}
