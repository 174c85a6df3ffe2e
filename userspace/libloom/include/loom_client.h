/* SPDX-License-Identifier: MIT */
/*
 * loom_client.h - talking to loomd: requests over its UNIX socket, tensors by passed memfd.
 *
 * The wire format is loom_proto.h. Functions return 0 or a negative errno, and loom_error() says in
 * words what was wrong, in the daemon's words where it was the daemon who refused. -EAGAIN from a
 * reply means the request was lost through no fault of its own (the daemon restarted, the device
 * was reset) and may be sent again; LOOM_CLIENT_RETRY does that by itself.
 */
#ifndef LOOM_CLIENT_H
#define LOOM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "loom_elf.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LOOM_CLIENT_SOCKET "/run/loomd/loomd.sock"
#define LOOM_CLIENT_MAX_TENSORS 64

#define LOOM_CLIENT_RETRY (1u << 0)	/* reconnect and send again what failed with -EAGAIN */

struct loom_client;

/* path NULL: $LOOMD_SOCKET, else LOOM_CLIENT_SOCKET. identity: who asks, for statistics. */
int loom_client_connect(const char *path, const char *identity, unsigned int flags,
			struct loom_client **client);
void loom_client_close(struct loom_client *client);
/*
 * For poll(): readable when something came. Then call loom_client_wait() with a timeout of 0 until
 * it says -ETIME (or -ENOENT: nothing is under way), because one packet is not always one reply. It
 * changes when the connection is made anew; -1 while there is none.
 */
int loom_client_fd(const struct loom_client *client);

/* Administration. JSON texts are malloc'ed. Load, unload, policy, trace, record and hold are for root and the
 * daemon's own user. load: name NULL = the one in the file. */
int loom_client_ping(struct loom_client *client);
int loom_client_load(struct loom_client *client, const char *path, const char *name);
int loom_client_unload(struct loom_client *client, const char *name);
int loom_client_policy(struct loom_client *client, const char *policy);
int loom_client_list(struct loom_client *client, char **json);
int loom_client_stats(struct loom_client *client, char **json);
/* Start or stop recording per-slice stamps; stop returns them as JSON (loomd(8), TRACE). */
int loom_client_trace(struct loom_client *client, bool start, char **json);
/*
 * Record all that the scheduler is told and says, into a file, for `loom-bench replay` (loomd(8),
 * RECORDS). seed: what the requests will be made of, for whoever reads it; 0: nothing to say.
 */
int loom_client_record(struct loom_client *client, const char *path, uint64_t seed);
int loom_client_record_stop(struct loom_client *client);
/* Requests, of all clients, wait until this client lets go or leaves: so many begin at one instant. */
int loom_client_hold(struct loom_client *client, bool hold);

/* What a model takes and gives: tensors at their offsets in an I/O region of io_bytes. */
struct loom_client_tensor {
	char name[64];
	uint32_t is_output;
	struct loom_elf_tensor tensor;	/* .name is not used */
};

struct loom_client_model {
	uint64_t io_bytes;
	uint32_t num_tensors;
	struct loom_client_tensor tensors[LOOM_CLIENT_MAX_TENSORS];
};

int loom_client_model(struct loom_client *client, const char *name,
		      struct loom_client_model *model);

/* An I/O region shared with the daemon: a sealed memfd, passed once. */
struct loom_client_buffer;

int loom_client_buffer_create(struct loom_client *client, uint64_t bytes,
			      struct loom_client_buffer **buffer);
void loom_client_buffer_destroy(struct loom_client_buffer *buffer);
void *loom_client_buffer_map(struct loom_client_buffer *buffer);

struct loom_client_reply {
	uint64_t id;
	int32_t status;		/* 0 or -errno: see above; -ETIME: past its deadline and dropped */
	uint32_t fault;		/* enum loom_fault, when status is -EIO */
	uint64_t arrived_ns;	/* CLOCK_MONOTONIC of the daemon */
	uint64_t done_ns;
	uint64_t device_start_ns;	/* device time: first fetch or dma ... */
	uint64_t device_end_ns;		/* ... last completion */
};

/*
 * deadline: absolute CLOCK_MONOTONIC ns; UINT64_MAX = none. The buffer is the daemon's until the
 * reply. id: the caller's, unique among those under way.
 */
int loom_client_submit(struct loom_client *client, const char *model,
		       struct loom_client_buffer *buffer, uint64_t deadline, uint64_t id);
/*
 * Next reply, in order of completion: 0 and *reply filled, whose status may be an error (then
 * loom_error() has its words). timeout_ns UINT64_MAX = for ever; -ETIME when it passed; -ENOENT:
 * nothing is under way.
 */
int loom_client_wait(struct loom_client *client, uint64_t timeout_ns,
		     struct loom_client_reply *reply);
int loom_client_cancel(struct loom_client *client, uint64_t id);

#ifdef __cplusplus
}
#endif

#endif /* LOOM_CLIENT_H */
