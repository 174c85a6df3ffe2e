// SPDX-License-Identifier: MIT
/*
 * He et al. 2017, NeuMF with the sizes of MLPerf Training's reference for MovieLens-20M: 64 factors, layers
 * of 256, 256, 128 and 64.
 */
#include "zoo.h"

#define USERS 138493
#define ITEMS 26744
#define FACTORS 64
#define MOST_ROWS 8192		/* of a table in one product: slices are cut between them */

/* A row of the table: looked up by number, or by a product with a one-hot vector, which reads it all. */
static struct val *row(struct zoo *z, struct val *which, const char *name, int64_t rows, int64_t width)
{
	struct val *sum = NULL, *part;

	if (which->type == ELEM_I64)
		return embedding(z, which, name, rows, width);
	for (int64_t at = 0; at < rows; at += MOST_ROWS) {
		int64_t n = rows - at < MOST_ROWS ? rows - at : MOST_ROWS;

		part = linear(z, cut(z, which, 1, at, at + n), zoo_printf(z, "%s.%d", name, (int)(at / MOST_ROWS)),
			      width, false);
		sum = sum ? add(z, sum, part) : part;
	}
	return sum;
}

static struct val *rated(struct zoo *z, const char *kind, int64_t width, struct val *user, struct val *item,
			 bool multiply)
{
	struct val *both[] = {
		row(z, user, zoo_printf(z, "%s_user_embed", kind), USERS, width),
		row(z, item, zoo_printf(z, "%s_item_embed", kind), ITEMS, width),
	};

	return multiply ? binary(z, "Mul", both[0], both[1]) : concat(z, 1, 2, both);
}

static void build(struct zoo *z, struct val *user, struct val *item)
{
	static const int64_t layers[] = { 256, 128, 64 };
	struct val *sides[2], *x;

	scope(z, "ncf");
	sides[0] = rated(z, "mf", FACTORS, user, item, true);
	sides[1] = rated(z, "mlp", layers[0] / 2, user, item, false);
	for (unsigned int i = 0; i < 3; i++)
		sides[1] = relu(z, gemm(z, sides[1], zoo_printf(z, "mlp.%u", i), layers[i]));
	x = gemm(z, concat(z, 1, 2, sides), "final", 1);
	output(z, unary(z, "Sigmoid", x), "rating");
}

void build_ncf(struct zoo *z)
{
	build(z, input_ids(z, "user", SHAPE(z->options.batch), 0, USERS),
	      input_ids(z, "item", SHAPE(z->options.batch), 0, ITEMS));
}

/* As the paper's formulae have it, and as the NPU papers seem to count it: users and items are one-hot. */
void build_ncf_dense(struct zoo *z)
{
	build(z, input(z, "user", ELEM_F32, SHAPE(z->options.batch, USERS)),
	      input(z, "item", ELEM_F32, SHAPE(z->options.batch, ITEMS)));
}
