package dev.headroom.proc;

import java.util.Comparator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code /proc/sys/kernel/osrelease}, what {@code uname -r} prints. Distributions backport: a version is a strong hint
 * about a kernel's rules, a file or a field that is there or not is proof.
 *
 * @param major   6 of 6.18.44
 * @param minor   18 of 6.18.44
 * @param patch   44 of 6.18.44; 0 when the release has no third number
 * @param release the whole text, with the distribution's suffix
 */
public record KernelVersion(int major, int minor, int patch, String release) implements Comparable<KernelVersion> {
    private static final Pattern RELEASE = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})(?:\\.(\\d{1,6}))?(?!\\d).*");
    private static final Comparator<KernelVersion> NUMBERS = Comparator.comparingInt(KernelVersion::major)
            .thenComparingInt(KernelVersion::minor).thenComparingInt(KernelVersion::patch);

    /** Parses the text of {@code file}. */
    public static KernelVersion parse(String file, String text) throws ProcParseException {
        String release = text.strip();
        Matcher m = RELEASE.matcher(release);
        if (!m.matches()) {
            throw new ProcParseException(file, 1, release, "not a kernel release such as 6.1.0-18-amd64");
        }
        return new KernelVersion(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)),
                m.group(3) == null ? 0 : Integer.parseInt(m.group(3)), release);
    }

    /** Whether this is {@code major.minor} or later. */
    public boolean atLeast(int major, int minor) {
        return this.major != major ? this.major > major : this.minor >= minor;
    }

    /** Compares the three numbers only, so it may be 0 for releases that are not equal. */
    @Override
    public int compareTo(KernelVersion other) {
        return NUMBERS.compare(this, other);
    }

    @Override
    public String toString() {
        return release;
    }
}
