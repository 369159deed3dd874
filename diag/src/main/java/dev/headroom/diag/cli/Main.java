package dev.headroom.diag.cli;

/** Where the {@code headroom} command starts. It does nothing but hand over to {@link Headroom} and exit. */
public final class Main {
    private Main() {
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
        int status = Headroom.commandLine(args).execute(args);
        System.exit(status);
    }
}
