/* SPDX-License-Identifier: MIT */
/* Convolutions with constant weights, for the files that lower something to them. */
#ifndef LOOMC_CONV_H
#define LOOMC_CONV_H

#include "lower.h"

/* One convolution as the device sees it. */
struct conv {
	struct hostop_window w;
	const struct place *in, *res;
	struct place out;
	int64_t batch, c, oc;		/* of one command */
	int64_t in_channel, out_channel;	/* where they start */
	const float *weights;		/* of these channels, at the strides that follow; or, NULL: */
	const struct value *source;	/* numbers of a constant */
	int64_t first;			/* of the weights or the bytes */
	int64_t w_oc, w_c, w_tap;
	const struct value *bias;
	const uint8_t *bytes;		/* 8-bit weights, instead */
	bool depthwise;
	struct loom_act act;
};

/* Where a weight is in what they come from. */
static inline int64_t conv_at(const struct conv *v, int64_t oc, int64_t c, int64_t tap)
{
	return v->first + oc * v->w_oc + c * v->w_c + tap * v->w_tap;
}

/* Writes weight `at` of v as number i of the stream. */
typedef void (*conv_put_fn)(const struct conv *v, void *to, size_t i, int64_t at);

/*
 * A blob's output channels as loom_isa.h wants them: in blocks of array_cols, each K x block, K = kh kw c;
 * depthwise: taps x channels. Inlined with what writes a number: it is the compiler's longest loop.
 */
static inline __attribute__((always_inline))
void conv_fill(const struct blob *blob, void *to, conv_put_fn put)
{
	int64_t taps = blob->conv->w.kernel[0] * blob->conv->w.kernel[1], num = (int64_t)blob->num;
	int64_t cols = blob->conv->depthwise ? num : blob->cols, c = blob->conv->depthwise ? 1 : blob->conv->c;
	size_t i = 0;

	for (int64_t block = 0; block < num; block += cols) {
		int64_t from = (int64_t)blob->first + block, n = num - block < cols ? num - block : cols;

		for (int64_t tap = 0; tap < taps; tap++)
			for (int64_t k = 0; k < c; k++)
				for (int64_t o = 0; o < n; o++)
					put(blob->conv, to, i++, conv_at(blob->conv, from + o, k, tap));
	}
}

/* Output channels [first, first + num) of v, numbers of so many bytes. */
struct blob *conv_blob(struct program *p, const struct conv *v, int64_t first, int64_t num, size_t size,
		       void (*fill)(const struct blob *blob, void *to));

/*
 * A Conv or QConv: what its geometry is and where its input; then, with v's residual set, its output, and emit()
 * for each group.
 */
typedef void (*conv_emit_fn)(struct program *p, const struct conv *v, const struct node *node);
void conv_begin(struct program *p, struct node *node, struct conv *v);
void conv_finish(struct program *p, struct node *node, struct conv *v, conv_emit_fn emit);
/* The same of a Linear or QLinear, a convolution of an image of height 1; its input is a matrix at `rows`. */
void linear_begin(struct program *p, struct node *node, struct conv *v, const struct place *rows);
void linear_finish(struct program *p, struct node *node, struct conv *v, conv_emit_fn emit);
/* Strides of [oc][c][taps]. */
void conv_plain_strides(struct conv *v);
const float *conv_floats(struct program *p, const struct value *v);
/* Weights, bias, batch and activation of the node; fails if they are not constant. */
void conv_start(struct program *p, struct node *node, struct conv *v);
/* Room for v as an image. */
struct place conv_output(struct program *p, struct value *v);
void conv_check_window(struct program *p, const struct hostop_window *w);
void conv_geometry(struct loom_cmd_conv *cmd, const struct conv *v);
struct place conv_channels_at(const struct place *place, int64_t channel);
/* A place of rows as an image of height 1. */
const struct place *rows_as_image(struct program *p, const struct place *rows);
/*
 * How many output channels a command takes at a time, each with so many bytes of constants: that none
 * has more of them than a slice may have, nor computes for longer where that can be helped.
 */
int64_t conv_part(const struct program *p, const struct conv *v, uint64_t channel_bytes);
/* The commands, of all output channels. */
void conv_emit(struct program *p, const struct conv *v, const struct node *node);

/* ---- lower_reduce.c: pools ---- */
void pool_solve(struct program *p, const struct node *node, struct hostop_window *w);
void pool_geometry(struct loom_cmd_pool *cmd, const struct node *node, const struct hostop_window *w,
		   const struct place *in, const struct place *out);

bool lower_conv_transpose(struct program *p, struct node *node);

#endif
