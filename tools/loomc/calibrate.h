/* SPDX-License-Identifier: MIT */
/*
 * calibrate.h - post-training quantisation: run the graph on samples, choose scales, make nodes
 * 8-bit, and say what that costs in accuracy.
 */
#ifndef LOOMC_CALIBRATE_H
#define LOOMC_CALIBRATE_H

#include "quantised.h"

/* What runs of the graph on the host know of a value. */
struct observed {
	void *now;		/* its elements, in the run under way */
	unsigned int left;	/* readers that have not run */
	float *reference;	/* what it was in floats, if kept */
	float lo, hi;		/* least and greatest seen */
	uint64_t *histogram;	/* of what was seen, in BINS from lo to hi */
	struct value *same;	/* shares its scale with this one; NULL: itself */
	bool wanted;		/* the MAC array reads it: it is to be of 8 bits */
	struct qparam q;	/* once chosen */
	struct value *floats;	/* dequantised, for who needs that */
};

#define BINS 2048

struct observed *observed_of(struct compile *c, struct value *v);

/* ---- run_graph.c ---- */
typedef void (*observe_fn)(struct graph *g, struct value *v);
/*
 * On one sample, the part-th that these tensors hold: each value in turn is computed, observed and
 * forgotten.
 */
void run_graph(struct graph *g, const struct loomc_tensor *inputs, size_t part, observe_fn observe);
/* One element as a real number: of an 8-bit value by q. */
float observed_real(const struct value *v, const struct qparam *q, size_t i);

/* All of them, where they are kept as fp32; else NULL. */
const float *observed_floats(const struct value *v);

/* ---- calibrate.c: ranges of all values; ptq.c: 8-bit nodes; accuracy.c: the report ---- */
void calibrate(struct graph *g);
void quantise_graph(struct graph *g);
void keep_reference(struct graph *g);
void report_accuracy(struct graph *g);

#endif
