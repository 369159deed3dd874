package dev.headroom.echo;

import java.util.Map;

/**
 * What a server or client has counted since it started.
 *
 * @param opened connections accepted or connected
 * @param closed of these, the ones that have ended
 * @param sent messages sent (client)
 * @param messages messages whose bytes all came back (client), or reads that were echoed (server)
 * @param bytes bytes echoed
 * @param lost messages whose connection ended, or whose time ran out, before they came back (client)
 * @param mismatched messages that came back altered (client)
 * @param shed connections accepted and reset at a limit (server)
 * @param errors how often each errno ended or prevented a connection, by name
 */
public record EchoCounters(long opened, long closed, long sent, long messages, long bytes, long lost, long mismatched,
        long shed, Map<String, Long> errors) {
    public EchoCounters {
        errors = Map.copyOf(errors);
    }

    /** Connections that are open. */
    public long connections() {
        return opened - closed;
    }

    /** Messages that are still to come back. */
    public long outstanding() {
        return Math.max(0, sent - messages - lost - mismatched);
    }
}
