// SPDX-License-Identifier: MIT
/* Radford et al. 2019, the smallest, as Hugging Face's GPT2LMHeadModel is exported, without a cache. */
#include <math.h>

#include "zoo.h"

#define VOCABULARY 50257
#define POSITIONS 1024
#define LAYERS 12
#define WIDTH 768
#define HEADS 12
#define HEAD (WIDTH / HEADS)
#define EPS 1e-5f

/* Conv1D of the original: a Gemm on all tokens as rows. */
static struct val *conv1d(struct zoo *z, struct val *x, const char *name, int64_t out)
{
	const int64_t b = x->shape.dims[0], t = x->shape.dims[1], in = x->shape.dims[2];
	struct val *w = weight(z, zoo_printf(z, "%s.weight", name), SHAPE(in, out), 0, 1.0 / (double)in);
	struct val *bias = weight(z, zoo_printf(z, "%s.bias", name), SHAPE(out), 0, 0.01);
	struct val *y = put(z, "Gemm", SHAPE(b * t, out), reshape(z, x, SHAPE(b * t, in)), w, bias, NULL);

	attr_float(z, "alpha", 1);
	attr_float(z, "beta", 1);
	y->square = x->square;
	return reshape(z, y, SHAPE(b, t, out));
}

/* 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
static struct val *gelu_tanh(struct zoo *z, struct val *x)
{
	struct val *y = binary(z, "Pow", x, constant_float(z, 3));

	y = add(z, x, binary(z, "Mul", y, constant_float(z, 0.044715f)));
	y = unary(z, "Tanh", binary(z, "Mul", y, constant_float(z, 0.79788456f)));
	y = binary(z, "Mul", binary(z, "Mul", x, constant_float(z, 0.5f)),
		   add(z, y, constant_float(z, 1)));
	y->square = x->square / 2;
	return y;
}

static struct val *head_rows(struct zoo *z, struct val *x)
{
	return permute(z, reshape(z, x, SHAPE(x->shape.dims[0], x->shape.dims[1], HEADS, HEAD)), 0, 2, 1, 3);
}

static struct val *attention(struct zoo *z, struct val *x, struct val *seen)
{
	const int64_t b = x->shape.dims[0], t = x->shape.dims[1];
	struct val *all = conv1d(z, x, "c_attn", 3 * WIDTH), *q, *k, *v, *score;

	q = put(z, "Split", SHAPE(b, t, WIDTH), all, int_list(z, WIDTH, WIDTH, WIDTH), NULL);
	attr_int(z, "axis", 2);
	k = also(z, q);
	v = also(z, q);
	score = matmul(z, head_rows(z, q), permute(z, head_rows(z, k), 0, 1, 3, 2));
	score = binary(z, "Div", score, constant_float(z, sqrtf(HEAD)));
	score = put(z, "Where", score->shape, seen, score, constant_float(z, -10000), NULL);
	score = softmax(z, typed(z, score, ELEM_F32));
	x = permute(z, matmul(z, score, head_rows(z, v)), 0, 2, 1, 3);
	x->square = v->square;
	return conv1d(z, reshape(z, x, SHAPE(b, t, WIDTH)), "c_proj", WIDTH);
}

static struct val *block(struct zoo *z, struct val *x, struct val *seen, unsigned int i)
{
	struct val *y;

	scope(z, "h.%u", i);
	y = layer_norm(z, x, "ln_1", EPS);
	scope(z, "h.%u.attn", i);
	x = add(z, attention(z, y, seen), x);
	scope(z, "h.%u", i);
	y = layer_norm(z, x, "ln_2", EPS);
	scope(z, "h.%u.mlp", i);
	y = gelu_tanh(z, conv1d(z, y, "c_fc", 4 * WIDTH));
	return add(z, x, conv1d(z, y, "c_proj", WIDTH));
}

/* A token sees those before it: a triangle of the size that the tokens have. */
static struct val *seen_tokens(struct zoo *z, int64_t tokens)
{
	struct shape shape = SHAPE(1, 1, tokens, tokens);
	int64_t *triangle = obstack_alloc(&z->mem, (size_t)elements(shape) * sizeof(*triangle));
	struct val *y;

	for (int64_t i = 0; i < tokens; i++)
		for (int64_t k = 0; k < tokens; k++)
			triangle[i * tokens + k] = k <= i;
	y = put(z, "Cast", shape, constant_ints(z, shape, triangle), NULL);
	attr_int(z, "to", ELEM_BOOL);
	return typed(z, y, ELEM_BOOL);
}

void build_gpt2(struct zoo *z)
{
	int64_t tokens = z->options.tokens, *place = obstack_alloc(&z->mem, (size_t)tokens * sizeof(*place));
	struct val *ids = input_ids(z, "input_ids", SHAPE(z->options.batch, tokens), 0, VOCABULARY);
	struct val *table, *x, *seen;

	for (int64_t i = 0; i < tokens; i++)
		place[i] = i;
	scope(z, "transformer");
	table = weight(z, "wte.weight", SHAPE(VOCABULARY, WIDTH), 0, 1);
	table->square = 1;
	x = put(z, "Gather", SHAPE(z->options.batch, tokens, WIDTH), table, ids, NULL);
	attr_int(z, "axis", 0);
	x = add(z, x, embedding(z, constant_ints(z, SHAPE(1, tokens), place), "wpe", POSITIONS, WIDTH));
	seen = seen_tokens(z, tokens);
	for (unsigned int i = 0; i < LAYERS; i++)
		x = block(z, x, seen, i);
	scope(z, "transformer");
	x = layer_norm(z, x, "ln_f", EPS);
	/* The output layer is the table of embeddings again. */
	output(z, matmul(z, x, permute(z, table, 1, 0)), "logits");
}
