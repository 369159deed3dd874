/**
 * The catalogue: every way in which the kernel says no, each a pure function of a Snapshot.
 */
package dev.headroom.diag.causes;
