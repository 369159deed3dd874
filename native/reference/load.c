/*
 * The load client: the neutral judge of every echo server. It opens connections, sends on them what no other connection
 * sends at that place, and compares every byte that comes back.
 *
 * Each connection's stream is a walk round one table of random bytes, begun at a place of its own: what is lost,
 * doubled, out of order or meant for another connection differs. Nothing is copied and nothing allocated on the way.
 *
 * Edge-triggered, one registration a connection: a read that did not fill the buffer has emptied the socket, and the
 * next bytes make the next edge. So the judge asks as little of the machine as it can.
 */
#include "common.h"
#include "histogram.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, PERIOD = 4093, EVENTS = 1024 };

/* What a run is asked to do. */
static struct {
    struct addresses target, source;
    uint16_t port;
    bool bound;             /* --source was given */
    long low_port, high_port; /* source ports to take in order; 0: the kernel chooses */
    long connections, size, depth, in_flight, tables, messages;
    double rate, every, warm_up, length, hold, timeout, settle;
    bool connect_only, once, spin, reset;
    long watch;
} ask = {.target = {INADDR_LOOPBACK, 1}, .port = 9999, .connections = 1, .size = 16, .depth = 1, .in_flight = 512,
         .warm_up = 0.2, .length = 1, .timeout = 10, .settle = 0.2};

enum state { CONNECTING, OPEN, GONE };

struct connection {
    uint64_t owed, sent, received; /* bytes */
    int fd;
    enum state state;
};

/* When a connection is to send again. All wait equally long, so a row in the order of sending is in order of time. */
struct beat {
    struct connection *connection;
    uint64_t due;
};

/* One thread's share. All of it in the ordinary run. */
struct load {
    struct connection *connections;
    long first, count; /* which of all */
    long begun, opened, finished, gone;
    int epfd;
    uint64_t start, opened_all, end;
    uint64_t mismatched; /* connections that got other bytes than they sent */
    uint64_t received, outstanding, moved; /* bytes; when something last happened */
    struct beat *beats; /* with --every: one for each connection, those that are due first at the front */
    uint64_t beats_begun;
    char buffer[CHUNK];
};

/* What the timed part of a run found. */
static struct {
    bool on;
    uint64_t begin, end, messages, next, first_due;
    uint64_t server_cpu, own_cpu;
    struct histogram latency, late;
} window;

static unsigned char pattern[PERIOD + CHUNK];
static pthread_barrier_t all_done;

static void make_pattern(void) {
    uint64_t x = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < PERIOD; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        pattern[i] = (unsigned char) (x >> 32);
    }
    for (size_t i = PERIOD; i < sizeof pattern; i++) {
        pattern[i] = pattern[i - PERIOD];
    }
}

/* What the connection with that number has at that place of its stream; CHUNK bytes and more may be read from there. */
static const unsigned char *stream(long number, uint64_t place) {
    return pattern + ((uint64_t) number * 1597 + place) % PERIOD;
}

/* ---- the watched process ---- */

/* Nanoseconds that all its threads have been on a processor: /proc/PID/task/TID/schedstat. */
static uint64_t cpu_of(long pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) {
        cannot("--watch %ld: %s", pid, path);
    }
    uint64_t sum = 0;
    for (struct dirent *task; (task = readdir(tasks));) {
        char file[sizeof path + sizeof task->d_name + 16];
        snprintf(file, sizeof file, "%s/%s/schedstat", path, task->d_name);
        FILE *f = task->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f) {
            uint64_t ran;
            if (fscanf(f, "%" SCNu64, &ran) == 1) {
                sum += ran;
            }
            fclose(f);
        }
    }
    closedir(tasks);
    return sum;
}

/* Resident bytes, counted page by page: the number in /proc/PID/status may be off by some hundred KiB. */
static int64_t rss_of(long pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        cannot("--watch %ld: %s", pid, path);
    }
    int64_t kib = -1;
    while (kib < 0 && fgets(line, sizeof line, f)) {
        sscanf(line, "Rss: %" SCNd64, &kib);
    }
    fclose(f);
    return kib * 1024;
}

static uint64_t own_cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((uint64_t) u.ru_utime.tv_sec + (uint64_t) u.ru_stime.tv_sec) * 1000000000
           + ((uint64_t) u.ru_utime.tv_usec + (uint64_t) u.ru_stime.tv_usec) * 1000;
}

/* ---- connections ---- */

static void lose(struct load *l, struct connection *c) {
    if (c->state == OPEN) {
        l->outstanding -= c->owed - c->received;
    }
    close(c->fd);
    c->fd = -1;
    c->state = GONE;
    l->gone++;
}

static void flush(struct load *l, struct connection *c) {
    while (c->sent < c->owed) {
        uint64_t left = c->owed - c->sent;
        size_t length = left < CHUNK ? (size_t) left : CHUNK;
        ssize_t n = send(c->fd, stream(l->first + (c - l->connections), c->sent), length, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                lose(l, c);
            }
            return;
        }
        c->sent += (uint64_t) n;
    }
}

static void owe(struct load *l, struct connection *c, uint64_t messages) {
    c->owed += messages * (uint64_t) ask.size;
    l->outstanding += messages * (uint64_t) ask.size;
}

/* The i-th connection of all takes its target, then its source address, then its source port from a row of each. */
static void begin(struct load *l) {
    struct connection *c = &l->connections[l->begun];
    uint64_t i = (uint64_t) (l->first + l->begun++);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        cannot("socket, with %ld connections", l->opened);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) {1}, sizeof(int));
    if (ask.reset) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger) {1, 0}, sizeof(struct linger));
    }
    if (ask.bound) {
        uint64_t row = i / ask.target.count;
        long port = ask.low_port ? ask.low_port + (long) (row / ask.source.count) : 0;
        struct sockaddr_in from = sockaddr_of(ask.source, (uint32_t) row, (uint16_t) port);
        if (!port) {
            setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int) {1}, sizeof(int));
        } else {
            /* The same port once for each target: bind allows that to sockets which all say so. */
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) {1}, sizeof(int));
        }
        if (bind(fd, (struct sockaddr *) &from, sizeof from)) {
            cannot("bind to source port %ld, with %ld connections", port, l->opened);
        }
    }
    struct sockaddr_in to = sockaddr_of(ask.target, (uint32_t) i, ask.port);
    if (connect(fd, (struct sockaddr *) &to, sizeof to) && errno != EINPROGRESS) {
        cannot("connect to port %u, with %ld connections", ask.port, l->opened);
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &e)) {
        cannot("epoll_ctl, with %ld connections", l->opened);
    }
    c->fd = fd;
}

static void established(struct load *l, struct connection *c, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) {
        socklen_t length = sizeof errno;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errno, &length);
        cannot("connect to port %u, with %ld connections", ask.port, l->opened);
    }
    c->state = OPEN;
    l->opened++;
    if (ask.connect_only) {
        l->finished++;
        return;
    }
    if (ask.every) {
        l->beats[l->opened - 1] = (struct beat) {c, nanos() + (uint64_t) (ask.every * 1e9)};
        owe(l, c, 1);
        flush(l, c);
    } else if (ask.once || ask.messages) {
        owe(l, c, (uint64_t) (ask.once || ask.messages < ask.depth ? 1 : ask.depth));
        flush(l, c);
    }
}

/* Whole messages that have come back on c since it had before bytes. */
static void returned(struct load *l, struct connection *c, uint64_t before, uint64_t now) {
    uint64_t size = (uint64_t) ask.size;
    uint64_t first = before / size, last = c->received / size;
    if (ask.once || ask.messages) {
        uint64_t all = ask.once ? 1 : (uint64_t) ask.messages;
        uint64_t begun = c->owed / size;
        uint64_t more = last - first < all - begun ? last - first : all - begun;
        owe(l, c, more);
        if (first < all && last == all) {
            l->finished++;
        }
    } else if (ask.every) {
        window.messages += window.on ? last - first : 0;
    } else if (!ask.rate) {
        owe(l, c, window.begin && window.end ? 0 : last - first);
        if (window.on) {
            window.messages += last - first;
        }
    } else {
        /* Message k of connection c is number k × connections + c of all: its time needs no memory. */
        uint64_t index = (uint64_t) (c - l->connections);
        for (uint64_t k = first; k < last; k++) {
            uint64_t due = window.first_due
                           + (uint64_t) ((double) (k * (uint64_t) l->count + index) * 1e9 / ask.rate);
            if (due >= window.begin && window.begin && (!window.end || due < window.end)) {
                window.messages++;
                histogram_record(&window.latency, now > due ? now - due : 0);
            }
        }
    }
    flush(l, c);
}

static void receive(struct load *l, struct connection *c) {
    for (;;) {
        ssize_t n = recv(c->fd, l->buffer, CHUNK, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            lose(l, c);
            return;
        }
        uint64_t before = c->received;
        if (c->owed - before < (uint64_t) n
                || memcmp(l->buffer, stream(l->first + (c - l->connections), before), (size_t) n)) {
            l->mismatched++;
            lose(l, c);
            return;
        }
        c->received += (uint64_t) n;
        l->received += (uint64_t) n;
        l->outstanding -= (uint64_t) n;
        returned(l, c, before, ask.rate ? nanos() : 0);
        if (n < CHUNK || c->state == GONE) {
            return;
        }
    }
}

static void ready(struct load *l, struct connection *c, uint32_t events) {
    if (c->state == CONNECTING) {
        established(l, c, events);
    } else if (c->state == OPEN && c->sent < c->owed && (events & EPOLLOUT)) {
        flush(l, c);
    }
    if (c->state == OPEN && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        receive(l, c);
    }
}

static long in_progress(const struct load *l) {
    /* With one echo asked for, a connection is made when it has been served, and not before. */
    return l->begun - (ask.once || ask.messages ? l->finished : l->opened) - l->gone;
}

/* Waits for events, for at most that long, and serves them. Ends the program when nothing moves any more. */
static void turn(struct load *l, uint64_t wait) {
    struct epoll_event events[EVENTS];
    struct timespec timeout = {(time_t) (wait / 1000000000), (long) (wait % 1000000000)};
    int n = ask.spin || wait == 0 ? epoll_wait(l->epfd, events, EVENTS, 0)
                                  : epoll_pwait2(l->epfd, events, EVENTS, &timeout, NULL);
    if (n < 0 && errno != EINTR) {
        cannot("epoll_wait");
    }
    for (int i = 0; i < n; i++) {
        ready(l, events[i].data.ptr, events[i].events);
    }
    if (n > 0) {
        l->moved = nanos();
    }
}

static bool stuck(const struct load *l) {
    return (double) (nanos() - l->moved) > ask.timeout * 1e9;
}

static void open_all(struct load *l) {
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0) {
        cannot("epoll_create1");
    }
    l->start = l->moved = nanos();
    bool echoes = ask.once || ask.messages;
    while ((echoes ? l->finished : l->opened) + l->gone < l->count && !stuck(l)) {
        while (l->begun < l->count && in_progress(l) < ask.in_flight) {
            begin(l);
        }
        turn(l, 100000000);
        if (!l->opened_all && l->opened == l->count) {
            l->opened_all = nanos();
        }
    }
    l->end = nanos();
}

static void open_window(uint64_t now) {
    window.on = true;
    window.server_cpu = ask.watch ? cpu_of(ask.watch) : 0;
    window.own_cpu = own_cpu();
    window.begin = ask.rate ? now : nanos();
}

static void close_window(uint64_t now) {
    window.on = false;
    window.end = now;
    window.server_cpu = ask.watch ? cpu_of(ask.watch) - window.server_cpu : 0;
    window.own_cpu = own_cpu() - window.own_cpu;
}

/* Opens and closes the window as time goes by. false when it is over. */
static bool within(uint64_t start, uint64_t now) {
    if (!window.begin && (double) (now - start) >= ask.warm_up * 1e9) {
        open_window(now);
    } else if (window.begin && (double) (now - window.begin) >= ask.length * 1e9) {
        close_window(now);
        return false;
    }
    return true;
}

static void closed_loop(struct load *l) {
    uint64_t start = nanos();
    for (long i = 0; i < l->count; i++) {
        if (l->connections[i].state == OPEN) {
            owe(l, &l->connections[i], (uint64_t) ask.depth);
            flush(l, &l->connections[i]);
        }
    }
    while (within(start, nanos()) && l->gone < l->count && !stuck(l)) {
        turn(l, 10000000);
    }
}

/* Sends what is due, on time whatever has come back: a slow server delays no message of those behind. */
static void fixed_rate(struct load *l) {
    window.first_due = nanos();
    double gap = 1e9 / ask.rate;
    for (uint64_t now = window.first_due; within(window.first_due, now) && l->gone < l->count && !stuck(l);
            now = nanos()) {
        uint64_t due;
        while ((due = window.first_due + (uint64_t) ((double) window.next * gap)) <= now) {
            struct connection *c = &l->connections[window.next++ % (uint64_t) l->count];
            if (c->state != OPEN) {
                continue;
            }
            if (window.on) {
                histogram_record(&window.late, nanos() - due);
            }
            owe(l, c, 1);
            flush(l, c);
        }
        turn(l, due - now < 10000000 ? due - now : 10000000);
    }
}

/* Each connection sends once an interval, counted from its first message. */
static void beat(struct load *l) {
    uint64_t interval = (uint64_t) (ask.every * 1e9);
    uint64_t start = nanos();
    for (uint64_t now = start; within(start, now) && l->gone < l->count && !stuck(l); now = nanos()) {
        struct beat *next;
        while ((next = &l->beats[l->beats_begun % (uint64_t) l->count])->due <= now) {
            next->due += interval;
            l->beats_begun++;
            if (next->connection->state == OPEN) {
                owe(l, next->connection, 1);
                flush(l, next->connection);
            }
        }
        turn(l, next->due - now < 100000000 ? next->due - now : 100000000);
    }
}

/* All that was sent has to come back, also what was sent last. */
static void drain(struct load *l) {
    l->moved = nanos();
    while (l->outstanding && l->gone < l->count && !stuck(l)) {
        turn(l, 10000000);
    }
}

static void *share(void *load) {
    struct load *l = load;
    if (ask.tables && unshare(CLONE_FILES)) {
        cannot("unshare(CLONE_FILES)");
    }
    open_all(l);
    if (ask.tables) {
        /* The sockets go with the last thread that knows the table: they are held until all are through. */
        pthread_barrier_wait(&all_done);
        usleep((useconds_t) (ask.hold * 1e6));
        pthread_barrier_wait(&all_done);
    }
    return NULL;
}

/* ---- the answer ---- */

static void print_histogram(const char *name, const struct histogram *h) {
    printf(",\"%s\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p99.9\":%.2f,\"max\":%.2f}", name,
           (double) histogram_percentile(h, 50) / 1e3, (double) histogram_percentile(h, 90) / 1e3,
           (double) histogram_percentile(h, 99) / 1e3, (double) histogram_percentile(h, 99.9) / 1e3,
           (double) h->most / 1e3);
}

static const char *mode(void) {
    return ask.connect_only ? "connect" : ask.once ? "once" : ask.messages ? "messages"
           : ask.rate ? "rate" : ask.every ? "every" : "closed";
}

static void help(void) {
    puts("Usage: reference-load [OPTION]...\n"
         "\n"
         "Loads an echo server, compares every byte that comes back, and prints one JSON\n"
         "object. Without options: one connection to 127.0.0.1:9999, 16 bytes to and fro\n"
         "for a second.\n"
         "\n"
         "Where to, where from (IPv4):\n"
         "  --target ADDR[-ADDR]:PORT  a row of addresses is used in turn\n"
         "  --source ADDR[-ADDR]       local addresses, in turn (default: the kernel's)\n"
         "  --source-ports LO-HI       take them in order (default: the kernel's choice)\n"
         "\n"
         "How many:\n"
         "  --connections N   (default 1)\n"
         "  --in-flight N     being made at a time, at most (default 512)\n"
         "  --size N          bytes of a message (default 16)\n"
         "  --depth N         messages under way on each connection (default 1)\n"
         "  --tables N        N threads, each with a descriptor table of its own; with\n"
         "                    --connect-only, --once or --messages\n"
         "\n"
         "What to do with them; the closed loop if nothing is said: the next message when\n"
         "one is back:\n"
         "  --rate R          R messages a second over all, on time whatever comes back;\n"
         "                    latency counts from the moment a message was due\n"
         "  --every S         one each S seconds on each connection, from its first on\n"
         "  --messages N      N on each connection, then end\n"
         "  --once            one on each connection; that is when it counts as made\n"
         "  --connect-only    none\n"
         "  --hold S          keep the connections that long at the end\n"
         "\n"
         "How long, in seconds:\n"
         "  --warm-up S       before the count begins (default 0.2)\n"
         "  --seconds S       that are counted (default 1)\n"
         "  --timeout S       without any progress: give up (default 10)\n"
         "  --settle S        before memory is read (default 0.2)\n"
         "\n"
         "How:\n"
         "  --watch PID       of the server: its processor time in the counted seconds,\n"
         "                    its memory before and after\n"
         "  --spin            look for events without sleeping: for a processor of its own\n"
         "  --reset           end connections with RST, which leaves no TIME_WAIT\n"
         "  --help            this text\n"
         "\n"
         "Exit status: 0 every byte came back, 1 it did not, 2 the command line is wrong,\n"
         "3 it could not be done here.");
}

static void parse(int argc, char **argv) {
    enum { TARGET = 1, SOURCE, SOURCE_PORTS, CONNECTIONS, IN_FLIGHT, SIZE, DEPTH, TABLES, RATE, EVERY, MESSAGES, ONCE,
           CONNECT_ONLY, HOLD, WARM_UP, SECONDS, TIMEOUT, SETTLE, WATCH, SPIN, RESET, HELP };
    static const struct option options[] = {{"target", 1, NULL, TARGET},
                                            {"source", 1, NULL, SOURCE},
                                            {"source-ports", 1, NULL, SOURCE_PORTS},
                                            {"connections", 1, NULL, CONNECTIONS},
                                            {"in-flight", 1, NULL, IN_FLIGHT},
                                            {"size", 1, NULL, SIZE},
                                            {"depth", 1, NULL, DEPTH},
                                            {"tables", 1, NULL, TABLES},
                                            {"rate", 1, NULL, RATE},
                                            {"every", 1, NULL, EVERY},
                                            {"messages", 1, NULL, MESSAGES},
                                            {"once", 0, NULL, ONCE},
                                            {"connect-only", 0, NULL, CONNECT_ONLY},
                                            {"hold", 1, NULL, HOLD},
                                            {"warm-up", 1, NULL, WARM_UP},
                                            {"seconds", 1, NULL, SECONDS},
                                            {"timeout", 1, NULL, TIMEOUT},
                                            {"settle", 1, NULL, SETTLE},
                                            {"watch", 1, NULL, WATCH},
                                            {"spin", 0, NULL, SPIN},
                                            {"reset", 0, NULL, RESET},
                                            {"help", 0, NULL, HELP},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
        switch (option) {
        case TARGET:
            ask.target = endpoint("--target", optarg, &ask.port);
            break;
        case SOURCE:
            ask.source = addresses("--source", optarg, strlen(optarg));
            ask.bound = true;
            break;
        case SOURCE_PORTS: {
            char *dash = strchr(optarg, '-');
            if (!dash) {
                usage_error("--source-ports %s: accepted is LO-HI, such as 1024-65535", optarg);
            }
            *dash = 0;
            ask.low_port = number("--source-ports", optarg, 1, 65535);
            ask.high_port = number("--source-ports", dash + 1, ask.low_port, 65535);
            break;
        }
        case CONNECTIONS:
            ask.connections = number("--connections", optarg, 1, 100000000);
            break;
        case IN_FLIGHT:
            ask.in_flight = number("--in-flight", optarg, 1, 1000000);
            break;
        case SIZE:
            ask.size = number("--size", optarg, 1, 1 << 20);
            break;
        case DEPTH:
            ask.depth = number("--depth", optarg, 1, 10000);
            break;
        case TABLES:
            ask.tables = number("--tables", optarg, 0, 1000);
            break;
        case RATE:
            ask.rate = (double) number("--rate", optarg, 1, 100000000);
            break;
        case EVERY:
            ask.every = seconds("--every", optarg);
            break;
        case MESSAGES:
            ask.messages = number("--messages", optarg, 1, LONG_MAX / (1 << 20));
            break;
        case ONCE:
            ask.once = true;
            break;
        case CONNECT_ONLY:
            ask.connect_only = true;
            break;
        case HOLD:
            ask.hold = seconds("--hold", optarg);
            break;
        case WARM_UP:
            ask.warm_up = seconds("--warm-up", optarg);
            break;
        case SECONDS:
            ask.length = seconds("--seconds", optarg);
            break;
        case TIMEOUT:
            ask.timeout = seconds("--timeout", optarg);
            break;
        case SETTLE:
            ask.settle = seconds("--settle", optarg);
            break;
        case WATCH:
            ask.watch = number("--watch", optarg, 1, INT32_MAX);
            break;
        case SPIN:
            ask.spin = true;
            break;
        case RESET:
            ask.reset = true;
            break;
        case HELP:
            help();
            exit(0);
        default:
            bad_option(argv, option);
        }
    }
    if (optind < argc) {
        usage_error("%s: there is nothing but options here; --help lists them", argv[optind]);
    }
    int modes = ask.connect_only + ask.once + (ask.messages > 0) + (ask.rate > 0) + (ask.every > 0);
    if (modes > 1) {
        usage_error("--rate, --every, --messages, --once and --connect-only exclude each other");
    }
    if (ask.tables && (modes == 0 || ask.rate || ask.every)) {
        usage_error("--tables goes with --connect-only, --once or --messages");
    }
    if (ask.tables > ask.connections) {
        usage_error("--tables %ld: there are only %ld connections", ask.tables, ask.connections);
    }
    if (ask.low_port) {
        if (!ask.bound) {
            ask.source = (struct addresses) {INADDR_LOOPBACK, 1};
            ask.bound = true;
        }
        long room = (ask.high_port - ask.low_port + 1) * (long) ask.source.count * (long) ask.target.count;
        if (ask.connections > room) {
            usage_error("--connections %ld: these ports, sources and targets make %ld", ask.connections, room);
        }
    }
}

int main(int argc, char **argv) {
    program = "reference-load";
    parse(argc, argv);
    raise_nofile();
    make_pattern();
    prctl(PR_SET_TIMERSLACK, 1UL);

    struct connection *connections = reserve((size_t) ask.connections * sizeof *connections);
    long shares = ask.tables ? ask.tables : 1;
    struct load *loads = reserve((size_t) shares * sizeof *loads);
    loads->beats = ask.every ? reserve((size_t) ask.connections * sizeof *loads->beats) : NULL;
    for (long i = 0, at = 0; i < shares; i++) {
        loads[i].first = at;
        loads[i].connections = connections + at;
        loads[i].count = ask.connections / shares + (i < ask.connections % shares);
        at += loads[i].count;
    }

    int64_t rss_before = ask.watch ? rss_of(ask.watch) : 0;
    uint64_t server_cpu = ask.watch ? cpu_of(ask.watch) : 0;
    uint64_t client_cpu = own_cpu(), start = nanos(), end;
    if (ask.tables) {
        pthread_barrier_init(&all_done, NULL, (unsigned) shares + 1);
        for (long i = 0; i < shares; i++) {
            pthread_t thread;
            errno = pthread_create(&thread, NULL, share, &loads[i]);
            if (errno) {
                cannot("pthread_create");
            }
        }
        pthread_barrier_wait(&all_done);
    } else {
        share(loads);
    }
    end = nanos();
    server_cpu = ask.watch ? cpu_of(ask.watch) - server_cpu : 0;
    client_cpu = own_cpu() - client_cpu;
    bool timed = !ask.connect_only && !ask.once && !ask.messages;
    if (timed && loads->opened == loads->count) {
        (ask.rate ? fixed_rate : ask.every ? beat : closed_loop)(loads);
        drain(loads);
        server_cpu = window.server_cpu;
        client_cpu = window.own_cpu;
    }
    int64_t rss_after = 0;
    if (ask.watch) {
        usleep((useconds_t) (ask.settle * 1e6));
        rss_after = rss_of(ask.watch);
    }
    if (!ask.tables) {
        usleep((useconds_t) (ask.hold * 1e6));
    }

    uint64_t opened = 0, gone = 0, mismatched = 0, received = 0, lost = 0, finished = 0;
    for (long i = 0; i < shares; i++) {
        opened += (uint64_t) loads[i].opened;
        finished += (uint64_t) loads[i].finished;
        gone += (uint64_t) loads[i].gone;
        mismatched += loads[i].mismatched;
        received += loads[i].received;
        for (long k = 0; k < loads[i].count; k++) {
            lost += loads[i].connections[k].owed - loads[i].connections[k].received;
        }
    }
    bool sound = opened == (uint64_t) ask.connections && !gone && !mismatched && !lost
                 && (!timed || window.messages) && (timed || finished == opened);
    uint64_t messages = timed ? window.messages : received / (uint64_t) ask.size;
    double counted = timed && window.end ? (double) (window.end - window.begin) / 1e9 : (double) (end - start) / 1e9;
    uint64_t per = timed ? messages : opened;
    printf("{\"mode\":\"%s\",\"sound\":%s,\"connections\":%ld,\"opened\":%" PRIu64 ",\"closed_by_server\":%" PRIu64
           ",\"size\":%ld,\"depth\":%ld,\"open_seconds\":%.6f,\"seconds\":%.6f,\"messages\":%" PRIu64
           ",\"rate\":%.1f,\"verified_bytes\":%" PRIu64 ",\"lost_bytes\":%" PRIu64 ",\"mismatched\":%" PRIu64
           ",\"client_cpu_ns\":%" PRIu64 ",\"client_cpu_ns_each\":%.1f",
           mode(), sound ? "true" : "false", ask.connections, opened, gone - mismatched, ask.size, ask.depth,
           (double) (end - start) / 1e9, counted, messages, (double) per / counted, received, lost, mismatched,
           client_cpu, per ? (double) client_cpu / (double) per : 0);
    if (ask.rate) {
        printf(",\"asked_rate\":%.1f", ask.rate);
        print_histogram("latency_us", &window.latency);
        print_histogram("late_us", &window.late);
    }
    if (ask.watch) {
        printf(",\"server_cpu_ns\":%" PRIu64 ",\"server_cpu_ns_each\":%.1f,\"rss_before\":%" PRId64
               ",\"rss_after\":%" PRId64 ",\"rss_per_connection\":%.1f",
               server_cpu, per ? (double) server_cpu / (double) per : 0, rss_before, rss_after,
               opened ? (double) (rss_after - rss_before) / (double) opened : 0);
    }
    puts("}");
    fflush(stdout);
    if (!sound) {
        fprintf(stderr, "reference-load: %" PRIu64 " of %ld connections, %" PRIu64 " closed by the server, %" PRIu64
                " with other bytes than sent, %" PRIu64 " bytes that did not come back\n", opened, ask.connections,
                gone - mismatched, mismatched, lost);
        return EXIT_FOUND;
    }
    if (ask.tables) {
        pthread_barrier_wait(&all_done);
    }
    return 0;
}
