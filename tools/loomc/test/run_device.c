// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom.h"
#include "run_device.h"

struct run {
	struct loom_dev *dev;
	struct loom_model *model;
	struct loom_instance *instance;
	struct loom_queue *queue;
	uint64_t end;		/* of the last slice */
};

static const struct loomc_tensor *by_name(const struct loomc_tensor *t, unsigned int num,
					  const char *name)
{
	for (unsigned int i = 0; i < num; i++)
		if (!strcmp(t[i].name, name))
			return &t[i];
	return NULL;
}

static int fill_inputs(struct run *r, const struct loomc_tensor *in, unsigned int num)
{
	char *io = loom_instance_io(r->instance, 0);

	memset(io, 0x7f, loom_model_info(r->model)->io_bytes);
	for (unsigned int i = 0; i < loom_model_info(r->model)->num_inputs; i++) {
		const struct loom_elf_tensor *t = loom_model_tensor(r->model, i);
		const struct loomc_tensor *from = by_name(in, num, loom_model_string(r->model, t->name));

		if (!from || hostop_bytes(&from->t) != t->bytes)
			return -1;
		memcpy(io + t->offset, from->t.data, t->bytes);
	}
	return 0;
}

static int take_outputs(struct run *r, struct loomc_tensor *out, unsigned int num)
{
	const struct loom_elf_info *info = loom_model_info(r->model);
	char *io = loom_instance_io(r->instance, 0);

	for (unsigned int i = 0; i < info->num_outputs; i++) {
		const struct loom_elf_tensor *t = loom_model_tensor(r->model, info->num_inputs + i);
		const char *name = loom_model_string(r->model, t->name);
		struct loomc_tensor *to = (struct loomc_tensor *)by_name(out, num, name);

		if (!to || to->t.dtype != (enum hostop_dtype)t->dtype || hostop_bytes(&to->t) != t->bytes ||
		    hostop_alloc(&to->t))
			return -1;
		memcpy(to->t.data, io + t->offset, t->bytes);
	}
	return 0;
}

static int start(struct run *r, const char *device, const void *file, size_t size)
{
	struct drm_loom_queue_create args = { .entries = 64, .vm_slots = 1 };

	if (loom_dev_open(device, &r->dev) || loom_model_open_memory(file, size, &r->model) ||
	    loom_instance_create(r->dev, r->model, 1, &r->instance) ||
	    loom_queue_create(r->dev, &args, &r->queue))
		return -1;
	return loom_queue_set_vm(r->queue, 0, loom_instance_vm(r->instance));
}

/* Steps from *next on that stand before the slice. */
static int run_host_steps(struct run *r, unsigned int slice, unsigned int *next, char *error,
			  size_t size)
{
	const struct loom_elf_host_step *step;

	for (; (step = loom_model_host_step(r->model, *next)) && step->slice <= slice; ++*next) {
		if (!loom_model_run_host_step(r->model, *next, loom_instance_io(r->instance, 0)))
			continue;
		snprintf(error, size, "%s", loom_error());
		return -1;
	}
	return 0;
}

static int run_slices(struct run *r, char *error, size_t size)
{
	unsigned int num = loom_model_info(r->model)->num_slices, step = 0;

	for (unsigned int i = 0; i < num; i++) {
		struct drm_loom_result result = { 0 };
		struct drm_loom_job job;

		if (run_host_steps(r, i, &step, error, size))
			return -1;
		loom_instance_job(r->instance, 0, i, 0, &job);
		if (loom_submit_wait(r->queue, &job, 1, &result, UINT64_MAX) || result.status) {
			snprintf(error, size, "slice %u: fault %u at command %d: %.80s", i, result.fault,
				 (int)result.fault_cmd, loom_error());
			return -1;
		}
		r->end = result.end;
	}
	return run_host_steps(r, num, &step, error, size);
}

static void stop(struct run *r)
{
	if (r->queue)
		loom_queue_destroy(r->queue);
	if (r->instance)
		loom_instance_destroy(r->instance);
	if (r->model)
		loom_model_close(r->model);
	if (r->dev)
		loom_dev_close(r->dev);
}

static int start_or_say(struct run *r, const char *device, const void *file, size_t size,
			char *error, size_t error_size)
{
	int ret = start(r, device, file, size);

	snprintf(error, error_size, "%s", ret ? loom_error() : "");
	return ret;
}

int run_device(const char *device, const void *file, size_t size, const struct loomc_tensor *in,
	       unsigned int num_in, struct loomc_tensor *out, unsigned int num_out, char *error,
	       size_t error_size)
{
	struct run r = { 0 };
	int ret = start_or_say(&r, device, file, size, error, error_size);

	if (!ret && fill_inputs(&r, in, num_in)) {
		snprintf(error, error_size, "inputs do not fit the model's");
		ret = -1;
	}
	if (!ret)
		ret = run_slices(&r, error, error_size);
	if (!ret && take_outputs(&r, out, num_out)) {
		snprintf(error, error_size, "outputs do not fit the model's");
		ret = -1;
	}
	stop(&r);
	return ret ? -1 : 0;
}

int run_device_time(const char *device, const void *file, size_t size, uint64_t *end, char *error,
		    size_t error_size)
{
	struct run r = { 0 };
	int ret = start_or_say(&r, device, file, size, error, error_size);

	if (!ret)
		ret = run_slices(&r, error, error_size);
	*end = r.end;
	stop(&r);
	return ret ? -1 : 0;
}
