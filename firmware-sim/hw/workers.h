/* SPDX-License-Identifier: MIT */
/*
 * workers.h - threads that share the maths of one command between its beginning and its end: the
 * device waits for them, so they see nothing that moves, and nothing depends on how many they are
 * or who does what. Time on the device does not pass meanwhile.
 */
#ifndef LOOM_HW_WORKERS_H
#define LOOM_HW_WORKERS_H

#include <stdint.h>

#include "scratch.h"

#define WORKERS_MAX 64

struct workers;

/* number: of threads that work at once, the caller's included; 0: as many as there are CPUs. */
struct workers *workers_new(uint32_t number);
void workers_free(struct workers *workers);

/* Memory for a worker's own use; number 0 is the caller. */
struct scratch *workers_scratch(struct workers *workers, uint32_t worker);

/* work(arg, i, worker) for every i < items, in any order, several at once. */
void workers_run(struct workers *workers, uint32_t items,
		 void (*work)(void *arg, uint32_t item, uint32_t worker), void *arg);

#endif /* LOOM_HW_WORKERS_H */
