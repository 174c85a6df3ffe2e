// SPDX-License-Identifier: MIT
/*
 * Calibration: what range each value has on the samples. Either the least and the greatest seen, or
 * percentiles: of the share that is given, half as much is cut off at each end.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"

static void see_range(struct graph *g, struct value *v)
{
	struct observed *o = v->observed;
	const float *floats = observed_floats(v);

	if (!hostop_is_float(v->t.dtype))
		return;
	for (size_t i = 0; i < v->t.count; i++) {
		float x = floats ? floats[i] : observed_real(v, NULL, i);

		if (!isfinite(x))
			fail(g->c, "'%s' is not finite on a sample", v->name);
		o->lo = x < o->lo ? x : o->lo;
		o->hi = x > o->hi ? x : o->hi;
	}
}

static void see_histogram(struct graph *g, struct value *v)
{
	struct observed *o = v->observed;
	float step = (o->hi - o->lo) / BINS;
	const float *floats = observed_floats(v);

	if (!hostop_is_float(v->t.dtype) || !(step > 0))
		return;
	if (!o->histogram)
		o->histogram = arena_array(g->c, BINS, sizeof(*o->histogram));
	for (size_t i = 0; i < v->t.count; i++) {
		float x = floats ? floats[i] : observed_real(v, NULL, i), bin = (x - o->lo) / step;

		o->histogram[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (int)bin]++;
	}
}

/* Bins from one end that hold no more than this share together. */
static unsigned int bins_cut(const uint64_t *histogram, double share, bool from_top)
{
	uint64_t total = 0, sum = 0;
	unsigned int n = 0;

	for (unsigned int i = 0; i < BINS; i++)
		total += histogram[i];
	while (n < BINS) {
		sum += histogram[from_top ? BINS - 1 - n : n];
		if ((double)sum > share * (double)total)
			break;
		n++;
	}
	return n;
}

/* Zero stays inside: padding and ReLU have to be exact. */
static void cut_range(struct observed *o, double percentile)
{
	float step = (o->hi - o->lo) / BINS;
	double share = (100 - percentile) / 200;
	float lo = o->lo + step * (float)bins_cut(o->histogram, share, false);
	float hi = o->hi - step * (float)bins_cut(o->histogram, share, true);

	o->lo = lo < 0 ? lo : 0;
	o->hi = hi > 0 ? hi : 0;
	o->histogram = NULL;
}

static const struct loomc_tensor *sample(const struct graph *g, unsigned int i)
{
	return g->c->options->samples + (size_t)i * g->c->options->sample_inputs;
}

/* A file may hold several samples, one after the other. */
static size_t parts_of(const struct graph *g, const struct loomc_tensor *first)
{
	for (unsigned int i = 0; i < g->num_inputs; i++)
		if (!strcmp(g->inputs[i].name, first->name) && g->inputs[i].value->t.count)
			return first->t.count / g->inputs[i].value->t.count;
	return 1;
}

static void each_sample(struct graph *g, observe_fn observe)
{
	const struct loomc_options *o = g->c->options;

	for (unsigned int i = 0; i < o->num_samples; i++)
		for (size_t part = 0; part < parts_of(g, sample(g, i)); part++)
			run_graph(g, sample(g, i), part, observe);
}

void calibrate(struct graph *g)
{
	const struct loomc_options *o = g->c->options;

	if (!o->num_samples)
		fail(g->c, "quantisation needs samples of the inputs (--calibrate)");
	each_sample(g, see_range);
	if (o->percentile <= 0 || o->percentile >= 100)
		return;
	each_sample(g, see_histogram);
	for (unsigned int i = 0; i < g->num_nodes; i++)
		for (unsigned int k = 0; g->nodes[i] && k < g->nodes[i]->num_out; k++) {
			struct observed *v = g->nodes[i]->out[k]->observed;

			if (v && v->histogram)
				cut_range(v, o->percentile);
		}
}

/* ---- what the 8-bit graph makes of the last sample ---- */

static void keep(struct graph *g, struct value *v)
{
	const struct node *n = v->producer;
	float *copy;

	if (!n || !hostop_is_float(v->t.dtype) ||
	    !(is_op(n, "Conv") || is_op(n, "Linear") || v->is_output))
		return;
	copy = malloc((v->t.count + 1) * sizeof(*copy));
	if (!copy)
		fail(g->c, "out of memory");
	graph_own(g->c, copy);
	for (size_t i = 0; i < v->t.count; i++)
		copy[i] = observed_real(v, NULL, i);
	v->observed->reference = copy;
}

static void run_last(struct graph *g, observe_fn observe)
{
	const struct loomc_tensor *last = sample(g, g->c->options->num_samples - 1);
	size_t parts = parts_of(g, last);

	run_graph(g, last, parts ? parts - 1 : 0, observe);
}

void keep_reference(struct graph *g)
{
	run_last(g, keep);
}

static void compare(struct graph *g, struct value *v)
{
	const struct qparam *q = is_8bit(v) ? &v->observed->q : NULL;
	struct loomc_accuracy a = { 0 };
	struct loomc_result *r = g->c->result;
	double signal = 0, noise = 0;

	if (!v->observed->reference)
		return;
	for (size_t i = 0; i < v->t.count; i++) {
		float x = observed_real(v, q, i), error = fabsf(x - v->observed->reference[i]);

		signal += pow((double)v->observed->reference[i], 2);
		noise += (double)error * (double)error;
		a.max_error = error > a.max_error ? error : a.max_error;
		a.max_value = fmaxf(a.max_value, fabsf(v->observed->reference[i]));
	}
	a.sqnr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
	snprintf(a.name, sizeof(a.name), "%s", v->producer->name);
	snprintf(a.op, sizeof(a.op), "%s", v->producer->origin);
	a.bits = v->producer->q ? 8 : 16;
	if (r->num_accuracy == r->room_accuracy) {
		r->room_accuracy = r->room_accuracy ? 2 * r->room_accuracy : 64;
		r->accuracy = realloc(r->accuracy, r->room_accuracy * sizeof(a));
		if (!r->accuracy)
			fail(g->c, "out of memory");
	}
	r->accuracy[r->num_accuracy++] = a;
}

void report_accuracy(struct graph *g)
{
	run_last(g, compare);
}
