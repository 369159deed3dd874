package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The command above all commands: alone, it says what there is. */
@Command(name = "headroom", mixinStandardHelpOptions = true, versionProvider = Headroom.Version.class,
        description = "Shows how much room is left before the Linux kernel says no, and why when it does.")
final class Headroom implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        CommandLine.usage(spec.commandLine(), System.out);
    }

    /** The version that was built, beside the Java it runs on and the kernel it asks. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            Properties built = new Properties();
            try (InputStream in = Headroom.class.getResourceAsStream("version.properties")) {
                built.load(in);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return new String[] {"headroom " + built.getProperty("version") + " (Java "
                    + System.getProperty("java.version")
                    + ", Linux " + System.getProperty("os.version") + ", " + System.getProperty("os.arch") + ")"};
        }
    }
}
