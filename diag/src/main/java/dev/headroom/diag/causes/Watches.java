package dev.headroom.diag.causes;

import static dev.headroom.linux.Errno.EBADF;
import static dev.headroom.linux.Errno.EEXIST;
import static dev.headroom.linux.Errno.EINVAL;
import static dev.headroom.linux.Errno.ELOOP;
import static dev.headroom.linux.Errno.EMFILE;
import static dev.headroom.linux.Errno.ENOENT;
import static dev.headroom.linux.Errno.ENOMEM;
import static dev.headroom.linux.Errno.ENOSPC;
import static dev.headroom.linux.Errno.EPERM;

import java.util.List;

import dev.headroom.diag.Case;
import dev.headroom.diag.Cause;
import dev.headroom.diag.Facts;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.linux.Errno;

/** Watches of epoll, inotify and fanotify: their quotas by user, and what epoll_ctl cannot watch. */
final class Watches {
    private static final Gauge EPOLL = new Gauge(Facts.EPOLL_WATCHES_USER, Facts.sysctl("fs.epoll.max_user_watches"),
            c -> "epoll watches of " + Say.realUser(c));
    private static final Gauge INSTANCES = new Gauge(Facts.INOTIFY_INSTANCES_USER,
            Facts.sysctl("fs.inotify.max_user_instances"), c -> "inotify instances of " + Say.effectiveUser(c));
    private static final Gauge INOTIFY = new Gauge(Facts.INOTIFY_WATCHES_USER,
            Facts.sysctl("fs.inotify.max_user_watches"), c -> "inotify watches of " + Say.effectiveUser(c));
    private static final Gauge GROUPS = new Gauge(Facts.FANOTIFY_GROUPS_USER,
            Facts.sysctl("fs.fanotify.max_user_groups"), c -> "fanotify groups of " + Say.effectiveUser(c));
    private static final Gauge MARKS = new Gauge(Facts.FANOTIFY_MARKS_USER, Facts.sysctl("fs.fanotify.max_user_marks"),
            c -> "fanotify marks of " + Say.effectiveUser(c));

    private static final String NOT_NOFILE = "Do not raise RLIMIT_NOFILE: this quota has nothing to do with it, and "
            + "descriptors are free.";
    private static final String NOT_DISK = "Do not clean up the disk: ENOSPC here has nothing to do with disk space.";

    static final List<Cause> ALL = List.of(inotifyInstances(), fanotifyGroups(), epollUserWatches(), inotifyWatches(),
            fanotifyMarks(),
            contract("not-pollable", EPERM, "do_epoll_ctl: file_can_poll",
                    "the file can not be polled: it is a regular "
                            + "file or a directory, which are always ready",
                    "read and write regular files directly"),
            contract("epoll-already-added", EEXIST, "do_epoll_ctl: ep_find", "the epoll instance already watches that "
                    + "descriptor of the same file",
                    "use EPOLL_CTL_MOD, or EPOLL_CTL_DEL before the descriptor is reused"),
            contract("epoll-not-added", ENOENT, "do_epoll_ctl: ep_find", "the epoll instance does not watch that "
                    + "descriptor; closing its last copy removed it", "use EPOLL_CTL_ADD"),
            contract("epoll-bad-fd", EBADF, "do_epoll_ctl: fdget", "one of the two descriptors is not open",
                    "look for a descriptor closed too early, by another thread perhaps"),
            contract("epoll-not-allowed", EINVAL, "do_epoll_ctl, ep_loop_check: path_limits", "an epoll instance was "
                    + "added to itself, the first descriptor is no epoll instance, EPOLLEXCLUSIVE was used where it is "
                    + "not allowed, or one file has too many wake-up paths",
                    "watch the file from fewer nested instances"),
            contract("epoll-nesting", ELOOP, "ep_loop_check: EP_MAX_NESTS = 4", "the epoll instances would watch one "
                    + "another in a circle or through more than 4 links", "nest less deep"),
            epollSlab());

    private Watches() {
    }

    private static Cause inotifyInstances() {
        return Row.of("inotify-instances", EMFILE).calls("inotify_init", "inotify_init1")
                .rule("fs/notify/inotify/inotify_user.c inotify_new_group: EMFILE when the effective user has "
                        + "user.max_inotify_instances in its user namespace or in one above; root too (all supported "
                        + "versions)")
                .evidence(Facts.INOTIFY_INSTANCES_USER, INSTANCES.ceiling(), Facts.FD_INOTIFY, Facts.FD_USED,
                        Facts.limitSoft("nofile"))
                .remedies(c -> Remedies.sysctl("fs.inotify.max_user_instances",
                        Math.max(1024, Say.roomier(c.number(INSTANCES.ceiling()).orElse(128)))))
                .dont(NOT_NOFILE, "Do not write the sysctl from a user namespace that maps the host's root: it changes "
                        + "the host.")
                .next("tail -f, kubectl logs -f, systemctl and file watchers of that user fail with \"too many open "
                        + "files\".")
                .provoked("6.18 by test")
                .judge(c -> quota(c, INSTANCES, "has no inotify instance left"));
    }

    private static Cause fanotifyGroups() {
        return Row.of("fanotify-groups", EMFILE).calls("fanotify_init")
                .rule("fs/notify/fanotify/fanotify_user.c SYSCALL fanotify_init: EMFILE above "
                        + "fs.fanotify.max_user_groups of the effective user, root too (since 5.13)")
                .evidence(Facts.FANOTIFY_GROUPS_USER, GROUPS.ceiling(), Facts.FD_USED, Facts.limitSoft("nofile"))
                .remedies(c -> Remedies.roomierSysctl(c, "fs.fanotify.max_user_groups"))
                .dont(NOT_NOFILE)
                .next("Virus scanners and file monitors of that user do not start.")
                .provoked("6.18 by test")
                .judge(c -> quota(c, GROUPS, "has no fanotify group left"));
    }

    /**
     * EMFILE that is a quota of the user. Its count may be blind to processes that the reader may not look into; where
     * descriptors are free and the call is known, there is no other reason.
     */
    private static Finding quota(Case c, Gauge gauge, String none) {
        Finding counted = gauge.judge(c);
        return switch (gauge.fill(c)) {
            case FULL -> Shapes.named(c) || Descriptors.nofile(c) != Gauge.Fill.FULL ? counted
                    : Finding.possible(counted.sentence());
            case NEAR -> counted;
            case CLEAR -> Shapes.named(c) && Descriptors.nofile(c) == Gauge.Fill.CLEAR ? nested(c)
                    ? Finding
                            .confirmed("the limit of its own user namespace is reached (user.max_* read inside it), for"
                                    + " descriptors are free and by the host's " + counted.sentence())
                    : Finding.possible(Say.effectiveUser(c) + " " + none + " for it, although " + counted.sentence()
                            + " as far as can be seen: descriptors are free, and there is no third reason")
                    : counted;
            case UNKNOWN -> Descriptors.otherThanNofile(c, Say.effectiveUser(c) + " " + none
                    + c.number(gauge.ceiling()).stream().mapToObj(n -> " of " + n).findFirst().orElse("")
                    + ": descriptors are free, and there is no other reason", gauge.unknown(c));
        };
    }

    /** A user namespace may set lower limits of its own, which are not to be seen from outside. */
    private static boolean nested(Case c) {
        return c.text(Facts.USERNS_INITIAL).filter("no"::equals).isPresent();
    }

    private static Cause epollUserWatches() {
        return Row.of("epoll-user-watches", ENOSPC).calls("epoll_ctl")
                .rule("fs/eventpoll.c ep_alloc_epitem: ENOSPC when the user that made the epoll instance has "
                        + "fs.epoll.max_user_watches, counted over the whole machine; root too (all versions)")
                .evidence(Facts.EPOLL_WATCHES_USER, EPOLL.ceiling())
                .remedies(c -> Remedies.roomierSysctl(c, "fs.epoll.max_user_watches"))
                .dont(NOT_DISK, "Do not run it as root: root has the same quota.")
                .next("No process of that user can watch another descriptor; those watched go on.",
                        "A server accepts connections that it never hears of.")
                .provoked("6.18 by test")
                .judge(c -> soleQuota(c, EPOLL, "epoll_ctl"));
    }

    private static Cause inotifyWatches() {
        return Row.of("inotify-watches", ENOSPC).calls("inotify_add_watch")
                .rule("fs/notify/inotify/inotify_user.c inotify_new_watch: ENOSPC when the effective user has "
                        + "user.max_inotify_watches in its user namespace or in one above; root too (all supported versions)")
                .evidence(Facts.INOTIFY_WATCHES_USER, INOTIFY.ceiling())
                .remedies(c -> Remedies.sysctl("fs.inotify.max_user_watches",
                        Math.max(524288, Say.roomier(c.number(INOTIFY.ceiling()).orElse(8192)))))
                .dont(NOT_DISK)
                .next("File watchers of that user miss changes or poll; watches that exist go on.")
                .provoked("6.18 by test")
                .judge(c -> soleQuota(c, INOTIFY, "inotify_add_watch"));
    }

    private static Cause fanotifyMarks() {
        return Row.of("fanotify-marks", ENOSPC).calls("fanotify_mark")
                .rule("fs/notify/fanotify/fanotify_user.c fanotify_add_new_mark: ENOSPC above fs.fanotify.max_user_marks "
                        + "of the user, unless the group was made with FAN_UNLIMITED_MARKS (since 5.13)")
                .evidence(Facts.FANOTIFY_MARKS_USER, MARKS.ceiling())
                .remedies(c -> Remedies.roomierSysctl(c, "fs.fanotify.max_user_marks"))
                .dont(NOT_DISK)
                .next("Events of files without a mark are not reported.")
                .provoked("6.18 by test")
                .judge(c -> soleQuota(c, MARKS, "fanotify_mark"));
    }

    /** ENOSPC that a call returns for its quota only: the count is evidence, the call is proof. */
    private static Finding soleQuota(Case c, Gauge gauge, String call) {
        Finding counted = gauge.judge(c);
        if (gauge.fill(c) == Gauge.Fill.FULL) {
            return counted;
        }
        if (!Shapes.named(c)) {
            return counted;
        }
        String own = nested(c) && !call.equals("epoll_ctl")
                ? ", or that of its own user namespace (user.max_* read inside it)," : "";
        String seen = gauge.fill(c) == Gauge.Fill.UNKNOWN ? "" : " (as far as can be seen " + counted.sentence()
                + " now)";
        return Finding.confirmed("the quota of " + gauge.things().apply(c)
                + c.number(gauge.ceiling()).stream().mapToObj(n -> ", " + n + ",").findFirst().orElse("")
                + own + " was used up" + seen + ": " + call + " has no other reason for ENOSPC");
    }

    /** An error of epoll_ctl that is no limit: the program broke its rules. */
    private static Cause contract(String id, Errno errno, String function, String sentence, String way) {
        return Row.of(id, errno).calls("epoll_ctl")
                .rule("fs/eventpoll.c " + function + ": " + errno + " (all versions)")
                .remedies(c -> List.of(Remedy.now("change the program: " + way)))
                .dont("Do not raise a limit: none was met.")
                .next("The descriptor is not watched, so its events are never told.")
                .provoked("6.18 by test")
                .judge(c -> Shapes.only(c, "epoll_ctl", sentence));
    }

    private static Cause epollSlab() {
        return Row.of("epoll-slab", ENOMEM).calls("epoll_ctl", "epoll_create1", "epoll_create")
                .rule("fs/eventpoll.c ep_insert: 184 bytes of kernel memory a watch (x86-64) could not be had (all "
                        + "versions)")
                .evidence(Shapes.MEMORY_EVIDENCE)
                .remedies(Remedies::memory)
                .dont("Do not raise fs.epoll.max_user_watches: that is ENOSPC.")
                .next("More calls fail, or the OOM killer ends a process.")
                .judge(c -> Shapes.kernelMemory(c, "the watch"));
    }
}
