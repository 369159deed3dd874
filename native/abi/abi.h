/* What all units print, and the macros they print it with. */
#ifndef HEADROOM_ABI_H
#define HEADROOM_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* constant NAME value size */
#define CONSTANT(name)                                                                                                 \
    printf("constant %s 0x%llx %zu\n", #name,                                                                          \
           (unsigned long long)(sizeof(name) == 8 ? (uint64_t)(name) : (uint32_t)(name)), sizeof(name));

/* sizeof STRUCT size */
#define SIZEOF(type) printf("sizeof %s %zu\n", #type, sizeof(struct type));

/* field STRUCT.NAME offset size */
#define FIELD(type, name)                                                                                              \
    printf("field %s.%s %zu %zu\n", #type, #name, offsetof(struct type, name), sizeof(((struct type *)0)->name));

/* absent KIND NAME: Java has it, the headers here are too old for it */
#define ABSENT(kind, name) printf("absent %s %s\n", #kind, #name);

/*
 * Functions. The prototype written here is compared with the one of the header: the _Generic has no case but the exact
 * type, so another one does not compile. For bind and its like glibc declares a transparent union of pointers, which
 * the compiler takes for compatible with each of them.
 */
#define KIND(type)                                                                                                     \
    _Generic((type)0, char: "s", signed char: "s", short: "s", int: "s", long: "s", long long: "s",                    \
             unsigned char: "u", unsigned short: "u", unsigned: "u", unsigned long: "u", unsigned long long: "u",      \
             default: "p")

#define PARAMETER(separator, type) printf("%s%s%zu", separator, KIND(type), sizeof(type));

#define PARAMETERS1(a) PARAMETER("", a)
#define PARAMETERS2(a, b) PARAMETERS1(a) PARAMETER(",", b)
#define PARAMETERS3(a, b, c) PARAMETERS2(a, b) PARAMETER(",", c)
#define PARAMETERS4(a, b, c, d) PARAMETERS3(a, b, c) PARAMETER(",", d)
#define PARAMETERS5(a, b, c, d, e) PARAMETERS4(a, b, c, d) PARAMETER(",", e)
#define PARAMETERS6(a, b, c, d, e, f) PARAMETERS5(a, b, c, d, e) PARAMETER(",", f)
#define SELECT(a, b, c, d, e, f, name, ...) name
#define PARAMETERS(...)                                                                                                \
    SELECT(__VA_ARGS__, PARAMETERS6, PARAMETERS5, PARAMETERS4, PARAMETERS3, PARAMETERS2, PARAMETERS1, )(__VA_ARGS__)

#define FUNCTION(name, result, ...)                                                                                    \
    (void)_Generic(&name, result (*)(__VA_ARGS__): 0);                                                                 \
    printf("function %s %s%zu(", #name, KIND(result), sizeof(result));                                                 \
    PARAMETERS(__VA_ARGS__)                                                                                            \
    puts(")");

#define VARIADIC(name, result, ...)                                                                                    \
    (void)_Generic(&name, result (*)(__VA_ARGS__, ...): 0);                                                            \
    printf("function %s %s%zu(", #name, KIND(result), sizeof(result));                                                 \
    PARAMETERS(__VA_ARGS__)                                                                                            \
    puts(",...)");

void print_io_uring(void);
void print_netfilter(void);
void print_netlink(void);
void print_tcp_info(void);

#endif
