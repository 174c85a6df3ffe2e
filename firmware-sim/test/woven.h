/* SPDX-License-Identifier: MIT */
/*
 * woven.h - three tenants on one device whose random jobs of every kind of command weave: loads,
 * stores, products, vector work, small and larger than the buffers, with layer release or not.
 */
#ifndef LOOM_TEST_WOVEN_H
#define LOOM_TEST_WOVEN_H

#include "rig.h"

#define WOVEN_TENANTS 3

struct woven {
	struct host *h;
	struct rig tenant[WOVEN_TENANTS];
	uint64_t ready;		/* ns: when the device had booted */
	uint64_t seed;
};

void woven_new(struct woven *w, const char *preset, void (*tweak)(struct loom_sim_config *config),
	       uint64_t seed);
void woven_free(struct woven *w);
/* 1 .. n */
uint32_t woven_upto(struct woven *w, uint32_t n);
/* A random job of a random tenant, on queue 0; its buffer. */
struct stream woven_submit(struct woven *w);

#endif /* LOOM_TEST_WOVEN_H */
