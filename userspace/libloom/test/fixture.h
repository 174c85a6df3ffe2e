/* SPDX-License-Identifier: MIT */
/*
 * fixture.h - what the tests of libloom share: a simulated device, tiny models on it, a queue.
 */
#ifndef LOOM_TEST_FIXTURE_H
#define LOOM_TEST_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_model.h"

#define must_work(expr) do {							\
		int must_err = (expr);						\
		if (must_err < 0)						\
			fail_msg("%s: %d: %s", #expr, must_err, loom_error());	\
	} while (0)

static inline struct loom_dev *open_device(const char *spec)
{
	struct loom_dev *dev = NULL;

	must_work(loom_dev_open(spec, &dev));
	return dev;
}

static inline struct loom_queue *open_queue(struct loom_dev *dev, uint32_t vm_slots)
{
	struct drm_loom_queue_create args = { .entries = 8, .vm_slots = vm_slots };
	struct loom_queue *queue = NULL;

	must_work(loom_queue_create(dev, &args, &queue));
	return queue;
}

/* A tiny model on the device, in slot `slot` of the queue. */
struct loaded {
	struct make_model args;
	struct loom_model *model;
	struct loom_instance *instance;
	uint16_t slot;
};

static inline void load(struct loaded *loaded, struct loom_dev *dev, struct loom_queue *queue,
			uint16_t slot, struct make_model args, unsigned int num_io)
{
	size_t size;
	void *file;

	args.caps = loom_dev_caps(dev);
	file = make_model(&args, &size);
	loaded->args = args;
	loaded->slot = slot;
	must_work(loom_model_open_memory(file, size, &loaded->model));
	free(file);
	must_work(loom_instance_create(dev, loaded->model, num_io, &loaded->instance));
	must_work(loom_queue_set_vm(queue, slot, loom_instance_vm(loaded->instance)));
}

static inline void unload(struct loaded *loaded)
{
	loom_instance_destroy(loaded->instance);
	loom_model_close(loaded->model);
}

static inline uint16_t *tensor_at(const struct loaded *loaded, unsigned int io, unsigned int i)
{
	return (uint16_t *)((char *)loom_instance_io(loaded->instance, io) +
			    loom_model_tensor(loaded->model, i)->offset);
}

static inline int input_value(uint32_t seed, uint32_t j)
{
	return (int)((seed * 5 + j * 11) % 23) - 11;
}

static inline void fill_input(const struct loaded *loaded, unsigned int io, uint32_t seed)
{
	uint16_t *a = tensor_at(loaded, io, 0);
	uint32_t j;

	for (j = 0; j < loaded->args.n; j++)
		a[j] = make_half(input_value(seed, j));
}

static inline void check_output(const struct loaded *loaded, unsigned int io, uint32_t seed)
{
	const uint16_t *y = tensor_at(loaded, io, 1);
	uint32_t i, j;

	for (j = 0; j < loaded->args.n; j++) {
		int expected = input_value(seed, j);

		for (i = 0; i < loaded->args.slices; i++)
			expected += make_model_weight(loaded->args.seed, i, j);
		if (read_half(y[j]) != expected)
			fail_msg("y[%u] = %d, expected %d", j, read_half(y[j]), expected);
	}
}

static inline int run(struct loaded *loaded, struct loom_queue *queue, unsigned int io,
		      struct drm_loom_result *results)
{
	struct drm_loom_job jobs[64];
	unsigned int i;

	for (i = 0; i < loaded->args.slices; i++)
		loom_instance_job(loaded->instance, io, i, loaded->slot, &jobs[i]);
	return loom_submit_wait(queue, jobs, loaded->args.slices, results, UINT64_MAX);
}

/* test_device.c; the number of tests that failed. NULL: the first Loom node. */
int run_device_tests(const char *device, const char *title, bool without_uring);

#endif /* LOOM_TEST_FIXTURE_H */
