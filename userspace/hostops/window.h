/* SPDX-License-Identifier: MIT */
/* The geometry of windows sliding over [N, C, ((D,) H,) W]: convolutions and pools. */
#ifndef HOSTOPS_WINDOW_H
#define HOSTOPS_WINDOW_H

#include "hostops.h"

/*
 * Up to three spatial dimensions, as three: index 0 is the height (1 for 1-D), 1 the width, 2 the depth, which is
 * outermost (1 but for 3-D).
 */
#define HOSTOP_SPATIAL 3

struct hostop_window {
	unsigned int spatial;	/* how many the tensors have */
	int64_t in[HOSTOP_SPATIAL], out[HOSTOP_SPATIAL];
	int64_t kernel[HOSTOP_SPATIAL], stride[HOSTOP_SPATIAL], dilation[HOSTOP_SPATIAL];
	int64_t begin[HOSTOP_SPATIAL], end[HOSTOP_SPATIAL];
	int64_t output_padding[HOSTOP_SPATIAL];
	int64_t group;
};

/* Conv and the pools: `kernel` are the last dims of the weights, or NULL to read kernel_shape. */
int hostop_window_solve(struct hostop_call *call, const int64_t *kernel, struct hostop_window *w);
/* ConvTranspose. */
int hostop_window_transpose(struct hostop_call *call, struct hostop_window *w);

#endif
