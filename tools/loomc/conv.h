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
struct place rows_as_image(const struct place *rows);
/*
 * How many output channels a command takes at a time, each with so many bytes of constants: that none
 * has more of them than a slice may have, nor computes for longer where that can be helped.
 */
int64_t conv_part(const struct program *p, const struct conv *v, uint64_t channel_bytes);
/* The commands, of all output channels. */
void conv_emit(struct program *p, const struct conv *v);

/* The same of an 8-bit one. */
void qconv_emit(struct program *p, const struct conv *v, const struct node *node);

/* ---- lower_reduce.c: pools ---- */
void pool_solve(struct program *p, const struct node *node, struct hostop_window *w);
void pool_geometry(struct loom_cmd_pool *cmd, const struct node *node, const struct hostop_window *w,
		   const struct place *in, const struct place *out);

bool lower_conv_transpose(struct program *p, struct node *node);

#endif
