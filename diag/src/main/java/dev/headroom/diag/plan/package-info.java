/**
 * Capacity arithmetic: what a host needs for so many connections, and the files that set it.
 */
package dev.headroom.diag.plan;
