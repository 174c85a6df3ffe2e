// SPDX-License-Identifier: MIT
/*
 * A fault kills the VM that all requests of a model share, and the culprit gets -EIO. The VM's
 * other slices come back with errors. (With two leases there are two VMs, which are rebuilt
 * together.) What the scheduler still hands out for this model is parked; when the last slice is
 * back, the model gets a new VM. Requests that had begun in the old one are lost: they arrive
 * again, with the input that the client's buffer still holds, and the client never notices. After
 * MAX_REVIVALS it is told, with -EAGAIN.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "requests.h"

#define MAX_REVIVALS 8

/* ---- whose fault it was ---- */

/*
 * The driver did not take the submission at all, and its jobs have no results. It does so when one
 * VM of them is dead, and does not say which: the rest are innocent.
 */
static int refused(struct loomd *d, struct request *r, int status)
{
	uint64_t before = loom_thread_ioctls();
	struct instance *in = &r->model->instance;
	struct drm_loom_vm_info info;

	for (unsigned int i = 0; i < in->num_leases; i++)
		if (!in->dead && !loom_vm_info(loom_instance_lease_vm(in->loom, i), &info))
			in->dead = info.dead;
	d->device.stats.admin_ioctls += loom_thread_ioctls() - before;
	if (status == -EINVAL || status == -ENOENT || status == -EFAULT) {
		snprintf(r->text, sizeof(r->text), "the driver refused the submission: %s",
			 strerror(-status));
		log_text(LOG_ERROR, "model %s: %s", r->model->name, r->text);
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

int request_blame(struct loomd *d, const struct batch_job *job,
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

/*
 * How it really ended; the scheduler knows the first status that was seen. A fault is a slice's own
 * only if all slices before it went well: when one of those was refused, it computed with garbage.
 */
int request_verdict(const struct request *r, int status)
{
	if (r->fault && r->good == r->fault_step)
		return -EIO;
	if (!status || status == -ECANCELED || status == -ENODEV)
		return status;
	return r->fault || r->lost ? -EAGAIN : status;
}

/* ---- starting over ---- */

/* A request that was lost through no fault of its own starts over. */
bool request_revive(struct loomd *d, struct request *r)
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
	return !feed_arrive(d, r, now_ns());
}

static void unpark(struct loomd *d, struct model *m)
{
	unsigned int num = d->num_parked, kept = 0;
	struct parked p;

	for (unsigned int i = 0; i < num; i++) {
		p = d->parked[i];
		if (p.request->model == m)
			request_start(d, p.request, p.step, p.tag);
		else
			d->parked[kept++] = p;
	}
	d->num_parked = kept;
}

void model_recover(struct loomd *d, struct model *m)
{
	struct request *r;

	for (unsigned int i = 0; i < d->num_requests; i++) {
		r = &d->requests[i];
		if (!r->key || r->model != m || !r->started)
			continue;
		request_take_outputs(r);
		r->lost = r->good < m->num_steps;
		region_put(d, r);
	}
	/* A model that is being unloaded needs no new VM. */
	if (m->sched >= 0)
		model_rebuild(d, m);
	m->instance.dead = false;
	unpark(d, m);
}
