// SPDX-License-Identifier: MIT
#include "rank.h"

#define MOST_LEAST 16u

static bool less(const struct rank_node *a, const struct rank_node *b)
{
	if (a->key.first != b->key.first)
		return a->key.first < b->key.first;
	return a->key.then < b->key.then;
}

static void set(struct rank *r, unsigned int at, const struct rank_node *n)
{
	r->nodes[at] = *n;
	r->place[n->item] = (uint16_t)(at + 1);
}

/* A node goes where it belongs, from a place that is free. */
static void sink(struct rank *r, unsigned int at, const struct rank_node *n)
{
	for (;;) {
		unsigned int child = 2 * at + 1;

		if (child + 1 < r->num && less(&r->nodes[child + 1], &r->nodes[child]))
			child++;
		if (child >= r->num || !less(&r->nodes[child], n))
			break;
		set(r, at, &r->nodes[child]);
		at = child;
	}
	set(r, at, n);
}

static void settle(struct rank *r, unsigned int at, struct rank_node n)
{
	if (!at || !less(&n, &r->nodes[(at - 1) / 2])) {
		sink(r, at, &n);
		return;
	}
	for (; at && less(&n, &r->nodes[(at - 1) / 2]); at = (at - 1) / 2)
		set(r, at, &r->nodes[(at - 1) / 2]);
	set(r, at, &n);
}

void rank_place(struct rank *r, unsigned int item, struct rank_key key)
{
	unsigned int at = r->place[item] ? r->place[item] - 1u : r->num++;

	settle(r, at, (struct rank_node) { key, item });
}

void rank_remove(struct rank *r, unsigned int item)
{
	unsigned int at = r->place[item];
	struct rank_node last;

	if (!at)
		return;
	r->place[item] = 0;
	last = r->nodes[--r->num];
	if (at - 1 != r->num)
		settle(r, at - 1, last);
}

void rank_rename(struct rank *r, unsigned int from, unsigned int to)
{
	if (!r->place[from])
		return;
	r->place[to] = r->place[from];
	r->place[from] = 0;
	r->nodes[r->place[to] - 1].item = to;
}

/* Of the places whose parents were taken, the least is next. */
unsigned int rank_least(const struct rank *r, unsigned int *items, unsigned int most)
{
	unsigned int open[MOST_LEAST + 1], num_open = r->num ? 1 : 0, n = 0, i, best, child;

	open[0] = 0;
	for (most = most < MOST_LEAST ? most : MOST_LEAST; n < most && num_open; n++) {
		for (best = 0, i = 1; i < num_open; i++)
			if (less(&r->nodes[open[i]], &r->nodes[open[best]]))
				best = i;
		items[n] = r->nodes[open[best]].item;
		child = 2 * open[best] + 1;
		open[best] = open[--num_open];
		for (i = child; i < child + 2 && i < r->num; i++)
			open[num_open++] = i;
	}
	return n;
}
