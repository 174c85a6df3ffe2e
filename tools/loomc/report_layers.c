// SPDX-License-Identifier: MIT
/* The layers of a report: a line each of the table, an object each in JSON; and the host's steps. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "passes.h"
#include "report.h"
#include "timing/loom_timing.h"

struct layer {
	const char *name;	/* of its first command for the MAC array, or its first */
	const char *op;
	bool named;
	uint64_t mac_cycles, vector_cycles, macs, weight_bytes, dma_bytes;
	uint32_t slices, commands;
};

static void add_command(struct layer *l, const struct command *cmd)
{
	const struct loom_cmd *hdr = (const struct loom_cmd *)cmd->raw;

	l->commands++;
	if (is_dma(cmd)) {
		l->dma_bytes += loom_timing_dram_bytes(hdr);
		return;
	}
	*(loom_timing_unit(hdr) == LOOM_UNIT_MAC ? &l->mac_cycles : &l->vector_cycles) += cmd->cycles;
	l->macs += cmd->macs;
	if (!l->op || (cmd->starts_layer && !l->named)) {
		l->name = cmd->node->name;
		l->op = cmd->node->origin;
		l->named = cmd->starts_layer;
	}
}

static struct layer *layers_of(struct program *p)
{
	struct layer *layers = arena_array(p->c, p->num_layers, sizeof(*layers));

	for (uint32_t i = 0; i < p->num_slices; i++) {
		const struct slice_info *s = &p->slices[i];
		struct layer *l = &layers[s->layer];

		l->slices++;
		l->weight_bytes += s->weight_bytes;
		for (uint32_t k = 0; k < s->num; k++)
			add_command(l, p->cmds[s->first + k]);
	}
	return layers;
}

/* Of the multiplications that the arrays could do in the layer's cycles. */
static double utilisation(const struct program *p, const struct layer *l)
{
	const struct loom_hw_caps *caps = &p->c->options->caps;
	double most = (double)l->mac_cycles * caps->array_rows * caps->array_cols * caps->num_arrays;

	return most ? 100 * (double)l->macs / most : 0;
}

void put_layers_json(struct program *p, FILE *to)
{
	const struct layer *layers = layers_of(p);

	fprintf(to, "\t\"layer_table\": [");
	for (uint32_t i = 0; i < p->num_layers; i++) {
		const struct layer *l = &layers[i];

		fprintf(to, "%s\n\t\t{\"layer\": %u, \"name\": ", i ? "," : "", i);
		report_string(to, l->name ? l->name : "");
		fprintf(to, ", \"op\": ");
		report_string(to, l->op ? l->op : "");
		fprintf(to, ", \"slices\": %u, \"commands\": %u, \"mac_cycles\": %" PRIu64 ", \"vector_cycles\": %" PRIu64
			", \"macs\": %" PRIu64 ", \"weight_bytes\": %" PRIu64 ", \"dma_bytes\": %" PRIu64 "}",
			l->slices, l->commands, l->mac_cycles, l->vector_cycles, l->macs, l->weight_bytes,
			l->dma_bytes);
	}
	fprintf(to, "\n\t],\n\t\"host\": [");
	for (uint32_t i = 0; i < p->num_host_steps; i++) {
		const struct host_step *s = p->host_steps[i];

		fprintf(to, "%s\n\t\t{\"before_slice\": %u, \"name\": ", i ? "," : "", s->slice);
		report_string(to, s->node->name);
		fprintf(to, ", \"op\": ");
		report_string(to, s->node->op);
		fprintf(to, ", \"modelled_ps\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"macs\": %" PRIu64 "}", s->ps,
			s->bytes, s->macs);
	}
	fprintf(to, "\n\t],\n");
}

static void put_layer(const struct program *p, FILE *to, uint32_t i, const struct layer *l)
{
	fprintf(to, "%5u %-36.36s %-16.16s %11" PRIu64 " %10" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %5.1f%%\n",
		i, l->name ? l->name : "", l->op ? l->op : "", l->mac_cycles, l->vector_cycles, l->macs,
		l->weight_bytes, l->dma_bytes, utilisation(p, l));
}

void write_layers(struct program *p)
{
	const struct layer *layers = layers_of(p);
	struct layer sum = { .name = "all", .op = "" };
	size_t size;
	FILE *to = open_memstream(&p->c->result->layers, &size);

	if (!to)
		fail(p->c, "out of memory");
	fprintf(to, "%5s %-36s %-16s %11s %10s %12s %10s %10s %6s\n", "layer", "name", "operator",
		"MAC cycles", "vector cyc", "MACs", "weights B", "DMA B", "used");
	for (uint32_t i = 0; i < p->num_layers; i++) {
		put_layer(p, to, i, &layers[i]);
		sum.mac_cycles += layers[i].mac_cycles;
		sum.vector_cycles += layers[i].vector_cycles;
		sum.macs += layers[i].macs;
		sum.weight_bytes += layers[i].weight_bytes;
		sum.dma_bytes += layers[i].dma_bytes;
	}
	put_layer(p, to, p->num_layers, &sum);
	for (uint32_t i = 0; i < p->num_host_steps; i++)
		fprintf(to, " host %-36.36s %-16.16s before slice %u: %.3f us (modelled), %" PRIu64 " bytes\n",
			p->host_steps[i]->node->name, p->host_steps[i]->node->op, p->host_steps[i]->slice,
			(double)p->host_steps[i]->ps / 1e6, p->host_steps[i]->bytes);
	fclose(to);
}
