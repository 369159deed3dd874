/*
 * Makes the kernel say no, in a process of its own, and stays so that it can be looked at.
 *
 *     provoke [nofile=SOFT:HARD …] [dropcap=24] [uid=N] [userns] [cgroup=DIRECTORY] [hold=BYTES] [wait] REFUSAL
 *             [ARGUMENT]
 *
 * The words before the refusal are done in their order; wait says "waiting" and waits for a line. Then one line says what
 * happened, "CALL ERRNO REQUESTED DETAIL", and the process ends when its standard input does. Its children end with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <mqueue.h>
#include <time.h>
#include <unistd.h>

static void give_up(const char *what)
{
    fprintf(stderr, "provoke: %s: %s\n", what, strerror(errno));
    exit(3);
}

/* What happened, and then wait to be looked at. */
static void said(const char *call, int err, long long requested, const char *detail)
{
    char c;
    printf("%s %d %lld %s\n", call, err, requested, detail);
    fflush(stdout);
    while (read(0, &c, 1) > 0)
        ;
    exit(0);
}

#define NO_REQUEST (-1LL)
#define REFUSED(call, requested) said(call, errno, requested, "-")

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        give_up(path);
    close(fd);
}

static int resource(const char *name)
{
    static const struct { const char *name; int number; } all[] = {
        {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"as", RLIMIT_AS}, {"data", RLIMIT_DATA},
        {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"sigpending", RLIMIT_SIGPENDING},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i].name, name))
            return all[i].number;
    return -1;
}

static void drop_capability(int bit)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data))
        give_up("capget");
    data[bit / 32].effective &= ~(1u << bit % 32);
    data[bit / 32].permitted &= ~(1u << bit % 32);
    data[bit / 32].inheritable &= ~(1u << bit % 32);
    if (syscall(SYS_capset, &head, data))
        give_up("capset");
}

static void user_namespace(void)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER))
        give_up("unshare(CLONE_NEWUSER)");
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
}

/* Whether the word was one of those that prepare. */
static int prepared(char *word)
{
    char *value = strchr(word, '=');
    if (!strcmp(word, "userns")) {
        user_namespace();
        return 1;
    }
    if (!strcmp(word, "wait")) {
        char c;
        printf("waiting\n");
        fflush(stdout);
        while (read(0, &c, 1) == 1 && c != '\n')
            ;
        return 1;
    }
    if (!value)
        return 0;
    *value++ = 0;
    if (!strcmp(word, "uid")) {
        unsigned id = atoi(value);
        if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
            give_up("setresuid");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_DUMPABLE, 1);
    } else if (!strcmp(word, "dropcap")) {
        drop_capability(atoi(value));
    } else if (!strcmp(word, "hold")) {
        if (mmap(NULL, atoll(value), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            give_up("hold");
    } else if (!strcmp(word, "cgroup")) {
        char path[4096];
        snprintf(path, sizeof path, "%s/cgroup.procs", value);
        write_file(path, "0");
    } else {
        struct rlimit limit;
        char *hard = strchr(value, ':');
        limit.rlim_cur = strtoull(value, NULL, 10);
        limit.rlim_max = hard ? strtoull(hard + 1, NULL, 10) : limit.rlim_cur;
        if (setrlimit(resource(word), &limit))
            give_up(word);
    }
    return 1;
}

static void set(int what, rlim_t soft, rlim_t hard, long long requested)
{
    struct rlimit limit = {soft, hard};
    if (setrlimit(what, &limit))
        said("setrlimit", errno, requested, "-");
    said("setrlimit", 0, requested, "-");
}

static void fork_until_refused(void)
{
    for (;;) {
        pid_t pid = fork();
        if (pid < 0)
            REFUSED("fork", NO_REQUEST);
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                pause();
        }
    }
}

static void watch(int epoll, int op, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(epoll, op, fd, &event))
        REFUSED("epoll_ctl", NO_REQUEST);
}

static void epoll_errors(const char *which)
{
    int e = epoll_create1(0), event = eventfd(0, 0);
    if (!strcmp(which, "not-pollable"))
        watch(e, EPOLL_CTL_ADD, open("/proc/self/exe", O_RDONLY));
    if (!strcmp(which, "epoll-already-added")) {
        watch(e, EPOLL_CTL_ADD, event);
        watch(e, EPOLL_CTL_ADD, event);
    }
    if (!strcmp(which, "epoll-not-added"))
        watch(e, EPOLL_CTL_MOD, event);
    if (!strcmp(which, "epoll-bad-fd"))
        watch(e, EPOLL_CTL_ADD, 1000000);
    if (!strcmp(which, "epoll-not-allowed"))
        watch(e, EPOLL_CTL_ADD, e);
    if (!strcmp(which, "epoll-nesting"))
        for (int outer; ; e = outer) {
            outer = epoll_create1(0);
            watch(outer, EPOLL_CTL_ADD, e);
        }
}

/* So many watches, over instances of 10000 descriptors each. */
static void epoll_watches(void)
{
    int fds[10000];
    for (int i = 0; i < 10000; i++)
        if ((fds[i] = eventfd(0, 0)) < 0)
            give_up("eventfd");
    for (;;) {
        int e = epoll_create1(0);
        if (e < 0)
            give_up("epoll_create1");
        for (int i = 0; i < 10000; i++)
            watch(e, EPOLL_CTL_ADD, fds[i]);
    }
}

/* Marks on the files FOLDER/0 to FOLDER/n-1 by one instance after the other. */
static void marks(const char *folder, int fan)
{
    for (;;) {
        char path[4096];
        int fd = fan ? fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY) : inotify_init1(0);
        if (fd < 0)
            give_up("another instance");
        for (int i = 0; snprintf(path, sizeof path, "%s/%d", folder, i), access(path, F_OK) == 0; i++)
            if (fan && fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, path))
                REFUSED("fanotify_mark", NO_REQUEST);
            else if (!fan && inotify_add_watch(fd, path, IN_MODIFY) < 0)
                REFUSED("inotify_add_watch", NO_REQUEST);
    }
}

static void *sleeper(void *unused)
{
    pause();
    return unused;
}

static void map(size_t length, int prot, int flags)
{
    void *p = mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (p == MAP_FAILED)
        said("mmap", errno, length, flags & MAP_HUGETLB ? "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB"
                                  : flags & MAP_LOCKED ? "MAP_PRIVATE|MAP_ANONYMOUS|MAP_LOCKED"
                                                       : "MAP_PRIVATE|MAP_ANONYMOUS");
    said("mmap", 0, length, "-");
}

static int ring(unsigned entries)
{
    struct io_uring_params params = {0};
    return syscall(SYS_io_uring_setup, entries, &params);
}

/* Both ends of a connection over the loopback; the peer never reads. */
static int connected(int *peer)
{
    static struct sockaddr_in to = {.sin_family = AF_INET};
    static int listener = -1;
    socklen_t length = sizeof to;
    if (listener < 0) {
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listener = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listener, (struct sockaddr *) &to, length) || listen(listener, 8)
            || getsockname(listener, (struct sockaddr *) &to, &length))
            give_up("listen");
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *) &to, length) || (*peer = accept(listener, NULL, NULL)) < 0)
        give_up("connect");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(*peer, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Writes until it may not. */
static void fill(int fd)
{
    static char data[65536];
    while (write(fd, data, sizeof data) > 0)
        ;
}

/* TCP's memory of the whole machine: each connection is filled, and all of them hold what nobody reads. */
static void tcp_memory(void)
{
    int peer, fds[40];
    for (int i = 0; i < 40; i++)
        fds[i] = connected(&peer);
    for (int i = 0; i < 40; i++)
        fill(fds[i]);
    if (write(fds[39], "x", 1) < 0)
        REFUSED("write", NO_REQUEST);
}

/* Goes on in a child as often as it likes, for who watches it twice. */
static int child(void)
{
    pid_t pid = fork();
    if (pid < 0)
        give_up("fork");
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid == 0;
}

/* Closes connections with data that cannot leave: orphans. One of the peers is told that its connection was reset. */
static void orphans(void)
{
    int told[2];
    char reset = 0;
    if (pipe(told))
        give_up("pipe");
    if (child())
        for (;;) {
            int fds[30], peers[30];
            for (int i = 0; i < 30; i++) {
                fds[i] = connected(&peers[i]);
                fill(fds[i]);
            }
            for (int i = 0; i < 30; i++)
                close(fds[i]);
            usleep(200000);
            for (int i = 0; i < 30; i++) {
                static char data[65536];
                ssize_t n;
                while ((n = read(peers[i], data, sizeof data)) > 0)
                    ;
                if (n < 0 && errno == ECONNRESET && !reset && write(told[1], "r", 1) == 1)
                    reset = 1;
            }
            /* What is left of them stands as orphans until the next round. */
            for (int i = 0; i < 30; i++)
                close(peers[i]);
        }
    if (read(told[0], &reset, 1) == 1)
        said("read", ECONNRESET, NO_REQUEST, "-");
}

/* Speaks to ever new addresses of NET.0.0/16 so that the neighbour table stays full, and connects to one more. */
static void neighbours(const char *net)
{
    unsigned a, b;
    if (sscanf(net, "%u.%u", &a, &b) != 2)
        give_up("NET is A.B");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    if (child())
        for (unsigned i = 0;; i++) {
            static int fd = -1;
            if (fd < 0)
                fd = socket(AF_INET, SOCK_DGRAM, 0);
            to.sin_addr.s_addr = htonl(a << 24 | b << 16 | (i % 250 + 1) << 8 | (i / 250 % 250 + 1));
            sendto(fd, "x", 1, 0, (struct sockaddr *) &to, sizeof to);
            usleep(1000);
        }
    for (unsigned host = 1; host < 10; host++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        char detail[32];
        usleep(200000);
        to.sin_addr.s_addr = htonl(a << 24 | b << 16 | 251 << 8 | host);
        snprintf(detail, sizeof detail, "%u.%u.251.%u:9", a, b, host);
        if (connect(fd, (struct sockaddr *) &to, sizeof to) && errno == ETIMEDOUT)
            said("connect", errno, NO_REQUEST, detail);
        close(fd);
    }
}

/* A child takes memory until it is killed for it; the next one comes. */
static void killed_for_memory(void)
{
    for (int told = 0;; told = 1) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            write_file("/proc/self/oom_score_adj", "1000");
            for (;;) {
                char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (p != MAP_FAILED)
                    memset(p, 1, 1 << 20);
            }
        }
        if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            give_up("a child that is killed");
        if (!told) {
            printf("- 0 -1 -\n");
            fflush(stdout);
        }
        /* A pause, or the end of standard input. */
        struct pollfd in = {.fd = 0, .events = POLLIN};
        char c;
        if (poll(&in, 1, 300) > 0 && read(0, &c, 1) <= 0)
            exit(0);
    }
}

/* Sends a descriptor that nobody takes until the user has too many on their way. */
static void in_flight(void)
{
    int ends[2];
    char byte = 'x', control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memset(CMSG_DATA(header), 0, sizeof(int));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        give_up("socketpair");
    while (sendmsg(ends[0], &message, MSG_DONTWAIT) == 1)
        ;
    REFUSED("sendmsg", NO_REQUEST);
}

int main(int count, char **words)
{
    int i = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (i < count && prepared(words[i]))
        i++;
    if (i >= count) {
        fprintf(stderr, "provoke: what?\n");
        return 2;
    }
    const char *what = words[i];
    const char *argument = i + 1 < count ? words[i + 1] : "";
    long long n = atoll(argument);

    if (!strncmp(what, "epoll-user", 10))
        epoll_watches();
    if (!strncmp(what, "epoll-", 6) || !strcmp(what, "not-pollable"))
        epoll_errors(what);
    if (!strcmp(what, "nofile-soft")) {
        while (socket(AF_INET, SOCK_STREAM, 0) >= 0)
            ;
        REFUSED("socket", NO_REQUEST);
    }
    if (!strcmp(what, "unix-sockets")) {
        while (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
            ;
        REFUSED("socket", NO_REQUEST);
    }
    if (!strcmp(what, "pipes")) {
        int ends[2];
        while (!pipe2(ends, 0))
            ;
        REFUSED("pipe2", NO_REQUEST);
    }
    if (!strcmp(what, "tcp-memory"))
        tcp_memory();
    if (!strcmp(what, "orphans"))
        orphans();
    if (!strcmp(what, "neighbours"))
        neighbours(argument);
    if (!strcmp(what, "killed-for-memory"))
        killed_for_memory();
    if (!strcmp(what, "in-flight"))
        in_flight();
    if (!strcmp(what, "exec")) {
        execvp(argument, words + i + 1);
        REFUSED("execve", NO_REQUEST);
    }
    if (!strcmp(what, "accept")) {
        /* The number is reserved before a connection is looked for: no client, a blocking socket, and no wait. */
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        if (listen(listener, 1))
            give_up("listen");
        while (dup(listener) >= 0)
            ;
        accept4(listener, NULL, NULL, 0);
        REFUSED("accept4", NO_REQUEST);
    }
    if (!strcmp(what, "pipe")) {
        int ends[2], last;
        while ((last = dup(0)) >= 0)
            ends[0] = last;
        close(ends[0]);
        pipe2(ends, 0);
        REFUSED("pipe2", NO_REQUEST);
    }
    if (!strcmp(what, "lowered")) {
        struct rlimit limit = {4, 1000};
        while (dup(0) < 15)
            ;
        setrlimit(RLIMIT_NOFILE, &limit);
        eventfd(0, 0);
        REFUSED("eventfd2", NO_REQUEST);
    }
    if (!strcmp(what, "dup2")) {
        dup2(0, n);
        REFUSED("dup2", n);
    }
    if (!strcmp(what, "inotify-instances")) {
        while (inotify_init1(0) >= 0)
            ;
        REFUSED("inotify_init1", NO_REQUEST);
    }
    if (!strcmp(what, "inotify-nested")) {
        write_file("/proc/sys/user/max_inotify_instances", "5");
        while (inotify_init1(0) >= 0)
            ;
        REFUSED("inotify_init1", NO_REQUEST);
    }
    if (!strcmp(what, "fanotify-groups")) {
        while (fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY) >= 0)
            ;
        REFUSED("fanotify_init", NO_REQUEST);
    }
    if (!strcmp(what, "inotify-watches"))
        marks(argument, 0);
    if (!strcmp(what, "fanotify-marks"))
        marks(argument, 1);
    if (!strcmp(what, "mq-bytes")) {
        char name[64];
        struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
        /* Unlinked at once: an open queue counts, and none is left behind. */
        for (int q = 0;; q++) {
            snprintf(name, sizeof name, "/headroom-%d-%d", getpid(), q);
            if (mq_open(name, O_CREAT | O_RDWR, 0600, &attr) < 0)
                REFUSED("mq_open", NO_REQUEST);
            mq_unlink(name);
        }
    }
    if (!strcmp(what, "mq-attr")) {
        struct mq_attr attr = {.mq_maxmsg = n, .mq_msgsize = 64};
        mq_open("/headroom-attr", O_CREAT | O_RDWR, 0600, &attr);
        REFUSED("mq_open", n);
    }
    if (!strcmp(what, "io-uring-reg-files")) {
        int fd = ring(4), *files = malloc(n * sizeof *files);
        memset(files, 0xff, n * sizeof *files);
        if (fd < 0)
            give_up("io_uring_setup");
        syscall(SYS_io_uring_register, fd, IORING_REGISTER_FILES, files, n);
        REFUSED("io_uring_register", n);
    }
    if (!strcmp(what, "io-uring-memlock")) {
        while (ring(256) >= 0)
            ;
        REFUSED("io_uring_setup", NO_REQUEST);
    }
    if (!strcmp(what, "io-uring-entries")) {
        ring(n);
        REFUSED("io_uring_setup", n);
    }
    if (!strcmp(what, "hard"))
        set(RLIMIT_NOFILE, 20, n, n);
    if (!strcmp(what, "soft-only")) {
        struct rlimit limit;
        getrlimit(RLIMIT_NOFILE, &limit);
        set(RLIMIT_NOFILE, n, limit.rlim_max, NO_REQUEST);
    }
    if (!strcmp(what, "soft-above-hard"))
        set(RLIMIT_NOFILE, 100, 50, 50);
    if (!strcmp(what, "bad-resource"))
        set(99, 1, 1, NO_REQUEST);
    if (!strcmp(what, "prlimit")) {
        struct rlimit limit;
        prlimit(n, RLIMIT_NOFILE, NULL, &limit);
        REFUSED("prlimit64", NO_REQUEST);
    }
    if (!strcmp(what, "fork"))
        fork_until_refused();
    if (!strcmp(what, "exec-over-limit")) {
        /* setuid to a user with too many tasks succeeds; the execve that follows does not. */
        unsigned id = n;
        int ready[2];
        char c;
        struct rlimit limit = {5, 5};
        if (pipe(ready))
            give_up("pipe");
        for (int p = 0; p < 8; p++)
            if (fork() == 0) {
                /* A change of the user forgets the signal, so it is asked for after it. */
                if (setresuid(id, id, id) || prctl(PR_SET_PDEATHSIG, SIGKILL) || write(ready[1], "x", 1) != 1)
                    _exit(1);
                for (;;)
                    pause();
            }
        for (int p = 0; p < 8; p++)
            if (read(ready[0], &c, 1) != 1)
                give_up("a task of the user");
        if (setrlimit(RLIMIT_NPROC, &limit) || setresuid(id, id, id))
            give_up("setresuid");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "x", NULL);
        REFUSED("execve", NO_REQUEST);
    }
    if (!strcmp(what, "user-ns-rlimit")) {
        struct rlimit limit = {1000, 1000};
        if (setrlimit(RLIMIT_NPROC, &limit))
            give_up("nproc");
        fork_until_refused();
    }
    if (!strcmp(what, "pid-max")) {
        if (unshare(CLONE_NEWPID))
            give_up("unshare(CLONE_NEWPID)");
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            write_file("/proc/sys/kernel/pid_max", argument);
            fork_until_refused();
        }
        for (;;)
            pause();
    }
    if (!strcmp(what, "pidns-init-gone")) {
        if (unshare(CLONE_NEWPID))
            give_up("unshare(CLONE_NEWPID)");
        if (fork() == 0)
            _exit(0);
        wait(NULL);
        fork_until_refused();
    }
    if (!strcmp(what, "arg-too-long")) {
        char *long_word = malloc(200 << 10);
        memset(long_word, 'x', (200 << 10) - 1);
        long_word[(200 << 10) - 1] = 0;
        execl("/proc/self/exe", "x", long_word, NULL);
        REFUSED("execve", NO_REQUEST);
    }
    if (!strcmp(what, "namespaces-max")) {
        write_file("/proc/sys/user/max_net_namespaces", "0");
        unshare(CLONE_NEWNET);
        REFUSED("unshare", NO_REQUEST);
    }
    if (!strcmp(what, "max-map-count") || !strcmp(what, "max-map-count-thread")) {
        pthread_t thread;
        int prot = PROT_NONE, err;
        while (mmap(NULL, 4096, prot ^= PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            ;
        if (!strcmp(what, "max-map-count"))
            said("mmap", errno, 4096, "MAP_PRIVATE|MAP_ANONYMOUS");
        err = pthread_create(&thread, NULL, sleeper, NULL);
        said("pthread_create", err, NO_REQUEST, "-");
    }
    if (!strcmp(what, "thread")) {
        pthread_t thread;
        int err;
        while (!(err = pthread_create(&thread, NULL, sleeper, NULL)))
            ;
        said("pthread_create", err, NO_REQUEST, "-");
    }
    if (!strcmp(what, "map"))
        map(n, PROT_READ | PROT_WRITE, 0);
    if (!strcmp(what, "map-none"))
        map(n, PROT_NONE, 0);
    if (!strcmp(what, "map-huge"))
        map(n, PROT_READ | PROT_WRITE, MAP_HUGETLB);
    if (!strcmp(what, "map-locked"))
        map(n, PROT_READ | PROT_WRITE, MAP_LOCKED);
    if (!strcmp(what, "mlock")) {
        void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mlock(p, n))
            REFUSED("mlock", n);
    }
    if (!strcmp(what, "aio-max-nr")) {
        aio_context_t context = 0;
        syscall(SYS_io_setup, n, &context);
        REFUSED("io_setup", n);
    }
    if (!strcmp(what, "sigpending")) {
        timer_t timer;
        while (!timer_create(CLOCK_MONOTONIC, NULL, &timer))
            ;
        REFUSED("timer_create", NO_REQUEST);
    }
    if (!strcmp(what, "pipe-size")) {
        int ends[2];
        if (pipe(ends))
            give_up("pipe");
        fcntl(ends[0], F_SETPIPE_SZ, (int) n);
        REFUSED("fcntl", n);
    }
    if (!strcmp(what, "pipe-pages")) {
        int ends[2];
        for (int p = 0; p < n; p++)
            if (pipe(ends))
                give_up("pipe");
        fcntl(ends[0], F_SETPIPE_SZ, 65536);
        REFUSED("fcntl", 65536);
    }
    if (!strcmp(what, "keys-quota")) {
        char name[64];
        for (int k = 0;; k++) {
            snprintf(name, sizeof name, "headroom:%d", k);
            if (syscall(SYS_add_key, "user", name, "x", 1, -2 /* KEY_SPEC_PROCESS_KEYRING */) < 0)
                REFUSED("add_key", NO_REQUEST);
        }
    }
    said(what, 0, NO_REQUEST, "nothing was refused");
}
