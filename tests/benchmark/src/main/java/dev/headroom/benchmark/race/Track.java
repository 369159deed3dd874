package dev.headroom.benchmark.race;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import tools.jackson.jr.ob.JSON;

/** Where the race takes place: a network namespace, two processors, the programs. */
record Track(Tree tree, List<String> inNamespace) {
    /** Where processes are scheduled by session, niceness counts within one only, and the session has its own. */
    private static final String FIRST = "echo -20 2>/dev/null >/proc/self/autogroup; exec nice -n -20 \"$@\"";

    /**
     * In the namespace, on that processor or, with -1, on all, and before whoever else is there. The pid of what is
     * started is that of the command: each program becomes the next.
     */
    List<String> command(int processor, List<String> command) throws IOException {
        List<String> all = new ArrayList<>(inNamespace);
        if (processor >= 0) {
            all.addAll(List.of(tool("taskset").toString(), "-c", Integer.toString(processor)));
        }
        all.addAll(List.of(tool("setsid").toString(), "sh", "-c", FIRST, "sh"));
        all.addAll(command);
        return all;
    }

    Running serve(int processor, List<String> command) throws IOException {
        return Running.start(command(processor, command), tree.log());
    }

    /** Runs the load client on its processor. What it could not verify is no result: the race ends. */
    Map<String, Object> load(int port, List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(tree.load(), "--target", "127.0.0.1:" + port));
        command.addAll(arguments);
        return JSON.std.mapFrom(finish(command(1, command)));
    }

    /** Runs a client to its end and gives the last line that it said. */
    String finish(List<String> command) throws IOException, InterruptedException {
        Process client = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(tree.log().toFile())).start();
        String said = new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        String last = said.substring(said.lastIndexOf('\n') + 1);
        if (client.waitFor() != 0) {
            throw new IOException("the client is not content (see " + tree.log() + "): " + String.join(" ", command)
                    + " " + last);
        }
        return last;
    }

    /** Sets a sysctl below /proc/sys/net of the namespace. */
    void set(String sysctl, String value) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(inNamespace);
        command.addAll(List.of("sh", "-c", "echo '" + value + "' >/proc/sys/net/" + sysctl));
        finish(command);
    }

    static String said(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return said;
    }

    static Path tool(String name) throws IOException {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(":")) {
            Path tool = Path.of(folder, name);
            if (!folder.isEmpty() && Files.isExecutable(tool)) {
                return tool;
            }
        }
        throw new IOException("needs " + name + ", which is not on PATH");
    }
}
