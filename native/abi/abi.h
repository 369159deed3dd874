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

void print_netfilter(void);
void print_netlink(void);
void print_tcp_info(void);

#endif
