// SPDX-License-Identifier: MIT
/* A compiled network as the scheduler sees it: slices with compute time, DRAM time and bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"

/* One at work, and so many behind it that they last for three times filling the weight SRAM; even. */
#define FILLS 3

static unsigned int waiting(const struct workload *w, const struct machine *m)
{
	double fill = (double)m->buffer_bytes / (double)m->dram_bytes_per_s;
	double n = 2 + FILLS * fill / (w->comp > w->mem ? w->comp : w->mem);

	return n > BENCH_MAX_QUEUED ? BENCH_MAX_QUEUED : ((unsigned int)n + 1) / 2 * 2;
}

void workload_sum(struct workload *w, const struct machine *m)
{
	unsigned int i;

	w->comp = w->mem = 0;
	w->longest_ps = 0;
	for (i = 0; i < w->num_slices; i++) {
		w->comp += 1e-12 * (double)w->slices[i].comp_ps;
		w->mem += 1e-12 * (double)w->slices[i].mem_ps;
		if (w->longest_ps < w->slices[i].comp_ps)
			w->longest_ps = w->slices[i].comp_ps;
	}
	w->waiting = waiting(w, m);
}

static void profile(struct workload *w, const struct machine *m)
{
	unsigned int i;

	for (i = 0; i < w->num_slices; i++) {
		const struct loom_elf_slice *s = loom_model_slice(w->file, i);
		double bytes = (double)(s->weight_bytes + s->dma_bytes);

		w->slices[i] = (struct sched_slice) {
			.comp_ps = s->compute_ps,
			.mem_ps = (uint64_t)(1e12 * bytes / (double)m->dram_bytes_per_s),
			.bytes = s->weight_bytes,
			.layer_end = i + 1 == w->num_slices ||
				     loom_model_slice(w->file, i + 1)->layer != s->layer,
		};
		w->mac += 1e-12 * (double)s->mac_ps;
	}
}

static bool half_io(const struct loom_model *m)
{
	const struct loom_elf_info *info = loom_model_info(m);
	unsigned int i;

	for (i = 0; i < info->num_inputs + info->num_outputs; i++)
		if (loom_model_tensor(m, i)->dtype == LOOM_TENSOR_F16)
			return true;
	return false;
}

const char *workload_activations(const struct workload *w)
{
	if (loom_model_info(w->file)->flags & LOOM_ELF_RESIDENT)
		return "resident";
	return half_io(w->file) ? "lease, io=f16" : "lease";
}

int workload_open(struct workload *w, const struct machine *m, const char *path)
{
	int err = loom_model_open(path, &w->file);

	if (err)
		return bench_fail(err, "%s: %s", path, loom_error());
	w->num_slices = loom_model_info(w->file)->num_slices;
	w->slices = calloc(w->num_slices, sizeof(*w->slices));
	if (!w->slices)
		return bench_fail(-ENOMEM, "out of memory");
	profile(w, m);
	workload_sum(w, m);
	return 0;
}

void workload_close(struct workload *w)
{
	if (w->file)
		loom_model_close(w->file);
	free(w->slices);
	*w = (struct workload) { 0 };
}
