/**
 * The command line: the only package that prints or exits.
 */
package dev.headroom.diag.cli;
