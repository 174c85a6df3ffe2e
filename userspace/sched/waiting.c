// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "waiting.h"

static bool before(const struct request *a, const struct request *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

/* Two heaps become one; neither top has a place among others. */
static struct request *meld(struct request *a, struct request *b)
{
	struct request *top = b && (!a || before(b, a)) ? b : a, *under = top == a ? b : a;

	if (!under)
		return top;
	under->heap_prev = top;
	under->heap_next = top->heap_child;
	if (top->heap_child)
		top->heap_child->heap_prev = under;
	top->heap_child = under;
	return top;
}

static struct request *take_off(struct request **list)
{
	struct request *r = *list;

	if (r) {
		*list = r->heap_next;
		r->heap_next = r->heap_prev = NULL;
	}
	return r;
}

/* The children of one that goes: in pairs, and the pairs from the last one on. */
static struct request *meld_all(struct request *children)
{
	struct request *pairs = NULL, *top = NULL, *a;

	while (children) {
		a = take_off(&children);
		a = meld(a, take_off(&children));
		a->heap_next = pairs;
		pairs = a;
	}
	while (pairs)
		top = meld(top, take_off(&pairs));
	return top;
}

static void unlink_child(struct request *r)
{
	if (r->heap_prev->heap_child == r)
		r->heap_prev->heap_child = r->heap_next;
	else
		r->heap_prev->heap_next = r->heap_next;
	if (r->heap_next)
		r->heap_next->heap_prev = r->heap_prev;
}

void waiting_add(struct waiting *w, struct request *r)
{
	r->heap_child = r->heap_next = r->heap_prev = NULL;
	r->waits = true;
	w->first = meld(w->first, r);
}

void waiting_take_out(struct waiting *w, struct request *r)
{
	struct request *rest = meld_all(r->heap_child);

	r->waits = false;
	if (r == w->first) {
		w->first = rest;
		return;
	}
	unlink_child(r);
	w->first = meld(w->first, rest);
}
