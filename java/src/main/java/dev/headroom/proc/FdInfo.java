package dev.headroom.proc;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * {@code /proc/PID/fdinfo/N}; needs the same user ID or CAP_SYS_PTRACE. Kernel: {@code fs/proc/fd.c seq_show} and the
 * {@code show_fdinfo} of each kind of file; see man5 {@code proc_pid_fdinfo}. An epoll instance prints one line a
 * watch, so all are counted but only as many kept as the caller asks for.
 *
 * @param pos            file offset
 * @param flags          file access mode and status flags ({@code O_*}), with {@code O_CLOEXEC} (02000000 octal)
 * @param mntId          mount ID, as in mountinfo; absent before Linux 3.15
 * @param ino            inode number; since Linux 5.14
 * @param eventfdCount   an eventfd's counter, unsigned; absent for other kinds
 * @param epollCount     number of {@code tfd:} lines: watches of an epoll instance
 * @param epollTargets   the first of these lines
 * @param inotifyCount   number of {@code inotify} lines: watches of an inotify instance
 * @param inotifyWatches the first of these lines
 */
public record FdInfo(long pos, int flags, OptionalLong mntId, OptionalLong ino, OptionalLong eventfdCount,
        int epollCount, List<EpollTarget> epollTargets,
        int inotifyCount, List<InotifyWatch> inotifyWatches) {

    /**
     * {@code tfd:} line, from {@code fs/eventpoll.c ep_show_fdinfo}.
     *
     * @param tfd    the number under which the file was added; it may have been closed or reused since
     * @param events mask of events ({@code EPOLL*}), EPOLLERR and EPOLLHUP always among them
     * @param data   the caller's {@code epoll_data}, all 64 bits
     * @param ino    inode number of the file watched; newer kernels only
     */
    public record EpollTarget(int tfd, int events, long data, OptionalLong ino) {
    }

    /**
     * {@code inotify wd:} line, from {@code fs/notify/fdinfo.c inotify_fdinfo}.
     *
     * @param wd   watch descriptor; the file has it in hexadecimal, whatever the man page says
     * @param ino  inode number of the file watched
     * @param sdev its device
     * @param mask events watched ({@code IN_*})
     */
    public record InotifyWatch(int wd, long ino, long sdev, int mask) {
    }

    public FdInfo {
        epollTargets = List.copyOf(epollTargets);
        inotifyWatches = List.copyOf(inotifyWatches);
    }

    /** Parses the file, keeping at most {@code keep} epoll targets and as many inotify watches. */
    public static FdInfo parse(String file, Reader text, int keep) throws IOException {
        var lines = new Lines(file, text);
        long pos = 0;
        int flags = -1;
        var mntId = OptionalLong.empty();
        var ino = OptionalLong.empty();
        var eventfd = OptionalLong.empty();
        int epollCount = 0;
        int inotifyCount = 0;
        var targets = new ArrayList<EpollTarget>();
        var watches = new ArrayList<InotifyWatch>();
        while (lines.next() != null) {
            String line = lines.line();
            if (line.startsWith("tfd:")) {
                if (epollCount++ < keep) {
                    targets.add(target(lines));
                }
            } else if (line.startsWith("inotify wd:")) {
                if (inotifyCount++ < keep) {
                    watches.add(watch(lines));
                }
            } else if (line.startsWith("pos:")) {
                pos = lines.decimal("pos", value(line));
            } else if (line.startsWith("flags:")) {
                flags = (int) octal(lines, value(line));
            } else if (line.startsWith("mnt_id:")) {
                mntId = OptionalLong.of(lines.decimal("mnt_id", value(line)));
            } else if (line.startsWith("ino:")) {
                ino = OptionalLong.of(lines.decimal("ino", value(line)));
            } else if (line.startsWith("eventfd-count:")) {
                eventfd = OptionalLong.of(lines.hex("eventfd-count", value(line)));
            }
        }
        if (flags == -1) {
            throw lines.ends("\"flags:\"");
        }
        return new FdInfo(pos, flags, mntId, ino, eventfd, epollCount, targets, inotifyCount, watches);
    }

    private static String value(String line) {
        return line.substring(line.indexOf(':') + 1).strip();
    }

    private static long octal(Lines lines, String text) throws ProcParseException {
        try {
            return Long.parseLong(text, 8);
        } catch (NumberFormatException e) {
            throw lines.broken("flags is not an octal number (\"" + text + "\")");
        }
    }

    /** {@code tfd:        4 events:       19 data:                4  pos:0 ino:1ab1 sdev:9}. */
    private static EpollTarget target(Lines lines) throws ProcParseException {
        Map<String, String> v = pairs(lines);
        return new EpollTarget(lines.integer("tfd", need(lines, v, "tfd")),
                (int) lines.hex("events", need(lines, v, "events")),
                lines.hex("data", need(lines, v, "data")),
                v.containsKey("ino") ? OptionalLong.of(lines.hex("ino", v.get("ino"))) : OptionalLong.empty());
    }

    /** {@code inotify wd:12 ino:13 sdev:fe00000 mask:fff ignored_mask:0 …}, all hexadecimal: this wd is 18. */
    private static InotifyWatch watch(Lines lines) throws ProcParseException {
        Map<String, String> v = pairs(lines);
        return new InotifyWatch((int) lines.hex("wd", need(lines, v, "wd")), lines.hex("ino", need(lines, v, "ino")),
                lines.hex("sdev", need(lines, v, "sdev")), (int) lines.hex("mask", need(lines, v, "mask")));
    }

    /** {@code name:value} or {@code name: value}, between blanks. */
    private static Map<String, String> pairs(Lines lines) {
        var pairs = new HashMap<String, String>();
        String open = null;
        for (String word : lines.words()) {
            int colon = word.indexOf(':');
            if (open != null) {
                pairs.put(open, word);
                open = null;
            } else if (colon == word.length() - 1) {
                open = word.substring(0, colon);
            } else if (colon > 0) {
                pairs.put(word.substring(0, colon), word.substring(colon + 1));
            }
        }
        return pairs;
    }

    private static String need(Lines lines, Map<String, String> pairs, String name) throws ProcParseException {
        String value = pairs.get(name);
        if (value == null) {
            throw lines.broken("has no \"" + name + ":\"");
        }
        return value;
    }
}
