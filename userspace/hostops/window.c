// SPDX-License-Identifier: MIT
/* The geometry of convolutions and pools: attributes checked once, for hostops and loomc. */
#include "internal.h"
#include "window.h"

#define MAX_WINDOW 65535

/* Where the tensors' spatial dimension i stands. */
static int place_of(const struct hostop_window *w, unsigned int i)
{
	static const int places[HOSTOP_SPATIAL][HOSTOP_SPATIAL] = { { 1 }, { 0, 1 }, { 2, 0, 1 } };

	return places[w->spatial - 1][i];
}

/* An attribute of one int a spatial dimension, each in [lo, MAX_WINDOW]; absent ones stay. */
static int spatial_ints(struct hostop_call *c, const struct hostop_window *w, const char *name,
			int64_t lo, int64_t *v)
{
	int64_t given[HOSTOP_SPATIAL] = { 0 };
	int n = ho_attr_ints(c, name, given, HOSTOP_SPATIAL);

	if (n == -1)
		return 0;
	if (n != (int)w->spatial)
		return n < 0 ? n : ho_bad(c, "%s has %d values for %u dimensions", name, n, w->spatial);
	for (int i = 0; i < n; i++) {
		if (given[i] < lo || given[i] > MAX_WINDOW)
			return ho_bad(c, "%s is %lld", name, (long long)given[i]);
		v[place_of(w, (unsigned int)i)] = given[i];
	}
	return 0;
}

static int explicit_pads(struct hostop_call *c, struct hostop_window *w)
{
	int64_t pads[2 * HOSTOP_SPATIAL] = { 0 };
	int n = ho_attr_ints(c, "pads", pads, 2 * HOSTOP_SPATIAL), s = (int)w->spatial;

	if (n == -1)
		return 0;
	if (n != 2 * s)
		return n < 0 ? n : ho_bad(c, "pads has %d values for %d dimensions", n, s);
	for (int i = 0; i < s; i++) {
		if (pads[i] < 0 || pads[s + i] < 0 || pads[i] > MAX_WINDOW || pads[s + i] > MAX_WINDOW)
			return ho_bad(c, "a pad is out of range");
		w->begin[place_of(w, (unsigned int)i)] = pads[i];
		w->end[place_of(w, (unsigned int)i)] = pads[s + i];
	}
	return 0;
}

static int read_attributes(struct hostop_call *c, const int64_t *kernel, struct hostop_window *w)
{
	const struct hostop_tensor *x = c->in[0];
	int ret;

	*w = (struct hostop_window){
		.in = { 1, 1, 1 }, .out = { 1, 1, 1 }, .kernel = { 1, 1, 1 }, .stride = { 1, 1, 1 },
		.dilation = { 1, 1, 1 }, .spatial = x->rank - 2, .group = ho_attr_int(c, "group", 1),
	};
	if (x->rank < 3 || x->rank > 2 + HOSTOP_SPATIAL)
		return ho_bad(c, "%u dimensions: only 3 to 5 are supported", x->rank);
	for (unsigned int i = 0; i < w->spatial; i++) {
		w->in[place_of(w, i)] = x->dims[2 + i];
		if (kernel)
			w->kernel[place_of(w, i)] = kernel[i];
	}
	ret = kernel ? 0 : spatial_ints(c, w, "kernel_shape", 1, w->kernel);
	ret = ret ? ret : spatial_ints(c, w, "strides", 1, w->stride);
	ret = ret ? ret : spatial_ints(c, w, "dilations", 1, w->dilation);
	ret = ret ? ret : spatial_ints(c, w, "output_padding", 0, w->output_padding);
	ret = ret ? ret : explicit_pads(c, w);
	for (int i = 0; !ret && i < HOSTOP_SPATIAL; i++)
		if (w->kernel[i] < 1 || w->kernel[i] > MAX_WINDOW)
			ret = ho_bad(c, "kernel of %lld", (long long)w->kernel[i]);
	return ret;
}

/* SAME_*: as much padding as makes out = ceil(in / stride). */
static int auto_pad(struct hostop_call *c, struct hostop_window *w)
{
	const char *mode = ho_attr_string(c, "auto_pad", "NOTSET");

	if (!strcmp(mode, "NOTSET") || !*mode)
		return 0;
	for (int i = 0; i < HOSTOP_SPATIAL; i++) {
		int64_t out = (w->in[i] + w->stride[i] - 1) / w->stride[i];
		int64_t pad = (out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 -
			      w->in[i];

		w->begin[i] = w->end[i] = 0;
		if (!strcmp(mode, "VALID"))
			continue;
		if (strcmp(mode, "SAME_UPPER") && strcmp(mode, "SAME_LOWER"))
			return ho_bad(c, "auto_pad '%s'", mode);
		pad = pad < 0 ? 0 : pad;
		w->begin[i] = mode[5] == 'L' ? pad - pad / 2 : pad / 2;
		w->end[i] = pad - w->begin[i];
	}
	return 0;
}

int hostop_window_solve(struct hostop_call *c, const int64_t *kernel, struct hostop_window *w)
{
	bool up = ho_attr_int(c, "ceil_mode", 0);
	int ret = read_attributes(c, kernel, w);

	ret = ret ? ret : auto_pad(c, w);
	for (int i = 0; !ret && i < HOSTOP_SPATIAL; i++) {
		int64_t span = w->in[i] + w->begin[i] + w->end[i] -
			       ((w->kernel[i] - 1) * w->dilation[i] + 1);

		if (span < 0)
			return ho_bad(c, "window of %lld over %lld", (long long)w->kernel[i],
				   (long long)w->in[i]);
		w->out[i] = (span + (up ? w->stride[i] - 1 : 0)) / w->stride[i] + 1;
		/* A window may not start in the padding at the end. */
		if (up && (w->out[i] - 1) * w->stride[i] >= w->in[i] + w->begin[i])
			w->out[i]--;
	}
	return ret;
}

int hostop_window_transpose(struct hostop_call *c, struct hostop_window *w)
{
	const char *mode = ho_attr_string(c, "auto_pad", "NOTSET");
	int64_t shape[HOSTOP_SPATIAL] = { 0 };
	int ret = read_attributes(c, c->in[1]->dims + 2, w);

	ret = ret ? ret : spatial_ints(c, w, "output_shape", 1, shape);
	for (int i = 0; !ret && i < HOSTOP_SPATIAL; i++) {
		int64_t full = w->stride[i] * (w->in[i] - 1) + w->output_padding[i] +
			       (w->kernel[i] - 1) * w->dilation[i] + 1, pad;

		if (!strncmp(mode, "SAME", 4) && !shape[i])
			shape[i] = w->in[i] * w->stride[i];
		if (shape[i]) {
			pad = full - shape[i] < 0 ? 0 : full - shape[i];
			w->begin[i] = !strcmp(mode, "SAME_UPPER") ? pad / 2 : pad - pad / 2;
			w->end[i] = pad - w->begin[i];
			if (full - pad < shape[i])
				w->output_padding[i] += shape[i] - full;
			full += shape[i] - (full - pad);
		}
		w->out[i] = full - w->begin[i] - w->end[i];
		if (w->out[i] < 1)
			return ho_bad(c, "no output left after padding");
	}
	return ret;
}
