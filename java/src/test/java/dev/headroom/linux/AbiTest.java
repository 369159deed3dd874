package dev.headroom.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Java against the C compiler: every constant, layout, signature and errno, in both directions. */
class AbiTest {
    @TempDir
    Path scratch;

    @Test
    void shouldDeclareWhatTheCompilerSees() throws Exception {
        List<String> c = AbiProbe.lines(scratch).orElseGet(AbiTest::withoutProbe);
        Map<String, String> java = JavaDeclarations.all();
        assertEquals("", String.join("\n", AbiComparer.compare(java, c, exceptions())));
        System.out.println(java.size() + " items of dev.headroom.linux agree with the C compiler");
    }

    private static List<String> withoutProbe() {
        String reason = "native/abi is not built and there is no cc to build it with";
        return "true".equals(System.getenv("CI")) ? fail(reason) : abort(reason);
    }

    /** What headers may lack, with the reason: {@code kind name TAB reason}. */
    private static Map<String, String> exceptions() throws IOException {
        Map<String, String> exceptions = new TreeMap<>();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                AbiTest.class.getResourceAsStream("abi-exceptions.tsv"), StandardCharsets.UTF_8))) {
            for (String line : lines.lines().filter(line -> !line.startsWith("#")).toList()) {
                String[] columns = line.split("\t");
                assertEquals(2, columns.length, line);
                exceptions.put(columns[0], columns[1]);
            }
        }
        return exceptions;
    }

    @Test
    void shouldFindEveryKindOfDeclaration() throws Exception {
        Map<String, String> java = JavaDeclarations.all();
        assertEquals("0x1 4", java.get("constant EPOLLIN"));
        assertEquals("0x80000000 4", java.get("constant EPOLLET"));
        assertEquals("0xffffffffffffffff 8", java.get("constant RLIM_INFINITY"));
        assertEquals("16", java.get("sizeof sockaddr_in"));
        assertEquals("24", java.get("field tcp_info.tcpi_unacked"));
        assertEquals("int(int,long,long,int)", java.get("function accept4"));
        assertEquals("EMFILE Too many open files", java.get("errno 24"));
        assertEquals("11", java.get("alias EWOULDBLOCK"));
    }

    @Test
    void shouldHaveTheAnnotationOnEveryClassThatMakesCalls() throws Exception {
        for (Method call : JavaDeclarations.calls().values()) {
            assertTrue(call.getDeclaringClass().isAnnotationPresent(CHeader.class),
                    call + " is bound in a class without @CHeader");
        }
    }

    // The comparer itself, with doctored input.

    private static final Map<String, String> JAVA = Map.of("constant EPOLLIN", "0x1 4", "sizeof epoll_event", "12",
            "field epoll_event.data", "4", "function accept4", "int(int,long,long,int)", "function fcntl",
            "int(int,int,long)", "function mmap", "long(long,long)", "errno 24", "EMFILE Too many open files",
            "alias EWOULDBLOCK", "11");
    private static final List<String> C = List.of("constant EPOLLIN 0x1 4", "sizeof epoll_event 12",
            "field epoll_event.data 4 8", "function accept4 s4(s4,p8,p8,s4)", "function fcntl s4(s4,s4,...)",
            "function mmap p8(p8,u8)", "errno 24 EMFILE Too many open files", "alias EWOULDBLOCK 11");

    private static List<String> withJava(String item, String said) {
        Map<String, String> java = new TreeMap<>(JAVA);
        assertNotEquals(said, java.put(item, said));
        return AbiComparer.compare(java, C, Map.of());
    }

    private static List<String> withC(String line, String... instead) {
        List<String> c = new ArrayList<>(C);
        assertTrue(c.remove(line));
        c.addAll(Arrays.asList(instead));
        return AbiComparer.compare(JAVA, c, Map.of());
    }

    @Test
    void shouldAcceptWhatAgrees() {
        assertEquals(List.of(), AbiComparer.compare(JAVA, C, Map.of()));
    }

    @Test
    void shouldReportAWrongConstant() {
        assertEquals(List.of("bad EPOLLIN: java 0x2 4 != c 0x1 4"), withJava("constant EPOLLIN", "0x2 4"));
    }

    @Test
    void shouldReportAConstantOfAnotherWidth() {
        assertEquals(List.of("bad EPOLLIN: java 0x1 8 != c 0x1 4"), withJava("constant EPOLLIN", "0x1 8"));
    }

    @Test
    void shouldReportAWrongSize() {
        assertEquals(List.of("bad epoll_event: java 16 != c 12"), withJava("sizeof epoll_event", "16"));
    }

    @Test
    void shouldReportAWrongOffset() {
        assertEquals(List.of("bad epoll_event.data: java 8 != c 4 8"), withJava("field epoll_event.data", "8"));
    }

    @Test
    void shouldReportAnIntWhereCHasAPointer() {
        assertEquals(List.of("bad accept4: java int(int,int,long,int) != c s4(s4,p8,p8,s4)"),
                withJava("function accept4", "int(int,int,long,int)"));
    }

    @Test
    void shouldReportALongWhereCHasAnInt() {
        assertEquals(List.of("bad accept4: java int(int,long,long,long) != c s4(s4,p8,p8,s4)"),
                withJava("function accept4", "int(int,long,long,long)"));
    }

    @Test
    void shouldReportAMissingParameter() {
        assertEquals(List.of("bad accept4: java int(int,long,long) != c s4(s4,p8,p8,s4)"),
                withJava("function accept4", "int(int,long,long)"));
    }

    @Test
    void shouldReportACutResult() {
        assertEquals(List.of("bad mmap: java int(long,long) != c p8(p8,u8)"),
                withJava("function mmap", "int(long,long)"));
    }

    @Test
    void shouldReportAnUnsignedResult() {
        assertEquals(List.of("bad mmap: java long(long,long) != c u8(p8,u8)"),
                withC("function mmap p8(p8,u8)", "function mmap u8(p8,u8)"));
    }

    @Test
    void shouldReportAnotherTextOfAnErrno() {
        assertEquals(List.of("bad 24: java EMFILE Too many files != c EMFILE Too many open files"),
                withJava("errno 24", "EMFILE Too many files"));
    }

    @Test
    void shouldReportAnErrnoThatJavaDoesNotKnow() {
        assertEquals(List.of("bad 134: in c only"), AbiComparer.compare(JAVA,
                plus("errno 134 ? Something new"), Map.of()));
    }

    @Test
    void shouldReportAnotherAlias() {
        assertEquals(List.of("bad EWOULDBLOCK: java 12 != c 11"), withJava("alias EWOULDBLOCK", "12"));
    }

    @Test
    void shouldReportWhatNoProbeCovers() {
        assertEquals(List.of("bad EPOLLOUT: in java only"), withJava("constant EPOLLOUT", "0x4 4"));
        assertEquals(List.of("bad epoll_event: in java only"), withC("sizeof epoll_event 12"));
    }

    @Test
    void shouldReportWhatJavaDoesNotUse() {
        assertEquals(List.of("bad EPOLLMSG: in c only"),
                AbiComparer.compare(JAVA, plus("constant EPOLLMSG 0x400 4"), Map.of()));
    }

    @Test
    void shouldReportALineItCannotRead() {
        assertEquals(List.of("bad line of the probe: konstant EPOLLMSG 0x400 4"),
                AbiComparer.compare(JAVA, plus("konstant EPOLLMSG 0x400 4"), Map.of()));
        assertEquals(List.of("bad line of the probe: constant EPOLLMSG"),
                AbiComparer.compare(JAVA, plus("constant EPOLLMSG"), Map.of()));
    }

    @Test
    void shouldReportALineThatComesTwice() {
        assertEquals(List.of("bad EPOLLIN: the probe prints it twice"),
                AbiComparer.compare(JAVA, plus("constant EPOLLIN 0x1 4"), Map.of()));
    }

    @Test
    void shouldAskForAReasonWhenTheHeadersLackSomething() {
        assertEquals(List.of("bad EPOLLIN: these headers lack it, and no exception says why"),
                withC("constant EPOLLIN 0x1 4", "absent constant EPOLLIN"));
    }

    @Test
    void shouldAcceptAReasonWhenTheHeadersLackSomething() {
        List<String> c = new ArrayList<>(C);
        c.set(0, "absent constant EPOLLIN");
        assertEquals(List.of(), AbiComparer.compare(JAVA, c, Map.of("constant EPOLLIN", "came with Linux 2.5.44")));
    }

    @Test
    void shouldCompareInSpiteOfAnExceptionWhereTheHeadersHaveIt() {
        Map<String, String> java = new TreeMap<>(JAVA);
        java.put("constant EPOLLIN", "0x2 4");
        assertEquals(List.of("bad EPOLLIN: java 0x2 4 != c 0x1 4"),
                AbiComparer.compare(java, C, Map.of("constant EPOLLIN", "came with Linux 2.5.44")));
    }

    @Test
    void shouldReportAnExceptionThatIsNotNeeded() {
        assertEquals(List.of("bad EPOLLMSG: an exception for what java does not declare"),
                AbiComparer.compare(JAVA, C, Map.of("constant EPOLLMSG", "nobody knows")));
    }

    private static List<String> plus(String line) {
        List<String> c = new ArrayList<>(C);
        c.add(line);
        return c;
    }

    // The checked-in list of what is bound.

    @Test
    void shouldBindWhatTheListOfCallsSays() throws Exception {
        Map<String, String> listed = new TreeMap<>();
        List<String> rows = Files.readAllLines(AbiProbe.root().resolve("docs/syscalls.tsv"));
        assertEquals("symbol\tclass\theader\tmanual", rows.getFirst());
        for (String row : rows.subList(1, rows.size())) {
            String[] columns = row.split("\t");
            assertEquals(4, columns.length, row);
            listed.put(columns[0], row);
        }
        Map<String, String> bound = new TreeMap<>();
        for (Map.Entry<String, Method> call : JavaDeclarations.calls().entrySet()) {
            Class<?> type = call.getValue().getDeclaringClass();
            String row = listed.getOrDefault(call.getKey(), "\t\t?\t?");
            String header = row.split("\t")[2];
            boolean known = Arrays.asList(type.getAnnotation(CHeader.class).value()).contains(header);
            String manual = manual(type, call.getValue().getName());
            bound.put(call.getKey(), String.join("\t", call.getKey(), type.getSimpleName(),
                    known ? header : type.getSimpleName() + " has another header", manual));
        }
        assertEquals(String.join("\n", listed.values()), String.join("\n", bound.values()));
    }

    /** The page that the Javadoc of a call refers to, e.g. "epoll_create(2)". */
    private static String manual(Class<?> type, String method) throws IOException {
        String source = Files.readString(AbiProbe.root()
                .resolve("java/src/main/java/" + type.getName().replace('.', '/') + ".java"));
        String before = source.substring(0, source.indexOf(" " + method + "(CallState"));
        String reference = before.substring(before.lastIndexOf("@see <a href="));
        return reference.substring(reference.indexOf("\">") + 2, reference.indexOf("</a>"));
    }
}
