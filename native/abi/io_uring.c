/* io_uring(7). A unit of its own, because the kernel's header brings linux/fs.h along. */
#include "abi.h"

#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <linux/version.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The timeout of io_uring_enter is a __kernel_timespec; Java writes a timespec. */
_Static_assert(sizeof(struct __kernel_timespec) == sizeof(struct timespec), "struct __kernel_timespec is timespec");

/* No header declares them; these are the prototypes of their manual pages. */
static int io_uring_setup(uint32_t entries, struct io_uring_params *p)
{
    return (int)syscall(__NR_io_uring_setup, entries, p);
}

static int io_uring_enter(unsigned int fd, unsigned int to_submit, unsigned int min_complete, unsigned int flags,
                          const void *argp, size_t argsz)
{
    return (int)syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags, argp, argsz);
}

static int io_uring_register(unsigned int fd, unsigned int opcode, void *arg, unsigned int nr_args)
{
    return (int)syscall(__NR_io_uring_register, fd, opcode, arg, nr_args);
}

void print_io_uring(void)
{
    CONSTANT(__NR_io_uring_setup)
    CONSTANT(__NR_io_uring_enter)
    CONSTANT(__NR_io_uring_register)
    CONSTANT(IORING_SETUP_CQSIZE)
    CONSTANT(IORING_SETUP_R_DISABLED)
    CONSTANT(IORING_OFF_SQ_RING)
    CONSTANT(IORING_OFF_SQES)
    CONSTANT(IORING_SQ_CQ_OVERFLOW)
    CONSTANT(IORING_ENTER_GETEVENTS)
    CONSTANT(IORING_ENTER_EXT_ARG)
    CONSTANT(IORING_REGISTER_ENABLE_RINGS)
    CONSTANT(IORING_OP_POLL_ADD)
    CONSTANT(IORING_OP_ACCEPT)
    CONSTANT(IORING_OP_ASYNC_CANCEL)
    CONSTANT(IORING_OP_SEND)
    CONSTANT(IORING_OP_RECV)
    CONSTANT(IOSQE_BUFFER_SELECT)
    CONSTANT(IORING_CQE_F_BUFFER)
    CONSTANT(IORING_CQE_F_MORE)
    CONSTANT(IORING_CQE_BUFFER_SHIFT)
    SIZEOF(io_uring_params)
    FIELD(io_uring_params, sq_entries)
    FIELD(io_uring_params, cq_entries)
    FIELD(io_uring_params, flags)
    FIELD(io_uring_params, sq_off)
    FIELD(io_uring_params, cq_off)
    FIELD(io_sqring_offsets, head)
    FIELD(io_sqring_offsets, tail)
    FIELD(io_sqring_offsets, ring_mask)
    FIELD(io_sqring_offsets, ring_entries)
    FIELD(io_sqring_offsets, flags)
    FIELD(io_sqring_offsets, array)
    FIELD(io_cqring_offsets, head)
    FIELD(io_cqring_offsets, tail)
    FIELD(io_cqring_offsets, ring_mask)
    FIELD(io_cqring_offsets, ring_entries)
    FIELD(io_cqring_offsets, cqes)
    SIZEOF(io_uring_sqe)
    FIELD(io_uring_sqe, opcode)
    FIELD(io_uring_sqe, flags)
    FIELD(io_uring_sqe, ioprio)
    FIELD(io_uring_sqe, fd)
    FIELD(io_uring_sqe, off)
    FIELD(io_uring_sqe, addr)
    FIELD(io_uring_sqe, len)
    FIELD(io_uring_sqe, msg_flags)
    FIELD(io_uring_sqe, poll32_events)
    FIELD(io_uring_sqe, accept_flags)
    FIELD(io_uring_sqe, cancel_flags)
    FIELD(io_uring_sqe, user_data)
    FIELD(io_uring_sqe, buf_group)
    FIELD(io_uring_cqe, user_data)
    FIELD(io_uring_cqe, res)
    FIELD(io_uring_cqe, flags)
    SIZEOF(io_uring_getevents_arg)
    FIELD(io_uring_getevents_arg, sigmask)
    FIELD(io_uring_getevents_arg, sigmask_sz)
    FIELD(io_uring_getevents_arg, ts)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
    CONSTANT(IORING_ACCEPT_MULTISHOT)
    CONSTANT(IORING_ASYNC_CANCEL_ALL)
    CONSTANT(IORING_ASYNC_CANCEL_ANY)
    CONSTANT(IORING_POLL_ADD_MULTI)
    CONSTANT(IORING_RECVSEND_POLL_FIRST)
    CONSTANT(IORING_RECV_MULTISHOT)
    CONSTANT(IORING_REGISTER_PBUF_RING)
    CONSTANT(IORING_SETUP_DEFER_TASKRUN)
    CONSTANT(IORING_SETUP_SINGLE_ISSUER)
    CONSTANT(IORING_SETUP_SUBMIT_ALL)
    CONSTANT(IOSQE_CQE_SKIP_SUCCESS)
    SIZEOF(io_uring_buf)
    FIELD(io_uring_buf, addr)
    FIELD(io_uring_buf, len)
    FIELD(io_uring_buf, bid)
    FIELD(io_uring_buf_ring, tail)
    SIZEOF(io_uring_buf_reg)
    FIELD(io_uring_buf_reg, ring_addr)
    FIELD(io_uring_buf_reg, ring_entries)
    FIELD(io_uring_buf_reg, bgid)
#else
    ABSENT(constant, IORING_ACCEPT_MULTISHOT)
    ABSENT(constant, IORING_ASYNC_CANCEL_ALL)
    ABSENT(constant, IORING_ASYNC_CANCEL_ANY)
    ABSENT(constant, IORING_POLL_ADD_MULTI)
    ABSENT(constant, IORING_RECVSEND_POLL_FIRST)
    ABSENT(constant, IORING_RECV_MULTISHOT)
    ABSENT(constant, IORING_REGISTER_PBUF_RING)
    ABSENT(constant, IORING_SETUP_DEFER_TASKRUN)
    ABSENT(constant, IORING_SETUP_SINGLE_ISSUER)
    ABSENT(constant, IORING_SETUP_SUBMIT_ALL)
    ABSENT(constant, IOSQE_CQE_SKIP_SUCCESS)
    ABSENT(sizeof, io_uring_buf)
    ABSENT(field, io_uring_buf.addr)
    ABSENT(field, io_uring_buf.len)
    ABSENT(field, io_uring_buf.bid)
    ABSENT(field, io_uring_buf_ring.tail)
    ABSENT(sizeof, io_uring_buf_reg)
    ABSENT(field, io_uring_buf_reg.ring_addr)
    ABSENT(field, io_uring_buf_reg.ring_entries)
    ABSENT(field, io_uring_buf_reg.bgid)
#endif
    FUNCTION(io_uring_setup, int, uint32_t, struct io_uring_params *)
    FUNCTION(io_uring_enter, int, unsigned int, unsigned int, unsigned int, unsigned int, const void *, size_t)
    FUNCTION(io_uring_register, int, unsigned int, unsigned int, void *, unsigned int)
}
