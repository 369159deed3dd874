package dev.headroom.diag.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

import dev.headroom.loop.Acceptor;

class ValuesTest {
    @ParameterizedTest
    @CsvSource(delimiter = ';',
            value = {"0;0", "1;1", "500;500", "20k;20000", "20K;20000", "1m;1000000", "1.5m;1500000",
                    "0.001k;1", "64k;64000", "1,161,216;1161216", "2147483646;2147483646"})
    void shouldReadNumbers(String text, int number) {
        assertEquals(number, Values.number(text));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';',
            value = {"''", "x", "-1", "10x", "1 k", "1e3", "1,00", "0x10", "k", ".5", "12345678901234"})
    void shouldSayWhatANumberLooksLike(String text) {
        assertEquals("not a number; give 500, 20k (20,000) or 1.5m (1,500,000)", complaint(() -> Values.number(text)));
    }

    @Test
    void shouldRefuseParts() {
        assertEquals("not a whole number; give 500, 20k (20,000) or 1.5m (1,500,000)",
                complaint(() -> Values.number("1.5")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"2147483647", "2148m", "999999999999"})
    void shouldRefuseNumbersTooLarge(String text) {
        assertEquals("too large; the largest is 2,147,483,646", complaint(() -> Values.number(text)));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "1ms, 1000000", "500ms, 500000000", "10s, 10000000000", "1.5s, 1500000000", "10m, 600000000000",
            "1h, 3600000000000", "8784h, 31622400000000000"})
    void shouldReadDurations(String text, long nanos) {
        assertEquals(nanos, Values.duration(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10", "10x", "-1s", "1d", "s", "1s500ms", "10 s", "10S"})
    void shouldSayWhatADurationLooksLike(String text) {
        assertEquals("not a duration; give 500ms, 10s, 5m or 1h", complaint(() -> Values.duration(text)));
    }

    @Test
    void shouldRefuseDurationsTooLong() {
        assertEquals("too long; the longest is 8784h, a year", complaint(() -> Values.duration("8785h")));
    }

    @ParameterizedTest
    @CsvSource({"0, 0ms", "1000000, 1ms", "999999999, 1s", "500000000, 500ms", "1500000000, 1.5s", "10000000000, 10s",
            "60000000000, 1m", "90000000000, 1m30s", "3600000000000, 1h", "5400000000000, 1h30m"})
    void shouldWriteDurations(long nanos, String text) {
        assertEquals(text, Values.text(nanos));
    }

    @ParameterizedTest
    @CsvSource({"100, 100", "100/s, 100", "1k/s, 1000", "1.5k, 1500"})
    void shouldReadRates(String text, int rate) {
        assertEquals(rate, new Values.Rate().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "0/s", "100/m", "fast", "-1/s", "100//s"})
    void shouldSayWhatARateLooksLike(String text) {
        assertEquals("not a rate; give how many a second: 100, 100/s, 1k/s",
                complaint(() -> new Values.Rate().convert(text)));
    }

    @Test
    void shouldKnowWordsBesideNumbers() {
        assertEquals(Values.AUTO, new Values.NumberOrAuto().convert("auto"));
        assertEquals(3, new Values.NumberOrAuto().convert("3"));
        assertEquals(Values.UNLIMITED, new Values.NumberOrMax().convert("max"));
        assertEquals("not a number; give 500, 20k (20,000) or 1.5m (1,500,000), or max",
                complaint(() -> new Values.NumberOrMax().convert("all")));
        assertEquals("not a number; give 500, 20k (20,000) or 1.5m (1,500,000), or auto",
                complaint(() -> new Values.NumberOrAuto().convert("max")));
        assertEquals(Acceptor.OnLimit.SHED, new Values.Limit().convert("shed"));
        assertEquals("give pause or shed", complaint(() -> new Values.Limit().convert("stop")));
    }

    private static String complaint(Executable reading) {
        return assertThrows(TypeConversionException.class, reading).getMessage();
    }
}
