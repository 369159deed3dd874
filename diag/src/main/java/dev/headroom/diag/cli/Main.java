package dev.headroom.diag.cli;

import java.util.List;
import java.util.Set;

/** Where the {@code headroom} command starts. It does nothing but hand over to {@link Headroom} and exit. */
public final class Main {
    /** What leaves nothing behind that has to be ended in order. */
    private static final Set<String> AT_ONCE = Set.of("explain", "check", "plan", "snapshot");

    private Main() {
    }

    private static int run(String... args) {
        try {
            return Headroom.commandLine(args).execute(args);
        } catch (Error e) {
            // As where three descriptors are left: Java's own classes cannot be read any more.
            System.err.println(Headroom.fold("headroom: an error of headroom itself, or of Java: " + e));
            if (List.of(args).contains("--debug")) {
                e.printStackTrace();
            }
            return Headroom.CANNOT;
        }
    }

    /**
     * Runs one command and exits with its status.
     *
     * @param args the command line as it was typed
     */
    public static void main(String[] args) {
        // Asked alone, the version needs no command model: half of the start-up goes into building one.
        if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-V"))) {
            System.out.println(Version.line());
            return;
        }
        int status = run(args);
        if (args.length > 0 && AT_ONCE.contains(args[0])) {
            // exit would start Java's logging first, to log that it exits, and there is nothing here to wait for.
            System.out.flush();
            System.err.flush();
            Runtime.getRuntime().halt(status);
        }
        System.exit(status);
    }
}
