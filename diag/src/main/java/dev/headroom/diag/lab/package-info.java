/**
 * The experiments: each kernel rule predicted from what is read here, then observed, side by side.
 */
package dev.headroom.diag.lab;
