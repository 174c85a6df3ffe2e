// SPDX-License-Identifier: MIT
/*
 * The device model itself, firmware-sim without its maths, behind libloom's sim back end. A slice is a
 * submission of its own here, so that each completion is seen when it happens. A model is loaded twice,
 * into leases that its requests take in turns (sched_set_overlap()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"

#define ENTRIES 256
#define LEASES 2

struct engine {
	struct loom_dev *dev;
	struct loom_queue *queue;
	struct loom_ring *ring;
	struct loom_bo *results;
	struct loom_instance *instances[CELL_MAX_MODELS * LEASES];
	unsigned int num_models;
	bool release_layer;
	uint64_t now;
	uint64_t tags[ENTRIES];
	unsigned int free_slots[ENTRIES], num_free;
};

static int refused(int err, const char *what)
{
	return bench_fail(err, "%s: %s", what, loom_error());
}

static void device_close(struct engine *e)
{
	unsigned int i;

	if (e->ring)
		loom_ring_destroy(e->ring);
	if (e->queue)
		loom_queue_destroy(e->queue);
	for (i = 0; i < e->num_models * LEASES; i++)
		loom_instance_destroy(e->instances[i]);
	if (e->results)
		loom_bo_destroy(e->results);
	if (e->dev)
		loom_dev_close(e->dev);
	free(e);
}

static int device_open(const struct machine *m, bool release_layer, struct engine **out)
{
	const struct drm_loom_queue_create args = {
		.entries = ENTRIES, .vm_slots = CELL_MAX_MODELS * LEASES, .irq_batch = 1,
	};
	struct engine *e = calloc(1, sizeof(*e));
	char spec[300];
	int err;

	if (!e)
		return bench_fail(-ENOMEM, "out of memory");
	e->release_layer = release_layer;
	snprintf(spec, sizeof(spec), "sim:%s,functional=off", m->spec);
	err = loom_dev_open(spec, &e->dev);
	if (!err)
		err = loom_queue_create(e->dev, &args, &e->queue);
	if (!err)
		err = loom_ring_create(e->dev, ENTRIES, &e->ring);
	if (!err)
		err = loom_bo_create(e->dev, ENTRIES * sizeof(struct drm_loom_result), &e->results);
	if (err) {
		refused(err, spec);
		device_close(e);
		return err;
	}
	for (; e->num_free < ENTRIES; e->num_free++)
		e->free_slots[e->num_free] = ENTRIES - 1 - e->num_free;
	*out = e;
	return 0;
}

static int load(struct engine *e, const struct workload *w, unsigned int slot, unsigned int requests)
{
	int err = loom_instance_create(e->dev, w->file, requests, &e->instances[slot]);

	if (!err)
		err = loom_queue_set_vm(e->queue, slot, loom_instance_vm(e->instances[slot]));
	return err ? refused(err, w->name) : 0;
}

static int device_add(struct engine *e, const struct workload *w, unsigned int requests)
{
	unsigned int i, first = LEASES * e->num_models++;
	int err = 0;

	for (i = 0; !err && i < LEASES; i++)
		err = load(e, w, first + i, (requests + LEASES - 1) / LEASES);
	return err;
}

static int device_submit(struct engine *e, uint64_t now, unsigned int model, unsigned int region,
			 unsigned int slice, uint64_t tag)
{
	struct drm_loom_job job;
	unsigned int slot, vm;
	int err;

	if (!e->num_free)
		return bench_fail(-ENOSPC, "too many slices at the device");
	slot = e->free_slots[--e->num_free];
	e->tags[slot] = tag;
	vm = model * LEASES + region % LEASES;
	loom_instance_job(e->instances[vm], region / LEASES, slice, (uint16_t)vm, &job);
	job.flags = e->release_layer ? DRM_LOOM_JOB_RELEASE_LAYER : 0;
	err = loom_ring_prep(e->ring, e->queue, &job, 1, e->results,
			     slot * sizeof(struct drm_loom_result), slot);
	if (!err)
		err = loom_ring_enter(e->ring, 0, 0);
	return err < 0 ? refused(err, "submission") : 0;
}

static int device_wait(struct engine *e, uint64_t until, struct engine_done *done)
{
	const struct drm_loom_result *r = loom_bo_map(e->results);
	struct loom_ring_cqe cqe;
	int err;

	while (loom_ring_reap(e->ring, &cqe) <= 0) {
		if (e->now >= until)
			return 0;
		err = loom_ring_enter(e->ring, 1, until == UINT64_MAX ? UINT64_MAX : until - e->now);
		if (err == -ETIME) {
			e->now = until;
			return 0;
		}
		if (err < 0)
			return refused(err, "waiting for the device");
	}
	r += cqe.tag;
	if (cqe.res)
		return bench_fail(cqe.res, "a slice failed: fault %u at 0x%llx", r->fault,
				  (unsigned long long)r->fault_addr);
	if (e->now < r->end)
		e->now = r->end;
	*done = (struct engine_done) {
		.tag = e->tags[cqe.tag], .end = e->now, .compute_end = r->compute_end,
	};
	e->free_slots[e->num_free++] = (unsigned int)cqe.tag;
	return 1;
}

static int device_busy(struct engine *e, struct engine_busy *busy)
{
	struct loom_hw_counters hw;
	int err = loom_dev_counters(e->dev, 0, &hw);

	*busy = (struct engine_busy) {
		1e-9 * (double)hw.compute_busy, 1e-9 * (double)hw.mac_busy, 1e-9 * (double)hw.dram_busy,
	};
	return err ? refused(err, "counters") : 0;
}

const struct engine_ops engine_device = {
	.name = "device",
	.open = device_open,
	.add = device_add,
	.submit = device_submit,
	.wait = device_wait,
	.busy = device_busy,
	.close = device_close,
};
