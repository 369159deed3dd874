/** Whole processes raced against each other: the harness behind {@code tests/benchmark/race}. */
package dev.headroom.benchmark.race;
