package dev.headroom.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BrokenFilesTest {
    private static final ProcFs.Parser<?> VERSION = (file, text) -> KernelVersion.parse(file, Lines.all(text));
    private static final ProcFs.Parser<?> FDINFO = (file, text) -> FdInfo.parse(file, text, 9);

    record Broken(String name, ProcFs.Parser<?> parser, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    static List<Broken> files() {
        return List.of(
                new Broken("limits.no-header", Limits::parse,
                        ":1: not the header \"Limit … Soft Limit\": \"Max open files            1024                 "
                                + "524288               files     \""),
                new Broken("limits.not-a-number", Limits::parse,
                        ":9: soft limit is not a number (\"10x4\"): \"Max open files            10x4                 "
                                + "524288               files     \""),
                new Broken("limits.cut", Limits::parse, ": ends after line 2, expected \"Max file size\""),
                new Broken("limits.short-line", Limits::parse,
                        ":3: expected a name, a soft and a hard limit: \"Max file size             unlimited\""),
                new Broken("empty", Limits::parse, ": is empty, expected the header \"Limit … Soft Limit\""),
                new Broken("empty", Status::parse, ": is empty, expected \"Name:\""),
                new Broken("empty", Stat::parse, ": is empty, expected \"pid (comm) state …\""),
                new Broken("empty", Counters::parsePairs, ": is empty, expected pairs of names and values"),
                new Broken("empty", SockStat::parse, ": is empty, expected \"sockets:\" or \"TCP6:\""),
                new Broken("empty", PerCpuStats::parse, ": is empty, expected a header"),
                new Broken("empty", MemInfo::parse, ": is empty, expected \"MemTotal:\""),
                new Broken("status.no-uid", Status::parse, ": has no line \"Uid:\""),
                new Broken("status.three-uids", Status::parse,
                        ":9: expected 4 numbers, found 3: \"Uid:\\t998\\t998\\t998\""),
                new Broken("empty", Status.Owner::parse, ": is empty, expected lines \"Uid:\" and \"Threads:\""),
                new Broken("status.no-uid", Status.Owner::parse,
                        ": ends after line 54, expected lines \"Uid:\" and \"Threads:\""),
                new Broken("status.three-uids", Status.Owner::parse,
                        ":9: expected 4 numbers, found 3: \"Uid:\\t998\\t998\\t998\""),
                new Broken("status.cap", Status::parse, ":44: not a hexadecimal number: \"CapEff:\\t00000g00\""),
                new Broken("status.unit", Status::parse, ":22: not a size in kB: \"VmRSS:\\t  285240 MB\""),
                new Broken("status.label", Status::parse, ":2: no label: \"no label here\""),
                new Broken("status.sigq", Status::parse, ":36: no \"/\" between two numbers: \"SigQ:\\t0\""),
                new Broken("stat.no-parentheses", Stat::parse,
                        ":1: no command in parentheses: \"17 java S 1 1 1\""),
                new Broken("stat.cut", Stat::parse,
                        ":1: expected at least 20 fields after the command, found 6: \"17 (java) S 1 1 1 0 -1\""),
                new Broken("uid_map", IdMap::parse, ":1: expected three numbers: \"         0          0\""),
                new Broken("mountinfo", Mount::parse,
                        ":1: expected six fields, optional ones, \"-\" and three more: "
                                + "\"22 27 0:21 / /proc rw,relatime proc proc rw\""),
                new Broken("cgroup", CgroupMembership::parse, ":2: expected hierarchy:controllers:/path: \"4:memory\""),
                new Broken("fdinfo.no-flags", FDINFO, ": ends after line 1, expected \"flags:\""),
                new Broken("fdinfo.octal", FDINFO, ":2: flags is not an octal number (\"0289\"): \"flags:\\t0289\""),
                new Broken("fdinfo.tfd", FDINFO, ":3: has no \"data:\": \"tfd:        7 events:       1d\""),
                new Broken("fdinfo.inotify", FDINFO,
                        ":3: wd is not a hexadecimal number (\"zz\"): \"inotify wd:zz ino:1 sdev:1 mask:2\""),
                new Broken("netstat.count", Counters::parsePairs, ":2: expected 3 values, found 2: \"TcpExt: 1 2\""),
                new Broken("netstat.group", Counters::parsePairs,
                        ":2: expected the values of TcpExt: \"IpExt: 1 2\""),
                new Broken("netstat.number", Counters::parsePairs,
                        ":2: B is not a number (\"two\"): \"TcpExt: 1 two\""),
                new Broken("netstat.odd", Counters::parsePairs,
                        ": ends after line 1, expected the values of TcpExt"),
                new Broken("netstat.no-group", Counters::parsePairs,
                        ":1: no group in front of the names: \"A B\""),
                new Broken("flat", Counters::parseFlat, ":2: expected a name and a number: \"oom_kill\""),
                new Broken("sockstat", SockStat::parse,
                        ":2: expected a group, then names and numbers by turns: \"TCP: inuse 12 orphan\""),
                new Broken("protocols.header", Protocol::parse,
                        ":1: the header has no column sockets: \"protocol  size memory press\""),
                new Broken("protocols.row", Protocol::parse,
                        ":2: expected at least 5 columns, found 2: \"TCP  2208\""),
                new Broken("conntrack.columns", PerCpuStats::parse,
                        ":2: expected 2 columns, found 1: \"00000001\""),
                new Broken("conntrack.hex", PerCpuStats::parse,
                        ":2: drop is not a hexadecimal number (\"0000000g\"): \"00000001 0000000g\""),
                new Broken("softnet", SoftnetStat::parse,
                        ":1: expected at least 9 columns, found 2: \"00000001 00000000\""),
                new Broken("if_inet6", IfInet6::parse,
                        ":1: expected an address of 32 digits, four numbers and a name: "
                                + "\"fe80::1 02 40 20 80 eth0\""),
                new Broken("meminfo.unit", MemInfo::parse,
                        ":1: expected a name, a number and perhaps kB: \"MemTotal: 5 pages\""),
                new Broken("meminfo.cut", MemInfo::parse, ": ends after line 1, expected \"MemTotal:\""),
                new Broken("slabinfo.version", SlabInfo::parse,
                        ":1: not \"slabinfo - version: 2.1\": \"slabinfo - version: 1.1\""),
                new Broken("slabinfo.row", SlabInfo::parse, ":3: expected a name and five numbers: \"TCP 26 26\""),
                new Broken("loadavg.fields", LoadAvg::parse,
                        ":1: expected three averages, runnable/threads and a PID: \"0.12 0.03 0.01 82 2875\""),
                new Broken("loadavg.number", LoadAvg::parse,
                        ":1: load is not a number (\"0,03\"): \"0.12 0,03 0.01 1/82 2875\""),
                new Broken("file-nr", FileNr::parse, ":1: expected three numbers: \"377\\t0\""),
                new Broken("osrelease", VERSION,
                        ":1: not a kernel release such as 6.1.0-18-amd64: \"linux-next\""));
    }

    @ParameterizedTest
    @MethodSource("files")
    void shouldQuoteTheFileAndTheLine(Broken broken) {
        var e = assertThrows(ProcParseException.class,
                () -> broken.parser.parse("/proc/17/" + broken.name, new StringReader(Fixtures.broken(broken.name))));
        assertEquals("/proc/17/" + broken.name + broken.message, e.getMessage());
        assertEquals("/proc/17/" + broken.name, e.file());
    }

    @Test
    void shouldTryEveryBrokenFile() throws Exception {
        Set<String> tried = new HashSet<>();
        files().forEach(broken -> tried.add(broken.name));
        Set<String> there = new TreeSet<>();
        try (Stream<Path> all = Files.list(Fixtures.folder().resolve("broken"))) {
            all.forEach(file -> there.add(file.getFileName().toString()));
        }
        assertEquals(there, new TreeSet<>(tried));
    }

    @Test
    void shouldKeepALongOrUnprintableLineToOneLineOfTheMessage() {
        var e = new ProcParseException("/proc/1/stat", 1, "a\n\u001b[2J\"\\" + "x".repeat(500), "no command");
        assertEquals("/proc/1/stat:1: no command: \"a\\x0a\\x1b[2J\\\"\\\\" + "x".repeat(152) + "\"…", e.getMessage());
        assertEquals(508, e.line().length());
    }

    @Test
    void shouldNameTheLineOfASysctlThatIsNotWhatWasAskedFor() {
        var range = new Sysctl("net.ipv4.ip_local_port_range", "/proc/sys/net/ipv4/ip_local_port_range",
                "60999\t32768");
        assertEquals("/proc/sys/net/ipv4/ip_local_port_range:1: the first number is above the second: "
                + "\"60999\\t32768\"", assertThrows(ProcParseException.class, range::asRange).getMessage());
        assertEquals("/proc/sys/net/ipv4/ip_local_port_range:1: expected one number: \"60999\\t32768\"",
                assertThrows(ProcParseException.class, range::asLong).getMessage());
        var text = new Sysctl("kernel.hostname", "/proc/sys/kernel/hostname", "one");
        assertEquals("/proc/sys/kernel/hostname:1: kernel.hostname is not a number (\"one\"): \"one\"",
                assertThrows(ProcParseException.class, text::asLong).getMessage());
    }

    @Test
    void shouldSayWhatANamespaceLooksLike() {
        assertEquals("/proc/1/ns/net:1: not a namespace such as net:[4026531833]: \"net:[x]\"",
                assertThrows(ProcParseException.class, () -> Namespace.parse("/proc/1/ns/net", "net:[x]"))
                        .getMessage());
    }
}
