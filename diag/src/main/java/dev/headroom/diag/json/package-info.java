/**
 * Snapshots as JSON: apart from the rest, so that a command that prints text loads none of it.
 */
package dev.headroom.diag.json;
