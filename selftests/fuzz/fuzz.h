/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A coverage-guided fuzzer of the driver's interface, for the debug kernel.
 *
 *   main.c     options, the loop: choose, change, execute, keep what covered something new
 *   program.c  programs of a few calls; how they are made and changed
 *   execute.c  one program in a process of its own, in two threads
 *   calls.c    what each call does with its words
 *   calls_uring.c  the same for io_uring
 *   cover.c    KCOV: which edges were new
 *
 * A program is data: calls, each with words that stand for its arguments. Words are made sense of
 * when the call is made, mostly by naming something that an earlier call made, so that any change
 * of any word is again a program.
 */
#ifndef LOOM_FUZZ_H
#define LOOM_FUZZ_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "../loom_test.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- randomness ---- */

/* xorshift64*: the same seed gives the same programs everywhere. */
uint32_t rnd(uint64_t *state);

/* ---- programs ---- */

#define MAX_CALLS 24
#define MAX_WORDS 8

struct call {
	uint8_t op;
	uint8_t thread;
	uint32_t words[MAX_WORDS];
};

struct program {
	unsigned int num;
	struct call calls[MAX_CALLS];
};

void program_make(struct program *p, uint64_t *seed);
void program_change(struct program *p, const struct program *other, uint64_t *seed);
void program_print(const struct program *p);

/* ---- what calls make, for later calls to use ---- */

#define NUM_FILES	3
#define NUM_THINGS	6

struct ring {
	struct io_uring uring;
	bool open;
};

struct mapping {
	void *at;
	size_t size;
};

struct state {
	int files[NUM_FILES];
	uint32_t bos[NUM_THINGS], vms[NUM_THINGS], queues[NUM_THINGS], syncobjs[NUM_THINGS];
	int dmabufs[NUM_THINGS];
	struct mapping maps[NUM_THINGS];
	volatile uint32_t *doorbells[NUM_THINGS];
	struct ring rings[2];
	struct drm_loom_job jobs[16];
	struct drm_loom_shared shared[2];
};

typedef void (*call_fn)(struct state *s, const uint32_t *w);

struct call_info {
	const char *name;
	call_fn fn;
	unsigned int weight;
};

extern const struct call_info call_infos[];
extern const unsigned int num_call_infos;

/* One of those that were made; seldom anything at all. */
uint32_t pick(const uint32_t *things, uint32_t word);
int pick_file(const struct state *s, uint32_t word);
/* A number: small, or a power of two or next to one, or anything. */
uint64_t number(uint32_t word);
void keep(uint32_t *things, uint32_t word, uint32_t thing);
void fill_submit(struct state *s, const uint32_t *w, struct drm_loom_submit *args);
void fill_job(struct state *s, const uint32_t *w, struct drm_loom_uring_job *args);

void call_uring_setup(struct state *s, const uint32_t *w);
void call_uring_exit(struct state *s, const uint32_t *w);
void call_uring_submit(struct state *s, const uint32_t *w);
void call_uring_reap(struct state *s, const uint32_t *w);
void call_uring_cancel(struct state *s, const uint32_t *w);

/* ---- execution ---- */

enum outcome { OUTCOME_ENDED, OUTCOME_KILLED, OUTCOME_HUNG };

/* In a child; its coverage is left in the threads' areas. */
enum outcome execute(const struct program *p);

/* ---- coverage ---- */

#define NUM_THREADS 2

bool cover_open(void);
void cover_start(unsigned int thread);
/* The number of edges that were never seen before. */
unsigned int cover_take(void);
unsigned int cover_edges(void);
unsigned int cover_places(void);

#endif
