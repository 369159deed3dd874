/**
 * The library's face: a failure in, a {@link dev.headroom.diag.Diagnosis} out.
 */
package dev.headroom.diag.explain;
