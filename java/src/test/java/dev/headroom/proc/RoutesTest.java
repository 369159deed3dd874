package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headroom.linux.Errno;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Routes of a real kernel, in a network namespace of their own. */
class RoutesTest {
    private Netns netns;
    private Routes routes;

    @BeforeEach
    void makeNamespace() throws Exception {
        netns = new Netns();
        netns.ip("link", "add", "out0", "type", "veth", "peer", "name", "far0");
        netns.ip("link", "set", "far0", "up");
        netns.ip("link", "set", "out0", "up");
        netns.ip("addr", "add", "10.1.0.2/24", "dev", "out0");
        netns.ip("-6", "addr", "add", "2001:db8::2/64", "dev", "out0", "nodad");
        routes = netns.open(whose -> Routes.open());
    }

    @AfterEach
    void removeNamespace() throws Exception {
        if (netns != null) {
            netns.close();
        }
    }

    private Route to(String destination) throws Exception {
        return routes.lookup(InetAddress.ofLiteral(destination));
    }

    private String briefly(String destination) throws Exception {
        Route route = to(destination);
        return route.type() + (route.errno() == 0 ? "" : " " + Errno.name(route.errno()))
                + route.device().map(d -> " dev " + d).orElse("")
                + route.gateway().map(a -> " via " + a.getHostAddress()).orElse("")
                + route.prefsrc().map(a -> " src " + a.getHostAddress()).orElse("");
    }

    @Test
    void shouldTellEveryKindOfRoute() throws Exception {
        netns.ip("route", "add", "10.2.0.0/16", "via", "10.1.0.1");
        netns.ip("route", "add", "unreachable", "10.3.0.0/16");
        netns.ip("route", "add", "prohibit", "10.4.0.0/16");
        netns.ip("route", "add", "blackhole", "10.5.0.0/16");
        netns.ip("route", "add", "throw", "10.6.0.0/16");
        assertEquals("RTN_UNICAST dev out0 src 10.1.0.2", briefly("10.1.0.7"));
        assertEquals("RTN_UNICAST dev out0 via 10.1.0.1 src 10.1.0.2", briefly("10.2.0.7"));
        assertEquals("RTN_UNREACHABLE EHOSTUNREACH", briefly("10.3.0.7"));
        assertEquals("RTN_PROHIBIT EACCES", briefly("10.4.0.7"));
        assertEquals("RTN_BLACKHOLE EINVAL", briefly("10.5.0.7"));
        assertEquals("NONE ENETUNREACH", briefly("10.6.0.7"));
        assertEquals("NONE ENETUNREACH", briefly("10.7.0.7"));
        assertEquals("RTN_LOCAL dev lo src 127.0.0.1", briefly("127.0.0.1"));
        assertEquals("RTN_LOCAL dev lo src 10.1.0.2", briefly("10.1.0.2"));
        assertEquals("RTN_BROADCAST dev out0 src 10.1.0.2", briefly("10.1.0.255"));
        assertTrue(to("10.2.0.7").isUsable());
        assertFalse(to("10.3.0.7").isUsable());
        assertEquals(254, to("10.2.0.7").table().orElseThrow());
    }

    @Test
    void shouldTellEveryKindOfRouteOfIpv6() throws Exception {
        netns.ip("-6", "route", "add", "2001:db8:2::/48", "via", "2001:db8::1");
        netns.ip("-6", "route", "add", "unreachable", "2001:db8:3::/48");
        netns.ip("-6", "route", "add", "prohibit", "2001:db8:4::/48");
        netns.ip("-6", "route", "add", "blackhole", "2001:db8:5::/48");
        netns.ip("-6", "route", "add", "throw", "2001:db8:6::/48");
        assertEquals("RTN_UNICAST dev out0 src 2001:db8:0:0:0:0:0:2", briefly("2001:db8::7"));
        assertEquals("RTN_UNICAST dev out0 via 2001:db8:0:0:0:0:0:1 src 2001:db8:0:0:0:0:0:2",
                briefly("2001:db8:2::7"));
        assertEquals("RTN_UNREACHABLE EHOSTUNREACH", briefly("2001:db8:3::7"));
        assertEquals("RTN_PROHIBIT EACCES", briefly("2001:db8:4::7"));
        assertEquals("RTN_BLACKHOLE EINVAL", briefly("2001:db8:5::7"));
        assertEquals("ENETUNREACH", Errno.name(to("2001:db8:6::7").errno()));
        assertEquals("NONE ENETUNREACH", briefly("2001:db9::7"));
        assertEquals("RTN_LOCAL", to("::1").type().toString());
    }

    @Test
    void shouldTellAForeignSourceFromABlackhole() throws Exception {
        netns.ip("route", "add", "blackhole", "10.5.0.0/16");
        Optional<InetAddress> own = Optional.of(InetAddress.ofLiteral("10.1.0.2"));
        Optional<InetAddress> foreign = Optional.of(InetAddress.ofLiteral("10.9.9.9"));
        assertEquals(Route.Type.RTN_UNICAST, routes.lookup(InetAddress.ofLiteral("10.1.0.7"), own).type());
        assertEquals(Route.Type.RTN_BLACKHOLE, routes.lookup(InetAddress.ofLiteral("10.5.0.7"), own).type());
        Route refused = routes.lookup(InetAddress.ofLiteral("10.1.0.7"), foreign);
        assertEquals(Route.Type.FOREIGN_SOURCE, refused.type());
        assertFalse(refused.isUsable());
    }

    @Test
    void shouldTellRulesThatRefuse() throws Exception {
        netns.ip("rule", "add", "to", "10.1.0.64/28", "pref", "100", "unreachable");
        netns.ip("rule", "add", "to", "10.1.0.128/28", "pref", "101", "prohibit");
        assertEquals("ENETUNREACH", Errno.name(to("10.1.0.65").errno()));
        assertEquals("EACCES", Errno.name(to("10.1.0.129").errno()));
        assertTrue(to("10.1.0.7").isUsable());
    }

    @Test
    void shouldAskForAnotherUser() throws Exception {
        netns.ip("rule", "add", "uidrange", "4711-4711", "pref", "100", "prohibit");
        InetAddress to = InetAddress.ofLiteral("10.1.0.7");
        assertEquals(Route.Type.RTN_PROHIBIT, routes.lookup(to, Optional.empty(), OptionalLong.of(4711)).type());
        assertTrue(routes.lookup(to, Optional.empty(), OptionalLong.of(4712)).isUsable());
        assertTrue(to("10.1.0.7").isUsable());
    }

    @Test
    void shouldLookOnTheLinkThatTheAddressNames() throws Exception {
        int far = Integer.parseInt(netns.ip("-o", "link", "show", "far0").split(":")[0]);
        InetAddress to = Inet6Address.getByAddress(null, InetAddress.ofLiteral("fe80::7").getAddress(), far);
        assertEquals("far0", routes.lookup(to).device().orElseThrow());
    }
}
