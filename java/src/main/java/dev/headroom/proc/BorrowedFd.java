package dev.headroom.proc;

import java.util.Optional;

/**
 * What a socket or pipe says of itself when a duplicate of its descriptor is asked.
 *
 * @param fd its number in the process it belongs to
 * @param kind what it is
 * @param local its own address, "127.0.0.1:9999", "/path" or "@name"; empty for a pipe and a unix socket without name
 * @param peer the address it is connected to
 * @param state of a TCP socket
 * @param listening whether it listens (SO_ACCEPTCONN)
 * @param reusePort whether it shares its port (SO_REUSEPORT)
 * @param ports the range of ports that it may be given (IP_LOCAL_PORT_RANGE, Linux 6.3), if it has one of its own
 * @param held bytes that it holds: of a TCP socket those not acknowledged, of another one those not taken by the reader
 *            or the device, overhead included; of a pipe those not read
 * @param room how many it may hold: SO_SNDBUF, or the size of the pipe
 * @param full whether a write would wait
 * @param carried whether a segment ever came in for a TCP socket: it has been connected
 * @param broken whether a pipe has no reader any more
 */
public record BorrowedFd(int fd, Kind kind, Optional<String> local, Optional<String> peer, Optional<TcpState> state,
        boolean listening, boolean reusePort, Optional<Sysctl.Range> ports, long held, long room, boolean full,
        boolean carried, boolean broken) {
    /** What can be asked. */
    public enum Kind {
        TCP("TCP socket"), UDP("UDP socket"), UNIX_STREAM("unix stream"), UNIX_DGRAM("unix datagram socket"), PIPE(
                "pipe"),
        OTHER("socket");

        private final String words;

        Kind(String words) {
            this.words = words;
        }

        /** As a person calls it. */
        public String words() {
            return words;
        }
    }

    /** The local port; 0 where there is none. */
    public int localPort() {
        return local.map(l -> l.substring(l.lastIndexOf(':') + 1)).filter(p -> p.matches("\\d{1,5}"))
                .map(Integer::parseInt).orElse(0);
    }
}
