// SPDX-License-Identifier: MIT
/* --report: where the time and the bytes go, a line a slice, with its most expensive commands. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "passes.h"
#include "report.h"
#include "timing/loom_timing.h"

static const char *opcode_name(unsigned int opcode)
{
	static const char *const names[] = {
		[LOOM_OP_LOAD] = "LOAD", [LOOM_OP_STORE] = "STORE", [LOOM_OP_GATHER] = "GATHER",
		[LOOM_OP_CONV] = "CONV", [LOOM_OP_DWCONV] = "DWCONV", [LOOM_OP_MATMUL] = "MATMUL",
		[LOOM_OP_COPY] = "COPY", [LOOM_OP_BINARY] = "BINARY", [LOOM_OP_UNARY] = "UNARY",
		[LOOM_OP_REDUCE] = "REDUCE", [LOOM_OP_SOFTMAX] = "SOFTMAX",
		[LOOM_OP_LAYERNORM] = "LAYERNORM", [LOOM_OP_POOL] = "POOL",
		[LOOM_OP_QCONV] = "QCONV", [LOOM_OP_QDWCONV] = "QDWCONV",
		[LOOM_OP_QMATMUL] = "QMATMUL", [LOOM_OP_QUANT] = "QUANT",
		[LOOM_OP_QBINARY] = "QBINARY", [LOOM_OP_QPOOL] = "QPOOL",
	};

	return names[opcode];
}

void report_string(FILE *to, const char *s)
{
	fputc('"', to);
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20)
			fprintf(to, "\\u%04x", *s);
		else
			fprintf(to, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	}
	fputc('"', to);
}

static void put_command(const struct program *p, FILE *to, const struct command *cmd)
{
	const struct loom_cmd *hdr = (const struct loom_cmd *)cmd->raw;
	bool dma = hdr->opcode < LOOM_OP_CONV;

	fprintf(to, "{\"command\": \"%s\", \"node\": ", opcode_name(hdr->opcode));
	report_string(to, cmd->node->name);
	fprintf(to, ", \"op\": ");
	report_string(to, cmd->node->origin);
	if (dma)
		fprintf(to, ", \"dma_bytes\": %llu}", (unsigned long long)loom_timing_dram_bytes(hdr));
	else
		fprintf(to, ", \"cycles\": %llu, \"macs\": %llu%s}", (unsigned long long)cmd->cycles,
			(unsigned long long)cmd->macs, cmd->again ? ", \"weights_again\": true" : "");
}

static void put_slice(const struct program *p, FILE *to, uint32_t i)
{
	const struct slice_info *s = &p->slices[i];

	fprintf(to, "%s\t\t{\"slice\": %u, \"layer\": %u, \"name\": ", i ? ",\n" : "", i, s->layer);
	report_string(to, s->name);
	fprintf(to, ", \"compute_ps\": %llu, \"mac_ps\": %llu, \"weight_bytes\": %llu, \"fetch_ps\": %llu, \"again_bytes\": %llu, \"dma_bytes\": %llu, \"macs\": %llu, \"commands\": [",
		(unsigned long long)s->compute_ps, (unsigned long long)s->mac_ps,
		(unsigned long long)s->weight_bytes,
		(unsigned long long)loom_timing_dram_ps(&p->c->options->caps, s->weight_bytes),
		(unsigned long long)s->again_bytes, (unsigned long long)s->dma_bytes, (unsigned long long)s->macs);
	for (uint32_t k = 0; k < s->num; k++) {
		fprintf(to, "%s\n\t\t\t", k ? "," : "");
		put_command(p, to, p->cmds[s->first + k]);
	}
	fprintf(to, "]}");
}

/* Of an inference, without static power: that depends on how long it takes with what else runs. */
static void put_energy(const struct program *p, FILE *to)
{
	uint64_t macs = 0, macs_8bit = 0, sram = 0, dram = 0;

	for (uint32_t i = 0; i < p->num_slices; i++) {
		for (uint32_t k = 0; k < p->slices[i].num; k++) {
			const struct command *cmd = p->cmds[p->slices[i].first + k];
			const struct loom_cmd *hdr = (const struct loom_cmd *)cmd->raw;

			macs_8bit += loom_timing_macs_8bit(hdr);
			macs += loom_timing_macs(hdr) - loom_timing_macs_8bit(hdr);
			sram += loom_timing_sram_bytes(&p->c->options->caps, hdr);
			dram += loom_timing_dram_bytes(hdr);
		}
		/* FETCH commands are made when the slice is written. */
		sram += p->slices[i].weight_bytes;
		dram += p->slices[i].weight_bytes;
	}
	fprintf(to, "\t\"energy_pj\": {\"mac\": %llu, \"sram\": %llu, \"dram\": %llu},\n",
		(unsigned long long)loom_energy_macs(macs, macs_8bit),
		(unsigned long long)loom_energy_sram(sram), (unsigned long long)loom_energy_dram(dram));
}

/* A model made 8-bit: how far its layers are from the float model's (no noise at all: null). */
static void put_accuracy(const struct program *p, FILE *to)
{
	const struct loomc_result *r = p->c->result;

	if (!r->num_accuracy)
		return;
	fprintf(to, "\t\"accuracy\": [");
	for (unsigned int i = 0; i < r->num_accuracy; i++) {
		const struct loomc_accuracy *a = &r->accuracy[i];

		fprintf(to, "%s\n\t\t{\"layer\": ", i ? "," : "");
		report_string(to, a->name);
		fprintf(to, ", \"bits\": %u, \"max_error\": %.6g, \"max_value\": %.6g, \"sqnr_db\": ", a->bits,
			(double)a->max_error, (double)a->max_value);
		fprintf(to, isfinite(a->sqnr) ? "%.2f}" : "null}", a->sqnr);
	}
	fprintf(to, "\n\t],\n");
}

void write_report(struct program *p)
{
	uint64_t compute = 0, mac = 0, weights = 0, again = 0, macs = 0;
	size_t size;
	FILE *to = open_memstream(&p->c->result->report, &size);

	if (!to)
		fail(p->c, "out of memory");
	for (uint32_t i = 0; i < p->num_slices; i++) {
		compute += p->slices[i].compute_ps;
		mac += p->slices[i].mac_ps;
		weights += p->slices[i].weight_bytes;
		again += p->slices[i].again_bytes;
		macs += p->slices[i].macs;
	}
	fprintf(to, "{\n\t\"model\": ");
	report_string(to, p->c->options->name ? p->c->options->name : "model");
	fprintf(to, ",\n\t\"preset\": ");
	report_string(to, p->c->options->caps.preset);
	fprintf(to, ",\n\t\"compute_ps\": %llu,\n\t\"mac_ps\": %llu,\n\t\"vector_ps\": %llu,\n",
		(unsigned long long)compute, (unsigned long long)mac,
		(unsigned long long)(compute - mac));
	fprintf(to, "\t\"weight_bytes\": %llu,\n\t\"again_bytes\": %llu,\n\t\"fetch_ps\": %llu,\n\t\"macs\": %llu,\n",
		(unsigned long long)weights, (unsigned long long)again,
		(unsigned long long)loom_timing_dram_ps(&p->c->options->caps, weights),
		(unsigned long long)macs);
	put_energy(p, to);
	put_accuracy(p, to);
	put_layers_json(p, to);
	fprintf(to, "\t\"lease_bytes\": %llu,\n\t\"io_bytes\": %llu,\n\t\"layers\": %u,\n\t\"slices\": [\n",
		(unsigned long long)p->lease_bytes, (unsigned long long)p->io_bytes, p->num_layers);
	for (uint32_t i = 0; i < p->num_slices; i++)
		put_slice(p, to, i);
	fprintf(to, "\n\t]\n}\n");
	fclose(to);
}
