package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.diag.cli.Addresses.Endpoint;
import dev.headroom.diag.cli.Addresses.Source;
import dev.headroom.linux.Sockaddr;

class AddressesTest {
    private static final String LOOKS_LIKE = "give 127.0.0.1:9999, [::1]:9999 or 10.0.0.1:9000-9009";

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"10.0.0.1:80; 10.0.0.1; 80; 80", "10.0.0.1:9000-9009; 10.0.0.1; 9000; 9009",
            "10.0.0.1; 10.0.0.1; 9999; 9999", "9999; 127.0.0.1; 9999; 9999", "9000-9009; 127.0.0.1; 9000; 9009",
            ":8080; ''; 8080; 8080", "[::1]:80; ::1; 80; 80", "[::1]; ::1; 9999; 9999",
            "fe80::1%eth0; fe80::1%eth0; 9999; 9999",
            "::1; ::1; 9999; 9999", "[fe80::1%eth0]:1-2; fe80::1%eth0; 1; 2", "localhost:0; localhost; 0; 0",
            "my-host.example; my-host.example; 9999; 9999"})
    void shouldReadEndpoints(String text, String host, int low, int high) {
        Endpoint e = Endpoint.parse(text);
        assertEquals(host, e.host());
        assertEquals(low, e.ports().low());
        assertEquals(high, e.ports().high());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"300.1.1.1 | not an address; ", "a_b!:80 | not an address; ",
            "a:b:c | not an IPv6 address; ", "[::1 | not an address; ", "[::1]80 | not an address; ",
            "[10.0.0.1]:80 | not an IPv6 address; ", "-x | not an address; ", "'' | not an address; "})
    void shouldSayWhatAnEndpointLooksLike(String text, String complaint) {
        assertEquals(complaint.strip() + " " + LOOKS_LIKE,
                assertThrows(TypeConversionException.class, () -> Endpoint.parse(text)).getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"h:", "h:x", "h:65536", "h:9-8", "h:1-2-3", "h:-1", "99999", "h:1-65536"})
    void shouldSayWhatAPortLooksLike(String text) {
        assertEquals("not a port; give 9999 or 9000-9009, up to 65535",
                assertThrows(TypeConversionException.class, () -> Endpoint.parse(text)).getMessage());
    }

    @Test
    void shouldListenOnAllAddressesWithoutAHost() throws Exception {
        List<Sockaddr> all = Endpoint.parse(":9999").toListen();
        assertEquals("0.0.0.0:9999", all.getFirst().toString());
        assertTrue(all.size() == 1 || all.get(1).toString().equals("[::]:9999"), all.toString());
        assertEquals("[127.0.0.1:9999]", Endpoint.parse(":9999").toConnect().toString());
    }

    @Test
    void shouldExpandPorts() throws Exception {
        assertEquals("[[::1]:9000, [::1]:9001]", Endpoint.parse("[::1]:9000-9001").toConnect().toString());
        assertEquals("10.0.0.1:9000 and 1,009 more", Addresses.text(Endpoint.parse("10.0.0.1:9000-10009").toListen()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';',
            value = {"10.0.0.2; 1; 10.0.0.2:0", "10.0.0.2-10.0.0.7; 6; 10.0.0.7:0", "10.0.0.2-7; 6; 10.0.0.7:0",
                    "10.0.0.254-10.0.1.1; 4; 10.0.1.1:0", "::1-::ff; 255; [::ff]:0",
                    "127.0.0.1-127.0.0.1; 1; 127.0.0.1:0"})
    void shouldReadSources(String text, int count, String last) throws Exception {
        List<Sockaddr> all = Source.parse(text).resolve();
        assertEquals(count, all.size());
        assertEquals(last, all.getLast().toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"10.0.0.7-10.0.0.2 | the range ends before it begins; give 10.0.0.2 or 10.0.0.2-10.0.0.7",
                    "10.0.0.2-::1 | a range has one family; give 10.0.0.2 or 10.0.0.2-10.0.0.7",
                    "10.0.0.0-10.1.0.0 | a range of more than 65,536 addresses",
                    "10.0.0.2-x | not an address; give 10.0.0.2 or 10.0.0.2-10.0.0.7",
                    "10.0.0 | not an address; give 10.0.0.2 or 10.0.0.2-10.0.0.7"})
    void shouldSayWhatASourceLooksLike(String text, String complaint) {
        assertEquals(complaint, assertThrows(TypeConversionException.class, () -> Source.parse(text)).getMessage());
    }

    @Test
    void shouldSayWhichNameIsUnknown() {
        CannotException e = assertThrows(CannotException.class,
                () -> Endpoint.parse("no-such-host.invalid").toConnect());
        assertEquals("the host name no-such-host.invalid cannot be resolved\n"
                + "  neither /etc/hosts nor DNS knows it (see: getent hosts no-such-host.invalid)", e.getMessage());
        e = assertThrows(CannotException.class, () -> Endpoint.parse("fe80::1%none").toConnect());
        assertEquals("fe80::1%none: there is no interface none here (see: ip link)", e.getMessage());
    }
}
