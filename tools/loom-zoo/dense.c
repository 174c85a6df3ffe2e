// SPDX-License-Identifier: MIT
/*
 * Networks that make an image or a map: Redmon and Farhadi 2016 (Tiny-YOLOv2 for Pascal VOC), Dong et al. 2016
 * (FSRCNN(56,12,4), three times larger), Ronneberger et al. 2015 (U-Net, padded and with batch norm).
 */
#include "zoo.h"

/* A 3x3 convolution that keeps the size. */
static struct val *same3(struct zoo *z, struct val *x, const char *name, int64_t out, bool bias)
{
	return conv(z, x, name, (struct conv){ .out = out, .kh = 3, .kw = 3, .ph = 1, .pw = 1, .bias = bias });
}

/* ---- Tiny-YOLOv2 ---- */

static struct val *leaky(struct zoo *z, struct val *x)
{
	struct val *y = put(z, "LeakyRelu", x->shape, x, NULL);

	attr_float(z, "alpha", 0.1f);
	y->square = x->square / 2;
	return y;
}

static struct val *halve(struct zoo *z, struct val *x, int64_t stride)
{
	const int64_t *d = x->shape.dims;
	struct val *y = put(z, "MaxPool", SHAPE(d[0], d[1], d[2] / stride, d[3] / stride), x, NULL);

	attr_string(z, "auto_pad", "SAME_UPPER");
	attr_ints(z, "kernel_shape", 2, 2);
	attr_ints(z, "strides", stride, stride);
	return y;
}

void build_tiny_yolov2(struct zoo *z)
{
	static const int64_t widths[] = { 16, 32, 64, 128, 256, 512, 1024, 1024 };
	struct val *x = input(z, "image", ELEM_F32, SHAPE(z->options.batch, 3, 416, 416));

	scope(z, "yolo");
	for (unsigned int i = 0; i < 8; i++) {
		x = same3(z, x, zoo_printf(z, "convolution%u", i), widths[i], false);
		x = leaky(z, batch_norm(z, x, zoo_printf(z, "BatchNormalization%u", i), 1e-5f));
		if (i < 6)
			x = halve(z, x, i < 5 ? 2 : 1);
	}
	output(z, conv(z, x, "convolution8", (struct conv){ .out = 125, .bias = true }), "grid");
}

/* ---- FSRCNN ---- */

static struct val *prelu(struct zoo *z, struct val *x, const char *name)
{
	struct val *slope = weight(z, name, SHAPE(x->shape.dims[1], 1, 1), 0.25, 0.001);
	struct val *y = put(z, "PRelu", x->shape, x, slope, NULL);

	y->square = x->square / 2;
	return y;
}

static struct val *conv_transpose(struct zoo *z, struct val *x, const char *name, int64_t out, int64_t k,
				  int64_t stride, int64_t pad, int64_t more)
{
	const int64_t *d = x->shape.dims;
	double inputs = (double)(d[1] * k * k) / (double)(stride * stride);
	struct val *w = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(d[1], out, k, k), 0, 1 / inputs);
	struct val *b = weight(z, zoo_printf(z, "%s.bias", name), SHAPE(out), 0, 0.01);
	struct val *y = put(z, "ConvTranspose", SHAPE(d[0], out, (d[2] - 1) * stride - 2 * pad + k + more,
						      (d[3] - 1) * stride - 2 * pad + k + more), x, w, b, NULL);

	attr_ints(z, "dilations", 1, 1);
	attr_int(z, "group", 1);
	attr_ints(z, "kernel_shape", k, k);
	if (more)
		attr_ints(z, "output_padding", more, more);
	attr_ints(z, "pads", pad, pad, pad, pad);
	attr_ints(z, "strides", stride, stride);
	return y;
}

void build_fsrcnn(struct zoo *z)
{
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 1, 180, 320));

	scope(z, "fsrcnn");
	x = conv(z, x, "first_part.0", (struct conv){ .out = 56, .kh = 5, .kw = 5, .ph = 2, .pw = 2, .bias = true });
	x = prelu(z, x, "first_part.1.weight");
	x = prelu(z, conv(z, x, "mid_part.0", (struct conv){ .out = 12, .bias = true }), "mid_part.1.weight");
	for (unsigned int i = 1; i <= 4; i++)
		x = prelu(z, same3(z, x, zoo_printf(z, "mid_part.%u", 2 * i), 12, true),
			  zoo_printf(z, "mid_part.%u.weight", 2 * i + 1));
	x = prelu(z, conv(z, x, "mid_part.10", (struct conv){ .out = 56, .bias = true }), "mid_part.11.weight");
	output(z, conv_transpose(z, x, "last_part", 1, 9, 3, 4, 2), "output");
}

/* ---- U-Net ---- */

static struct val *double_conv(struct zoo *z, struct val *x, const char *name, int64_t out)
{
	for (unsigned int i = 0; i < 2; i++) {
		x = same3(z, x, zoo_printf(z, "%s.double_conv.%u", name, 3 * i), out, false);
		x = relu(z, batch_norm(z, x, zoo_printf(z, "%s.double_conv.%u", name, 3 * i + 1), 1e-5f));
	}
	return x;
}

void build_unet(struct zoo *z)
{
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 512, 512));
	struct val *level[5], *pair[2];

	scope(z, "unet");
	level[0] = double_conv(z, x, "inc", 64);
	for (unsigned int i = 1; i < 5; i++) {
		x = pool(z, "MaxPool", level[i - 1], 2, 2, 0, false);
		level[i] = double_conv(z, x, zoo_printf(z, "down%u.maxpool_conv.1", i), 64 << i);
	}
	x = level[4];
	for (unsigned int i = 1; i < 5; i++) {
		pair[0] = level[4 - i];
		pair[1] = conv_transpose(z, x, zoo_printf(z, "up%u.up", i), 1024 >> i, 2, 2, 0, 0);
		x = double_conv(z, concat(z, 1, 2, pair), zoo_printf(z, "up%u.conv", i), 1024 >> i);
	}
	output(z, conv(z, x, "outc.conv", (struct conv){ .out = 2, .bias = true }), "logits");
}
