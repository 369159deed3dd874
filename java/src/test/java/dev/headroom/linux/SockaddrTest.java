package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SockaddrTest {
    private Memory memory;

    @BeforeEach
    void map() throws Exception {
        memory = Memory.map(4096);
    }

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void shouldWriteSockaddrInAsCLaysItOut() {
        memory.putBytes(8, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17});
        assertEquals(16, Sockaddr.of("127.0.0.1", 9999).write(memory, 8));
        // Family in the host's order, the rest in the network's, eight zero bytes, and nothing behind them.
        assertEquals("0200270f7f0000010000000000000000" + "11", hex(8, 17));
    }

    @Test
    void shouldWriteSockaddrIn6AsCLaysItOut() {
        memory.putBytes(8, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
        memory.putByte(36, (byte) 17);
        assertEquals(28, Sockaddr.of("2001:db8::abcd", 80).write(memory, 8));
        assertEquals("0a000050" + "00000000" + "20010db800000000000000000000abcd" + "00000000" + "11", hex(8, 29));
    }

    private String hex(long offset, int length) {
        return HexFormat.of().formatHex(memory.getBytes(offset, length));
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1, 0, 127.0.0.1:0", "255.255.255.255, 65535, 255.255.255.255:65535", "::1, 9999, [::1]:9999",
            "::, 0, [::]:0", "2001:db8:0:0:1:0:0:1, 1, [2001:db8::1:0:0:1]:1",
            "1:2:3:4:5:6:7:8, 2, [1:2:3:4:5:6:7:8]:2",
            "1:0:3:4:5:6:7:8, 3, [1:0:3:4:5:6:7:8]:3", "1:2:3:4:5:6:0:0, 4, [1:2:3:4:5:6::]:4",
            "0:0:3:4:5:6:7:8, 5, [::3:4:5:6:7:8]:5", "::ffff:10.0.0.1, 6, 10.0.0.1:6"})
    void shouldReadBackWhatItWroteAndNameIt(String literal, int port, String text) {
        Sockaddr written = Sockaddr.of(literal, port);
        written.write(memory, 0);
        Sockaddr read = Sockaddr.read(memory, 0);
        assertEquals(written, read);
        assertEquals(text, read.toString());
    }

    @Test
    void shouldReadAnIpv4MappedAddressAsIpv4() {
        memory.putBytes(0,
                HexFormat.of().parseHex("0a00270f00000000" + "00000000000000000000ffff7f000005" + "00000000"));
        Sockaddr read = Sockaddr.read(memory, 0);
        assertEquals("127.0.0.5:9999", read.toString());
        assertEquals(Socket.AF_INET, read.family());
    }

    @Test
    void shouldKeepTheScopeOfALinkLocalAddress() throws Exception {
        int index = NetworkInterface.getByName("lo").getIndex();
        Sockaddr scoped = Sockaddr.of("fe80::1%" + index, 7);
        assertEquals(28, scoped.write(memory, 0));
        assertEquals(index, memory.getInt(SockaddrIn6.sin6_scope_id));
        Sockaddr read = Sockaddr.read(memory, 0);
        assertEquals(scoped, read);
        assertEquals("[fe80::1%" + index + "]:7", read.toString());
    }

    @Test
    void shouldRefuseToReadAnotherFamily() {
        memory.putShort(0, (short) Socket.AF_UNIX);
        assertEquals("address family 1 is neither AF_INET nor AF_INET6",
                assertThrows(IllegalArgumentException.class, () -> Sockaddr.read(memory, 0)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 65_536, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void shouldRefuseAPortOutsideItsRange(int port) {
        assertEquals("port " + port + " is not within 0 to 65535",
                assertThrows(IllegalArgumentException.class, () -> Sockaddr.of("127.0.0.1", port)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "127.0.0.1:80", "", "300.1.1.1", "[::1"})
    void shouldRefuseWhatIsNoLiteral(String text) {
        assertThrows(IllegalArgumentException.class, () -> Sockaddr.of(text, 1));
    }

    @Test
    void shouldComeFromAJavaAddress() {
        assertEquals(Sockaddr.of("127.0.0.9", 80), Sockaddr.of(new InetSocketAddress("127.0.0.9", 80)));
        assertThrows(IllegalArgumentException.class,
                () -> Sockaddr.of(InetSocketAddress.createUnresolved("example.invalid", 80)));
    }

    @Test
    void shouldKnowItsFamilyAndAnotherPort() {
        assertEquals(Socket.AF_INET, Sockaddr.of("10.0.0.1", 1).family());
        assertEquals(Socket.AF_INET6, Sockaddr.of("::1", 1).family());
        assertEquals(Sockaddr.of("10.0.0.1", 2), Sockaddr.of("10.0.0.1", 1).withPort(2));
        assertArrayEquals(new byte[] {10, 0, 0, 1}, Sockaddr.of("10.0.0.1", 1).address().getAddress());
        assertEquals(128, Sockaddr.MAX_LENGTH);
    }
}
