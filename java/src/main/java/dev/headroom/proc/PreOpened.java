package dev.headroom.proc;

import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.OptionalLong;

/**
 * The reader's own files, opened while descriptors were still to be had and read again from offset 0 whenever asked: so
 * a process can say why it got EMFILE or ENFILE. Costs five descriptors until closed. Opening reads each file once, so
 * that no class needed for parsing is left to be loaded from a file that could no longer be opened.
 *
 * <p>Safe for use by several threads. The descriptors belong to the table of the thread that opened them; the network
 * files stay those of the namespace the main thread was in then.
 */
public final class PreOpened implements AutoCloseable {
    private final ProcPid self;
    private final Held limits;
    private final Held status;
    private final Held fileNr;
    private final Held netstat;
    private final Held sockstat;
    private ByteBuffer buffer = ByteBuffer.allocateDirect(16 * 1024);

    /** Opens the files of the process that reads {@code proc}. */
    public PreOpened(ProcFs proc) throws IOException {
        self = proc.self();
        Path dir = self.directory();
        Held[] opened = new Held[5];
        try {
            limits = opened[0] = new Held(dir.resolve("limits"));
            status = opened[1] = new Held(dir.resolve("status"));
            fileNr = opened[2] = new Held(dir.resolveSibling("sys/fs/file-nr"));
            netstat = opened[3] = new Held(dir.resolve("net/netstat"));
            sockstat = opened[4] = new Held(dir.resolve("net/sockstat"));
            limits();
            status();
            fileNr();
            netstat();
            sockstat();
            fdCount();
        } catch (IOException | RuntimeException e) {
            for (Held held : opened) {
                if (held != null) {
                    held.channel.close();
                }
            }
            throw e;
        }
    }

    private record Held(String file, FileChannel channel) {
        Held(Path path) throws IOException {
            this(path.toString(), FileChannel.open(path, StandardOpenOption.READ));
        }
    }

    /** {@code /proc/self/limits}. */
    public Limits limits() throws IOException {
        return read(limits, Limits::parse);
    }

    /** {@code /proc/self/status}, of the main thread. */
    public Status status() throws IOException {
        return read(status, Status::parse);
    }

    /** {@code /proc/sys/fs/file-nr}, of the machine. */
    public FileNr fileNr() throws IOException {
        return read(fileNr, FileNr::parse);
    }

    /** {@code /proc/self/net/netstat}. */
    public Counters netstat() throws IOException {
        return read(netstat, Counters::parsePairs);
    }

    /** {@code /proc/self/net/sockstat}. */
    public SockStat sockstat() throws IOException {
        return read(sockstat, SockStat::parse);
    }

    /** {@link ProcPid#fdCount()} of this process, which takes no descriptor anyway; the files held here are in it. */
    public OptionalLong fdCount() throws IOException {
        try {
            return self.fdCount();
        } catch (NoSuchFileException e) {
            return OptionalLong.empty();
        }
    }

    @Override
    public void close() throws IOException {
        for (Held held : new Held[] {limits, status, fileNr, netstat, sockstat}) {
            held.channel.close();
        }
    }

    private <T> T read(Held held, ProcFs.Parser<T> parser) throws IOException {
        String text;
        synchronized (this) {
            buffer.clear();
            while (held.channel.read(buffer, buffer.position()) > 0) {
                if (!buffer.hasRemaining()) {
                    buffer = ByteBuffer.allocateDirect(buffer.capacity() * 2).put(buffer.flip());
                }
            }
            text = StandardCharsets.UTF_8.decode(buffer.flip()).toString();
        }
        return parser.parse(held.file, new StringReader(text));
    }
}
