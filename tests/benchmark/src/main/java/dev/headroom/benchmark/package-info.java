/** JMH benchmarks of the parts. {@code tests/benchmark/jmh} runs them; whole servers are raced in {@code race}. */
package dev.headroom.benchmark;
