// SPDX-License-Identifier: MIT
/*
 * The life of a request: it arrives, its slices go to the device when the scheduler says so, they
 * come back, it is answered.
 *
 * Inputs and outputs lie in the client's own pages (regions.c), or are copied where that cannot be.
 * Copying a megabyte costs the CPU as long as a large layer costs the device. So whatever can be
 * submitted is, before inputs and outputs of that size are copied, and the outputs are left until
 * the pump has run (requests_finish).
 *
 * Three ends may come before that: the client goes or cancels (the request is told off to the
 * scheduler and lingers until the device has given its slices back), its model faults (below), the
 * device is gone.
 *
 * A fault kills the VM that all requests of a model share, and the culprit gets -EIO. The VM's
 * other slices come back with errors. What the scheduler still hands out for this model is parked;
 * when the last slice is back, the model gets a new VM. Requests that had begun in the old one are
 * lost: they arrive again, with the input that the client's buffer still holds, and the client
 * never notices. After MAX_REVIVALS it is told, with -EAGAIN.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loomd.h"

#define MUCH (64u << 10)	/* bytes that are worth a system call before they are copied */
#define MAX_REVIVALS 8

int requests_init(struct loomd *d)
{
	/* Twice what clients may have: those of clients that left linger at the device. */
	d->num_requests = 2 * d->options.max_clients * d->options.max_requests;
	d->requests = calloc(d->num_requests, sizeof(*d->requests));
	d->parked = calloc(LOOMD_MAX_JOBS, sizeof(*d->parked));
	d->finishing = calloc(LOOMD_IO_REGIONS * d->options.max_models, sizeof(*d->finishing));
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

static struct request *find(struct loomd *d, uint64_t key)
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

static void answer(struct loomd *d, struct request *r, int status)
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
	err = sched_arrive(d->sched, r->arrived, (unsigned int)m->sched, r->key, r->deadline);
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

/* ---- copying ---- */

static uint64_t copy(const struct request *r, bool outputs)
{
	const struct loom_model *loom = r->model->loom;
	const struct loom_elf_info *info = loom_model_info(loom);
	unsigned int first = outputs ? info->num_inputs : 0;
	unsigned int end = outputs ? info->num_inputs + info->num_outputs : info->num_inputs;
	char *region = loom_instance_io(r->model->instance.loom, (unsigned int)r->io);
	char *theirs = r->buffer->map;
	const struct loom_elf_tensor *t;
	uint64_t bytes = 0;

	for (unsigned int i = first; i < end; i++) {
		t = loom_model_tensor(loom, i);
		if (outputs)
			memcpy(theirs + t->offset, region + t->offset, t->bytes);
		else
			memcpy(region + t->offset, theirs + t->offset, t->bytes);
		bytes += t->bytes;
	}
	return bytes;
}

/* ---- slices ---- */

static void settle(struct loomd *d, struct request *r)
{
	if (r->ended && !r->at_device && !r->finishing)
		release(d, r);
}

/* A slice ends without having been at the device. */
static void refuse(struct loomd *d, struct request *r, uint64_t tag, int status)
{
	r->at_device--;
	sched_complete(d->sched, now_ns(), tag, status);
	settle(d, r);
}

static bool regions_taken(const struct instance *in)
{
	return in->io_used == (1u << LOOMD_IO_REGIONS) - 1;
}

static int begin(struct loomd *d, struct request *r)
{
	struct instance *in = &r->model->instance;
	unsigned int io;

	if (region_bind(d, r)) {
		r->started = true;
		return 0;
	}
	if (regions_taken(in))	/* by one whose outputs are still to be copied */
		requests_finish(d);
	io = regions_taken(in) ? LOOMD_IO_REGIONS : (unsigned int)__builtin_ctz(~in->io_used);
	/* The scheduler was told how many may have begun, and miscounted. */
	if (io >= LOOMD_IO_REGIONS) {
		log_line(LOG_ERROR, "model %s: more requests begun than I/O regions",
			 r->model->name);
		return -EAGAIN;
	}
	in->io_used |= 1u << io;
	r->io = (int)io;
	r->started = true;
	if (!r->client)
		return 0;
	d->stats.copied++;
	if (loom_model_info(r->model->loom)->io_bytes > MUCH)
		device_kick(d);
	r->client->stats.bytes_in += copy(r, false);
	return 0;
}

/* May this slice go to the device? */
static int admit(struct loomd *d, struct request *r)
{
	if (r->lost)
		return -EAGAIN;
	if (r->model->sched < 0)
		return -ECANCELED;
	if (r->model->broken[0]) {
		snprintf(r->text, sizeof(r->text), "%s", r->model->broken);
		return -EIO;
	}
	if (r->started)
		return 0;
	if (d->options.drop_late && r->deadline <= now_ns())
		return -ETIME;
	return begin(d, r);
}

/* Nothing of this request follows at once: it is done, or the host has the next step. */
static bool pauses_after(const struct model *m, unsigned int step)
{
	return step + 1 == m->num_steps || m->steps[step + 1].host;
}

static int start_on_host(struct loomd *d, struct request *r, unsigned int step, uint64_t tag)
{
	struct host_job *job = malloc(sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->request = r;
	job->model = r->model->loom;
	job->io = loom_instance_io(r->model->instance.loom, (unsigned int)r->io);
	job->step = r->model->steps[step].index;
	job->tag = tag;
	job->text[0] = '\0';
	host_submit(d, job);
	return 0;
}

static void start(struct loomd *d, struct request *r, unsigned int step, uint64_t tag)
{
	bool host = r->model->steps[step].host;
	int err = admit(d, r);

	if (!err && host)
		err = start_on_host(d, r, step, tag);
	if (err) {
		refuse(d, r, tag, err);
		return;
	}
	r->model->instance.at_device++;
	if (host) {
		r->model->stats.host_steps++;
		return;
	}
	r->model->stats.slices++;
	device_submit(d, r, step, tag, pauses_after(r->model, step));
}

static void submit(struct loomd *d, const struct sched_action *a)
{
	struct request *r = find(d, a->request);

	if (!r) {
		sched_complete(d->sched, now_ns(), a->tag, -ECANCELED);
		return;
	}
	r->at_device++;
	if (r->model->instance.dead && d->num_parked < LOOMD_MAX_JOBS)
		d->parked[d->num_parked++] = (struct parked) { r, a->slice, a->tag };
	else
		start(d, r, a->slice, a->tag);
}

/*
 * How it really ended; the scheduler knows the first status that was seen. A fault is a slice's own
 * only if all slices before it went well: when one of those was refused, it computed with garbage.
 */
static int verdict(const struct request *r, int status)
{
	if (r->fault && r->good == r->fault_step)
		return -EIO;
	if (!status || status == -ECANCELED || status == -ENODEV)
		return status;
	return r->fault || r->lost ? -EAGAIN : status;
}

/* A request that was lost through no fault of its own starts over. */
static bool revive(struct loomd *d, struct request *r)
{
	struct model *m = r->model;

	if (!r->client || m->sched < 0 || m->broken[0] || r->revivals == MAX_REVIVALS)
		return false;
	region_put(d, r);
	r->started = r->lost = r->computed = false;
	r->revivals++;
	r->good = 0;
	r->fault = 0;
	r->text[0] = '\0';
	r->device_start = UINT64_MAX;
	r->device_end = 0;
	m->stats.revived++;
	return !sched_arrive(d->sched, now_ns(), (unsigned int)m->sched, r->key, r->deadline);
}

static void reply(struct loomd *d, const struct sched_action *a)
{
	struct request *r = find(d, a->request);
	int status = r ? verdict(r, a->status) : 0;

	if (!r || (status == -EAGAIN && revive(d, r)))
		return;
	if (status == -EIO)
		log_line(LOG_WARNING, "fault: %s", r->text);
	if (!r->computed || !r->client) {
		answer(d, r, status);
		r->ended = true;
		settle(d, r);
		return;
	}
	r->finishing = true;
	d->finishing[d->num_finishing++] = r;
}

/* Once: after that the I/O region may go. */
static void take_outputs(struct request *r)
{
	if (r->computed && r->client && r->binding)
		region_written(r);
	else if (r->computed && r->client)
		r->client->stats.bytes_out += copy(r, true);
	r->computed = false;
}

static void finish(struct loomd *d, struct request *r)
{
	take_outputs(r);
	answer(d, r, 0);
	r->finishing = false;
	r->ended = true;
	settle(d, r);
}

void requests_finish(struct loomd *d)
{
	bool much = false;

	for (unsigned int i = 0; i < d->num_finishing; i++)
		much |= !d->finishing[i]->binding &&
			loom_model_info(d->finishing[i]->model->loom)->io_bytes > MUCH;
	if (much)
		device_kick(d);
	for (unsigned int i = 0; i < d->num_finishing; i++)
		finish(d, d->finishing[i]);
	d->num_finishing = 0;
}

static void timer(struct loomd *d, uint64_t at, uint64_t now)
{
	if (at > now) {
		d->timer = at;
		return;
	}
	d->timer = LOOMD_NEVER;
	sched_tick(d->sched, now);
}

/* The scheduler has replaced a policy that misbehaved: say so, once. */
static void report_policy(struct loomd *d)
{
	struct sched_stats stats;

	sched_get_stats(d->sched, &stats);
	if (stats.policy_faults == d->policy_faults)
		return;
	d->policy_faults = stats.policy_faults;
	log_line(LOG_WARNING, "the policy misbehaved and was replaced by %s", sched_policy(d->sched));
}

void requests_pump(struct loomd *d)
{
	uint64_t now = now_ns();
	struct sched_action a;

	timer(d, d->timer, now);
	while (sched_next(d->sched, now, &a)) {
		if (a.type == SCHED_SUBMIT || a.type == SCHED_HOST)
			submit(d, &a);
		else if (a.type == SCHED_REPLY)
			reply(d, &a);
		else
			timer(d, a.at, now);
	}
	report_policy(d);
	device_flush(d);
}

/* ---- completions ---- */

static void unpark(struct loomd *d, struct model *m)
{
	unsigned int num = d->num_parked, kept = 0;
	struct parked p;

	for (unsigned int i = 0; i < num; i++) {
		p = d->parked[i];
		if (p.request->model == m)
			start(d, p.request, p.step, p.tag);
		else
			d->parked[kept++] = p;
	}
	d->num_parked = kept;
}

static void rebuild(struct loomd *d, struct model *m)
{
	struct request *r;

	for (unsigned int i = 0; i < d->num_requests; i++) {
		r = &d->requests[i];
		if (!r->key || r->model != m || !r->started)
			continue;
		take_outputs(r);
		r->lost = r->good < m->num_steps;
		region_put(d, r);
	}
	/* A model that is being unloaded needs no new VM. */
	if (m->sched >= 0)
		model_rebuild(d, m);
	m->instance.dead = false;
	unpark(d, m);
}

/*
 * The driver did not take the submission at all, and its jobs have no results. It does so when one
 * VM of them is dead, and does not say which: the rest are innocent.
 */
static int refused(struct loomd *d, struct request *r, int status)
{
	uint64_t before = device_ioctls(&d->device);
	struct instance *in = &r->model->instance;
	struct drm_loom_vm_info info;

	if (!in->dead && !loom_vm_info(loom_instance_vm(in->loom), &info))
		in->dead = info.dead;
	d->device.stats.admin_ioctls += device_ioctls(&d->device) - before;
	if (status == -EINVAL || status == -ENOENT || status == -EFAULT) {
		snprintf(r->text, sizeof(r->text), "the driver refused the submission: %s",
			 strerror(-status));
		log_line(LOG_ERROR, "model %s: %s", r->model->name, r->text);
		return -EIO;
	}
	r->lost = true;
	return -EAGAIN;
}

static bool stopped_by_another(const struct drm_loom_result *result)
{
	return result->fault == LOOM_FAULT_NONE || result->fault == LOOM_FAULT_CONTEXT_DEAD ||
	       result->fault == LOOM_FAULT_CANCELLED;
}

static int blame(struct loomd *d, const struct batch_job *job,
		 const struct drm_loom_result *result, int status)
{
	struct request *r = job->request;
	unsigned int slice = job->slice;
	const struct loom_model *loom = r->model->loom;

	if (status == -ENODEV)
		return status;
	if (!result)
		return refused(d, r, status);
	r->model->instance.dead = true;
	if (stopped_by_another(result)) {
		r->lost = true;
		return -EAGAIN;
	}
	r->fault = result->fault;
	r->fault_step = job->step;
	snprintf(r->text, sizeof(r->text),
		 "slice %u (%.100s) of model %s: %s (fault %u), command %d, address 0x%llx", slice,
		 loom_model_string(loom, loom_model_slice(loom, slice)->name), r->model->name,
		 fault_name(result->fault), result->fault, (int)result->fault_cmd,
		 (unsigned long long)result->fault_addr);
	return -EIO;
}

static void stamp(struct request *r, const struct drm_loom_result *result)
{
	const uint64_t starts[] = { result->fetch_start, result->dma_start, result->compute_start };

	for (unsigned int i = 0; i < 3; i++)
		if (starts[i] && starts[i] < r->device_start)
			r->device_start = starts[i];
	if (result->end > r->device_end)
		r->device_end = result->end;
}

static uint64_t completion_time(const struct loomd *d, const struct drm_loom_result *result)
{
	uint64_t now = now_ns(), end;

	if (!result || !d->device.real_time)
		return now;
	end = result->end + d->device.clock_offset;
	return end < now ? end : now;
}

/* The model may go with its last request, but not before its instance was seen to. */
static void step_done(struct loomd *d, struct request *r, uint64_t tag, uint64_t now, int status)
{
	struct model *m = r->model;

	m->num_requests++;
	sched_complete(d->sched, now, tag, status);
	settle(d, r);
	if (m->instance.dead && !m->instance.at_device)
		rebuild(d, m);
	model_put(d, m);
}

void request_complete(struct loomd *d, const struct batch_job *job,
		      const struct drm_loom_result *result, int status)
{
	struct request *r = job->request;
	struct model *m = r->model;

	r->at_device--;
	m->instance.at_device--;
	if (result) {
		stamp(r, result);
		if (d->trace.on)
			trace_add(d, r, job->slice, result);
	}
	if (status)
		status = blame(d, job, result, status);
	else	/* in any order: a batch waits for the slices of others in it */
		r->computed = ++r->good == m->num_steps;
	step_done(d, r, job->tag, completion_time(d, result), status);
}

void request_host_done(struct loomd *d, struct host_job *job)
{
	struct request *r = job->request;
	int status = 0;

	r->at_device--;
	r->model->instance.at_device--;
	if (job->status) {
		snprintf(r->text, sizeof(r->text), "%s", job->text);
		log_line(LOG_ERROR, "%s", r->text);
		status = -EIO;
	} else {
		r->computed = ++r->good == r->model->num_steps;
	}
	step_done(d, r, job->tag, now_ns(), status);
	free(job);
}

/* ---- other ends ---- */

static void abandon(struct loomd *d, struct request *r)
{
	part(r);
	sched_cancel(d->sched, now_ns(), r->key);
	r->ended = true;
	settle(d, r);
}

unsigned int request_cancel(struct loomd *d, struct client *c, uint64_t id)
{
	struct request *r, *next;
	unsigned int num = 0;

	for (r = c->requests; r; r = next) {
		next = r->next;
		if (r->id != id)
			continue;
		answer(d, r, -ECANCELED);
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
		answer(d, r, status);
		abandon(d, r);
	}
}
