/* netlink(7), sock_diag(7) and rtnetlink(7). A unit of its own, because it wants many headers of the kernel. */
#include "abi.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <linux/version.h>

/* Java reads the attributes of rtnetlink as nlattr, and the address of a condition right behind it. */
_Static_assert(sizeof(struct rtattr) == sizeof(struct nlattr), "struct rtattr is struct nlattr");
_Static_assert(offsetof(struct rtattr, rta_len) == offsetof(struct nlattr, nla_len), "and so is rta_len");
_Static_assert(offsetof(struct rtattr, rta_type) == offsetof(struct nlattr, nla_type), "and so is rta_type");
_Static_assert(offsetof(struct inet_diag_hostcond, addr) == sizeof(struct inet_diag_hostcond), "addr is behind");

static void print_messages(void)
{
    CONSTANT(NETLINK_ROUTE)
    CONSTANT(NETLINK_SOCK_DIAG)
    CONSTANT(NETLINK_NETFILTER)
    CONSTANT(NLM_F_REQUEST)
    CONSTANT(NLM_F_MULTI)
    CONSTANT(NLM_F_DUMP_INTR)
    CONSTANT(NLM_F_DUMP)
    CONSTANT(NLMSG_NOOP)
    CONSTANT(NLMSG_ERROR)
    CONSTANT(NLMSG_DONE)
    CONSTANT(NLMSG_OVERRUN)
    CONSTANT(NLMSG_ALIGNTO)
    CONSTANT(NLA_TYPE_MASK)
    SIZEOF(nlmsghdr)
    FIELD(nlmsghdr, nlmsg_len)
    FIELD(nlmsghdr, nlmsg_type)
    FIELD(nlmsghdr, nlmsg_flags)
    FIELD(nlmsghdr, nlmsg_seq)
    FIELD(nlmsghdr, nlmsg_pid)
    FIELD(nlmsgerr, error)
    SIZEOF(nlattr)
    FIELD(nlattr, nla_len)
    FIELD(nlattr, nla_type)
}

static void print_inet_diag(void)
{
    CONSTANT(SOCK_DIAG_BY_FAMILY)
    CONSTANT(TCPDIAG_GETSOCK)
    CONSTANT(INET_DIAG_NOCOOKIE)
    CONSTANT(INET_DIAG_REQ_BYTECODE)
    CONSTANT(INET_DIAG_BC_S_GE)
    CONSTANT(INET_DIAG_BC_S_LE)
    CONSTANT(INET_DIAG_BC_S_COND)
    CONSTANT(INET_DIAG_BC_D_COND)
    CONSTANT(INET_DIAG_SKMEMINFO)
    CONSTANT(INET_DIAG_SKV6ONLY)
    CONSTANT(SK_MEMINFO_WMEM_ALLOC)
    CONSTANT(SK_MEMINFO_SNDBUF)
    CONSTANT(SK_MEMINFO_WMEM_QUEUED)
    CONSTANT(SK_MEMINFO_DROPS)
    SIZEOF(inet_diag_sockid)
    FIELD(inet_diag_sockid, idiag_sport)
    FIELD(inet_diag_sockid, idiag_dport)
    FIELD(inet_diag_sockid, idiag_src)
    FIELD(inet_diag_sockid, idiag_dst)
    FIELD(inet_diag_sockid, idiag_if)
    FIELD(inet_diag_sockid, idiag_cookie)
    SIZEOF(inet_diag_req)
    FIELD(inet_diag_req, idiag_family)
    FIELD(inet_diag_req, idiag_ext)
    FIELD(inet_diag_req, id)
    FIELD(inet_diag_req, idiag_states)
    SIZEOF(inet_diag_req_v2)
    FIELD(inet_diag_req_v2, sdiag_family)
    FIELD(inet_diag_req_v2, sdiag_protocol)
    FIELD(inet_diag_req_v2, idiag_ext)
    FIELD(inet_diag_req_v2, idiag_states)
    FIELD(inet_diag_req_v2, id)
    SIZEOF(inet_diag_msg)
    FIELD(inet_diag_msg, idiag_family)
    FIELD(inet_diag_msg, idiag_state)
    FIELD(inet_diag_msg, idiag_timer)
    FIELD(inet_diag_msg, idiag_retrans)
    FIELD(inet_diag_msg, id)
    FIELD(inet_diag_msg, idiag_expires)
    FIELD(inet_diag_msg, idiag_rqueue)
    FIELD(inet_diag_msg, idiag_wqueue)
    FIELD(inet_diag_msg, idiag_uid)
    FIELD(inet_diag_msg, idiag_inode)
    SIZEOF(inet_diag_bc_op)
    FIELD(inet_diag_bc_op, code)
    FIELD(inet_diag_bc_op, yes)
    FIELD(inet_diag_bc_op, no)
    SIZEOF(inet_diag_hostcond)
    FIELD(inet_diag_hostcond, family)
    FIELD(inet_diag_hostcond, prefix_len)
    FIELD(inet_diag_hostcond, port)
}

static void print_tcp_states(void)
{
    CONSTANT(TCP_ESTABLISHED)
    CONSTANT(TCP_SYN_SENT)
    CONSTANT(TCP_SYN_RECV)
    CONSTANT(TCP_FIN_WAIT1)
    CONSTANT(TCP_FIN_WAIT2)
    CONSTANT(TCP_TIME_WAIT)
    CONSTANT(TCP_CLOSE)
    CONSTANT(TCP_CLOSE_WAIT)
    CONSTANT(TCP_LAST_ACK)
    CONSTANT(TCP_LISTEN)
    CONSTANT(TCP_CLOSING)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
    /* Under this name it is the kernel's own (include/net/tcp_states.h); BPF has it for everybody. */
    printf("constant TCP_BOUND_INACTIVE 0x%x %zu\n", BPF_TCP_BOUND_INACTIVE, sizeof(BPF_TCP_BOUND_INACTIVE));
#else
    ABSENT(constant, TCP_BOUND_INACTIVE)
#endif
}

static void print_unix_diag(void)
{
    CONSTANT(UDIAG_SHOW_NAME)
    CONSTANT(UDIAG_SHOW_RQLEN)
    CONSTANT(UDIAG_SHOW_UID)
    CONSTANT(UNIX_DIAG_NAME)
    CONSTANT(UNIX_DIAG_RQLEN)
    CONSTANT(UNIX_DIAG_UID)
    SIZEOF(unix_diag_req)
    FIELD(unix_diag_req, sdiag_family)
    FIELD(unix_diag_req, sdiag_protocol)
    FIELD(unix_diag_req, udiag_states)
    FIELD(unix_diag_req, udiag_ino)
    FIELD(unix_diag_req, udiag_show)
    FIELD(unix_diag_req, udiag_cookie)
    SIZEOF(unix_diag_msg)
    FIELD(unix_diag_msg, udiag_family)
    FIELD(unix_diag_msg, udiag_type)
    FIELD(unix_diag_msg, udiag_state)
    FIELD(unix_diag_msg, udiag_ino)
    SIZEOF(unix_diag_rqlen)
    FIELD(unix_diag_rqlen, udiag_rqueue)
    FIELD(unix_diag_rqlen, udiag_wqueue)
}

static void print_rtnetlink(void)
{
    CONSTANT(RTM_NEWLINK)
    CONSTANT(RTM_GETLINK)
    CONSTANT(RTM_NEWROUTE)
    CONSTANT(RTM_GETROUTE)
    CONSTANT(RTN_UNICAST)
    CONSTANT(RTN_LOCAL)
    CONSTANT(RTN_BROADCAST)
    CONSTANT(RTN_ANYCAST)
    CONSTANT(RTN_MULTICAST)
    CONSTANT(RTN_BLACKHOLE)
    CONSTANT(RTN_UNREACHABLE)
    CONSTANT(RTN_PROHIBIT)
    CONSTANT(RTN_THROW)
    CONSTANT(RTA_DST)
    CONSTANT(RTA_SRC)
    CONSTANT(RTA_OIF)
    CONSTANT(RTA_GATEWAY)
    CONSTANT(RTA_PREFSRC)
    CONSTANT(RTA_TABLE)
    CONSTANT(RTA_VIA)
    CONSTANT(RTA_UID)
    CONSTANT(RTM_F_LOOKUP_TABLE)
    CONSTANT(IFLA_IFNAME)
    SIZEOF(rtmsg)
    FIELD(rtmsg, rtm_family)
    FIELD(rtmsg, rtm_dst_len)
    FIELD(rtmsg, rtm_src_len)
    FIELD(rtmsg, rtm_table)
    FIELD(rtmsg, rtm_type)
    FIELD(rtmsg, rtm_flags)
    SIZEOF(ifinfomsg)
    FIELD(ifinfomsg, ifi_family)
    FIELD(ifinfomsg, ifi_index)
}

void print_netlink(void)
{
    print_messages();
    print_inet_diag();
    print_tcp_states();
    print_unix_diag();
    print_rtnetlink();
}
