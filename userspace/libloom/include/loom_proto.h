/* SPDX-License-Identifier: MIT */
/*
 * loom_proto.h - between loomd and its clients.
 *
 * A UNIX SOCK_SEQPACKET connection: one packet is one message, a struct loom_msg followed by the
 * body of its type. Native endianness (both ends are one machine), no implicit padding, reserved
 * fields are zero. HELLO comes first.
 *
 * Every request gets one reply: the same type with LOOM_MSG_REPLY, the same id, and a status of 0
 * or -errno. With a status that is not zero, the body is a sentence (no NUL) that names the field
 * or the thing to blame; LOOM_MSG_INFER is different, see there. INFER replies come when the
 * inference is done, in order of completion, and LOAD's when the model is loaded; all others at once
 * and in order.
 *
 * A message that breaks the format (magic, version, type, size, a reserved field, descriptors that
 * are missing or too many, no HELLO) gets its error reply, and then the daemon closes that
 * connection. A well-formed message that asks for what cannot be had gets its error reply only.
 *
 * JSON is in the replies of LIST, STATS and TRACE only, and comes as a sealed memfd, whatever its
 * size. Tensors are in buffers: memfds of the client, passed once (BUFFER_ADD).
 */
#ifndef LOOM_PROTO_H
#define LOOM_PROTO_H

#include <stdint.h>

#include "loom_elf.h"

#define LOOM_PROTO_MAGIC 0x50444d4cu	/* "LMDP" */
#define LOOM_PROTO_VERSION 1
#define LOOM_PROTO_NAME_MAX 64		/* models, policies, identities; with the NUL */
#define LOOM_PROTO_TEXT_MAX 512		/* the sentence of an error */
#define LOOM_PROTO_REQUEST_MAX 256	/* bytes of the largest request */
#define LOOM_PROTO_REPLY_MAX 16384	/* bytes of the largest reply */

enum loom_msg_type {
	LOOM_MSG_NONE = 0,		/* in replies to a header that names no type */
	LOOM_MSG_HELLO = 1,
	LOOM_MSG_PING = 2,
	LOOM_MSG_BUFFER_ADD = 3,
	LOOM_MSG_BUFFER_REMOVE = 4,
	LOOM_MSG_MODEL = 5,
	LOOM_MSG_INFER = 6,
	LOOM_MSG_CANCEL = 7,
	LOOM_MSG_LIST = 8,
	LOOM_MSG_STATS = 9,
	LOOM_MSG_LOAD = 10,		/* from here on: root or the daemon's own user */
	LOOM_MSG_UNLOAD = 11,
	LOOM_MSG_POLICY = 12,
	LOOM_MSG_TRACE = 13,
	LOOM_MSG_RECORD = 14,
	LOOM_MSG_RECORD_STOP = 15,
	LOOM_MSG_HOLD = 16,
	LOOM_MSG_COUNT
};

#define LOOM_MSG_REPLY 0x8000u

struct loom_msg {
	uint32_t magic;		/* LOOM_PROTO_MAGIC */
	uint16_t version;	/* LOOM_PROTO_VERSION */
	uint16_t type;		/* enum loom_msg_type, | LOOM_MSG_REPLY */
	uint32_t size;		/* of the whole message, this header included */
	int32_t status;		/* replies: 0 or -errno; requests: 0 */
	uint64_t id;		/* comes back in the reply */
};

/* HELLO; the reply is struct loom_msg_limits. */
struct loom_msg_hello {
	struct loom_msg hdr;
	char identity[LOOM_PROTO_NAME_MAX];	/* who asks, for statistics; NUL-terminated */
};

struct loom_msg_limits {
	struct loom_msg hdr;
	uint32_t max_buffers;	/* of this client */
	uint32_t max_requests;	/* of this client, not replied to yet */
	uint64_t max_bytes;	/* of all its buffers */
};

/*
 * BUFFER_ADD, with one descriptor: a memfd sealed with F_SEAL_SHRINK (so that it cannot be pulled
 * away from under the daemon), not with F_SEAL_WRITE, of at least `bytes`. The reply names it.
 */
struct loom_msg_buffer_add {
	struct loom_msg hdr;
	uint64_t bytes;
};

/* The reply of BUFFER_ADD, and the request BUFFER_REMOVE. */
struct loom_msg_buffer {
	struct loom_msg hdr;
	uint32_t buffer;
	uint32_t reserved;
};

/* MODEL, UNLOAD, POLICY; LOAD, with one descriptor: a regular file, or a memfd. */
struct loom_msg_name {
	struct loom_msg hdr;
	char name[LOOM_PROTO_NAME_MAX];		/* NUL-terminated; LOAD: empty = the file's own */
};

struct loom_msg_tensor {
	char name[LOOM_PROTO_NAME_MAX];
	uint32_t is_output;
	uint32_t reserved;
	struct loom_elf_tensor tensor;	/* .name is zero */
};

/* The reply of MODEL, with num_tensors of the above. */
struct loom_msg_model {
	struct loom_msg hdr;
	uint32_t model;		/* for INFER; good until the model is unloaded */
	uint32_t num_tensors;
	uint64_t io_bytes;
	struct loom_msg_tensor tensors[];
};

/*
 * INFER: the inputs are in the buffer at their offsets, and the outputs will be there when the
 * reply comes with status 0. hdr.id is the client's to choose; CANCEL names it. Until the reply the
 * buffer is the daemon's. Statuses that say more than their errno: -EAGAIN, lost through no fault
 * of its own, send it again; -ETIME, past its deadline and dropped; -EIO, it faulted; -ECANCELED,
 * by CANCEL or UNLOAD; -ESTALE, the model was unloaded since it was asked for (MODEL again).
 *
 * The device works in the buffer's own pages. It may write outputs there for some hundred
 * microseconds more after -ECANCELED; until then -EBUSY for a model that reads where they go.
 */
struct loom_msg_infer {
	struct loom_msg hdr;
	uint32_t model;
	uint32_t buffer;
	uint64_t deadline;	/* absolute CLOCK_MONOTONIC ns; UINT64_MAX = none */
};

/* The reply of INFER; when status is not 0, the sentence follows. */
struct loom_msg_done {
	struct loom_msg hdr;
	uint32_t fault;		/* enum loom_fault */
	uint32_t reserved;
	uint64_t arrived_ns;	/* CLOCK_MONOTONIC */
	uint64_t done_ns;
	uint64_t device_start_ns;
	uint64_t device_end_ns;
};

/* CANCEL: the request answers -ECANCELED before CANCEL itself is answered. -ENOENT: no such one. */
struct loom_msg_cancel {
	struct loom_msg hdr;
	uint64_t target;
};

/* TRACE: start or stop. The reply of stop brings the JSON. */
struct loom_msg_trace {
	struct loom_msg hdr;
	uint32_t start;
	uint32_t reserved;
};

/*
 * RECORD, with one descriptor: a regular file, open for writing, into which the daemon writes what the
 * scheduler is told and what it says (sched/recording.h), until RECORD_STOP. -EBUSY: a request is
 * under way, or a record being made.
 */
struct loom_msg_record {
	struct loom_msg hdr;
	uint64_t seed;		/* goes into the file: what the requests will be made of, or 0 */
};

/* HOLD: requests wait, until the client lets go or leaves. So many can begin at one instant. */
struct loom_msg_hold {
	struct loom_msg hdr;
	uint32_t hold;		/* or let go */
	uint32_t reserved;
};

#endif /* LOOM_PROTO_H */
