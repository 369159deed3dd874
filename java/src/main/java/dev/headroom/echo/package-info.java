/**
 * The raw pair that proves the rest: {@link dev.headroom.echo.EchoServer} and {@link dev.headroom.echo.EchoClient},
 * which hold as many connections as the kernel lets them.
 */
package dev.headroom.echo;
