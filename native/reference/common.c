#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

const char *program;

noreturn void usage_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(EXIT_USAGE);
}

noreturn void cannot(const char *format, ...) {
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, error ? ": %s\n" : "\n", strerror(error));
    va_end(arguments);
    exit(EXIT_CANNOT);
}

noreturn void bad_option(char **argv, int result) {
    usage_error(result == ':' ? "%s needs a value; --help lists the options" : "%s is no option here; --help lists them",
                argv[optind - 1]);
}

long number(const char *option, const char *text, long least, long most) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < least || value > most) {
        usage_error("%s %s: accepted are whole numbers from %ld to %ld", option, text, least, most);
    }
    return value;
}

double seconds(const char *option, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= 86400)) {
        usage_error("%s %s: accepted are seconds from 0 to 86400, such as 1.5", option, text);
    }
    return value;
}

static bool address(const char *text, size_t length, uint32_t *host_order) {
    char copy[INET_ADDRSTRLEN];
    struct in_addr a;
    if (length >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    if (inet_pton(AF_INET, copy, &a) != 1) {
        return false;
    }
    *host_order = ntohl(a.s_addr);
    return true;
}

struct addresses addresses(const char *option, const char *text, size_t length) {
    const char *dash = memchr(text, '-', length);
    size_t head = dash ? (size_t) (dash - text) : length;
    uint32_t first, last;
    if (!address(text, head, &first) || (dash && !address(dash + 1, length - head - 1, &last))
            || (dash && last < first)) {
        usage_error("%s %s: accepted are IPv4 addresses, one or a range, such as 127.0.0.2-127.0.0.9", option, text);
    }
    return (struct addresses) {first, dash ? last - first + 1 : 1};
}

struct addresses endpoint(const char *option, const char *text, uint16_t *port) {
    const char *colon = strchr(text, ':');
    if (!colon) {
        usage_error("%s %s: accepted is ADDR:PORT, such as 127.0.0.1:9999", option, text);
    }
    *port = (uint16_t) number(option, colon + 1, 0, 65535);
    return addresses(option, text, (size_t) (colon - text));
}

struct sockaddr_in sockaddr_of(struct addresses a, uint32_t i, uint16_t port) {
    return (struct sockaddr_in) {.sin_family = AF_INET, .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(a.first + i % a.count)};
}

long raise_nofile(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        cannot("getrlimit");
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        cannot("setrlimit(RLIMIT_NOFILE, %ju)", (uintmax_t) limit.rlim_max);
    }
    return (long) limit.rlim_cur;
}

uint64_t nanos(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

void *reserve(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        cannot("mmap of %zu bytes", bytes);
    }
    return memory;
}
