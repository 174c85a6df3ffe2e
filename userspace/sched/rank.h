/* SPDX-License-Identifier: MIT */
/*
 * rank.h - offers in the order of a key, least first: an indexed binary heap. An item is an offer's index.
 * A change costs the logarithm of their number, the least ones no more than how many of them are wanted.
 */
#ifndef LOOM_SCHED_RANK_H
#define LOOM_SCHED_RANK_H

#include <stdbool.h>
#include <stdint.h>

#define RANK_MAX 1024u		/* items are below */

struct rank_key {
	uint64_t first, then;
};

struct rank {
	unsigned int num;
	struct rank_node {
		struct rank_key key;
		unsigned int item;
	} nodes[RANK_MAX];
	uint16_t place[RANK_MAX];	/* in nodes, plus 1; 0: it is not there */
};

void rank_place(struct rank *r, unsigned int item, struct rank_key key);

/* It comes in, or its key changes. */
static inline void rank_put(struct rank *r, unsigned int item, struct rank_key key)
{
	if (r->num == 1 && r->nodes[0].item == item)
		r->nodes[0].key = key;
	else
		rank_place(r, item, key);
}

void rank_remove(struct rank *r, unsigned int item);
/* It is to be known as another. */
void rank_rename(struct rank *r, unsigned int from, unsigned int to);
/* The least ones, in order, no more than most; returns how many. */
unsigned int rank_least(const struct rank *r, unsigned int *items, unsigned int most);

/* -1: there is none. */
static inline int rank_first(const struct rank *r)
{
	return r->num ? (int)r->nodes[0].item : -1;
}

#endif /* LOOM_SCHED_RANK_H */
