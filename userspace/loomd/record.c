// SPDX-License-Identifier: MIT
/*
 * The file that feed.c writes while all that the scheduler hears is recorded (sched/recording.h). A
 * file that cannot be written any more is given up: it has no end, and no reader takes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loomd.h"
#include "sched/recording.h"

#define BUFFER (64u << 10)

struct record {
	int fd;
	int error;
	uint64_t hash, events;
	size_t used;
	char buffer[BUFFER];
};

static void flush(struct record *r)
{
	if (!r->error)
		r->error = write_all(r->fd, r->buffer, r->used);
	r->used = 0;
}

static void put(struct record *r, const void *data, size_t size)
{
	size_t part;

	r->hash = recording_hash(r->hash, data, size);
	while (size) {
		part = size < BUFFER - r->used ? size : BUFFER - r->used;
		memcpy(r->buffer + r->used, data, part);
		data = (const char *)data + part;
		size -= part;
		r->used += part;
		if (r->used == BUFFER)
			flush(r);
	}
}

static void put_name(struct record *r, const char *name)
{
	char padded[RECORDING_NAME_MAX] = "";

	strncpy(padded, name, sizeof(padded) - 1);
	put(r, padded, sizeof(padded));
}

static void put_header(struct record *r, const struct sched_config *c, const char *device,
		       uint64_t seed)
{
	struct recording_header h = {
		.magic = RECORDING_MAGIC,
		.version = RECORDING_VERSION,
		.header_bytes = sizeof(h),
		.seed = seed,
		.buffer_bytes = c->buffer_bytes,
		.dram_bytes_per_s = c->dram_bytes_per_s,
		.window_ps = c->window_ps,
		.turnaround_ps = c->turnaround_ps,
		.max_jobs = c->max_jobs,
		.flags = (c->tile_release ? RECORDING_TILE_RELEASE : 0) |
			 (c->drop_late ? RECORDING_DROP_LATE : 0),
	};

	strncpy(h.policy, c->policy, sizeof(h.policy) - 1);
	strncpy(h.device, device, sizeof(h.device) - 1);
	put(r, &h, sizeof(h));
}

int record_open(int fd, const struct sched_config *config, const char *device, uint64_t seed,
		struct record **out)
{
	struct record *r = malloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	/* Not the buffer. */
	memset(r, 0, offsetof(struct record, buffer));
	r->fd = fd;
	r->hash = RECORDING_HASH_START;
	put_header(r, config, device, seed);
	*out = r;
	return 0;
}

void record_event(struct record *r, uint32_t type, uint32_t what, uint64_t a, uint64_t b, uint64_t c)
{
	const struct recording_event event = { type, what, a, b, c };

	r->events++;
	put(r, &event, sizeof(event));
}

void record_model(struct record *r, unsigned int model, const char *name, bool overlap,
		  const struct sched_slice *slices, unsigned int num, unsigned int max_inflight)
{
	struct recording_slice slice;

	record_event(r, RECORDING_MODEL, model, overlap, num, max_inflight);
	put_name(r, name);
	for (unsigned int i = 0; i < num; i++) {
		slice = (struct recording_slice) {
			slices[i].comp_ps, slices[i].mem_ps, slices[i].bytes,
			(slices[i].layer_end ? RECORDING_LAYER_END : 0) |
			(slices[i].host ? RECORDING_ON_HOST : 0),
		};
		put(r, &slice, sizeof(slice));
	}
}

void record_policy(struct record *r, const char *policy)
{
	record_event(r, RECORDING_POLICY, 0, 0, 0, 0);
	put_name(r, policy);
}

int record_close(struct record *r)
{
	int err;

	record_event(r, RECORDING_END, 0, 0, r->events, r->hash);
	flush(r);
	err = r->error;
	if (close(r->fd) && !err)
		err = -errno;
	free(r);
	return err;
}

int record_error(const struct record *r)
{
	return r->error;
}
