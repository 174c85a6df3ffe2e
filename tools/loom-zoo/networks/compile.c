// SPDX-License-Identifier: MIT
/* A network of the zoo becomes ONNX in memory, its graph is counted, and loomc compiles it. */
#include <stdlib.h>
#include <string.h>

#include "libloom/model.h"
#include "networks.h"
#include "timing/loom_timing.h"

static int failed(const struct run *run, const char *why)
{
	fprintf(stderr, "loom-networks: %s, batch %lld: %s\n", run->network->name, (long long)run->batch, why);
	return -1;
}

/* malloc'ed. */
static char *make_onnx(const struct run *run, size_t *size)
{
	struct zoo_options options = { .weights = WEIGHTS_LIGHT, .batch = run->batch, .tokens = run->tokens };
	char *onnx = NULL;
	FILE *to = open_memstream(&onnx, size);
	struct zoo z;
	int ret;

	if (!to)
		return NULL;
	zoo_init(&z, &options);
	run->network->build(&z);
	ret = zoo_write(&z, run->network->name, to);
	zoo_free(&z);
	if (!fclose(to) && !ret)
		return onnx;
	free(onnx);
	return NULL;
}

/* Cycles in which the array's first tile comes in and its sums come out (timing.rst). */
static uint64_t fill_cycles(const struct loom_hw_caps *caps, const struct loom_cmd *cmd)
{
	const struct loom_cmd_conv *conv = (const void *)cmd;
	uint64_t window, k;

	if (cmd->opcode == LOOM_OP_MATMUL) {
		k = ((const struct loom_cmd_matmul *)cmd)->k;
	} else {
		window = (uint64_t)conv->kh * conv->kw;
		k = cmd->opcode == LOOM_OP_CONV ? window * conv->c : caps->array_rows / window * window;
	}
	k = k < caps->array_rows ? k : caps->array_rows;
	return (k + caps->wload_rows - 1) / caps->wload_rows + caps->array_rows + caps->array_cols;
}

static void add_commands(struct run *run, struct layer *layer, unsigned int slice)
{
	const struct loom_hw_caps *caps = loom_dev_caps(run->device->dev);
	size_t size, at = sizeof(struct loom_cmdbuf);
	const char *buffer = loom_model_cmdbuf(run->model, slice, &size);

	for (const struct loom_cmd *cmd; at < size; at += cmd->size) {
		cmd = (const void *)(buffer + at);
		if (cmd->opcode < LOOM_OP_CONV)
			continue;
		if (loom_timing_unit(cmd) == LOOM_UNIT_VECTOR) {
			layer->cycles.vector += loom_timing_cycles(caps, cmd);
			continue;
		}
		layer->cycles.mac += loom_timing_cycles(caps, cmd);
		layer->fill += fill_cycles(caps, cmd);
	}
}

/*
 * Weights of the MAC array's commands in a slice, without biases. That an earlier command had the same is not in
 * the file, but in the report, which has all commands but FETCH.
 */
static uint64_t mac_weights(const struct loom_model *model, unsigned int slice, const json_t *commands)
{
	size_t size, at = sizeof(struct loom_cmdbuf), number = 0;
	const char *buffer = loom_model_cmdbuf(model, slice, &size);
	const json_t *said;
	uint64_t bytes = 0;

	for (const struct loom_cmd_conv *conv; at < size; at += conv->hdr.size) {
		conv = (const void *)(buffer + at);
		if (conv->hdr.opcode == LOOM_OP_FETCH)
			continue;
		said = json_array_get(commands, number++);
		if (json_object_get(said, "weights_again"))
			continue;
		if (conv->hdr.opcode == LOOM_OP_CONV || conv->hdr.opcode == LOOM_OP_DWCONV)
			bytes += 2ull * conv->kh * conv->kw * conv->c *
				 (conv->hdr.opcode == LOOM_OP_CONV ? conv->oc : 1);
	}
	return bytes;
}

static void add_slice(struct run *run, unsigned int i, const json_t *report)
{
	const struct loom_elf_slice *s = loom_model_slice(run->model, i);
	struct layer *layer = &run->layers[s->layer];

	if (!layer->slices++)
		layer->name = loom_model_string(run->model, s->name);
	layer->macs += s->macs;
	layer->weight_bytes += s->weight_bytes;
	layer->dma_bytes += s->dma_bytes;
	layer->predicted_ns.mac += s->mac_ps / 1000;
	layer->predicted_ns.vector += (s->compute_ps - s->mac_ps) / 1000;
	add_commands(run, layer, i);
	run->mac_weight_bytes += mac_weights(run->model, i, json_object_get(report, "commands"));
	run->again_bytes += (uint64_t)json_integer_value(json_object_get(report, "again_bytes"));
	run->mac_ps += s->mac_ps;
	run->compute_ps += s->compute_ps;
	run->dma_bytes += s->dma_bytes;
}

static int add_slices(struct run *run, unsigned int num)
{
	json_t *report = json_loads(run->compiled.report, 0, NULL), *slices = json_object_get(report, "slices");

	if (json_array_size(slices) != num) {
		json_decref(report);
		return failed(run, "the report has not every slice");
	}
	for (unsigned int i = 0; i < num; i++)
		add_slice(run, i, json_array_get(slices, i));
	json_decref(report);
	return 0;
}

static uint64_t memory_of(const struct loom_model *model)
{
	const struct loom_elf_info *info = loom_model_info(model);

	return model_section(model, LOOM_SEC_WEIGHTS)->size + model_section(model, LOOM_SEC_CMD)->size +
	       info->io_bytes + info->scratch_bytes;
}

static int read_plan(struct run *run)
{
	const struct loom_hw_caps *caps = loom_dev_caps(run->device->dev);
	const struct loom_elf_info *info;

	if (loom_model_open_memory(run->compiled.file, run->compiled.size, &run->model))
		return failed(run, loom_error());
	info = loom_model_info(run->model);
	run->memory_bytes = memory_of(run->model);
	run->num_layers = info->num_layers;
	run->layers = calloc(info->num_layers, sizeof(*run->layers));
	if (!run->layers)
		return failed(run, "out of memory");
	if (add_slices(run, info->num_slices))
		return -1;
	for (unsigned int i = 0; i < run->num_layers; i++)
		run->fill_ps += loom_timing_cycles_to_ps(caps, run->layers[i].fill);
	run->fetch_ps = loom_timing_dram_ps(caps, info->weight_bytes - run->again_bytes);
	return 0;
}

int run_compile_onnx(struct run *run, const char *onnx, size_t size)
{
	struct loomc_options options = {
		.name = run->network->name, .caps = *loom_dev_caps(run->device->dev), .timing_only = true,
		.no_slice = run->no_slice,
	};
	char error[256];

	if (count_model(onnx, size, &run->graph, error, sizeof(error)))
		return failed(run, error);
	if (loomc_compile(onnx, size, &options, &run->compiled))
		return failed(run, run->compiled.error);
	return read_plan(run);
}

int run_compile(struct run *run)
{
	size_t size = 0;
	char *onnx = make_onnx(run, &size);
	int ret = onnx ? run_compile_onnx(run, onnx, size) : failed(run, "out of memory");

	free(onnx);
	return ret;
}

void run_free(struct run *run)
{
	loom_model_close(run->model);
	loomc_result_free(&run->compiled);
	free(run->layers);
}
