// SPDX-License-Identifier: MIT
/* A device in this process that keeps the time and does not compute. */
#include <string.h>

#include "networks.h"

#define RING_ENTRIES 256u
#define SUBMIT 64u		/* jobs a submission */
#define AHEAD 4u		/* submissions on their way */

static int failed(const char *what)
{
	fprintf(stderr, "loom-networks: %s: %s\n", what, loom_error());
	return -1;
}

int device_open(struct device *device, const char *spec)
{
	struct drm_loom_queue_create queue = { .entries = RING_ENTRIES, .vm_slots = 1 };
	char full[256];

	*device = (struct device){ .spec = spec };
	snprintf(full, sizeof(full), "sim:%s,functional=off", spec);
	if (loom_dev_open(full, &device->dev))
		return failed(spec);
	if (queue.entries > loom_dev_caps(device->dev)->max_ring_entries)
		queue.entries = loom_dev_caps(device->dev)->max_ring_entries;
	if (loom_queue_create(device->dev, &queue, &device->queue) ||
	    loom_bo_create(device->dev, AHEAD * SUBMIT * sizeof(struct drm_loom_result), &device->results) ||
	    loom_ring_create(device->dev, AHEAD, &device->ring))
		return failed(spec);
	return 0;
}

void device_close(struct device *device)
{
	loom_ring_destroy(device->ring);
	loom_queue_destroy(device->queue);
	loom_bo_destroy(device->results);
	loom_dev_close(device->dev);
}

static int load(struct run *run, struct loom_instance **instance)
{
	if (loom_instance_create(run->device->dev, run->model, 1, instance))
		return failed(run->network->name);
	if (!loom_queue_set_vm(run->device->queue, 0, loom_instance_vm(*instance)))
		return 0;
	loom_instance_destroy(*instance);
	return failed(run->network->name);
}

static void unload(struct run *run, struct loom_instance *instance)
{
	loom_queue_set_vm(run->device->queue, 0, NULL);
	loom_instance_destroy(instance);
}

/* ---- each alone ---- */

static int run_slice(struct run *run, const struct loom_instance *instance, unsigned int slice,
		     struct layer *layer)
{
	struct drm_loom_result result = { 0 };
	struct drm_loom_job job;

	loom_instance_job(instance, 0, slice, 0, &job);
	if (loom_submit_wait(run->device->queue, &job, 1, &result, UINT64_MAX) || result.status)
		return failed(run->network->name);
	layer->executed_ns.mac += result.mac_busy;
	layer->executed_ns.vector += result.vector_busy;
	layer->alone_ns += result.end - result.dispatched;
	return 0;
}

int run_layers(struct run *run)
{
	struct loom_instance *instance;
	unsigned int slice = 0;
	int ret = load(run, &instance);

	if (ret)
		return ret;
	for (unsigned int l = 0; !ret && l < run->num_layers; l++)
		for (unsigned int i = 0; !ret && i < run->layers[l].slices; i++)
			ret = run_slice(run, instance, slice++, &run->layers[l]);
	unload(run, instance);
	return ret;
}

/* ---- all, as they come ---- */

static int put_in(struct run *run, const struct loom_instance *instance, unsigned int first, unsigned int num)
{
	struct drm_loom_job jobs[SUBMIT];
	uint64_t place = first / SUBMIT % AHEAD * SUBMIT * sizeof(struct drm_loom_result);

	for (unsigned int i = 0; i < num; i++)
		loom_instance_job(instance, 0, first + i, 0, &jobs[i]);
	return loom_ring_prep(run->device->ring, run->device->queue, jobs, num, run->device->results, place,
			      first);
}

static int wait_one(struct run *run, unsigned int *ahead, uint64_t *end)
{
	struct loom_ring_cqe cqe;

	if (loom_ring_enter(run->device->ring, 1, UINT64_MAX) < 0)
		return failed(run->network->name);
	while (loom_ring_reap(run->device->ring, &cqe)) {
		if (cqe.res)
			return failed(run->network->name);
		--*ahead;
		*end = cqe.device_end > *end ? cqe.device_end : *end;
	}
	return 0;
}

static uint64_t device_now(struct run *run)
{
	struct drm_loom_time time = { 0 };

	loom_dev_time(run->device->dev, &time);
	return time.device_ns;
}

int run_inference(struct run *run)
{
	unsigned int total = loom_model_info(run->model)->num_slices, next = 0, ahead = 0;
	struct loom_instance *instance;
	uint64_t start, end = 0;
	int ret = load(run, &instance);

	if (ret)
		return ret;
	start = device_now(run);
	while (!ret && (next < total || ahead)) {
		for (; !ret && next < total && ahead < AHEAD; ahead++) {
			unsigned int num = total - next < SUBMIT ? total - next : SUBMIT;

			ret = put_in(run, instance, next, num) ? failed(run->network->name) : 0;
			next += num;
		}
		if (!ret)
			ret = wait_one(run, &ahead, &end);
	}
	run->inference_ns = end - start;
	unload(run, instance);
	return ret;
}
