/*
 * Prints what the C compiler says about everything that dev.headroom.linux declares: one item a line.
 *
 *   constant EPOLLIN 0x1 4                 value, size in bytes
 *   sizeof epoll_event 12
 *   field epoll_event.data 4 8             offset, size
 *   function accept4 s4(s4,p8,p8,s4)       s signed, u unsigned, p pointer; bytes; ... variadic from there
 *   errno 24 EMFILE Too many open files    the text in the C locale
 *   alias EWOULDBLOCK 11                   a second name of an errno
 *   absent function epoll_pwait2           the headers here are too old for it
 *
 * A test compares each line with Java, and fails on a line that Java does not use and on a Java item without a line.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "abi.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/in.h>

/* pidfd_open and pidfd_getfd came with glibc 2.36. */
#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 36)
#define WITHOUT_PIDFD
#else
#include <sys/pidfd.h>
#endif

/* epoll_pwait2 came with glibc 2.35. */
#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 35)
#define WITHOUT_EPOLL_PWAIT2
#endif

static void print_epoll(void)
{
    CONSTANT(EPOLL_CLOEXEC)
    CONSTANT(EPOLL_CTL_ADD)
    CONSTANT(EPOLL_CTL_DEL)
    CONSTANT(EPOLL_CTL_MOD)
    CONSTANT(EPOLLIN)
    CONSTANT(EPOLLPRI)
    CONSTANT(EPOLLOUT)
    CONSTANT(EPOLLERR)
    CONSTANT(EPOLLHUP)
    CONSTANT(EPOLLRDHUP)
    CONSTANT(EPOLLEXCLUSIVE)
    CONSTANT(EPOLLWAKEUP)
    CONSTANT(EPOLLONESHOT)
    CONSTANT(EPOLLET)
    SIZEOF(epoll_event)
    FIELD(epoll_event, events)
    FIELD(epoll_event, data)
    FUNCTION(epoll_create1, int, int)
    FUNCTION(epoll_ctl, int, int, int, int, struct epoll_event *)
    FUNCTION(epoll_wait, int, int, struct epoll_event *, int, int)
#ifdef WITHOUT_EPOLL_PWAIT2
    ABSENT(function, epoll_pwait2)
#else
    FUNCTION(epoll_pwait2, int, int, struct epoll_event *, int, const struct timespec *, const sigset_t *)
#endif
}

static void print_eventfd(void)
{
    CONSTANT(EFD_SEMAPHORE)
    CONSTANT(EFD_CLOEXEC)
    CONSTANT(EFD_NONBLOCK)
    FUNCTION(eventfd, int, unsigned int, int)
}

static void print_fcntl(void)
{
    CONSTANT(F_DUPFD)
    CONSTANT(F_GETFD)
    CONSTANT(F_SETFD)
    CONSTANT(F_GETFL)
    CONSTANT(F_SETFL)
    CONSTANT(F_DUPFD_CLOEXEC)
    CONSTANT(F_GETPIPE_SZ)
    CONSTANT(FD_CLOEXEC)
    CONSTANT(O_RDONLY)
    CONSTANT(O_WRONLY)
    CONSTANT(O_RDWR)
    CONSTANT(O_ACCMODE)
    CONSTANT(O_NONBLOCK)
    CONSTANT(O_CLOEXEC)
    VARIADIC(fcntl, int, int, int)
    VARIADIC(open, int, const char *, int)
}

static void print_inotify(void)
{
    CONSTANT(IN_CLOEXEC)
    CONSTANT(IN_NONBLOCK)
    FUNCTION(inotify_init1, int, int)
}

static void print_ioctl(void)
{
    CONSTANT(FIONREAD)
    VARIADIC(ioctl, int, int, unsigned long)
}

static void print_mman(void)
{
    CONSTANT(PROT_NONE)
    CONSTANT(PROT_READ)
    CONSTANT(PROT_WRITE)
    CONSTANT(MAP_SHARED)
    CONSTANT(MAP_PRIVATE)
    CONSTANT(MAP_ANONYMOUS)
    CONSTANT(MAP_NORESERVE)
    CONSTANT(MADV_DONTNEED)
    FUNCTION(mmap, void *, void *, size_t, int, int, int, off_t)
    FUNCTION(munmap, int, void *, size_t)
    FUNCTION(madvise, int, void *, size_t, int)
}

static void print_pidfd(void)
{
    CONSTANT(SYS_pidfd_open)
    CONSTANT(SYS_pidfd_getfd)
#ifdef PIDFD_THREAD
    CONSTANT(PIDFD_THREAD)
#else
    ABSENT(constant, PIDFD_THREAD)
#endif
#ifdef WITHOUT_PIDFD
    ABSENT(function, pidfd_open)
    ABSENT(function, pidfd_getfd)
#else
    FUNCTION(pidfd_open, int, pid_t, unsigned int)
    FUNCTION(pidfd_getfd, int, int, int, unsigned int)
#endif
}

static void print_poll(void)
{
    CONSTANT(POLLOUT)
    CONSTANT(POLLERR)
    SIZEOF(pollfd)
    FIELD(pollfd, fd)
    FIELD(pollfd, events)
    FIELD(pollfd, revents)
    FUNCTION(poll, int, struct pollfd *, nfds_t, int)
}

/* getrlimit and setrlimit are called with a rlimit64. */
_Static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "struct rlimit is struct rlimit64");
_Static_assert(offsetof(struct rlimit, rlim_cur) == offsetof(struct rlimit64, rlim_cur), "and so is rlim_cur");
_Static_assert(offsetof(struct rlimit, rlim_max) == offsetof(struct rlimit64, rlim_max), "and so is rlim_max");

static void print_resource(void)
{
    CONSTANT(RLIMIT_CPU)
    CONSTANT(RLIMIT_FSIZE)
    CONSTANT(RLIMIT_DATA)
    CONSTANT(RLIMIT_STACK)
    CONSTANT(RLIMIT_CORE)
    CONSTANT(RLIMIT_RSS)
    CONSTANT(RLIMIT_NPROC)
    CONSTANT(RLIMIT_NOFILE)
    CONSTANT(RLIMIT_MEMLOCK)
    CONSTANT(RLIMIT_AS)
    CONSTANT(RLIMIT_LOCKS)
    CONSTANT(RLIMIT_SIGPENDING)
    CONSTANT(RLIMIT_MSGQUEUE)
    CONSTANT(RLIMIT_NICE)
    CONSTANT(RLIMIT_RTPRIO)
    CONSTANT(RLIMIT_RTTIME)
    CONSTANT(RLIM_INFINITY)
    SIZEOF(rlimit64)
    FIELD(rlimit64, rlim_cur)
    FIELD(rlimit64, rlim_max)
    FUNCTION(getrlimit, int, __rlimit_resource_t, struct rlimit *)
    FUNCTION(setrlimit, int, __rlimit_resource_t, const struct rlimit *)
    FUNCTION(prlimit64, int, pid_t, enum __rlimit_resource, const struct rlimit64 *, struct rlimit64 *)
}

static void print_sched(void)
{
    CONSTANT(CLONE_FILES)
    CONSTANT(CLONE_FS)
    CONSTANT(CLONE_NEWNS)
    CONSTANT(CLONE_NEWCGROUP)
    CONSTANT(CLONE_NEWUTS)
    CONSTANT(CLONE_NEWIPC)
    CONSTANT(CLONE_NEWUSER)
    CONSTANT(CLONE_NEWPID)
    CONSTANT(CLONE_NEWNET)
    FUNCTION(unshare, int, int)
    FUNCTION(setns, int, int, int)
    FUNCTION(sched_setaffinity, int, pid_t, size_t, const cpu_set_t *)
}

static void print_sockaddr(void)
{
    SIZEOF(sockaddr_in)
    FIELD(sockaddr_in, sin_family)
    FIELD(sockaddr_in, sin_port)
    FIELD(sockaddr_in, sin_addr)
    SIZEOF(sockaddr_in6)
    FIELD(sockaddr_in6, sin6_family)
    FIELD(sockaddr_in6, sin6_port)
    FIELD(sockaddr_in6, sin6_flowinfo)
    FIELD(sockaddr_in6, sin6_addr)
    FIELD(sockaddr_in6, sin6_scope_id)
    SIZEOF(sockaddr_storage)
    FIELD(sockaddr_storage, ss_family)
}

static void print_socket(void)
{
    CONSTANT(AF_UNSPEC)
    CONSTANT(AF_UNIX)
    CONSTANT(AF_INET)
    CONSTANT(AF_INET6)
    CONSTANT(AF_NETLINK)
    CONSTANT(SOCK_STREAM)
    CONSTANT(SOCK_DGRAM)
    CONSTANT(SOCK_RAW)
    CONSTANT(SOCK_CLOEXEC)
    CONSTANT(SOCK_NONBLOCK)
    CONSTANT(SOL_SOCKET)
    CONSTANT(SO_REUSEADDR)
    CONSTANT(SO_TYPE)
    CONSTANT(SO_ERROR)
    CONSTANT(SO_SNDBUF)
    CONSTANT(SO_RCVBUF)
    CONSTANT(SO_KEEPALIVE)
    CONSTANT(SO_LINGER)
    CONSTANT(SO_REUSEPORT)
    CONSTANT(SO_RCVTIMEO)
    CONSTANT(SO_SNDTIMEO)
    CONSTANT(SO_BINDTODEVICE)
    CONSTANT(SO_ACCEPTCONN)
    CONSTANT(SO_PROTOCOL)
    CONSTANT(SO_DOMAIN)
    CONSTANT(SO_INCOMING_CPU)
    CONSTANT(SO_MEMINFO)
    CONSTANT(IPPROTO_IP)
    CONSTANT(IPPROTO_TCP)
    CONSTANT(IPPROTO_UDP)
    CONSTANT(IPPROTO_IPV6)
    CONSTANT(IP_FREEBIND)
    CONSTANT(IP_BIND_ADDRESS_NO_PORT)
    CONSTANT(IPV6_V6ONLY)
#ifdef IP_LOCAL_PORT_RANGE
    CONSTANT(IP_LOCAL_PORT_RANGE)
#else
    ABSENT(constant, IP_LOCAL_PORT_RANGE)
#endif
    CONSTANT(TCP_NODELAY)
    CONSTANT(TCP_SYNCNT)
    CONSTANT(TCP_DEFER_ACCEPT)
    CONSTANT(TCP_INFO)
    CONSTANT(TCP_QUICKACK)
    CONSTANT(TCP_USER_TIMEOUT)
    CONSTANT(MSG_PEEK)
    CONSTANT(MSG_TRUNC)
    CONSTANT(MSG_DONTWAIT)
    CONSTANT(MSG_WAITALL)
    CONSTANT(MSG_NOSIGNAL)
    CONSTANT(SHUT_RD)
    CONSTANT(SHUT_WR)
    CONSTANT(SHUT_RDWR)
    SIZEOF(linger)
    FIELD(linger, l_onoff)
    FIELD(linger, l_linger)
    FUNCTION(socket, int, int, int, int)
    FUNCTION(bind, int, int, const struct sockaddr *, socklen_t)
    FUNCTION(listen, int, int, int)
    FUNCTION(accept4, int, int, struct sockaddr *, socklen_t *, int)
    FUNCTION(connect, int, int, const struct sockaddr *, socklen_t)
    FUNCTION(getsockname, int, int, struct sockaddr *, socklen_t *)
    FUNCTION(getpeername, int, int, struct sockaddr *, socklen_t *)
    FUNCTION(getsockopt, int, int, int, int, void *, socklen_t *)
    FUNCTION(setsockopt, int, int, int, int, const void *, socklen_t)
    FUNCTION(shutdown, int, int, int)
    FUNCTION(send, ssize_t, int, const void *, size_t, int)
    FUNCTION(recv, ssize_t, int, void *, size_t, int)
}

static void print_time(void)
{
    SIZEOF(timespec)
    FIELD(timespec, tv_sec)
    FIELD(timespec, tv_nsec)
}

static void print_unistd(void)
{
    FUNCTION(read, ssize_t, int, void *, size_t)
    FUNCTION(write, ssize_t, int, const void *, size_t)
    FUNCTION(close, int, int)
}

/* The names that the headers must know; the numbers are theirs. */
#define ERRNOS(E)                                                                                                      \
    E(EPERM) E(ENOENT) E(ESRCH) E(EINTR) E(EIO) E(ENXIO) E(E2BIG) E(ENOEXEC) E(EBADF) E(ECHILD) E(EAGAIN) E(ENOMEM)    \
    E(EACCES) E(EFAULT) E(ENOTBLK) E(EBUSY) E(EEXIST) E(EXDEV) E(ENODEV) E(ENOTDIR) E(EISDIR) E(EINVAL) E(ENFILE)      \
    E(EMFILE) E(ENOTTY) E(ETXTBSY) E(EFBIG) E(ENOSPC) E(ESPIPE) E(EROFS) E(EMLINK) E(EPIPE) E(EDOM) E(ERANGE)          \
    E(EDEADLK) E(ENAMETOOLONG) E(ENOLCK) E(ENOSYS) E(ENOTEMPTY) E(ELOOP) E(ENOMSG) E(EIDRM) E(ECHRNG) E(EL2NSYNC)      \
    E(EL3HLT) E(EL3RST) E(ELNRNG) E(EUNATCH) E(ENOCSI) E(EL2HLT) E(EBADE) E(EBADR) E(EXFULL) E(ENOANO) E(EBADRQC)      \
    E(EBADSLT) E(EBFONT) E(ENOSTR) E(ENODATA) E(ETIME) E(ENOSR) E(ENONET) E(ENOPKG) E(EREMOTE) E(ENOLINK) E(EADV)      \
    E(ESRMNT) E(ECOMM) E(EPROTO) E(EMULTIHOP) E(EDOTDOT) E(EBADMSG) E(EOVERFLOW) E(ENOTUNIQ) E(EBADFD) E(EREMCHG)      \
    E(ELIBACC) E(ELIBBAD) E(ELIBSCN) E(ELIBMAX) E(ELIBEXEC) E(EILSEQ) E(ERESTART) E(ESTRPIPE) E(EUSERS) E(ENOTSOCK)    \
    E(EDESTADDRREQ) E(EMSGSIZE) E(EPROTOTYPE) E(ENOPROTOOPT) E(EPROTONOSUPPORT) E(ESOCKTNOSUPPORT) E(EOPNOTSUPP)       \
    E(EPFNOSUPPORT) E(EAFNOSUPPORT) E(EADDRINUSE) E(EADDRNOTAVAIL) E(ENETDOWN) E(ENETUNREACH) E(ENETRESET)             \
    E(ECONNABORTED) E(ECONNRESET) E(ENOBUFS) E(EISCONN) E(ENOTCONN) E(ESHUTDOWN) E(ETOOMANYREFS) E(ETIMEDOUT)          \
    E(ECONNREFUSED) E(EHOSTDOWN) E(EHOSTUNREACH) E(EALREADY) E(EINPROGRESS) E(ESTALE) E(EUCLEAN) E(ENOTNAM)            \
    E(ENAVAIL) E(EISNAM) E(EREMOTEIO) E(EDQUOT) E(ENOMEDIUM) E(EMEDIUMTYPE) E(ECANCELED) E(ENOKEY) E(EKEYEXPIRED)      \
    E(EKEYREVOKED) E(EKEYREJECTED) E(EOWNERDEAD) E(ENOTRECOVERABLE) E(ERFKILL) E(EHWPOISON)

#define ERRNO(name) names[name] = #name;
#define ALIAS(name) printf("alias %s %d\n", #name, name);

/* Every number that has a name above or a text in the C library: one without a name is printed with a question mark. */
static void print_errno(void)
{
    static const char *names[4096];
    char unknown[32];

    ERRNOS(ERRNO)
    for (int number = 1; number < 4096; number++) {
        const char *text = strerror(number);
        snprintf(unknown, sizeof(unknown), "Unknown error %d", number);
        if (names[number] || strcmp(text, unknown) != 0)
            printf("errno %d %s %s\n", number, names[number] ? names[number] : "?", text);
    }
    ALIAS(EWOULDBLOCK)
    ALIAS(EDEADLOCK)
    ALIAS(ENOTSUP)
}

int main(void)
{
    print_epoll();
    print_eventfd();
    print_fcntl();
    print_inotify();
    print_ioctl();
    print_io_uring();
    print_mman();
    print_netfilter();
    print_netlink();
    print_pidfd();
    print_poll();
    print_resource();
    print_sched();
    print_sockaddr();
    print_socket();
    print_tcp_info();
    print_time();
    print_unistd();
    print_errno();
    return 0;
}
