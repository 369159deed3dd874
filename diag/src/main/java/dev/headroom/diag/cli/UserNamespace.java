package dev.headroom.diag.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import dev.headroom.diag.lab.Tool;
import dev.headroom.proc.ProcFs;

/**
 * The lab for somebody who is not root: the whole command once more, as root of a user namespace with a mount namespace
 * of its own, where the system allows that. There {@code /run} is empty and its own, and everything goes with it.
 */
final class UserNamespace {
    private static final int CAP_SYS_ADMIN = 21;
    private static final List<String> ENTER = List.of("unshare", "--user", "--map-root-user", "--mount", "--net",
            "--kill-child");
    private static final String PREPARE = "mount -t tmpfs tmpfs /run && exec \"$@\"";

    private UserNamespace() {
    }

    /** Whether this process cannot make network namespaces as it is. */
    static boolean isNeeded() throws CannotException {
        try {
            return !new ProcFs().self().status().hasEffective(CAP_SYS_ADMIN);
        } catch (IOException e) {
            throw new CannotException("cannot read its own capabilities: " + e.getMessage(), e);
        }
    }

    /**
     * Runs this command line inside, with our terminal.
     *
     * @param args of the command
     * @return its exit status
     * @throws CannotException if the system does not allow it, with what it said
     */
    static int run(List<String> args) throws CannotException, InterruptedException {
        try {
            if (!Tool.isHere("unshare")) {
                throw new IOException("unshare of util-linux is not on PATH");
            }
            Tool.run(with(ENTER, List.of("sh", "-c", PREPARE, "sh", "true")), "");
            List<String> line = with(ENTER, List.of("sh", "-c", PREPARE, "sh"));
            line.addAll(Self.command());
            line.addAll(args);
            Process inside = new ProcessBuilder(line).inheritIO().start();
            // Ctrl-C reaches it too, and it ends by itself; SIGTERM reaches only us.
            Signals.onStop(() -> inside.toHandle().destroy());
            return inside.waitFor();
        } catch (IOException e) {
            throw new CannotException("the lab needs root, or a user namespace: " + e.getMessage()
                    + "\n  what may forbid it: user.max_user_namespaces, kernel.unprivileged_userns_clone,"
                    + " kernel.apparmor_restrict_unprivileged_userns, a container's seccomp profile", e);
        }
    }

    private static List<String> with(List<String> first, List<String> more) {
        List<String> all = new ArrayList<>(first);
        all.addAll(more);
        return all;
    }
}
