// SPDX-License-Identifier: MIT
/* Szegedy et al. 2014 and 2015, as torchvision has them, without the auxiliary classifiers of training. */
#include "zoo.h"

static struct val *basic(struct zoo *z, struct val *x, const char *name, struct conv c)
{
	x = conv(z, x, zoo_printf(z, "%s.conv", name), c);
	return relu(z, batch_norm(z, x, zoo_printf(z, "%s.bn", name), 1e-3f));
}

static struct val *square(struct zoo *z, struct val *x, const char *name, int64_t out, int64_t k,
			  int64_t stride, int64_t pad)
{
	return basic(z, x, name, (struct conv){ .out = out, .kh = k, .kw = k, .stride = stride,
						.ph = pad, .pw = pad });
}

static struct val *point(struct zoo *z, struct val *x, const char *name, int64_t out)
{
	return square(z, x, name, out, 1, 1, 0);
}

/* n in one direction, padded to keep the size. */
static struct val *row(struct zoo *z, struct val *x, const char *name, int64_t out, int64_t n)
{
	return basic(z, x, name, (struct conv){ .out = out, .kh = 1, .kw = n, .pw = n / 2 });
}

static struct val *column(struct zoo *z, struct val *x, const char *name, int64_t out, int64_t n)
{
	return basic(z, x, name, (struct conv){ .out = out, .kh = n, .kw = 1, .ph = n / 2 });
}

static struct val *averaged(struct zoo *z, struct val *x, int64_t out)
{
	return point(z, pool(z, "AveragePool", x, 3, 1, 1, false), "branch_pool", out);
}

/* ---- InceptionV3: its blocks A to E ---- */

static struct val *block_a(struct zoo *z, const char *name, struct val *x, int64_t features)
{
	struct val *b[4];

	scope(z, "%s", name);
	b[0] = point(z, x, "branch1x1", 64);
	b[1] = square(z, point(z, x, "branch5x5_1", 48), "branch5x5_2", 64, 5, 1, 2);
	b[2] = square(z, point(z, x, "branch3x3dbl_1", 64), "branch3x3dbl_2", 96, 3, 1, 1);
	b[2] = square(z, b[2], "branch3x3dbl_3", 96, 3, 1, 1);
	b[3] = averaged(z, x, features);
	return concat(z, 1, 4, b);
}

static struct val *block_b(struct zoo *z, const char *name, struct val *x)
{
	struct val *b[3];

	scope(z, "%s", name);
	b[0] = square(z, x, "branch3x3", 384, 3, 2, 0);
	b[1] = square(z, point(z, x, "branch3x3dbl_1", 64), "branch3x3dbl_2", 96, 3, 1, 1);
	b[1] = square(z, b[1], "branch3x3dbl_3", 96, 3, 2, 0);
	b[2] = pool(z, "MaxPool", x, 3, 2, 0, false);
	return concat(z, 1, 3, b);
}

static struct val *block_c(struct zoo *z, const char *name, struct val *x, int64_t c7)
{
	struct val *b[4];

	scope(z, "%s", name);
	b[0] = point(z, x, "branch1x1", 192);
	b[1] = row(z, point(z, x, "branch7x7_1", c7), "branch7x7_2", c7, 7);
	b[1] = column(z, b[1], "branch7x7_3", 192, 7);
	b[2] = column(z, point(z, x, "branch7x7dbl_1", c7), "branch7x7dbl_2", c7, 7);
	b[2] = row(z, b[2], "branch7x7dbl_3", c7, 7);
	b[2] = column(z, b[2], "branch7x7dbl_4", c7, 7);
	b[2] = row(z, b[2], "branch7x7dbl_5", 192, 7);
	b[3] = averaged(z, x, 192);
	return concat(z, 1, 4, b);
}

static struct val *block_d(struct zoo *z, const char *name, struct val *x)
{
	struct val *b[3];

	scope(z, "%s", name);
	b[0] = square(z, point(z, x, "branch3x3_1", 192), "branch3x3_2", 320, 3, 2, 0);
	b[1] = row(z, point(z, x, "branch7x7x3_1", 192), "branch7x7x3_2", 192, 7);
	b[1] = column(z, b[1], "branch7x7x3_3", 192, 7);
	b[1] = square(z, b[1], "branch7x7x3_4", 192, 3, 2, 0);
	b[2] = pool(z, "MaxPool", x, 3, 2, 0, false);
	return concat(z, 1, 3, b);
}

/* A row and a column of 3, side by side. */
static struct val *cross(struct zoo *z, struct val *x, const char *name)
{
	struct val *arms[] = {
		row(z, x, zoo_printf(z, "%sa", name), 384, 3),
		column(z, x, zoo_printf(z, "%sb", name), 384, 3),
	};

	return concat(z, 1, 2, arms);
}

static struct val *block_e(struct zoo *z, const char *name, struct val *x)
{
	struct val *b[4];

	scope(z, "%s", name);
	b[0] = point(z, x, "branch1x1", 320);
	b[1] = cross(z, point(z, x, "branch3x3_1", 384), "branch3x3_2");
	b[2] = square(z, point(z, x, "branch3x3dbl_1", 448), "branch3x3dbl_2", 384, 3, 1, 1);
	b[2] = cross(z, b[2], "branch3x3dbl_3");
	b[3] = averaged(z, x, 192);
	return concat(z, 1, 4, b);
}

void build_inception_v3(struct zoo *z)
{
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 299, 299));

	scope(z, "stem");
	x = square(z, x, "Conv2d_1a_3x3", 32, 3, 2, 0);
	x = square(z, x, "Conv2d_2a_3x3", 32, 3, 1, 0);
	x = square(z, x, "Conv2d_2b_3x3", 64, 3, 1, 1);
	x = point(z, pool(z, "MaxPool", x, 3, 2, 0, false), "Conv2d_3b_1x1", 80);
	x = square(z, x, "Conv2d_4a_3x3", 192, 3, 1, 0);
	x = pool(z, "MaxPool", x, 3, 2, 0, false);
	x = block_a(z, "Mixed_5b", x, 32);
	x = block_a(z, "Mixed_5c", x, 64);
	x = block_a(z, "Mixed_5d", x, 64);
	x = block_b(z, "Mixed_6a", x);
	x = block_c(z, "Mixed_6b", x, 128);
	x = block_c(z, "Mixed_6c", x, 160);
	x = block_c(z, "Mixed_6d", x, 160);
	x = block_c(z, "Mixed_6e", x, 192);
	x = block_d(z, "Mixed_7a", x);
	x = block_e(z, "Mixed_7b", x);
	x = block_e(z, "Mixed_7c", x);
	scope(z, "head");
	output(z, gemm(z, global_pool(z, x), "fc", 1000), "logits");
}

/* ---- GoogLeNet: nine times the same block ---- */

struct widths {
	const char *name;
	int64_t point, reduce3, out3, reduce5, out5, pooled;
};

static struct val *inception(struct zoo *z, struct val *x, const struct widths *w)
{
	struct val *b[4];

	scope(z, "%s", w->name);
	b[0] = point(z, x, "branch1", w->point);
	b[1] = square(z, point(z, x, "branch2.0", w->reduce3), "branch2.1", w->out3, 3, 1, 1);
	/* 3x3 where the paper has 5x5: torchvision's known difference, kept by its checkpoint. */
	b[2] = square(z, point(z, x, "branch3.0", w->reduce5), "branch3.1", w->out5, 3, 1, 1);
	b[3] = point(z, pool(z, "MaxPool", x, 3, 1, 1, true), "branch4.1", w->pooled);
	return concat(z, 1, 4, b);
}

void build_googlenet(struct zoo *z)
{
	static const struct widths blocks[] = {
		{ "inception3a", 64, 96, 128, 16, 32, 32 }, { "inception3b", 128, 128, 192, 32, 96, 64 },
		{ "inception4a", 192, 96, 208, 16, 48, 64 }, { "inception4b", 160, 112, 224, 24, 64, 64 },
		{ "inception4c", 128, 128, 256, 24, 64, 64 }, { "inception4d", 112, 144, 288, 32, 64, 64 },
		{ "inception4e", 256, 160, 320, 32, 128, 128 }, { "inception5a", 256, 160, 320, 32, 128, 128 },
		{ "inception5b", 384, 192, 384, 48, 128, 128 },
	};
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 224, 224));

	scope(z, "stem");
	x = pool(z, "MaxPool", square(z, x, "conv1", 64, 7, 2, 3), 3, 2, 0, true);
	x = square(z, point(z, x, "conv2", 64), "conv3", 192, 3, 1, 1);
	x = pool(z, "MaxPool", x, 3, 2, 0, true);
	for (unsigned int i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		x = inception(z, x, &blocks[i]);
		if (i == 1)
			x = pool(z, "MaxPool", x, 3, 2, 0, true);
		if (i == 6)
			x = pool(z, "MaxPool", x, 2, 2, 0, true);
	}
	scope(z, "head");
	output(z, gemm(z, global_pool(z, x), "fc", 1000), "logits");
}
