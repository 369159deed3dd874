package dev.headroom.proc;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Finds a cgroup in the mounted cgroup filesystems and reads it and its ancestors: what differs between v1 and v2. */
final class CgroupFs {
    /**
     * From here up a v1 limit means none. The kernel prints {@code PAGE_COUNTER_MAX} × page size, that is the largest
     * long rounded down to a page: 0x7ffffffffffff000 with pages of 4 KiB, this with 64 KiB.
     */
    private static final long V1_UNLIMITED = 0x7fff_ffff_ffff_0000L;

    private final Path directory;
    private final List<String> denied = new ArrayList<>();

    private CgroupFs(Path directory) {
        this.directory = directory;
    }

    static Optional<CgroupWalk> walk(ProcFs fs, List<CgroupMembership> memberships, String controller)
            throws IOException {
        CgroupMembership v2 = null;
        CgroupMembership membership = null;
        for (CgroupMembership m : memberships) {
            if (m.controllers().contains(controller)) {
                membership = m;
            } else if (m.isV2()) {
                v2 = m;
            }
        }
        int version = membership != null ? 1 : 2;
        if (membership == null) {
            membership = v2;
        }
        if (membership == null) {
            return Optional.empty();
        }
        Mount mount = mount(fs.mounts(), version, controller, membership.path());
        if (mount == null) {
            return Optional.of(new CgroupWalk(controller, version, membership.path(), List.of(), false));
        }
        Path top = fs.below(mount.mountPoint());
        if (version == 2 && !hasController(top, controller)) {
            return Optional.empty();
        }
        var levels = new ArrayList<CgroupWalk.Level>();
        String path = membership.path();
        while (true) {
            Path directory = top.resolve(beneath(path, mount.root()));
            var cgroup = new CgroupFs(directory);
            levels.add(controller.equals("pids") ? cgroup.pids(path) : cgroup.memory(path, version));
            if (path.equals(mount.root())) {
                break;
            }
            int slash = path.lastIndexOf('/');
            path = slash == 0 ? "/" : path.substring(0, slash);
        }
        boolean realRoot = version == 1
                ? Files.exists(top.resolve("release_agent")) : !Files.exists(top.resolve("cgroup.events"));
        return Optional.of(new CgroupWalk(controller, version, membership.path(), levels, realRoot));
    }

    /** The mount that shows the cgroup and most of its ancestors. */
    private static Mount mount(List<Mount> mounts, int version, String controller, String path) {
        Mount best = null;
        for (Mount m : mounts) {
            boolean fits = version == 2
                    ? m.fsType().equals("cgroup2")
                    : m.fsType().equals("cgroup") && m.superOptions().contains(controller);
            if (fits && shows(m.root(), path) && (best == null || m.root().length() < best.root().length())) {
                best = m;
            }
        }
        return best;
    }

    private static boolean shows(String root, String path) {
        if (path.startsWith("/..") || root.startsWith("/..")) {
            return false;
        }
        return root.equals("/") || path.equals(root) || path.startsWith(root + "/");
    }

    private static String beneath(String path, String root) {
        String rest = root.equals("/") ? path : path.substring(root.length());
        return rest.startsWith("/") ? rest.substring(1) : rest;
    }

    /** Whether a v2 hierarchy has the controller; one that does not say is taken to have it. */
    private static boolean hasController(Path top, String controller) throws IOException {
        try {
            return ProcFs.read(top.resolve("cgroup.controllers"),
                    (file, text) -> List.of(Lines.words(Lines.all(text))).contains(controller));
        } catch (NoSuchFileException | AccessDeniedException e) {
            return true;
        }
    }

    private CgroupWalk.Level pids(String path) throws IOException {
        return new CgroupWalk.Level(path, number("pids.max"), OptionalLong.empty(), number("pids.current"),
                number("pids.peak"), OptionalLong.empty(), counters("pids.events"), counters("pids.events.local"),
                Counters.NONE, denied);
    }

    private CgroupWalk.Level memory(String path, int version) throws IOException {
        if (version == 2) {
            return new CgroupWalk.Level(path, number("memory.max"), number("memory.high"), number("memory.current"),
                    number("memory.peak"), OptionalLong.empty(), counters("memory.events"),
                    counters("memory.events.local"), counters("memory.stat"), denied);
        }
        OptionalLong limit = number("memory.limit_in_bytes");
        if (limit.isPresent() && limit.getAsLong() >= V1_UNLIMITED) {
            limit = OptionalLong.of(CgroupWalk.MAX);
        }
        var stat = new LinkedHashMap<>(counters("memory.stat").values());
        for (String name : List.of("memory.kmem.usage_in_bytes", "memory.kmem.tcp.usage_in_bytes")) {
            number(name).ifPresent(value -> stat.put(name, value));
        }
        return new CgroupWalk.Level(path, limit, OptionalLong.empty(), number("memory.usage_in_bytes"),
                number("memory.max_usage_in_bytes"), number("memory.failcnt"), counters("memory.oom_control"),
                Counters.NONE, new Counters(stat), denied);
    }

    private OptionalLong number(String name) throws IOException {
        try {
            return OptionalLong.of(ProcFs.read(directory.resolve(name), (file, text) -> {
                var lines = new Lines(file, text);
                return lines.decimalOr("max", name, lines.need("a number or \"max\"").strip());
            }));
        } catch (NoSuchFileException e) {
            return OptionalLong.empty();
        } catch (AccessDeniedException e) {
            denied.add(name);
            return OptionalLong.empty();
        }
    }

    private Counters counters(String name) throws IOException {
        try {
            return ProcFs.read(directory.resolve(name), Counters::parseFlat);
        } catch (NoSuchFileException e) {
            return Counters.NONE;
        } catch (AccessDeniedException e) {
            denied.add(name);
            return Counters.NONE;
        }
    }
}
