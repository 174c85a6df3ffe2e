// SPDX-License-Identifier: MIT
/* Small image classifiers: Sandler et al. 2018 (MobileNetV2) and Iandola et al. 2016 (SqueezeNet 1.1). */
#include "zoo.h"

static struct val *relu6(struct zoo *z, struct val *x)
{
	struct val *low = constant_float(z, 0), *high = constant_float(z, 6);
	struct val *y = put(z, "Clip", x->shape, x, low, high, NULL);

	y->square = x->square / 2;
	return y;
}

static struct val *conv_norm(struct zoo *z, struct val *x, const char *name, struct conv c)
{
	x = conv(z, x, zoo_printf(z, "%s.0", name), c);
	return batch_norm(z, x, zoo_printf(z, "%s.1", name), 1e-5f);
}

static struct val *inverted_residual(struct zoo *z, struct val *x, int64_t expansion, int64_t out, int64_t stride)
{
	int64_t in = x->shape.dims[1], hidden = in * expansion;
	struct val *y = x;

	if (expansion != 1)
		y = relu6(z, conv_norm(z, y, "conv.0", (struct conv){ .out = hidden }));
	y = relu6(z, conv_norm(z, y, "conv.1", (struct conv){ .out = hidden, .kh = 3, .kw = 3, .ph = 1,
							      .pw = 1, .stride = stride, .group = hidden }));
	y = conv_norm(z, y, "conv.2", (struct conv){ .out = out });
	return stride == 1 && in == out ? add(z, x, y) : y;
}

void build_mobilenet_v2(struct zoo *z)
{
	static const struct {
		int64_t expansion, out;
		unsigned int blocks;
		int64_t stride;
	} stages[] = {
		{ 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 },
		{ 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 },
	};
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 224, 224));
	unsigned int feature = 1;

	scope(z, "features.0");
	x = relu6(z, conv_norm(z, x, "conv", (struct conv){ .out = 32, .kh = 3, .kw = 3, .ph = 1, .pw = 1,
							    .stride = 2 }));
	for (unsigned int s = 0; s < sizeof(stages) / sizeof(stages[0]); s++) {
		for (unsigned int b = 0; b < stages[s].blocks; b++) {
			scope(z, "features.%u", feature++);
			x = inverted_residual(z, x, stages[s].expansion, stages[s].out,
					      b ? 1 : stages[s].stride);
		}
	}
	scope(z, "features.%u", feature);
	x = relu6(z, conv_norm(z, x, "conv", (struct conv){ .out = 1280 }));
	scope(z, "classifier");
	output(z, gemm(z, global_pool(z, x), "1", 1000), "logits");
}

static struct val *fire(struct zoo *z, struct val *x, unsigned int feature, int64_t squeeze, int64_t expand)
{
	struct val *sides[2];

	scope(z, "features.%u", feature);
	x = relu(z, conv(z, x, "squeeze", (struct conv){ .out = squeeze, .bias = true }));
	sides[0] = relu(z, conv(z, x, "expand1x1", (struct conv){ .out = expand, .bias = true }));
	sides[1] = relu(z, conv(z, x, "expand3x3", (struct conv){ .out = expand, .kh = 3, .kw = 3, .ph = 1,
								  .pw = 1, .bias = true }));
	return concat(z, 1, 2, sides);
}

void build_squeezenet(struct zoo *z)
{
	static const struct {
		unsigned int feature;
		int64_t squeeze, expand;
	} fires[] = {
		{ 3, 16, 64 }, { 4, 16, 64 }, { 6, 32, 128 }, { 7, 32, 128 },
		{ 9, 48, 192 }, { 10, 48, 192 }, { 11, 64, 256 }, { 12, 64, 256 },
	};
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 224, 224));

	scope(z, "features.0");
	x = relu(z, conv(z, x, "conv", (struct conv){ .out = 64, .kh = 3, .kw = 3, .stride = 2, .bias = true }));
	for (unsigned int i = 0; i < sizeof(fires) / sizeof(fires[0]); i++) {
		if (i == 0 || i == 2 || i == 4)
			x = pool(z, "MaxPool", x, 3, 2, 0, true);
		x = fire(z, x, fires[i].feature, fires[i].squeeze, fires[i].expand);
	}
	scope(z, "classifier");
	x = relu(z, conv(z, x, "1", (struct conv){ .out = 1000, .bias = true }));
	output(z, global_pool(z, x), "logits");
}
