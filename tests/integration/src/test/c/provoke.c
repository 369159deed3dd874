/*
 * Makes the kernel say no, in a process of its own, and stays so that it can be looked at.
 *
 *     provoke [nofile=SOFT:HARD …] [dropcap=24] [uid=N] [userns] [cgroup=DIRECTORY] REFUSAL [ARGUMENT]
 *
 * The words before the refusal are done in their order. Then one line says what happened, "CALL ERRNO REQUESTED
 * DETAIL", and the process ends when its standard input does. Its children end with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
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
