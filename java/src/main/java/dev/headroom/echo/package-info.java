/**
 * The raw pair: an echo server and a client that checks every echo, built only from the packages below.
 */
package dev.headroom.echo;
