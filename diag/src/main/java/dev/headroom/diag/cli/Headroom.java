package dev.headroom.diag.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command above all commands: alone, it says what there is. */
@Command(name = "headroom", mixinStandardHelpOptions = true, versionProvider = Version.class,
        description = "Shows how much room is left before the Linux kernel says no, and why when it does.")
final class Headroom implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
