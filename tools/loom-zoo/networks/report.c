// SPDX-License-Identifier: MIT
/* What a run came to, as lines and as JSON. */
#include <stdlib.h>
#include <string.h>

#include "networks.h"

/* A transposed convolution is computed by phases, which at the borders multiply a little more. */
#define BORDERS 0.01

static bool has_transposed(const struct run *run)
{
	return !strcmp(run->network->name, "fsrcnn");
}

static bool right_macs(const struct run *run)
{
	uint64_t wanted = run->graph.macs - run->graph.constant_macs, macs = loom_model_info(run->model)->macs;

	return macs == wanted || (has_transposed(run) && macs > wanted &&
				  (double)(macs - wanted) < BORDERS * (double)wanted);
}

struct verdict run_verdict(const struct run *run)
{
	uint64_t wanted = 2 * run->graph.weights;
	struct verdict v = {
		.timing = true,
		.macs = right_macs(run),
		.weights = run->mac_weight_bytes == wanted,
	};

	for (unsigned int i = 0; i < run->num_layers; i++)
		if (memcmp(&run->layers[i].predicted_ns, &run->layers[i].executed_ns, sizeof(struct busy)))
			v.timing = false;
	return v;
}

/* ---- lines ---- */

static double us(uint64_t ps)
{
	return (double)ps / 1e6;
}

void print_heading(void)
{
	printf("%-14s %5s %-15s %8s %8s %8s %8s %7s %8s %9s %8s %9s %7s %6s %9s  %s\n", "network", "batch", "device", "MMAC",
	       "memory", "weights", "again", "lease", "act-DRAM", "MAC", "vector", "fetch", "ratio", "slices", "inference", "as predicted");
	printf("%-14s %5s %-15s %8s %8s %8s %8s %7s %8s %9s %8s %9s %7s %6s %9s\n", "", "", "", "", "MB", "MB", "MB", "MB", "MB", "us",
	       "us", "us", "", "", "us");
}

void print_run(const struct run *run)
{
	const struct loom_elf_info *info = loom_model_info(run->model);
	struct verdict v = run_verdict(run);

	printf("%-14s %5lld %-15s %8.1f %8.2f %8.2f %8.2f %7.2f %8.2f %9.1f %8.1f %9.1f %7.3f %6u %9.1f  %s\n",
	       run->network->name, (long long)run->batch, run->device->spec, (double)info->macs / 1e6,
	       (double)run->memory_bytes / 1e6, (double)(info->weight_bytes - run->again_bytes) / 1e6,
	       (double)run->again_bytes / 1e6, info->lease_bytes / 1e6, (double)run->dma_bytes / 1e6,
	       us(run->mac_ps), us(run->compute_ps - run->mac_ps), us(run->fetch_ps),
	       (double)run->mac_ps / (double)run->fetch_ps, info->num_slices, (double)run->inference_ns / 1e3,
	       !v.timing ? "TIMES DIFFER" : !v.macs ? "MACS DIFFER" : !v.weights ? "WEIGHTS DIFFER" : "yes");
	if (!v.macs)
		printf("  the graph has %llu multiplications, the plan %llu\n",
		       (unsigned long long)(run->graph.macs - run->graph.constant_macs),
		       (unsigned long long)info->macs);
	if (!v.weights)
		printf("  the graph has %llu bytes of weights, the plan %llu\n",
		       (unsigned long long)(2 * run->graph.weights), (unsigned long long)run->mac_weight_bytes);
}

void print_layers(const struct run *run)
{
	printf("  %-40s %12s %10s %10s %10s %10s %10s %10s %10s\n", "layer", "MACs", "weights", "MAC cycles",
	       "MAC ns", "executed", "vector ns", "executed", "alone ns");
	for (unsigned int i = 0; i < run->num_layers; i++) {
		const struct layer *l = &run->layers[i];

		printf("  %-40.40s %12llu %10llu %10llu %10llu %10llu %10llu %10llu %10llu\n", l->name,
		       (unsigned long long)l->macs, (unsigned long long)l->weight_bytes,
		       (unsigned long long)l->cycles.mac, (unsigned long long)l->predicted_ns.mac,
		       (unsigned long long)l->executed_ns.mac, (unsigned long long)l->predicted_ns.vector,
		       (unsigned long long)l->executed_ns.vector, (unsigned long long)l->alone_ns);
	}
}

/* ---- JSON ---- */

static json_t *json_layers(const struct run *run)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < run->num_layers; i++) {
		const struct layer *l = &run->layers[i];

		json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:I, s:[I,I], s:[I,I], s:[I,I], s:I}", "name", l->name,
			"macs", (json_int_t)l->macs, "weight_bytes", (json_int_t)l->weight_bytes,
			"dma_bytes", (json_int_t)l->dma_bytes,
			"cycles", (json_int_t)l->cycles.mac, (json_int_t)l->cycles.vector,
			"predicted_ns", (json_int_t)l->predicted_ns.mac, (json_int_t)l->predicted_ns.vector,
			"executed_ns", (json_int_t)l->executed_ns.mac, (json_int_t)l->executed_ns.vector,
			"alone_ns", (json_int_t)l->alone_ns));
	}
	return all;
}

static json_t *json_graph(const struct count *c)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "nodes", (json_int_t)c->nodes, "params", (json_int_t)c->params,
			 "macs", (json_int_t)c->macs, "constant_macs", (json_int_t)c->constant_macs,
			 "weights", (json_int_t)c->weights);
}

json_t *json_run(const struct run *run)
{
	const struct loom_elf_info *info = loom_model_info(run->model);
	struct verdict v = run_verdict(run);
	double paper = paper_ratio(run);

	return json_pack("{s:s, s:I, s:I, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:I, s:b, s:b, s:b, s:i, s:o}",
		"network", run->network->name, "batch", (json_int_t)run->batch, "tokens", (json_int_t)run->tokens,
		"device", run->device->spec, "graph", json_graph(&run->graph),
		"macs", (json_int_t)info->macs, "memory_bytes", (json_int_t)run->memory_bytes,
		"weight_bytes", (json_int_t)info->weight_bytes,
		"again_bytes", (json_int_t)run->again_bytes, "mac_weight_bytes", (json_int_t)run->mac_weight_bytes,
		"lease_bytes", (json_int_t)info->lease_bytes, "io_bytes", (json_int_t)info->io_bytes,
		"dma_bytes", (json_int_t)run->dma_bytes,
		"mac_us", us(run->mac_ps), "vector_us", us(run->compute_ps - run->mac_ps), "fetch_us", us(run->fetch_ps),
		"fill_us", us(run->fill_ps), "ratio", (double)run->mac_ps / (double)run->fetch_ps,
		"paper_ratio", paper > 0 ? json_real(paper) : json_null(),
		"inference_ns", (json_int_t)run->inference_ns, "executed_as_predicted", v.timing,
		"macs_as_graph", v.macs, "weights_as_graph", v.weights, "slices", info->num_slices,
		"layers", json_layers(run));
}
