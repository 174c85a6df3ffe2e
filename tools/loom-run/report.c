// SPDX-License-Identifier: MIT
/*
 * What came of it: device times per inference, and per slice the profile of the file beside what
 * the device measured.
 */
#include <inttypes.h>
#include <stdio.h>

#include "loom_run.h"

struct span {
	uint64_t start, end;
};

static uint64_t earliest(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* From the first thing that an engine did for it to its completion. */
static struct span span_of(const struct drm_loom_result *result)
{
	uint64_t start = earliest(result->fetch_start, result->dma_start);

	start = earliest(start, result->compute_start);
	return (struct span){ start ? start : result->dispatched, result->end };
}

static struct span inference_span(const struct run *run, const struct task *task,
				  unsigned int inference)
{
	struct span all = span_of(result_of(run, task, inference, 0));
	unsigned int i;

	for (i = 1; i < num_slices(task); i++) {
		struct span span = span_of(result_of(run, task, inference, i));

		all.start = earliest(all.start, span.start);
		all.end = span.end > all.end ? span.end : all.end;
	}
	return all;
}

static struct span task_span(const struct run *run, const struct task *task)
{
	struct span first = inference_span(run, task, 0);
	struct span last = inference_span(run, task, run->options.repeat - 1);

	return (struct span){ first.start, last.end };
}

static struct span run_span(const struct run *run)
{
	struct span all = task_span(run, &run->task[0]);
	unsigned int i;

	for (i = 1; i < run->num_tasks; i++) {
		struct span span = task_span(run, &run->task[i]);

		all.start = earliest(all.start, span.start);
		all.end = span.end > all.end ? span.end : all.end;
	}
	return all;
}

/* The channel alone, without latency: what the profile says the fetch takes. */
static double predicted_fetch_ns(const struct run *run, const struct loom_elf_slice *slice)
{
	return slice->weight_bytes * 1e3 / loom_dev_caps(run->dev)->dram_mbps;
}

/* ---- text ---- */

static void print_slices(const struct run *run, const struct task *task)
{
	unsigned int i;

	printf("  %5s | %11s %11s | %9s %9s | %9s %9s | %9s %9s | %s\n", "slice", "compute",
	       "predicted", "fetch", "predicted", "dma", "mac", "no weight", "no data", "name");
	for (i = 0; i < num_slices(task); i++) {
		const struct loom_elf_slice *slice = loom_model_slice(task->model, i);
		const struct drm_loom_result *result = result_of(run, task, 0, i);

		printf("  %5u | %11u %11.0f | %9u %9.0f | %9u %9u | %9u %9u | %s\n", i,
		       result->mac_busy + result->vector_busy, slice->compute_ps / 1e3,
		       result->fetch_busy, predicted_fetch_ns(run, slice), result->dma_busy,
		       result->mac_busy, result->wait_weights, result->wait_dma,
		       loom_model_string(task->model, slice->name));
	}
	printf("  (ns of device time; first inference; executed, then predicted for the slice alone)\n");
}

static void print_task(const struct run *run, const struct task *task)
{
	struct span all = task_span(run, task), first = inference_span(run, task, 0);

	printf("%s (%s): %u inference%s in %.3f us", loom_model_name(task->model), task->path,
	       run->options.repeat, run->options.repeat > 1 ? "s" : "",
	       (all.end - all.start) / 1e3);
	if (run->options.repeat > 1)
		printf(", the first in %.3f us", (first.end - first.start) / 1e3);
	printf("\n");
	if (run->options.profile)
		print_slices(run, task);
}

static void print_text(const struct run *run)
{
	struct span all = run_span(run);
	unsigned int i;

	for (i = 0; i < run->num_tasks; i++)
		print_task(run, &run->task[i]);
	printf("device time: %.3f us on %s%s\n", (all.end - all.start) / 1e3,
	       loom_dev_caps(run->dev)->preset,
	       run->num_tasks == 1 ? "" : run->options.weave ? ", woven" : ", one after the other");
}

/* ---- JSON ---- */

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < 0x20 || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void json_slice(const struct run *run, const struct task *task, unsigned int i)
{
	const struct loom_elf_slice *slice = loom_model_slice(task->model, i);
	const struct drm_loom_result *r = result_of(run, task, 0, i);

	printf("%s\n      {\"name\": ", i ? "," : "");
	json_string(loom_model_string(task->model, slice->name));
	printf(", \"dispatched\": %llu, \"fetch_start\": %llu, \"fetch_end\": %llu, \"dma_start\": %llu"
	       ", \"dma_end\": %llu, \"compute_start\": %llu, \"compute_end\": %llu, \"end\": %llu",
	       r->dispatched, r->fetch_start, r->fetch_end, r->dma_start, r->dma_end,
	       r->compute_start, r->compute_end, r->end);
	printf(", \"fetch_busy\": %u, \"dma_busy\": %u, \"mac_busy\": %u, \"vector_busy\": %u"
	       ", \"wait_weights\": %u, \"wait_dma\": %u", r->fetch_busy, r->dma_busy, r->mac_busy,
	       r->vector_busy, r->wait_weights, r->wait_dma);
	printf(", \"predicted_compute_ps\": %" PRIu64 ", \"predicted_mac_ps\": %" PRIu64
	       ", \"weight_bytes\": %" PRIu64 "}", slice->compute_ps, slice->mac_ps,
	       slice->weight_bytes);
}

static void json_task(const struct run *run, const struct task *task)
{
	struct span all = task_span(run, task), first = inference_span(run, task, 0);
	unsigned int i;

	printf("%s\n    {\"name\": ", task == run->task ? "" : ",");
	json_string(loom_model_name(task->model));
	printf(", \"path\": ");
	json_string(task->path);
	printf(", \"inferences\": %u, \"device_ns\": %" PRIu64 ", \"first_ns\": %" PRIu64
	       ", \"slices\": [", run->options.repeat, all.end - all.start,
	       first.end - first.start);
	for (i = 0; run->options.profile && i < num_slices(task); i++)
		json_slice(run, task, i);
	printf("]}");
}

static void print_json(const struct run *run)
{
	struct span all = run_span(run);
	unsigned int i;

	printf("{\n  \"preset\": ");
	json_string(loom_dev_caps(run->dev)->preset);
	printf(",\n  \"woven\": %s,\n  \"device_ns\": %" PRIu64 ",\n  \"models\": [",
	       run->options.weave ? "true" : "false", all.end - all.start);
	for (i = 0; i < run->num_tasks; i++)
		json_task(run, &run->task[i]);
	printf("\n  ]\n}\n");
}

void print_report(const struct run *run)
{
	if (run->options.json)
		print_json(run);
	else
		print_text(run);
}
