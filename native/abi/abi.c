/*
 * abi: says what the C compiler of this machine sees, one fact a line, so that the Java side can be held against it.
 *
 *     sizeof  TYPE         BYTES
 *     offset  TYPE.FIELD   BYTES
 *     value   NAME         NUMBER
 *
 * The fields are separated by one space. Nothing here is typed from memory: each number comes out of a header.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>

#define SIZEOF(type) printf("sizeof %s %zu\n", #type, sizeof(struct type))
#define OFFSET(type, field) printf("offset %s.%s %zu\n", #type, #field, offsetof(struct type, field))
#define VALUE(name) printf("value %s %lld\n", #name, (long long)(name))

int main(void) {
    SIZEOF(epoll_event);
    OFFSET(epoll_event, events);
    OFFSET(epoll_event, data);

    VALUE(EPOLL_CTL_ADD);
    VALUE(EPOLL_CTL_DEL);
    VALUE(EPOLL_CTL_MOD);
    VALUE(EPOLLIN);
    VALUE(EPOLLOUT);

    VALUE(EAGAIN);
    VALUE(EMFILE);

    return fflush(stdout) == 0 ? 0 : 1;
}
