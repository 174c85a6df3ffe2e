// SPDX-License-Identifier: MIT
/*
 * What the scheduler says is done here, until it has nothing more to say.
 *
 * Inputs and outputs lie in the client's own pages (regions.c), or are copied where that cannot be.
 * Copying a megabyte costs the CPU as long as a large layer costs the device. So whatever can be
 * submitted is, before inputs and outputs of that size are copied, and the outputs are left until
 * the pump has run (requests_finish).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "requests.h"

#define MUCH (64u << 10)	/* bytes that are worth a system call before they are copied */

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

/* A slice ends without having been at the device. */
static void refuse(struct loomd *d, struct request *r, uint64_t tag, int status)
{
	r->at_device--;
	feed_complete(d, now_ns(), tag, status);
	request_settle(d, r);
}

static bool regions_taken(const struct loomd *d, const struct instance *in)
{
	return in->io_used == (1u << d->options.inflight) - 1;
}

static int begin(struct loomd *d, struct request *r)
{
	struct instance *in = &r->model->instance;
	unsigned int io;

	if (region_bind(d, r)) {
		r->started = true;
		return 0;
	}
	if (regions_taken(d, in))	/* by one whose outputs are still to be copied */
		requests_finish(d);
	io = regions_taken(d, in) ? d->options.inflight : (unsigned int)__builtin_ctz(~in->io_used);
	/* The scheduler was told how many may have begun, and miscounted. */
	if (io >= d->options.inflight) {
		log_text(LOG_ERROR, "model %s: more requests begun than I/O regions",
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
	struct instance *in = &r->model->instance;
	int err;

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
	err = begin(d, r);
	/* The scheduler begins one after the other, so neighbours are in different leases. */
	if (!err)
		r->lease = in->turn++ % in->num_leases;
	return err;
}

/* Nothing of this request follows at once: it is done, or the host has the next step. */
static bool pauses_after(const struct model *m, unsigned int step)
{
	return step + 1 == m->num_steps || m->steps[step + 1].host;
}

void request_start(struct loomd *d, struct request *r, unsigned int step, uint64_t tag)
{
	bool host = r->model->steps[step].host;
	int err = admit(d, r);

	if (!err && host)
		err = host_submit(d, r, step, tag);
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
	struct request *r = request_by_key(d, a->request);

	if (!r) {
		feed_complete(d, now_ns(), a->tag, -ECANCELED);
		return;
	}
	r->at_device++;
	if (r->model->instance.dead && d->num_parked < LOOMD_MAX_JOBS)
		d->parked[d->num_parked++] = (struct parked) { r, a->slice, a->tag };
	else
		request_start(d, r, a->slice, a->tag);
}

/* ---- replies ---- */

static void reply(struct loomd *d, const struct sched_action *a)
{
	struct request *r = request_by_key(d, a->request);
	int status = r ? request_verdict(r, a->status) : 0;

	if (!r || (status == -EAGAIN && request_revive(d, r)))
		return;
	if (status == -EIO)
		log_text(LOG_WARNING, "fault: %s", r->text);
	if (!r->computed || !r->client) {
		request_answer(d, r, status);
		r->ended = true;
		request_settle(d, r);
		return;
	}
	r->finishing = true;
	d->finishing[d->num_finishing++] = r;
}

/* Once: after that the I/O region may go. */
void request_take_outputs(struct request *r)
{
	if (r->computed && r->client && r->binding)
		region_written(r);
	else if (r->computed && r->client)
		r->client->stats.bytes_out += copy(r, true);
	r->computed = false;
}

static void finish(struct loomd *d, struct request *r)
{
	request_take_outputs(r);
	request_answer(d, r, 0);
	r->finishing = false;
	r->ended = true;
	request_settle(d, r);
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

/* ---- the pump ---- */

static void timer(struct loomd *d, uint64_t at, uint64_t now)
{
	if (at > now) {
		d->timer = at;
		return;
	}
	d->timer = LOOMD_NEVER;
	feed_tick(d, now);
}

/* The scheduler has replaced a policy that misbehaved: say so, once. */
static void report_policy(struct loomd *d)
{
	const struct sched_fault *fault;
	struct sched_stats stats;

	feed_stats(d, &stats);
	if (stats.policy_faults == d->policy_faults)
		return;
	d->policy_faults = stats.policy_faults;
	fault = sched_policy_fault(d->sched);
	snprintf(d->policy_fault, sizeof(d->policy_fault), "%s: %s", fault->policy, fault->what);
	snprintf(d->policy, sizeof(d->policy), "%s", sched_policy(d->sched));
	log_text(LOG_WARNING, "policy %s; replaced by %s", d->policy_fault, d->policy);
	notify("STATUS=policy %s, in place of %s", d->policy, d->policy_fault);
}

void requests_pump(struct loomd *d)
{
	uint64_t now = now_ns();
	struct sched_action a;

	if (d->num_holds && !d->stopping)
		return;
	timer(d, d->timer, now);
	while (feed_next(d, now, &a)) {
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
