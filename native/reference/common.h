/* What the server and the load client share: options, addresses, limits, the clock. */
#ifndef COMMON_H
#define COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

enum { EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_CANNOT = 3 };

extern const char *program;

/* The command line is wrong: says so and what is accepted, exit 2. */
noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* It could not be done here: the message, and with errno set its text, exit 3. */
noreturn void cannot(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* After getopt_long returned '?' or ':'. */
noreturn void bad_option(char **argv, int result);

/* A whole number from least to most, in decimal. */
long number(const char *option, const char *text, long least, long most);

/* Seconds, with a fraction if wanted, from 0 to one day. */
double seconds(const char *option, const char *text);

/* IPv4 addresses in a row: A.B.C.D or A.B.C.D-A.B.C.D. */
struct addresses {
    uint32_t first; /* host byte order */
    uint32_t count;
};

struct addresses addresses(const char *option, const char *text, size_t length);

/* ADDR[-ADDR]:PORT, cut at its colon. */
struct addresses endpoint(const char *option, const char *text, uint16_t *port);

struct sockaddr_in sockaddr_of(struct addresses a, uint32_t i, uint16_t port);

/* Raises the soft limit of descriptors to the hard one and returns it. */
long raise_nofile(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t nanos(void);

/* Zeroed memory that costs nothing until it is touched. */
void *reserve(size_t bytes);

#endif
