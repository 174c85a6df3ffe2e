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
	const float *weights;		/* of these channels, at the strides that follow */
	int64_t w_oc, w_c, w_tap;
	const struct value *bias;
	bool depthwise;
	struct loom_act act;
};

/* Strides of [oc][c][taps]. */
void conv_plain_strides(struct conv *v);
const float *conv_floats(struct program *p, const struct value *v);
/* Weights, bias, batch and activation of the node; fails if they are not constant. */
void conv_start(struct program *p, struct node *node, struct conv *v);
/* Room for v as an image. */
struct place conv_output(struct program *p, struct value *v);
/* The commands: all output channels, cut so that none has more weights than a slice may have. */
void conv_emit(struct program *p, const struct conv *v);

bool lower_conv_transpose(struct program *p, struct node *node);

#endif
