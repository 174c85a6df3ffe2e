// SPDX-License-Identifier: MIT
/*
 * The device: slices go out in batches, completions come in.
 *
 * A batch is one array submission: one SQE, one CQE when all its slices are done, and an entry per
 * slice in the results buffer. So batches must be small beside the window, or the refill comes too
 * late: were the whole window one submission, its CQE would come when the device has just run dry.
 * A batch is at most a quarter of the window, in slices and in believed device time. Then at least
 * three quarters are still queued when the first CQE comes, whatever the scheduler adds.
 *
 * And they must not be small for nothing, because each costs an interrupt, a CQE and a wake-up. A
 * quarter that comes back makes room for a quarter, but batches also end with the last slice of a
 * request (its reply should not wait for strangers), and small ones would breed small ones for
 * ever. So a batch that is not full stays open while more than half of the window is at the device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loomd.h"

#define PARTS 4		/* of the window */

static uint64_t window_ps(const struct loomd_options *o, const struct loom_hw_caps *caps)
{
	/*
	 * Time to fill the weight SRAM one and a half times: less would stop the fetch engine
	 * early.
	 */
	uint64_t fill = caps->weight_sram_bytes * 1500000ull / caps->dram_mbps;
	uint64_t least = 500000000;

	if (o->window_us)
		return o->window_us * 1000000;
	return fill > least ? fill : least;
}

static int make_batches(struct loomd *d)
{
	struct device *dev = &d->device;
	unsigned int num = d->options.max_jobs + 2, jobs = d->options.max_jobs / PARTS;
	struct drm_loom_result *results;
	struct batch *b;

	dev->batch_jobs = jobs ? jobs : 1;
	dev->batch_ps = dev->window_ps / PARTS;
	dev->batches = calloc(num, sizeof(*dev->batches));
	dev->free_batches = calloc(num, sizeof(*dev->free_batches));
	if (!dev->batches || !dev->free_batches ||
	    loom_bo_create(dev->dev, num * dev->batch_jobs * sizeof(*results), &dev->results))
		return -ENOMEM;
	results = loom_bo_map(dev->results);
	if (!results)
		return -ENOMEM;
	for (dev->num_batches = 0; dev->num_batches < num; dev->num_batches++) {
		b = &dev->batches[dev->num_batches];
		b->index = dev->num_batches;
		b->results = results + b->index * dev->batch_jobs;
		b->jobs = calloc(dev->batch_jobs, sizeof(*b->jobs));
		b->descriptors = calloc(dev->batch_jobs, sizeof(*b->descriptors));
		if (!b->jobs || !b->descriptors)
			return -ENOMEM;
		dev->free_batches[dev->num_free++] = b->index;
	}
	return 0;
}

/* Device time and CLOCK_MONOTONIC are read together, once; the difference is constant. */
static void correlate(struct device *dev)
{
	struct drm_loom_time time;

	dev->real_time = loom_dev_fd(dev->dev) >= 0 && !loom_dev_time(dev->dev, &time);
	if (dev->real_time)
		dev->clock_offset = time.monotonic_ns - time.device_ns;
}

static unsigned int ring_entries(const struct loomd *d)
{
	return d->device.num_batches + 2 * d->options.max_clients + 16;
}

static int make_queue(struct loomd *d)
{
	const struct loom_hw_caps *caps = loom_dev_caps(d->device.dev);
	struct drm_loom_queue_create args = {
		.entries = 8,
	};

	/* Half a batch: the end of one is not kept waiting for many others of the next. */
	args.irq_batch = d->options.max_jobs / PARTS / 2 + 1;
	/* One more for each than it has, in case that one is not free yet. */
	d->device.num_slots = (d->options.leases + 1) * d->options.max_models;
	if (d->device.num_slots > LOOMD_MAX_SLOTS)
		d->device.num_slots = LOOMD_MAX_SLOTS;
	args.vm_slots = d->device.num_slots;
	while (args.entries < 2 * d->options.max_jobs && args.entries < caps->max_ring_entries)
		args.entries *= 2;
	return loom_queue_create(d->device.dev, &args, &d->device.queue);
}

int device_open(struct loomd *d)
{
	struct device *dev = &d->device;
	int err = loom_dev_open(d->options.device, &dev->dev);

	if (err) {
		log_text(LOG_ERROR, "--device %s: %s", d->options.device ? d->options.device : "",
			 loom_error());
		return err;
	}
	dev->window_ps = window_ps(&d->options, loom_dev_caps(dev->dev));
	correlate(dev);
	err = make_queue(d);
	if (!err)
		err = make_batches(d);
	if (!err)
		err = loom_ring_create(dev->dev, ring_entries(d), &dev->ring);
	if (err)
		log_text(LOG_ERROR, "setting up the device: %s", loom_error());
	return err;
}

void device_close(struct loomd *d)
{
	struct device *dev = &d->device;

	if (dev->ring)
		loom_ring_destroy(dev->ring);
	if (dev->queue)
		loom_queue_destroy(dev->queue);
	if (dev->results)
		loom_bo_destroy(dev->results);
	for (unsigned int i = 0; i < dev->num_batches; i++) {
		free(dev->batches[i].jobs);
		free(dev->batches[i].descriptors);
	}
	free(dev->batches);
	free(dev->free_batches);
	if (dev->dev)
		loom_dev_close(dev->dev);
}

int device_slot_get(struct device *dev)
{
	for (unsigned int i = 0; i < dev->num_slots; i++) {
		if (dev->slot_used[i])
			continue;
		dev->slot_used[i] = true;
		return (int)i;
	}
	return -ENOSPC;
}

void device_slot_put(struct device *dev, unsigned int slot)
{
	dev->slot_used[slot] = false;
}

/* ---- out ---- */

static struct batch *open_batch(struct device *dev)
{
	struct batch *b = &dev->batches[dev->free_batches[--dev->num_free]];

	b->num = 0;
	b->ps = 0;
	b->serial = ++dev->serial;
	return b;
}

static uint64_t job_mark(const struct batch *b, unsigned int i)
{
	return b->serial << 8 | i;
}

static void give_back(struct device *dev, struct batch *b)
{
	dev->free_batches[dev->num_free++] = b->index;
}

static int put(struct device *dev, struct batch *b)
{
	uint64_t offset = (uint64_t)b->index * dev->batch_jobs * sizeof(*b->results);

	return loom_ring_prep(dev->ring, dev->queue, b->descriptors, b->num, dev->results, offset,
			      loop_tag(LOOP_BATCH, 0, b->index));
}

static void close_batch(struct loomd *d)
{
	struct device *dev = &d->device;
	struct batch *b = dev->open;
	int err;

	dev->open = NULL;
	/* So that a result that was not written is not taken for one of an earlier batch. */
	for (unsigned int i = 0; i < b->num; i++)
		b->results[i].user_data = 0;
	err = put(dev, b);
	if (err == -EBUSY) {
		dev->stats.stalls++;
		device_enter(d, 0, 0);
		err = put(dev, b);
	}
	if (err) {	/* nothing that a request could be blamed for: start anew */
		log_text(LOG_ERROR, "submission: %s", loom_error());
		dev->gone = true;
		return;
	}
	dev->in_flight++;
	dev->not_entered++;
	dev->submitted_ps += b->ps;
	dev->stats.batches++;
	dev->stats.batch_jobs += b->num;
}

/* The slowest of the four that it passes through. */
static uint64_t believed_ps(const struct loom_model *loom, unsigned int slice,
			    const struct loom_hw_caps *caps)
{
	const struct loom_elf_slice *s = loom_model_slice(loom, slice);
	uint64_t dram = (s->weight_bytes + s->dma_bytes) * 1000000 / caps->dram_mbps;
	uint64_t firmware = (caps->fw_job_ns + s->num_cmds * (uint64_t)caps->fw_cmd_ns) * 1000;
	uint64_t most = s->compute_ps > dram ? s->compute_ps : dram;

	return most > firmware ? most : firmware;
}

void device_submit(struct loomd *d, struct request *r, unsigned int step, uint64_t tag, bool last)
{
	unsigned int slice = r->model->steps[step].index;
	struct device *dev = &d->device;
	const struct instance *in = &r->model->instance;
	struct batch *b = dev->open ? dev->open : open_batch(dev);
	struct drm_loom_job *job = &b->descriptors[b->num];

	dev->open = b;
	loom_instance_job(in->loom, (unsigned int)r->io, slice, (uint16_t)in->slot[r->lease], job);
	job->user_data = job_mark(b, b->num);
	b->jobs[b->num++] = (struct batch_job) { r, slice, step, tag };
	b->ps += believed_ps(r->model->loom, slice, loom_dev_caps(dev->dev));
	if (last || b->num == dev->batch_jobs || b->ps >= dev->batch_ps)
		close_batch(d);
}

void device_flush(struct loomd *d)
{
	const struct device *dev = &d->device;

	if (dev->open && (dev->in_flight < 2 || dev->submitted_ps < dev->window_ps / 2))
		close_batch(d);
}

int device_enter(struct loomd *d, unsigned int wait, uint64_t timeout_ns)
{
	d->device.not_entered = 0;
	return loom_ring_enter(d->device.ring, wait, timeout_ns);
}

void device_kick(struct loomd *d)
{
	if (d->device.open)
		close_batch(d);
	if (d->device.not_entered)
		device_enter(d, 0, 0);
}

/* ---- in ---- */

static int status_of(const struct batch *b, unsigned int i, const struct loom_ring_cqe *cqe,
		     const struct drm_loom_result **result)
{
	const struct drm_loom_result *r = &b->results[i];

	if (r->user_data == job_mark(b, i)) {
		*result = r;
		return r->status;
	}
	*result = NULL;
	return cqe->res ? cqe->res : -EIO;
}

static void batch_done(struct loomd *d, struct batch *b, const struct loom_ring_cqe *cqe)
{
	struct device *dev = &d->device;
	const struct drm_loom_result *result;
	int status;

	dev->in_flight--;
	dev->submitted_ps -= b->ps;
	dev->stats.completions++;
	dev->stats.errors += cqe->res != 0;
	for (unsigned int i = 0; i < b->num; i++) {
		status = status_of(b, i, cqe, &result);
		if (status == -ENODEV)
			dev->gone = true;
		request_complete(d, &b->jobs[i], result, status);
	}
	give_back(dev, b);
}

void device_reap(struct loomd *d)
{
	struct device *dev = &d->device;
	struct loom_ring_cqe cqe;

	while (loom_ring_reap(dev->ring, &cqe) > 0) {
		if (cqe.tag >> 56 == LOOP_BATCH)
			batch_done(d, &dev->batches[(uint32_t)cqe.tag], &cqe);
		else
			loop_event(d, cqe.tag, cqe.res);
	}
}
