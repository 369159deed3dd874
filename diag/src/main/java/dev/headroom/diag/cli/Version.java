package dev.headroom.diag.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version that was built, beside the Java it runs on and the kernel it asks. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {line()};
    }

    static String line() {
        Properties built = new Properties();
        try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
            built.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "headroom " + built.getProperty("version") + " (Java " + System.getProperty("java.version") + ", Linux "
                + System.getProperty("os.version") + ", " + System.getProperty("os.arch") + ")";
    }
}
