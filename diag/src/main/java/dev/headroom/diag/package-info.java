/**
 * From facts to sentences: a Snapshot of what is, the limits in it, and a Diagnosis of which one was met and why.
 */
package dev.headroom.diag;
