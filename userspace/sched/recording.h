/* SPDX-License-Identifier: MIT */
/*
 * recording.h - a file with all that a scheduler was told, and all that it said (loomd --record,
 * loomctl record). Told the same, it says the same: `loom-bench replay` checks that.
 *
 * Native endianness. A struct recording_header, then events of 32 bytes, some with a payload behind
 * them that is a multiple of 32 bytes, and RECORDING_END last. What follows RECORDING_ASK is what
 * sched_next() returned, asked again and again at that time, until RECORDING_NOTHING; what the
 * scheduler is told between two answers stands between them.
 *
 * type      what      a          b              c          payload
 * MODEL     its no.   overlap    slices         inflight   char name[64], slices of recording_slice
 * REMOVE    its no.   -          -              -
 * POLICY    -         -          -              -          char name[64]: with its options
 * ARRIVE    model     time       request        deadline
 * CANCEL    -         time       request        -
 * COMPLETE  status    time       tag            -
 * TICK      -         time       -              -
 * ASK       -         time       -              -
 * SUBMIT    model     slice      request        tag
 * HOST      model     step       request        tag
 * REPLY     model     -          request        status
 * TIMER     -         time       -              -
 * NOTHING   -         -          -              -
 * END       -         -          events before  hash of all bytes before
 *
 * overlap: 1 if sched_set_overlap() was told so, or 0. Times are the feeder's nanoseconds, as in sched.h. A dash is zero.
 */
#ifndef LOOM_SCHED_RECORDING_H
#define LOOM_SCHED_RECORDING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RECORDING_MAGIC "LOOMREC"
#define RECORDING_VERSION 1
#define RECORDING_NAME_MAX 64
#define RECORDING_HASH_START 0xcbf29ce484222325ull

#define RECORDING_TILE_RELEASE (1u << 0)
#define RECORDING_DROP_LATE (1u << 1)

struct recording_header {
	char magic[8];
	uint32_t version;
	uint32_t header_bytes;		/* of this struct */
	uint64_t seed;			/* of the arrivals, if whoever made them said so; else 0 */
	uint64_t buffer_bytes;		/* what follows is struct sched_config */
	uint64_t dram_bytes_per_s;
	uint64_t window_ps;
	uint64_t turnaround_ps;
	uint32_t max_jobs;
	uint32_t flags;
	char policy[RECORDING_NAME_MAX];
	char device[RECORDING_NAME_MAX];	/* preset; for people */
};

enum recording_type {
	RECORDING_MODEL = 1,
	RECORDING_REMOVE,
	RECORDING_POLICY,
	RECORDING_ARRIVE,
	RECORDING_CANCEL,
	RECORDING_COMPLETE,
	RECORDING_TICK,
	RECORDING_ASK,
	RECORDING_SUBMIT,
	RECORDING_HOST,
	RECORDING_REPLY,
	RECORDING_TIMER,
	RECORDING_NOTHING,
	RECORDING_END,
};

struct recording_event {
	uint32_t type;
	uint32_t what;
	uint64_t a, b, c;
};

#define RECORDING_LAYER_END (1u << 0)
#define RECORDING_ON_HOST (1u << 1)

struct recording_slice {
	uint64_t comp_ps, mem_ps, bytes;
	uint64_t flags;
};

/* FNV-1a over words of 64 bits: all that is written is a multiple of them. */
static inline uint64_t recording_hash(uint64_t hash, const void *data, size_t size)
{
	uint64_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, (const char *)data + i, sizeof(word));
		hash = (hash ^ word) * 0x100000001b3ull;
	}
	return hash;
}

#endif /* LOOM_SCHED_RECORDING_H */
