/**
 * Event loops on epoll or io_uring: {@link dev.headroom.loop.EventLoop} with timers and tasks,
 * {@link dev.headroom.loop.Listener} and {@link dev.headroom.loop.Connector} to get connections,
 * {@link dev.headroom.loop.Connections} to serve them, and {@link dev.headroom.loop.FdTable} to have more of them than
 * RLIMIT_NOFILE says.
 */
package dev.headroom.loop;
