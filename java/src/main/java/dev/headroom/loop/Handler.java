package dev.headroom.loop;

import java.io.IOException;

/**
 * Takes the events of descriptors. One handler serves as many descriptors as it likes; a
 * descriptor table knows at most 255 handlers, so a handler is made for a kind of descriptor, not for each one.
 */
@FunctionalInterface
public interface Handler {
    /**
     * The descriptor is ready. Called on the loop's thread. Level-triggered: what is left undone is reported again.
     *
     * @param events flags of {@link dev.headroom.linux.Epoll}; EPOLLERR and EPOLLHUP come even if nobody asked for them
     * @throws IOException closes the descriptor and tells the loop's error handler
     */
    void ready(EventLoop loop, int fd, int events) throws IOException;
}
