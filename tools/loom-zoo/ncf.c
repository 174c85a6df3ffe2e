// SPDX-License-Identifier: MIT
/*
 * He et al. 2017, NeuMF with the sizes of MLPerf Training's reference for MovieLens-20M: 64 factors, layers
 * of 256, 256, 128 and 64.
 */
#include "zoo.h"

#define USERS 138493
#define ITEMS 26744
#define FACTORS 64

static struct val *rated(struct zoo *z, const char *kind, int64_t width, struct val *user, struct val *item,
			 bool multiply)
{
	struct val *both[] = {
		embedding(z, user, zoo_printf(z, "%s_user_embed", kind), USERS, width),
		embedding(z, item, zoo_printf(z, "%s_item_embed", kind), ITEMS, width),
	};

	return multiply ? binary(z, "Mul", both[0], both[1]) : concat(z, 1, 2, both);
}

void build_ncf(struct zoo *z)
{
	static const int64_t layers[] = { 256, 128, 64 };
	struct val *user = input_ids(z, "user", SHAPE(z->options.batch), 0, USERS);
	struct val *item = input_ids(z, "item", SHAPE(z->options.batch), 0, ITEMS);
	struct val *sides[2], *x;

	scope(z, "ncf");
	sides[0] = rated(z, "mf", FACTORS, user, item, true);
	sides[1] = rated(z, "mlp", layers[0] / 2, user, item, false);
	for (unsigned int i = 0; i < 3; i++)
		sides[1] = relu(z, gemm(z, sides[1], zoo_printf(z, "mlp.%u", i), layers[i]));
	x = gemm(z, concat(z, 1, 2, sides), "final", 1);
	output(z, unary(z, "Sigmoid", x), "rating");
}
