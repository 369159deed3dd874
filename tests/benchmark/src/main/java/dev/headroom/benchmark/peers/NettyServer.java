package dev.headroom.benchmark.peers;

import java.net.InetSocketAddress;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.uring.IoUringBufferRingConfig;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringFixedBufferRingAllocator;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringIoHandlerConfig;
import io.netty.channel.uring.IoUringServerSocketChannel;

/**
 * Netty's user guide: write what was read, flush when the reading is complete. One event loop for the listener and the
 * connections, as everything else here has one thread. TCP_NODELAY, which Netty alone sets by itself, is off as in all
 * the others.
 */
public final class NettyServer {
    private static final short GROUP = 1;

    private NettyServer() {
    }

    @ChannelHandler.Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message, context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    /** Arguments: the port; epoll, io_uring, io_uring-ring (with a ring of provided buffers) or nio. */
    public static void main(String[] args) throws InterruptedException {
        int port = Peer.port(args);
        String transport = args[1];
        EventLoopGroup group = new MultiThreadIoEventLoopGroup(1, handlers(transport));
        Echo echo = new Echo();
        ServerBootstrap bootstrap = new ServerBootstrap().group(group).channel(listener(transport))
                .option(ChannelOption.SO_BACKLOG, Peer.BACKLOG)
                .childOption(ChannelOption.TCP_NODELAY, false)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(echo);
                    }
                });
        if (transport.equals("io_uring-ring")) {
            bootstrap.childOption(IoUringChannelOption.IO_URING_BUFFER_GROUP_ID, GROUP);
        }
        Channel channel = bootstrap.bind(Peer.HOST, port).sync().channel();
        Peer.listening(((InetSocketAddress) channel.localAddress()).getPort());
        channel.closeFuture().sync();
    }

    private static IoHandlerFactory handlers(String transport) {
        return switch (transport) {
            case "epoll" -> EpollIoHandler.newFactory();
            case "io_uring" -> IoUringIoHandler.newFactory(rings());
            case "io_uring-ring" -> IoUringIoHandler.newFactory(rings().setBufferRingConfig(
                    IoUringBufferRingConfig.builder().bufferGroupId(GROUP).bufferRingSize((short) 1024)
                            .batchSize(512).allocator(new IoUringFixedBufferRingAllocator(4096)).build()));
            case "nio" -> NioIoHandler.newFactory();
            default -> throw new IllegalArgumentException(transport);
        };
    }

    /** With the default Netty complains that the queue overflows at 10,000 connections, and says to increase it. */
    private static IoUringIoHandlerConfig rings() {
        return new IoUringIoHandlerConfig().setCqSize(32 * 1024);
    }

    private static Class<? extends ServerChannel> listener(String transport) {
        return switch (transport) {
            case "epoll" -> EpollServerSocketChannel.class;
            case "nio" -> NioServerSocketChannel.class;
            default -> IoUringServerSocketChannel.class;
        };
    }
}
