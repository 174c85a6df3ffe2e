// SPDX-License-Identifier: MIT
#include "request.h"

#include <stddef.h>

static unsigned int bucket_of(uint64_t id)
{
	return (unsigned int)((id * 0x9e3779b97f4a7c15ull) >> 32) % REQUEST_BUCKETS;
}

struct request *request_find(const struct request_table *t, uint64_t id)
{
	struct request *r = t->bucket[bucket_of(id)];

	while (r && r->id != id)
		r = r->hash_next;
	return r;
}

void request_insert(struct request_table *t, struct request *r)
{
	struct request **b = &t->bucket[bucket_of(r->id)];

	r->hash_next = *b;
	*b = r;
}

void request_remove(struct request_table *t, struct request *r)
{
	struct request **p = &t->bucket[bucket_of(r->id)];

	while (*p != r)
		p = &(*p)->hash_next;
	*p = r->hash_next;
}

void request_list_append(struct request_list *l, struct request *r)
{
	r->prev = l->tail;
	r->succ = NULL;
	if (l->tail)
		l->tail->succ = r;
	else
		l->head = r;
	l->tail = r;
}

void request_list_unlink(struct request_list *l, struct request *r)
{
	if (r->prev)
		r->prev->succ = r->succ;
	else
		l->head = r->succ;
	if (r->succ)
		r->succ->prev = r->prev;
	else
		l->tail = r->prev;
}
