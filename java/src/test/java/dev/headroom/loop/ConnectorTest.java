package dev.headroom.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

import dev.headroom.linux.Errno;
import dev.headroom.linux.Sockaddr;

@ParameterizedClass
@EnumSource(Engine.class)
class ConnectorTest {
    @Parameter
    Engine engine;

    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<Sockaddr> locals = new CopyOnWriteArrayList<>();
    private Rig rig;
    private Connector connector;

    private final ConnectionHandler handler = new ConnectionHandler() {
        @Override
        public void opened(Connections c, int fd) throws IOException {
            events.add("opened");
            locals.add(c.localAddress(fd));
            c.send(fd, ByteBuffer.wrap("hello".getBytes(StandardCharsets.ISO_8859_1)));
        }

        @Override
        public void received(Connections c, int fd, ByteBuffer data) {
            events.add(StandardCharsets.ISO_8859_1.decode(data).toString());
        }

        @Override
        public void closed(Connections c, int fd, int errno) {
            events.add("closed " + errno);
        }
    };

    @BeforeEach
    void start() throws Exception {
        rig = new Rig(engine);
        connector = rig.on(() -> new Connector(rig.loop, handler, (fd, errno) -> events.add(Errno.name(errno))));
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private Sockaddr echo() throws Exception {
        return rig.listen((c, fd, data) -> c.send(fd, data));
    }

    private void await(String... expected) throws Exception {
        Rig.untilEqual(List.of(expected), () -> List.copyOf(events));
    }

    private int connect(Sockaddr source, Sockaddr target) throws Exception {
        return rig.on(() -> connector.connect(source, target));
    }

    @Test
    void shouldConnectFromAnAddressAndPortOfTheKernelsChoice() throws Exception {
        Sockaddr address = echo();
        assertTrue(rig.on(() -> connector.connect(address)) >= 0);
        await("opened", "hello");
        assertEquals("127.0.0.1", locals.getFirst().address().getHostAddress());
    }

    @Test
    void shouldConnectFromAGivenAddressAndAPortOfTheKernelsChoice() throws Exception {
        assertTrue(connect(Sockaddr.of("127.0.0.23", 0), echo()) >= 0);
        await("opened", "hello");
        assertEquals("127.0.0.23", locals.getFirst().address().getHostAddress());
        assertTrue(locals.getFirst().port() > 0);
    }

    @Test
    void shouldConnectFromOnePortToSeveralTargets() throws Exception {
        Sockaddr first = echo();
        Sockaddr second = echo();
        int port;
        try (Listener probe = Listener.open(Sockaddr.of("127.0.0.24", 0), 1)) {
            port = probe.address().port();
        }
        Sockaddr source = Sockaddr.of("127.0.0.24", port);
        assertTrue(connect(source, first) >= 0);
        await("opened", "hello");
        assertTrue(connect(source, second) >= 0);
        await("opened", "hello", "opened", "hello");
        assertEquals(List.of(source, source), locals);

        // The same four-tuple once more is refused at once, and nothing is left open.
        int before = Rig.openDescriptors();
        assertEquals(-Errno.EADDRNOTAVAIL.number(), connect(source, first));
        assertEquals("connect", rig.on(connector::failedCall));
        assertEquals(before, Rig.openDescriptors());
    }

    @Test
    void shouldSayWhichCallFailed() throws Exception {
        int before = Rig.openDescriptors();
        assertEquals(-Errno.EADDRNOTAVAIL.number(), connect(Sockaddr.of("192.0.2.1", 0), echo()));
        assertEquals("bind", rig.on(connector::failedCall));
        // one more: the listener of echo()
        assertEquals(before + 1, Rig.openDescriptors());
    }

    @Test
    void shouldReportARefusalOnceAndCloseTheDescriptor() throws Exception {
        Sockaddr nobody;
        try (Listener gone = Listener.open(Sockaddr.of("127.0.0.1", 0), 1)) {
            nobody = gone.address();
        }
        int before = Rig.openDescriptors();
        int fd = rig.on(() -> connector.connect(nobody));
        if (fd >= 0) {
            await("ECONNREFUSED");
        } else {
            assertEquals(-Errno.ECONNREFUSED.number(), fd);
        }
        assertEquals(0, rig.on(rig.loop::registered));
        assertEquals(before, Rig.openDescriptors());
    }

    @Test
    void shouldAbandonAConnectionThatTheQueueHasNoRoomFor() throws Exception {
        Listener full = rig.listener(0);
        rig.peer(full.address());
        int before = Rig.openDescriptors();
        // The queue holds backlog + 1; the next SYN is dropped.
        int fd = rig.on(() -> connector.connect(full.address()));
        assertTrue(fd >= 0);
        assertTrue(rig.on(() -> connector.isConnecting(fd)));
        ByteBuffer early = ByteBuffer.wrap(new byte[1]);
        assertFalse(rig.on(() -> rig.loop.connections().send(fd, early)), "there is no connection yet");
        assertEquals(1, early.remaining());

        rig.on(() -> {
            connector.abandon(fd);
            return null;
        });

        assertFalse(rig.on(() -> connector.isConnecting(fd)));
        assertEquals(0, rig.on(rig.loop::registered));
        assertEquals(before, Rig.openDescriptors());
        assertEquals(List.of(), events);
    }

    @Test
    void shouldConnectOverIPv6() throws Exception {
        assumeTrue(NetworkInterface.getByInetAddress(InetAddress.ofLiteral("::1")) != null, "no IPv6 loopback here");
        try (Listener six = Listener.open(Sockaddr.of("::1", 0), 16)) {
            rig.on(() -> rig.loop.listen(six, (c, fd, data) -> c.send(fd, data)));
            assertTrue(connect(Sockaddr.of("::1", 0), six.address()) >= 0, () -> connector.failedCall());
            await("opened", "hello");
            assertEquals("[::1]", locals.getFirst().toString().replaceAll(":\\d+$", ""));
        }
    }
}
