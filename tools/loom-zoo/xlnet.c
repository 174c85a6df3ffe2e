// SPDX-License-Identifier: MIT
/*
 * Yang et al. 2019, XLNet-Large as Hugging Face's XLNetModel computes it for input_ids alone: the content
 * stream, without memory, segments or mask. Sequence first, as there; its einsums are MatMuls.
 */
#include <math.h>

#include "zoo.h"

#define VOCABULARY 32000
#define LAYERS 24
#define WIDTH 1024
#define HEADS 16
#define HEAD (WIDTH / HEADS)
#define INNER 4096
#define EPS 1e-12f

/* Sines, then cosines, of the distances tokens .. 1 - tokens. */
static struct val *relative_positions(struct zoo *z, int64_t tokens)
{
	struct shape shape = SHAPE(2 * tokens, 1, WIDTH);
	float *table = obstack_alloc(&z->mem, (size_t)elements(shape) * sizeof(*table));

	for (int64_t i = 0; i < 2 * tokens; i++) {
		for (int64_t k = 0; k < WIDTH / 2; k++) {
			double angle = (double)(tokens - i) / pow(10000, 2.0 * (double)k / WIDTH);

			table[i * WIDTH + k] = (float)sin(angle);
			table[i * WIDTH + WIDTH / 2 + k] = (float)cos(angle);
		}
	}
	return constant_floats(z, shape, table);
}

static struct val *heads(struct zoo *z, struct val *x, const char *name)
{
	const int64_t *d = x->shape.dims;

	x = linear(z, x, name, WIDTH, false);
	return reshape(z, x, SHAPE(d[0], d[1], HEADS, HEAD));
}

static struct val *biased(struct zoo *z, struct val *q, const char *name)
{
	struct val *y = add(z, q, weight(z, name, SHAPE(HEADS, HEAD), 0, 0.01));

	y->square = q->square;
	return permute(z, y, 1, 2, 0, 3);
}

/* [batch, heads, i, 2 tokens] by position to [.., i, j] by distance. */
static struct val *shift(struct zoo *z, struct val *x)
{
	const int64_t b = x->shape.dims[0], i = x->shape.dims[2], j = x->shape.dims[3];

	x = cut(z, reshape(z, x, SHAPE(b, HEADS, j, i)), 2, 1, j);
	return cut(z, reshape(z, x, SHAPE(b, HEADS, i, j - 1)), 3, 0, i);
}

static struct val *attention(struct zoo *z, struct val *x, struct val *positions)
{
	struct val *q = heads(z, x, "q"), *k = heads(z, x, "k"), *v = heads(z, x, "v");
	struct val *r = heads(z, positions, "r"), *content, *position, *score;

	content = matmul(z, biased(z, q, "r_w_bias"), permute(z, k, 1, 2, 3, 0));
	position = matmul(z, biased(z, q, "r_r_bias"), permute(z, r, 1, 2, 3, 0));
	score = add(z, content, shift(z, position));
	score = softmax(z, binary(z, "Mul", score, constant_float(z, 1 / sqrtf(HEAD))));
	x = permute(z, matmul(z, score, permute(z, v, 1, 2, 0, 3)), 2, 0, 1, 3);
	x->square = v->square;
	x = reshape(z, x, SHAPE(x->shape.dims[0], x->shape.dims[1], WIDTH));
	return linear(z, x, "o", WIDTH, false);
}

static struct val *layer(struct zoo *z, struct val *x, struct val *positions, unsigned int i)
{
	struct val *y;

	scope(z, "layer.%u.rel_attn", i);
	x = layer_norm(z, add(z, attention(z, x, positions), x), "layer_norm", EPS);
	scope(z, "layer.%u.ff", i);
	y = gelu(z, linear(z, x, "layer_1", INNER, true));
	return layer_norm(z, add(z, linear(z, y, "layer_2", WIDTH, true), x), "layer_norm", EPS);
}

void build_xlnet(struct zoo *z)
{
	int64_t batch = z->options.batch, tokens = z->options.tokens;
	struct val *ids = input_ids(z, "input_ids", SHAPE(batch, tokens), 0, VOCABULARY), *x, *positions;

	scope(z, "embeddings");
	x = embedding(z, permute(z, ids, 1, 0), "word_embedding", VOCABULARY, WIDTH);
	positions = relative_positions(z, tokens);
	positions->square = 0.5;
	for (unsigned int i = 0; i < LAYERS; i++)
		x = layer(z, x, positions, i);
	scope(z, "head");
	output(z, permute(z, x, 1, 0, 2), "last_hidden_state");
}
