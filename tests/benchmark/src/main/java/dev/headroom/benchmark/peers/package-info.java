/**
 * Echo servers as the documentation of each peer recommends to write them. Each is a program: it listens on
 * 127.0.0.1, on the port that is its first argument, prints one line when it does, and serves with one thread.
 */
package dev.headroom.benchmark.peers;
