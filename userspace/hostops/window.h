/* SPDX-License-Identifier: MIT */
/* The geometry of windows sliding over [N, C, (H,) W]: convolutions and pools. */
#ifndef HOSTOPS_WINDOW_H
#define HOSTOPS_WINDOW_H

#include "hostops.h"

/* One or two spatial dimensions, as two: index 0 is the height (1 for 1-D). */
struct hostop_window {
	unsigned int spatial;	/* 1 or 2: how many the tensors have */
	int64_t in[2], out[2];
	int64_t kernel[2], stride[2], dilation[2], begin[2], end[2];
	int64_t output_padding[2];
	int64_t group;
};

/* Conv and the pools: `kernel` are the last dims of the weights, or NULL to read kernel_shape. */
int hostop_window_solve(struct hostop_call *call, const int64_t *kernel, struct hostop_window *w);
/* ConvTranspose. */
int hostop_window_transpose(struct hostop_call *call, struct hostop_window *w);

#endif
