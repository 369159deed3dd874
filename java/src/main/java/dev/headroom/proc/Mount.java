package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * One line of {@code /proc/PID/mountinfo}. Kernel: {@code fs/proc_namespace.c show_mountinfo}; see man5
 * {@code proc_pid_mountinfo}.
 *
 * @param id           a unique ID for the mount (may be reused after umount)
 * @param parent       the ID of the parent mount
 * @param root         the pathname of the directory in the filesystem which forms the root of this mount; for cgroup
 *                     filesystems relative to the reader's cgroup namespace
 * @param mountPoint   the pathname of the mount point relative to the process's root directory
 * @param options      per-mount options
 * @param fsType       the filesystem type
 * @param source       filesystem-specific information
 * @param superOptions per-superblock options; a cgroup v1 mount names its controllers here
 */
public record Mount(int id, int parent, String root, String mountPoint, List<String> options, String fsType,
        String source, List<String> superOptions) {
    public Mount {
        options = List.copyOf(options);
        superOptions = List.copyOf(superOptions);
    }

    /** Parses the file. */
    public static List<Mount> parse(String file, Reader text) throws IOException {
        var lines = new Lines(file, text);
        var mounts = new ArrayList<Mount>();
        while (lines.next() != null) {
            String[] w = lines.line().split(" ");
            int dash = 6;
            while (dash < w.length && !w[dash].equals("-")) {
                dash++;
            }
            if (w.length < 7 || dash + 3 >= w.length) {
                throw lines.broken("expected six fields, optional ones, \"-\" and three more");
            }
            mounts.add(new Mount(lines.integer("mount ID", w[0]), lines.integer("parent ID", w[1]),
                    unescape(w[3]), unescape(w[4]), List.of(w[5].split(",")), w[dash + 1], unescape(w[dash + 2]),
                    List.of(w[dash + 3].split(","))));
        }
        return List.copyOf(mounts);
    }

    /** Undoes {@code mangle_path}: blank, tab, newline, backslash and # are three octal digits. */
    private static String unescape(String text) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        var out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 3 < text.length() && text.substring(i + 1, i + 4).matches("[0-3][0-7]{2}")) {
                out.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }
}
