/*
 * The reference echo server: what a careful C programmer writes with epoll. Level-triggered, accept4, one recv and one
 * send an event, nothing allocated for a connection and nothing remembered of it, unless its peer does not read.
 */
#include "common.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, EVENTS = 1024, ACCEPTS_AN_EVENT = 64 };

/* Bytes whose receiver has no room. Only such a connection costs memory here, and at most BUFFER bytes. */
struct rest {
    size_t at, length;
    char bytes[];
};

struct loop {
    int epfd;
    bool armed;         /* the listener is in epfd */
    struct rest **rest; /* by descriptor */
    char buffer[BUFFER];
};

static int listener;
static bool exclusive;
static long nofile;

static void arm(struct loop *l) {
    struct epoll_event e = {.events = EPOLLIN | (exclusive ? EPOLLEXCLUSIVE : 0), .data.fd = listener};
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, listener, &e)) {
        cannot("epoll_ctl");
    }
    l->armed = true;
}

static void hang_up(struct loop *l, int fd) {
    free(l->rest[fd]);
    l->rest[fd] = NULL;
    close(fd);
    if (!l->armed) {
        arm(l);
    }
}

static void accept_some(struct loop *l) {
    for (int i = 0; i < ACCEPTS_AN_EVENT; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
            if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &e)) {
                close(fd);
            }
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* Left armed, a full table would be reported for ever. It is armed again when room appears, or in a second. */
            epoll_ctl(l->epfd, EPOLL_CTL_DEL, listener, NULL);
            l->armed = false;
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

static void keep(struct loop *l, int fd, size_t sent, size_t length) {
    struct rest *rest = malloc(sizeof *rest + length - sent);
    if (!rest) {
        hang_up(l, fd);
        return;
    }
    rest->at = 0;
    rest->length = length - sent;
    memcpy(rest->bytes, l->buffer + sent, rest->length);
    l->rest[fd] = rest;
    epoll_ctl(l->epfd, EPOLL_CTL_MOD, fd, &(struct epoll_event) {.events = EPOLLOUT, .data.fd = fd});
}

static void go_on(struct loop *l, int fd) {
    struct rest *rest = l->rest[fd];
    ssize_t n = send(fd, rest->bytes + rest->at, rest->length - rest->at, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            hang_up(l, fd);
        }
        return;
    }
    rest->at += (size_t) n;
    if (rest->at == rest->length) {
        free(rest);
        l->rest[fd] = NULL;
        epoll_ctl(l->epfd, EPOLL_CTL_MOD, fd, &(struct epoll_event) {.events = EPOLLIN, .data.fd = fd});
    }
}

static void echo(struct loop *l, int fd) {
    ssize_t n = recv(fd, l->buffer, BUFFER, 0);
    if (n > 0) {
        ssize_t sent = send(fd, l->buffer, (size_t) n, MSG_NOSIGNAL);
        if (sent == n) {
            return;
        }
        if (sent >= 0 || errno == EAGAIN || errno == EINTR) {
            keep(l, fd, sent < 0 ? 0 : (size_t) sent, (size_t) n);
            return;
        }
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    hang_up(l, fd);
}

static void run(struct loop *l) {
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(l->epfd, events, EVENTS, l->armed ? -1 : 1000);
        if (n < 0 && errno != EINTR) {
            cannot("epoll_wait");
        }
        if (n == 0 && !l->armed) {
            arm(l);
        }
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_some(l);
            } else if (events[i].events != EPOLLIN && l->rest[fd]) {
                go_on(l, fd);
            } else {
                echo(l, fd);
            }
        }
    }
}

static void *start(void *own_table) {
    if (own_table && unshare(CLONE_FILES)) {
        cannot("unshare(CLONE_FILES)");
    }
    struct loop *l = reserve(sizeof *l);
    l->rest = reserve((size_t) nofile * sizeof *l->rest);
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0) {
        cannot("epoll_create1");
    }
    arm(l);
    run(l);
    return NULL;
}

static void help(void) {
    puts("Usage: reference-server [OPTION]...\n"
         "\n"
         "An echo server in plain C: the yardstick for every other one. Prints one line\n"
         "of JSON when it listens, and ends with SIGTERM or SIGINT.\n"
         "\n"
         "  --listen ADDR:PORT  IPv4; port 0: the kernel chooses (default 127.0.0.1:9999)\n"
         "  --backlog N         for listen(2) (default 4096)\n"
         "  --tables N          N threads, each with a descriptor table of its own, which\n"
         "                      holds as many descriptors as the hard limit says\n"
         "                      (default 0: one thread and the table of the process)\n"
         "  --help              this text\n"
         "\n"
         "Exit status: 2 the command line is wrong, 3 it could not be done here.");
}

int main(int argc, char **argv) {
    program = "reference-server";
    static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                            {"backlog", required_argument, NULL, 'b'},
                                            {"tables", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct addresses at = {INADDR_LOOPBACK, 1};
    uint16_t port = 9999;
    int backlog = 4096;
    long tables = 0;
    int option;
    while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            at = endpoint("--listen", optarg, &port);
            break;
        case 'b':
            backlog = (int) number("--backlog", optarg, 1, 1 << 20);
            break;
        case 't':
            tables = number("--tables", optarg, 0, 1000);
            break;
        case 'h':
            help();
            return 0;
        default:
            bad_option(argv, option);
        }
    }
    if (optind < argc) {
        usage_error("%s: there is nothing but options here; --help lists them", argv[optind]);
    }

    nofile = raise_nofile();
    exclusive = tables > 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) {
        cannot("socket");
    }
    struct sockaddr_in address = sockaddr_of(at, 0, port);
    socklen_t length = sizeof address;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int) {1}, sizeof(int))) {
        cannot("setsockopt(SO_REUSEADDR)");
    }
    if (bind(listener, (struct sockaddr *) &address, length) || listen(listener, backlog)) {
        cannot("listening on port %u", port);
    }
    getsockname(listener, (struct sockaddr *) &address, &length);
    printf("{\"event\":\"listening\",\"pid\":%d,\"port\":%u,\"nofile\":%ld,\"tables\":%ld}\n", (int) getpid(),
           ntohs(address.sin_port), nofile, tables);
    fflush(stdout);
    for (long i = 1; i < tables; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, NULL, start, &tables);
        if (errno) {
            cannot("pthread_create");
        }
    }
    start(tables ? &tables : NULL);
}
