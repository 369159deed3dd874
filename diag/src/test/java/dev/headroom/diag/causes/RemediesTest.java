package dev.headroom.diag.causes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;

import dev.headroom.diag.Case;
import dev.headroom.diag.Finding;
import dev.headroom.diag.Remedy;
import dev.headroom.diag.Remedy.Scope;
import dev.headroom.linux.Errno;

/** What to type: the numbers, and the order where one thing must come before another. */
class RemediesTest {
    @Test
    void shouldRaiseTheSoftLimitUpToTheHardOne() {
        assertEquals(List.of("prlimit --pid 4711 --nofile=65536:524288"),
                now("nofile-soft", "EMFILE", "accept4", "limits.nofile.soft=1024", "limits.nofile.hard=524288",
                        "process.fd.used_below_soft=1024", "sysctl.fs.nr_open=1048576"));
    }

    @Test
    void shouldRaiseNrOpenFirstWhereTheLimitWouldBeAboveIt() {
        assertEquals(List.of("sysctl -w fs.nr_open=4194304", "prlimit --pid 4711 --nofile=4194304:4194304"),
                now("nofile-soft", "EMFILE", "accept4", "limits.nofile.soft=1048576", "limits.nofile.hard=1048576",
                        "process.fd.used_below_soft=1048576", "sysctl.fs.nr_open=1048576"));
    }

    @Test
    void shouldCountMemoryInKilobytesForPam() {
        List<Remedy> all = remedies("memlock-mlock", "ENOMEM", "mlock", "process.vm_lck_kb=0",
                "limits.memlock.soft=65536", "limits.memlock.hard=65536", "requested=131072");
        assertEquals("echo 'USER - memlock 256' > /etc/security/limits.d/90-headroom.conf",
                all.stream().filter(r -> r.scope() == Scope.PERSISTENT).findFirst().orElseThrow().commands()
                        .getFirst());
        assertEquals("LimitMEMLOCK=262144",
                all.stream().filter(r -> r.scope() == Scope.SYSTEMD).findFirst().orElseThrow().commands().get(2));
    }

    @Test
    void shouldNotAskForMoreThanTheKernelHolds() {
        assertEquals(List.of("ulimit -n 1048576"),
                now("above-nr-open", "EPERM", "setrlimit", "sysctl.fs.nr_open=1048576",
                        "requested=9223372036854775807"));
    }

    private static List<String> now(String id, String errno, String call, String... facts) {
        return remedies(id, errno, call, facts).stream().filter(r -> r.scope() == Scope.NOW)
                .flatMap(r -> r.commands().stream()).toList();
    }

    private static List<Remedy> remedies(String id, String errno, String call, String... facts) {
        var given = new Given(Errno.parse(errno).orElseThrow(), call);
        for (String fact : facts) {
            given.say(fact);
        }
        Case c = given.build();
        Finding finding = Catalogue.byId(id).orElseThrow().judge().apply(c);
        assertFalse(finding.remedies().isEmpty(), finding.sentence());
        return finding.remedies();
    }
}
