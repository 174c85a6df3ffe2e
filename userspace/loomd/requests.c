// SPDX-License-Identifier: MIT
/*
 * The life of a request: it arrives, its slices go to the device when the scheduler says so (pump.c),
 * they come back (completions.c), it is answered.
 *
 * Three ends may come before that: the client goes or cancels (the request is told off to the
 * scheduler and lingers until the device has given its slices back), its model faults (recovery.c),
 * the device is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

int requests_init(struct loomd *d)
{
	/* Twice what clients may have: those of clients that left linger at the device. */
	d->num_requests = 2 * d->options.max_clients * d->options.max_requests;
	d->requests = calloc(d->num_requests, sizeof(*d->requests));
	d->parked = calloc(LOOMD_MAX_JOBS, sizeof(*d->parked));
	d->finishing = calloc(d->options.inflight * d->options.max_models, sizeof(*d->finishing));
	if (!d->requests || !d->parked || !d->finishing)
		return -ENOMEM;
	for (unsigned int i = d->num_requests; i-- > 0;) {
		d->requests[i].index = i;
		d->requests[i].next = d->free_requests;
		d->free_requests = &d->requests[i];
	}
	return 0;
}

void requests_fini(struct loomd *d)
{
	free(d->requests);
	free(d->parked);
	free(d->finishing);
}

struct request *request_by_key(struct loomd *d, uint64_t key)
{
	uint32_t index = (uint32_t)key;

	if (index >= d->num_requests || d->requests[index].key != key)
		return NULL;
	return &d->requests[index];
}

/* ---- making and unmaking ---- */

static void join(struct client *c, struct request *r)
{
	r->client = c;
	r->prev = NULL;
	r->next = c->requests;
	if (c->requests)
		c->requests->prev = r;
	c->requests = r;
	c->num_requests++;
}

/* The client has its answer, or is gone: its memory is not touched any more. */
static void part(struct request *r)
{
	struct client *c = r->client;

	if (!c)
		return;
	if (r->prev)
		r->prev->next = r->next;
	else
		c->requests = r->next;
	if (r->next)
		r->next->prev = r->prev;
	c->num_requests--;
	r->buffer->busy = false;
	r->buffer = NULL;
	r->client = NULL;
}

static struct request *make(struct loomd *d, struct client *c, struct model *m, struct buffer *b)
{
	struct request *r = d->free_requests;
	unsigned int index;

	if (!r)
		return NULL;
	d->free_requests = r->next;
	index = r->index;
	/* Not the text: it is long, and written before it is read. */
	memset(r, 0, offsetof(struct request, text));
	r->text[0] = '\0';
	r->device_start = UINT64_MAX;
	r->device_end = 0;
	r->index = index;
	r->key = ++d->request_serial << 32 | index;
	r->model = m;
	r->buffer = b;
	r->io = -1;
	b->busy = true;
	m->num_requests++;
	d->num_active++;
	join(c, r);
	return r;
}

static void release(struct loomd *d, struct request *r)
{
	struct model *m = r->model;

	part(r);
	region_put(d, r);
	r->key = 0;
	r->next = d->free_requests;
	d->free_requests = r;
	d->num_active--;
	model_put(d, m);
}

void request_settle(struct loomd *d, struct request *r)
{
	if (r->ended && !r->at_device && !r->finishing)
		release(d, r);
}

/* ---- answering ---- */

static const char *reason(const struct request *r, int status)
{
	if (r->text[0])
		return r->text;
	switch (status) {
	case 0:
		return NULL;
	case -ETIME:
		return "past its deadline";
	case -ECANCELED:
		return "cancelled";
	case -ENODEV:
		return "the device is gone";
	case -EAGAIN:
		return "lost, send it again";
	default:
		return strerror(-status);
	}
}

static void count(struct loomd *d, struct request *r, int status, uint64_t now)
{
	struct model_stats *s = &r->model->stats;
	bool late = r->deadline != UINT64_MAX && now > r->deadline;

	d->stats.replies++;
	r->client->stats.replies++;
	r->client->stats.errors += status != 0;
	d->stats.late += late;
	s->late += late;
	r->client->stats.late += late;
	if (!status) {
		s->served++;
		histogram_add(&s->latency, now - r->arrived);
		histogram_add(&s->device, r->device_end - r->device_start);
		return;
	}
	*(status == -ETIME ? &s->dropped : status == -ECANCELED ? &s->cancelled :
	  status == -EAGAIN ? &s->lost : &s->failed) += 1;
	*(status == -ETIME ? &d->stats.dropped : status == -EAGAIN ? &d->stats.lost :
	  &d->stats.failed) += 1;
}

void request_answer(struct loomd *d, struct request *r, int status)
{
	struct loom_msg_done msg = {
		.fault = status == -EIO ? r->fault : 0,
		.arrived_ns = r->arrived,
		.done_ns = now_ns(),
		.device_start_ns = r->device_end ? r->device_start : 0,
		.device_end_ns = r->device_end,
	};
	const char *text = reason(r, status);

	if (!r->client)
		return;
	count(d, r, status, msg.done_ns);
	proto_header(&msg.hdr, LOOM_MSG_INFER | LOOM_MSG_REPLY, r->id,
		     sizeof(msg) + (text ? strlen(text) : 0), status);
	client_send(d, r->client, &msg, sizeof(msg), text, -1);
	part(r);
}

/* ---- arrival ---- */

static int check(struct loomd *d, struct client *c, const struct loom_msg_infer *msg,
		 const struct model *m, const struct buffer *b, struct proto_error *e)
{
	if (d->stopping)
		return proto_fail(e, -EAGAIN, "infer: the daemon is stopping");
	if (!m)
		return proto_fail(e, -ESTALE, "infer: model 0x%x is not loaded (any more)",
				  msg->model);
	if (m->broken[0])
		return proto_fail(e, -EIO, "infer: the model is broken: %.400s", m->broken);
	if (!b)
		return proto_fail(e, -ENOENT, "infer: buffer %u is none of yours", msg->buffer);
	if (b->busy)
		return proto_fail(e, -EBUSY, "infer: another request is using buffer %u",
				  msg->buffer);
	if (b->bytes < loom_model_info(m->loom)->io_bytes)
		return proto_fail(e, -EINVAL, "infer: buffer %u has %llu bytes, model %s needs "
				  "%llu", msg->buffer, (unsigned long long)b->bytes, m->name,
				  (unsigned long long)loom_model_info(m->loom)->io_bytes);
	if (region_busy(b, m))
		return proto_fail(e, -EBUSY, "infer: the device still writes to buffer %u, for a "
				  "request that was cancelled", msg->buffer);
	if (c->num_requests >= d->options.max_requests)
		return proto_fail(e, -EBUSY, "infer: you have %u requests under way, the most one "
				  "may have", c->num_requests);
	if (d->options.drop_late && msg->deadline <= now_ns())
		return proto_fail(e, -ETIME, "infer: deadline is past");
	return 0;
}

int request_arrive(struct loomd *d, struct client *c, const struct loom_msg_infer *msg,
		   struct proto_error *e)
{
	struct model *m = model_by_handle(d, msg->model);
	struct buffer *b = buffer_find(d, c, msg->buffer);
	int err = check(d, c, msg, m, b, e);
	struct request *r;

	if (err)
		return err;
	r = make(d, c, m, b);
	if (!r)
		return proto_fail(e, -EBUSY, "infer: the daemon has all the requests it takes");
	r->id = msg->hdr.id;
	r->deadline = msg->deadline;
	r->arrived = now_ns();
	err = feed_arrive(d, r, r->arrived);
	if (err) {
		release(d, r);
		return proto_fail(e, err, "infer: the scheduler does not take it: %s",
				  strerror(-err));
	}
	d->stats.requests++;
	m->stats.requests++;
	c->stats.requests++;
	return 0;
}

/* ---- other ends ---- */

static void abandon(struct loomd *d, struct request *r)
{
	part(r);
	feed_cancel(d, now_ns(), r->key);
	r->ended = true;
	request_settle(d, r);
}

unsigned int request_cancel(struct loomd *d, struct client *c, uint64_t id)
{
	struct request *r, *next;
	unsigned int num = 0;

	for (r = c->requests; r; r = next) {
		next = r->next;
		if (r->id != id)
			continue;
		request_answer(d, r, -ECANCELED);
		abandon(d, r);
		num++;
	}
	return num;
}

void request_drop_client(struct loomd *d, struct client *c)
{
	while (c->requests)
		abandon(d, c->requests);
}

void requests_fail_all(struct loomd *d, int status, const char *text)
{
	struct request *r;

	requests_finish(d);
	for (unsigned int i = 0; i < d->num_requests; i++) {
		r = &d->requests[i];
		if (!r->key || !r->client)
			continue;
		snprintf(r->text, sizeof(r->text), "%s", text);
		request_answer(d, r, status);
		abandon(d, r);
	}
}
