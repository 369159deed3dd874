/*
 * struct tcp_info as the kernel's header has it. A unit of its own, because linux/tcp.h and netinet/tcp.h both define
 * it and cannot be included together; the one of the C library is shorter.
 */
#include "abi.h"

#include <linux/tcp.h>

void print_tcp_info(void)
{
    FIELD(tcp_info, tcpi_state)
    FIELD(tcp_info, tcpi_unacked)
    FIELD(tcp_info, tcpi_sacked)
    FIELD(tcp_info, tcpi_segs_in)
}
