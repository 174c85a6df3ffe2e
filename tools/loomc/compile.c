// SPDX-License-Identifier: MIT
/* Memory and errors of one compilation, and the order of its passes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "graph.h"
#include "lower.h"
#include "passes.h"
#include "calibrate.h"

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

#define CHUNK (256u << 10)

static void unwind(struct compile *c, const char *prefix, const char *format, va_list args)
	__attribute__((noreturn));

static void unwind(struct compile *c, const char *prefix, const char *format, va_list args)
{
	int n = snprintf(c->result->error, sizeof(c->result->error), "%s", prefix);

	if (n < (int)sizeof(c->result->error))
		vsnprintf(c->result->error + n, sizeof(c->result->error) - n, format, args);
	longjmp(c->out, 1);
}

void fail(struct compile *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	unwind(c, "", format, args);
}

void fail_node(struct compile *c, const struct node *node, const char *format, ...)
{
	char prefix[256];
	va_list args;

	if (node == c->lowering && !node->on_host && !c->options->device_only &&
	    can_run_on_host(node))
		longjmp(c->retry, 1);

	snprintf(prefix, sizeof(prefix), "node '%.150s' (%.60s): ", node->name, node->origin);
	va_start(args, format);
	unwind(c, prefix, format, args);
}

void note(struct compile *c, const char *format, ...)
{
	size_t used = strlen(c->result->notes), room = sizeof(c->result->notes) - used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(c->result->notes + used, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n + 1 >= room)
		c->result->notes[used] = 0;
	else
		strcat(c->result->notes, "\n");
}

static struct chunk *new_chunk(struct compile *c, size_t size)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (!chunk)
		fail(c, "out of memory");
	chunk->size = size;
	chunk->next = c->chunks;
	c->chunks = chunk;
	return chunk;
}

void *arena(struct compile *c, size_t size)
{
	struct chunk *chunk = c->chunks;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = new_chunk(c, size > CHUNK ? size : CHUNK);
	p = chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

void *arena_array(struct compile *c, size_t num, size_t size)
{
	if (size && num > (SIZE_MAX >> 1) / size)
		fail(c, "out of memory");
	return arena(c, num * size);
}

char *arena_string(struct compile *c, const char *string, size_t len)
{
	char *copy = arena(c, len + 1);

	memcpy(copy, string, len);
	return copy;
}

char *arena_printf(struct compile *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return arena_string(c, text, strlen(text));
}

struct big {
	struct big *next;
	_Alignas(16) char data[];
};

void *big_alloc(struct compile *c, size_t size)
{
	struct big *big = malloc(sizeof(*big) + size);

	if (!big)
		fail(c, "out of memory");
	big->next = c->bigs;
	c->bigs = big;
	return big->data;
}

void big_free(struct compile *c, const void *data)
{
	for (struct big **at = &c->bigs; *at; at = &(*at)->next) {
		struct big *big = *at;

		if (big->data != data)
			continue;
		*at = big->next;
		free(big);
		return;
	}
}

void arena_free(struct compile *c)
{
	struct chunk *next;

	while (c->bigs)
		big_free(c, c->bigs->data);
	for (struct chunk *chunk = c->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	c->chunks = NULL;
}

/* A plan that keeps intermediate values in fp32 is taken if it needs no more of the SRAM than this. */
#define WIDE_PART 4

/* One that needs room for all of it (0), or no more than this of the lease, as far as can be told. */
static struct program *try_plan(struct graph *g, bool wide, uint64_t room)
{
	struct program *p = lower(g, wide, room);

	if (room)
		spill(p, room);
	if (p->c->options->resident)
		keep_resident(p);
	cut_rows(p);
	slice(p);
	memory(p);
	return p;
}

/* "3 operators run on the host (2 CumSum, 1 ArgMax): ..." */
static void note_host(struct program *p)
{
	uint64_t ps = 0, bytes = 0;
	char list[200] = "";

	for (uint32_t i = 0; i < p->num_host_steps; i++) {
		const char *op = p->host_steps[i]->node->op;
		unsigned int times = 0, before = 0;
		size_t used = strlen(list);

		ps += p->host_steps[i]->ps;
		bytes += p->host_steps[i]->bytes;
		for (uint32_t k = 0; k < p->num_host_steps; k++) {
			bool same = !strcmp(p->host_steps[k]->node->op, op);

			times += same;
			before += same && k < i;
		}
		if (!before)
			snprintf(list + used, sizeof(list) - used, "%s%u %.40s", used ? ", " : "", times, op);
	}
	note(p->c, "%u operators run on the host (%s): %llu bytes, %.1f us by the model of a host in loomc(1)",
	     p->num_host_steps, list, (unsigned long long)bytes, (double)ps / 1e6);
}

/* What stays in fp32 depends on the device alone: so a smaller lease gives the same bytes. */
static struct program *plan(struct graph *g)
{
	const struct loomc_options *o = g->c->options;
	uint64_t most = o->lease_bytes && o->lease_bytes < o->caps.act_sram_bytes ?
			o->lease_bytes / LOOM_LEASE_ALIGN * LOOM_LEASE_ALIGN : o->caps.act_sram_bytes;
	struct program *p = try_plan(g, true, 0);
	bool wide = p->lease_bytes <= o->caps.act_sram_bytes / WIDE_PART;

	if (!wide)
		p = try_plan(g, false, 0);
	if (o->resident && p->lease_bytes > most)
		fail(g->c, "--resident: the activations of a query take %llu bytes of activation SRAM, and there are %llu",
		     (unsigned long long)p->lease_bytes, (unsigned long long)most);
	if (p->lease_bytes && !most)
		fail(g->c, "--lease %llu: activation SRAM is leased in steps of %u bytes",
		     (unsigned long long)o->lease_bytes, (unsigned int)LOOM_LEASE_ALIGN);
	/* Buffers do not always fit without gaps: then with less. */
	for (uint64_t room = most; p->lease_bytes > most; room -= room / 16) {
		if (room < most / 4)
			fail(g->c, "no plan found that needs at most %llu bytes of activation SRAM",
			     (unsigned long long)most);
		p = try_plan(g, wide, room);
	}
	if (p->num_host_steps && (o->resident || o->io_f16))
		fail(g->c, "operator %s runs on the host, which takes its values from DRAM as they are: neither --resident nor --io f16",
		     p->host_steps[0]->node->op);
	if (p->num_host_steps)
		note_host(p);
	set_waits(p);
	return p;
}

static void quantise(struct graph *g)
{
	calibrate(g);
	keep_reference(g);
	quantise_graph(g);
	report_accuracy(g);
}

static void compile(struct compile *c, const void *onnx, size_t size)
{
	struct program *p;
	struct graph *g;

	if (c->options->resident && !c->options->timing_only)
		fail(c, "--resident: inputs that never arrive are for timing only (--timing-only)");
	c->keep_quantised = true;
	g = import_model(c, onnx, size);
	quant(g);
	graph_free_unused(g);
	simplify(g);
	absorb_quantisation(g);
	optimise(g);
	if (c->options->quantise)
		quantise(g);
	graph_free_unused(g);
	if (c->options->emit_qdq)
		emit_qdq(g);
	if (c->options->dump)
		graph_print(g, stderr);
	p = plan(g);
	emit(p);
	write_elf(p);
	write_report(p);
	write_layers(p);
}

int loomc_compile(const void *onnx, size_t size, const struct loomc_options *options,
		  struct loomc_result *result)
{
	struct compile c = { .options = options, .result = result };

	*result = (struct loomc_result){ 0 };
	if (!setjmp(c.out))
		compile(&c, onnx, size);
	graph_free_tensors(&c);
	arena_free(&c);
	return result->error[0] ? -1 : 0;
}

void loomc_result_free(struct loomc_result *result)
{
	free(result->qdq);
	result->qdq = NULL;
	free(result->accuracy);
	result->accuracy = NULL;
	free(result->file);
	free(result->report);
	free(result->layers);
	result->file = NULL;
	result->report = result->layers = NULL;
}
