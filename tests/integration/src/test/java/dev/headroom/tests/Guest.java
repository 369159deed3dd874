package dev.headroom.tests;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A Linux machine of our own, for what a test must not do to this one: QEMU without KVM (it works everywhere), the kernel
 * of a distribution, and all it needs from this machine in an initial RAM disk: busybox, bash, the JDK, the built headroom.
 * Its first program is {@code src/test/guest/rc}, which does what comes through a serial port. <b>Not thread-safe.</b>
 */
final class Guest implements AutoCloseable {
    /** Sockets of other programs are read through these. They come after what they need. */
    private static final List<String> MODULES = List.of("inet_diag", "tcp_diag", "udp_diag", "unix_diag", "dummy");
    /** What of a JDK is not needed to run. */
    private static final Pattern NOT_PACKED = Pattern
            .compile("(include|jmods|legal|man)(/.*)?|bin/(?!javac?$).*|lib/(src\\.zip|ct\\.sym)|.*\\.jsa");
    private static final Pattern LIBRARY = Pattern.compile("(?:^|=> )\\s*(/\\S+) \\(0x");
    private static final byte END = 4;

    private final Process qemu;
    private final Path console;
    private final OutputStream in;
    private final InputStream out;
    private final Thread atExit;

    /**
     * What stands in the initial RAM disk.
     *
     * @param kernel a folder with vmlinuz and modules
     * @param headroom the launcher, built
     * @param provoke linked statically
     * @param folder to pack in
     */
    record Parts(Path kernel, Path headroom, Path provoke, Path folder) {
    }

    /** Boots; returns when it takes commands. */
    static Guest boot(Parts parts) throws IOException, InterruptedException {
        Path disk = pack(parts);
        Path console = parts.folder.resolve("console.log");
        Guest guest = new Guest(new ProcessBuilder(Requires.tool("qemu-system-x86_64").toString(), "-accel", "tcg",
                "-cpu", "max", "-smp", "2", "-m", "2048", "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-kernel", parts.kernel.resolve("vmlinuz").toString(), "-initrd", disk.toString(),
                // The mitigations cost an emulated processor most of its time.
                "-append", "console=ttyS0 quiet panic=-1 mitigations=off", "-serial", "file:" + console, "-serial",
                "stdio").redirectErrorStream(true).start(), console);
        try {
            guest.answer(Duration.ofSeconds(180));
            return guest;
        } catch (IOException | InterruptedException | AssertionError e) {
            guest.close();
            throw e;
        }
    }

    private Guest(Process qemu, Path console) {
        this.qemu = qemu;
        this.console = console;
        this.in = qemu.getOutputStream();
        this.out = qemu.getInputStream();
        this.atExit = new Thread(qemu::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(atExit);
    }

    /** Does one line of shell. @return its output, when it has ended with status 0 */
    String run(String line) throws IOException, InterruptedException {
        Answer answer = ask(line);
        if (answer.status != 0) {
            throw new AssertionError(line + " ended with status " + answer.status + ": " + answer.text);
        }
        return answer.text.strip();
    }

    /** Does one line of shell that may fail. */
    Answer ask(String line) throws IOException, InterruptedException {
        in.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        in.flush();
        return answer(Duration.ofSeconds(300));
    }

    /** @param text what a line has printed */
    record Answer(String text, int status) {
    }

    private Answer answer(Duration atMost) throws IOException, InterruptedException {
        long end = System.nanoTime() + atMost.toNanos();
        var text = new ByteArrayOutputStream();
        var status = new StringBuilder();
        for (boolean ended = false;;) {
            if (out.available() == 0) {
                if (!qemu.isAlive() || System.nanoTime() - end > 0) {
                    throw new AssertionError((qemu.isAlive() ? "no answer in " + atMost.toSeconds() + " s"
                            : "the guest is gone") + "; it said: " + text.toString(StandardCharsets.UTF_8)
                            + "\nits console: " + Files.readString(console));
                }
                Thread.sleep(5);
                continue;
            }
            int c = out.read();
            if (!ended) {
                ended = c == END;
                if (!ended) {
                    text.write(c);
                }
            } else if (c == '\n') {
                return new Answer(text.toString(StandardCharsets.UTF_8), Integer.parseInt(status.toString().strip()));
            } else {
                status.append((char) c);
            }
        }
    }

    /** The release of its kernel. */
    String kernel() throws IOException, InterruptedException {
        return run("uname -r");
    }

    /** It is gone at once: nothing in it is to be kept. */
    @Override
    public void close() {
        qemu.destroyForcibly();
        Runtime.getRuntime().removeShutdownHook(atExit);
    }

    /** Two archives one after the other: files of this machine under their own names, and what the guest has besides. */
    private static Path pack(Parts parts) throws IOException, InterruptedException {
        Path jdk = Path.of(System.getProperty("java.home"));
        Path root = parts.headroom.getParent();
        String build = Files.readString(root.resolve("diag/target/headroom/current")).strip();
        Set<Path> host = new LinkedHashSet<>();
        for (Path file : files(jdk)) {
            if (!NOT_PACKED.matcher(jdk.relativize(file).toString()).matches()) {
                add(host, file);
            }
        }
        for (Path file : files(root.resolve("diag/target/headroom/" + build))) {
            add(host, file);
        }
        Path bash = Requires.tool("bash").toRealPath();
        for (Path program : List.of(bash, jdk.resolve("bin/java"), jdk.resolve("lib/server/libjvm.so"))) {
            add(host, program);
            for (String line : output("ldd", program.toString()).lines().toList()) {
                Matcher m = LIBRARY.matcher(line);
                if (m.find()) {
                    add(host, Path.of(m.group(1)));
                }
            }
        }
        for (Path file : List.of(parts.headroom, root.resolve("pom.xml"),
                root.resolve("diag/target/headroom/current"))) {
            add(host, file);
        }

        Path stage = Files.createDirectories(parts.folder.resolve("stage"));
        Path guest = Files.createDirectories(stage.resolve("guest"));
        for (String empty : List.of("dev", "proc", "sys", "tmp", "etc", "guest/bin", "guest/modules")) {
            Files.createDirectories(stage.resolve(empty));
        }
        Files.createSymbolicLink(stage.resolve("init"), Path.of("guest/busybox"));
        Files.writeString(stage.resolve("etc/inittab"), "::once:/guest/rc\n");
        Files.copy(Requires.tool("busybox"), guest.resolve("busybox"));
        Files.copy(parts.provoke, guest.resolve("provoke"));
        Files.copy(root.resolve("tests/integration/src/test/guest/rc"), guest.resolve("rc"));
        Files.writeString(guest.resolve("environment"), "ln -s " + parts.headroom + " /guest/bin/headroom\n"
        // For users who may not look into a home.
                + "chmod -R a+rX /" + root.getName(0) + " /" + jdk.getName(0) + "\nexport HEADROOM_JAVA_HOME=" + jdk
                // To compile takes longer here than to interpret.
                + " HEADROOM_JAVA_OPTS=-Xint\n");
        StringBuilder order = new StringBuilder();
        for (String name : MODULES) {
            try (Stream<Path> all = Files.walk(parts.kernel.resolve("modules"))) {
                Path module = all.filter(p -> p.getFileName().toString().startsWith(name + ".ko")).findFirst()
                        .orElseThrow(() -> new AssertionError("no module " + name + " in " + parts.kernel));
                Files.copy(module, guest.resolve("modules").resolve(module.getFileName()));
                order.append(module.getFileName()).append('\n');
            }
        }
        Files.writeString(guest.resolve("modules/order"), order);

        Path disk = parts.folder.resolve("initrd");
        try (OutputStream archive = Files.newOutputStream(disk)) {
            archive(archive, Path.of("/"), host.stream().map(p -> p.toString().substring(1)).toList());
            try (Stream<Path> all = Files.walk(stage)) {
                archive(archive, stage, all.filter(p -> !p.equals(stage)).map(p -> stage.relativize(p).toString())
                        .toList());
            }
        }
        return disk;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(p -> !Files.isDirectory(p)).sorted(Comparator.naturalOrder()).toList();
        }
    }

    /** The file, all folders above it, and what symbolic links on the way lead to. */
    private static void add(Set<Path> all, Path file) throws IOException {
        Path parent = file.getParent();
        if (parent.getParent() != null) {
            add(all, parent);
        }
        if (Files.isSymbolicLink(file)) {
            add(all, file.toRealPath());
        } else if (!parent.toRealPath().equals(parent)) {
            add(all, parent.toRealPath().resolve(file.getFileName()));
            return;
        }
        all.add(file);
    }

    private static void archive(OutputStream to, Path folder, List<String> names) throws IOException,
            InterruptedException {
        Process cpio = new ProcessBuilder(Requires.tool("busybox").toString(), "cpio", "-o", "-H", "newc")
                .directory(folder.toFile()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        Thread feeder = Thread.ofVirtual().start(() -> {
            try (OutputStream list = cpio.getOutputStream()) {
                list.write((String.join("\n", names) + "\n").getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // It has ended, and its status will tell.
            }
        });
        cpio.getInputStream().transferTo(to);
        feeder.join();
        if (cpio.waitFor() != 0) {
            throw new IOException("busybox cpio in " + folder + " ended with status " + cpio.exitValue());
        }
    }

    private static String output(String... command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        p.waitFor();
        return said;
    }
}
