// SPDX-License-Identifier: MIT
/* He et al. 2015 and Xie et al. 2016, as torchvision has them: the stride is in the 3x3 convolution. */
#include "zoo.h"

struct resnet {
	unsigned int blocks[4];
	bool bottleneck;
	int64_t groups, group_width;
};

static struct val *norm_relu(struct zoo *z, struct val *x, const char *name)
{
	return relu(z, batch_norm(z, x, name, 1e-5f));
}

static struct val *shortcut(struct zoo *z, struct val *x, int64_t out, int64_t stride)
{
	if (x->shape.dims[1] == out && stride == 1)
		return x;
	x = conv(z, x, "downsample.0", (struct conv){ .out = out, .stride = stride });
	return batch_norm(z, x, "downsample.1", 1e-5f);
}

static struct val *basic_block(struct zoo *z, struct val *x, int64_t planes, int64_t stride)
{
	struct conv c = { .out = planes, .kh = 3, .kw = 3, .ph = 1, .pw = 1, .stride = stride };
	struct val *y;

	y = norm_relu(z, conv(z, x, "conv1", c), "bn1");
	c.stride = 1;
	y = batch_norm(z, conv(z, y, "conv2", c), "bn2", 1e-5f);
	return relu(z, add(z, y, shortcut(z, x, planes, stride)));
}

static struct val *bottleneck(struct zoo *z, struct val *x, const struct resnet *net, int64_t planes,
			      int64_t stride)
{
	int64_t width = planes * net->group_width / 64 * net->groups, out = 4 * planes;
	struct val *y;

	y = norm_relu(z, conv(z, x, "conv1", (struct conv){ .out = width }), "bn1");
	y = conv(z, y, "conv2", (struct conv){ .out = width, .kh = 3, .kw = 3, .ph = 1, .pw = 1,
					       .stride = stride, .group = net->groups });
	y = norm_relu(z, y, "bn2");
	y = batch_norm(z, conv(z, y, "conv3", (struct conv){ .out = out }), "bn3", 1e-5f);
	return relu(z, add(z, y, shortcut(z, x, out, stride)));
}

static struct val *stage(struct zoo *z, struct val *x, const struct resnet *net, unsigned int i)
{
	for (unsigned int b = 0; b < net->blocks[i]; b++) {
		int64_t stride = i && !b ? 2 : 1, planes = 64 << i;

		scope(z, "layer%u.%u", i + 1, b);
		x = net->bottleneck ? bottleneck(z, x, net, planes, stride) :
				      basic_block(z, x, planes, stride);
	}
	return x;
}

static void build(struct zoo *z, const struct resnet *net)
{
	struct val *x = input(z, "input", ELEM_F32, SHAPE(z->options.batch, 3, 224, 224));

	scope(z, "stem");
	x = conv(z, x, "conv1", (struct conv){ .out = 64, .kh = 7, .kw = 7, .ph = 3, .pw = 3, .stride = 2 });
	x = pool(z, "MaxPool", norm_relu(z, x, "bn1"), 3, 2, 1, false);
	for (unsigned int i = 0; i < 4; i++)
		x = stage(z, x, net, i);
	scope(z, "head");
	output(z, gemm(z, global_pool(z, x), "fc", 1000), "logits");
}

void build_resnet18(struct zoo *z)
{
	build(z, &(struct resnet){ .blocks = { 2, 2, 2, 2 } });
}

void build_resnet50(struct zoo *z)
{
	build(z, &(struct resnet){ .blocks = { 3, 4, 6, 3 }, .bottleneck = true, .groups = 1, .group_width = 64 });
}

void build_resnext50(struct zoo *z)
{
	build(z, &(struct resnet){ .blocks = { 3, 4, 6, 3 }, .bottleneck = true, .groups = 32, .group_width = 4 });
}
