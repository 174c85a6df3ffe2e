// SPDX-License-Identifier: MIT
/*
 * The device as the scheduler's own equations have it: slices run exactly when the predicted state
 * says. Some hundred times faster than engine_device.c, for searches and sweeps; what the two
 * differ by is measured (loom-bench pairs --engine both).
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"
#include "experiment.h"
#include "sched/device_state.h"

#define MAX_JOBS 4096

struct model_job {
	uint64_t tag, end;
};

struct engine {
	struct device_state state;
	const struct workload *models[CELL_MAX_MODELS];
	unsigned int num_models;
	struct model_job jobs[MAX_JOBS];	/* a ring, in order of completion */
	unsigned int head, tail;
	double compute, mac, dram;
};

static int model_open(const struct machine *m, bool release_layer, struct engine **out)
{
	const struct sched_config config = {
		.buffer_bytes = m->buffer_bytes, .dram_bytes_per_s = m->dram_bytes_per_s,
		.max_jobs = MAX_JOBS / 2, .tile_release = !release_layer,
	};
	struct engine *e = calloc(1, sizeof(*e));

	if (!e || device_state_init(&e->state, &config)) {
		free(e);
		return bench_fail(-ENOMEM, "out of memory");
	}
	*out = e;
	return 0;
}

static int model_add(struct engine *e, const struct workload *w, unsigned int requests)
{
	e->models[e->num_models++] = w;
	return 0;
}

static int model_submit(struct engine *e, uint64_t now, unsigned int model, unsigned int region,
			unsigned int slice, uint64_t tag)
{
	const struct workload *w = e->models[model];
	const struct sched_slice *s = &w->slices[slice];
	struct device_step step;

	if (e->tail - e->head == MAX_JOBS)
		return bench_fail(-ENOSPC, "too many slices at the device");
	device_state_advance(&e->state, (int64_t)now * 1000);
	step = device_state_commit(&e->state, s, 0);
	e->jobs[e->tail++ % MAX_JOBS] = (struct model_job) { tag, ((uint64_t)step.tc + 999) / 1000 };
	e->compute += 1e-12 * (double)s->comp_ps;
	e->mac += 1e-12 * (double)s->comp_ps * (w->comp > 0 ? w->mac / w->comp : 1);
	e->dram += 1e-12 * (double)s->mem_ps;
	return 0;
}

static int model_wait(struct engine *e, uint64_t until, struct engine_done *done)
{
	const struct model_job *j = &e->jobs[e->head % MAX_JOBS];

	if (e->head == e->tail || j->end > until)
		return until == UINT64_MAX ? bench_fail(-EDEADLK, "nothing is under way") : 0;
	*done = (struct engine_done) { .tag = j->tag, .end = j->end, .compute_end = j->end };
	e->head++;
	return 1;
}

static int model_busy(struct engine *e, struct engine_busy *busy)
{
	*busy = (struct engine_busy) { e->compute, e->mac, e->dram };
	return 0;
}

static void model_close(struct engine *e)
{
	device_state_fini(&e->state);
	free(e);
}

const struct engine_ops engine_model = {
	.name = "model",
	.open = model_open,
	.add = model_add,
	.submit = model_submit,
	.wait = model_wait,
	.busy = model_busy,
	.close = model_close,
};
