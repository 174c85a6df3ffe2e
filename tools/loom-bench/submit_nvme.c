// SPDX-License-Identifier: MIT
/*
 * The peer: NVMe passthrough, IORING_OP_URING_CMD on the generic character device of a namespace. A flush
 * moves no data, so what is counted is the command path alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/nvme_ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "submit.h"

#define NVME_NODE	"/dev/ng0n1"
#define NVME_CMD_FLUSH	0x00

struct nvme_state {
	struct io_uring ring;
	int fd;
	unsigned int nsid;
};

static void *nvme_open(struct submit_rig *rig, unsigned int depth)
{
	struct nvme_state *s = calloc(1, sizeof(*s));

	s->fd = open(NVME_NODE, O_RDWR);
	if (s->fd < 0)
		return NULL;
	s->nsid = ioctl(s->fd, NVME_IOCTL_ID);
	errno = -io_uring_queue_init(depth, &s->ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |
				     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	return errno ? NULL : s;
}

static void nvme_prepare(struct nvme_state *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&s->ring);
	struct nvme_uring_cmd *cmd = (void *)sqe->cmd;

	if (!sqe)
		abort(); /* the ring has as many as are ever under way */
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = s->fd;
	sqe->cmd_op = NVME_URING_CMD_IO;
	cmd->opcode = NVME_CMD_FLUSH;
	cmd->nsid = s->nsid;
}

static int nvme_turn(void *state, unsigned int num, unsigned int wait)
{
	struct nvme_state *s = state;
	struct io_uring_cqe *cqe;
	unsigned int head, done = 0;
	int ret;

	while (num--)
		nvme_prepare(s);
	ret = io_uring_submit_and_wait(&s->ring, wait);
	if (ret < 0)
		return ret;
	ret = 0;
	io_uring_for_each_cqe(&s->ring, head, cqe) {
		ret = cqe->res ? -EIO : ret;
		done++;
	}
	io_uring_cq_advance(&s->ring, done);
	return ret ? ret : (int)done;
}

static void nvme_close(void *state)
{
	struct nvme_state *s = state;

	io_uring_queue_exit(&s->ring);
	close(s->fd);
	free(s);
}

const struct submit_path submit_path_nvme = {
	.name = "nvme", .interrupt = "nvme0q",
	.open = nvme_open, .turn = nvme_turn, .close = nvme_close,
};
