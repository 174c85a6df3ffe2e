// SPDX-License-Identifier: MIT
/* Slices and host steps that came back: what they say of their request, and on to the scheduler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "requests.h"

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
	feed_complete(d, now, tag, status);
	request_settle(d, r);
	if (m->instance.dead && !m->instance.at_device)
		model_recover(d, m);
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
		status = request_blame(d, job, result, status);
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
		log_text(LOG_ERROR, "%s", r->text);
		status = -EIO;
	} else {
		r->computed = ++r->good == r->model->num_steps;
	}
	step_done(d, r, job->tag, now_ns(), status);
	free(job);
}
