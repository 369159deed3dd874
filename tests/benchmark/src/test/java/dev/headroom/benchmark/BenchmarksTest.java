package dev.headroom.benchmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import dev.headroom.tests.Requires;

/** That each benchmark runs, and that the hot path allocates nothing. How long anything takes is no matter here. */
class BenchmarksTest {
    /** The calls and the loop: what happens for every message. The ways that the toolkit does not go may allocate. */
    private static final String HOT = ".*(CallBenchmark.*Ffm(Critical)?|ErrnoBenchmark\\.owned"
            + "|EventArrayBenchmark\\.epollEvents|LoopBenchmark|SockDiagBenchmark).*";

    @BeforeAll
    static void requireJni() {
        Requires.that(Jni.sharedObject().toFile().exists(), "native/jni, which is built where a JDK's jni.h is found");
    }

    @Test
    void shouldRunEachBenchmark() throws RunnerException {
        Set<String> all = BenchmarkList.defaultList()
                .getAll(OutputFormatFactory.createFormatInstance(System.out, VerboseMode.SILENT), List.of()).stream()
                .map(b -> b.getUsername()).collect(Collectors.toSet());

        Collection<RunResult> results = run(new OptionsBuilder().warmupIterations(0)
                .measurementTime(TimeValue.milliseconds(10)));

        assertTrue(all.size() > 30, all::toString);
        assertEquals(all, results.stream().map(r -> r.getParams().getBenchmark()).collect(Collectors.toSet()));
        results.forEach(r -> assertTrue(r.getPrimaryResult().getScore() > 0, r.getParams()::getBenchmark));
    }

    @Test
    void shouldAllocateNothingOnTheHotPath() throws RunnerException {
        Collection<RunResult> results = run(new OptionsBuilder().include(HOT).addProfiler(GCProfiler.class)
                .warmupIterations(2).warmupTime(TimeValue.milliseconds(500))
                .measurementTime(TimeValue.milliseconds(200)));

        Map<String, Double> bytes = new TreeMap<>();
        for (RunResult r : results) {
            bytes.put(r.getParams().id(), r.getSecondaryResults().get("gc.alloc.rate.norm").getScore());
        }
        assertTrue(bytes.size() >= 14, bytes::toString);
        // An object is 8 bytes at least; what is less is JMH's own, spread over all.
        bytes.forEach((name, b) -> assertTrue(b < 8, () -> name + " allocates " + b + " bytes a time"));
    }

    private static Collection<RunResult> run(ChainedOptionsBuilder options) throws RunnerException {
        return new Runner(options.forks(0).measurementIterations(1).shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT).build()).run();
    }
}
