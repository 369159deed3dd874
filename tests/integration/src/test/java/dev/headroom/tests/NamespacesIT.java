package dev.headroom.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the kernel allows, counted to the last connection, in network namespaces of their own. */
@Timeout(60)
class NamespacesIT {
    private Path ip;

    @BeforeEach
    void require() {
        ip = Requires.tool("ip");
        Requires.root();
    }

    private Namespace host(String range) throws Exception {
        Namespace host = Namespace.make(ip, null);
        host.set("ipv4/ip_local_port_range", range);
        return host;
    }

    /** As many connections as go, each of them echoed on. */
    private static void assertReaches(int expected, Namespace host, String listen, String... settings) throws Exception {
        String[] arguments = new String[settings.length + 3];
        try (EchoChild server = EchoChild.start(host.exec(), List.of(), "server", "listen=" + listen)) {
            arguments[0] = "client";
            arguments[1] = "targets=" + server.addresses();
            arguments[2] = "retry_ms=300";
            System.arraycopy(settings, 0, arguments, 3, settings.length);
            try (EchoChild client = EchoChild.start(host.exec(), List.of(), arguments)) {
                client.await("the limit is reported twice", s -> EchoChild.number(s, "limits") >= 2);
                Map<String, String> full = client.ask("stats");
                assertEquals(expected, EchoChild.number(full, "connections"), full::toString);
                assertEquals("connect/EADDRNOTAVAIL/" + expected + "/-1", full.get("limit"));
                client.await("all are echoed on",
                        s -> EchoChild.number(s, "messages") >= 3L * EchoChild.number(s, "connections"));
                client.ask("quiesce");
                client.await("outstanding", 0);
                server.await("connections", expected);
                Map<String, String> last = client.stop();
                assertEquals(expected, EchoChild.number(last, "opened"), last::toString);
                assertEquals(0, EchoChild.number(last, "lost") + EchoChild.number(last, "mismatched"), last::toString);
            }
        }
    }

    @Test
    void shouldReachEveryPortOfTheRange() throws Exception {
        try (Namespace host = host("40000 40999")) {
            assertReaches(1000, host, "127.0.0.1:9999", "every_ms=100");
        }
    }

    @Test
    void shouldReachAsManyAgainFromASecondSource() throws Exception {
        try (Namespace host = host("40000 40999")) {
            assertReaches(2000, host, "127.0.0.1:9999", "every_ms=100", "sources=127.0.0.1,127.0.0.2");
        }
    }

    @Test
    void shouldReachAsManyAgainAtASecondTarget() throws Exception {
        try (Namespace host = host("40000 40999")) {
            assertReaches(2000, host, "127.0.0.1:9999,127.0.0.2:9999", "every_ms=100", "loops=2");
        }
    }

    @Test
    void shouldReachAsManyLessAsPortsAreReserved() throws Exception {
        try (Namespace host = host("40000 40999")) {
            host.set("ipv4/ip_local_reserved_ports", "40100-40199,40555");
            assertReaches(899, host, "127.0.0.1:9999", "every_ms=100");
        }
    }

    @Test
    void shouldQueueOneMoreThanTheBacklogWhenTheServerIsFull() throws Exception {
        try (Namespace host = host("40000 40999");
                EchoChild server = EchoChild.start(host.exec(), List.of(), "server", "backlog=5", "nofile=100",
                        "retry_ms=3600000")) {
            int room = 100 - server.descriptors();
            try (EchoChild client = EchoChild.start(host.exec(), List.of(), "client", "targets=" + server.addresses(),
                    "n=500", "in_flight=1", "timeout_ms=200", "retry_ms=100")) {
                // On the way the queue may be full for a moment, because the client is faster than the server.
                long before = EchoChild.number(client.await("connections", room + 6), "ETIMEDOUT");
                client.await("no more connect", s -> EchoChild.number(s, "ETIMEDOUT") >= before + 4);
                assertEquals(room + 6, client.get("connections"));
                assertEquals(room, server.get("connections"));
            }
        }
    }
}
