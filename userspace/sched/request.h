/* SPDX-License-Identifier: MIT */
/* request.h - requests under way: found by number, and in the order of arrival of each model. */
#ifndef LOOM_SCHED_REQUEST_H
#define LOOM_SCHED_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

struct request {
	uint64_t id, order, deadline;
	uint64_t arrived;
	uint64_t due;			/* the deadline, or a later one when it was postponed */
	unsigned int model;
	unsigned int next;		/* slice to submit next */
	unsigned int at_device;		/* submitted and not completed */
	int status;			/* first error */
	bool host;			/* a step of it is at the host; counted in at_device */
	bool started, dead, silent;	/* dead: submits no more; silent: nobody waits for a reply */
	bool postponed;
	bool behind;			/* in the model's list of those that all others overtake */
	struct request *prev, *succ;	/* of the model, by arrival; succ also in the list of replies */
	struct request *hash_next;
	struct request *heap_child, *heap_next, *heap_prev;	/* waiting.h */
	bool waits;			/* is there */
};

struct request_list {
	struct request *head, *tail;
};

#define REQUEST_BUCKETS 1024u

struct request_table {
	struct request *bucket[REQUEST_BUCKETS];
};

struct request *request_find(const struct request_table *t, uint64_t id);
void request_insert(struct request_table *t, struct request *r);
void request_remove(struct request_table *t, struct request *r);

void request_list_append(struct request_list *l, struct request *r);
void request_list_unlink(struct request_list *l, struct request *r);

#endif /* LOOM_SCHED_REQUEST_H */
