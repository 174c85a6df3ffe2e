// SPDX-License-Identifier: MIT
/* Devlin et al. 2018, as Hugging Face's BertModel is exported: with its pooler. */
#include <math.h>

#include "zoo.h"

struct bert {
	unsigned int layers;
	int64_t width, heads;
};

#define VOCABULARY 30522
#define POSITIONS 512
#define EPS 1e-12f

static struct val *split_heads(struct zoo *z, struct val *x, int64_t heads, const int64_t *perm)
{
	const int64_t *d = x->shape.dims;

	return transpose(z, view(z, x, 2, SHAPE(d[0], d[1], heads, d[2] / heads)), perm);
}

static struct val *merge_heads(struct zoo *z, struct val *x)
{
	const int64_t *d;

	x = permute(z, x, 0, 2, 1, 3);
	d = x->shape.dims;
	return view(z, x, 2, SHAPE(d[0], d[1], d[2] * d[3]));
}

static struct val *attention(struct zoo *z, struct val *x, struct val *mask, const struct bert *net)
{
	static const int64_t rows[] = { 0, 2, 1, 3 }, columns[] = { 0, 2, 3, 1 };
	struct val *q = linear(z, x, "self.query", net->width, true);
	struct val *k = linear(z, x, "self.key", net->width, true);
	struct val *v = linear(z, x, "self.value", net->width, true), *score;

	v = split_heads(z, v, net->heads, rows);
	q = split_heads(z, q, net->heads, rows);
	k = split_heads(z, k, net->heads, columns);
	score = binary(z, "Div", matmul(z, q, k),
		       constant_float(z, sqrtf((float)(net->width / net->heads))));
	score = softmax(z, binary(z, "Add", score, mask));
	x = merge_heads(z, matmul(z, score, v));
	x->square = v->square;
	return linear(z, x, "output.dense", net->width, true);
}

static struct val *encoder_layer(struct zoo *z, struct val *x, struct val *mask, const struct bert *net,
				 unsigned int i)
{
	struct val *y;

	scope(z, "encoder.layer.%u.attention", i);
	x = layer_norm(z, add(z, attention(z, x, mask, net), x), "output.LayerNorm", EPS);
	scope(z, "encoder.layer.%u", i);
	y = gelu(z, linear(z, x, "intermediate.dense", 4 * net->width, true));
	y = linear(z, y, "output.dense", net->width, true);
	return layer_norm(z, add(z, y, x), "output.LayerNorm", EPS);
}

/* The first tokens' positions out of all there are, by the shape of the input. */
static struct val *positions(struct zoo *z, struct val *ids)
{
	int64_t all[POSITIONS], tokens = ids->shape.dims[1];
	struct val *shape, *length;

	for (int64_t i = 0; i < POSITIONS; i++)
		all[i] = i;
	shape = put(z, "Shape", SHAPE(2), ids, NULL);
	length = put(z, "Gather", SHAPE(1), shape, int_list(z, 1), NULL);
	attr_int(z, "axis", 0);
	return put(z, "Slice", SHAPE(1, tokens), constant_ints(z, SHAPE(1, POSITIONS), all),
		   int_list(z, 0), length, int_list(z, 1), NULL);
}

static struct val *embeddings(struct zoo *z, struct val *ids, struct val *kinds, int64_t width)
{
	struct val *x;

	scope(z, "embeddings");
	x = add(z, embedding(z, ids, "word_embeddings", VOCABULARY, width),
		embedding(z, kinds, "token_type_embeddings", 2, width));
	x = add(z, x, embedding(z, positions(z, ids), "position_embeddings", POSITIONS, width));
	return layer_norm(z, x, "LayerNorm", EPS);
}

/* 0 where a token is to be seen and -10000 where not. */
static struct val *extended_mask(struct zoo *z, struct val *mask)
{
	const int64_t *d = mask->shape.dims;
	struct val *y = put(z, "Unsqueeze", SHAPE(d[0], 1, d[1]), mask, int_list(z, 1), NULL);

	y = put(z, "Unsqueeze", SHAPE(d[0], 1, 1, d[1]), y, int_list(z, 2), NULL);
	y = typed(z, put(z, "Cast", y->shape, y, NULL), ELEM_F32);
	attr_int(z, "to", ELEM_F32);
	y = binary(z, "Sub", constant_float(z, 1), y);
	y = binary(z, "Mul", y, constant_float(z, -10000));
	y->square = 0;
	return y;
}

static struct val *pooler(struct zoo *z, struct val *x, int64_t width)
{
	struct val *index = constant_int(z, 0), *first;

	scope(z, "pooler");
	first = put(z, "Gather", SHAPE(x->shape.dims[0], width), x, index, NULL);
	attr_int(z, "axis", 1);
	return unary(z, "Tanh", gemm(z, first, "dense", width));
}

static void build(struct zoo *z, const struct bert *net)
{
	struct shape shape = SHAPE(z->options.batch, z->options.tokens);
	struct val *ids = input_ids(z, "input_ids", shape, 0, VOCABULARY), *pooled;
	struct val *mask = input_ids(z, "attention_mask", shape, 1, 2);
	struct val *kinds = input_ids(z, "token_type_ids", shape, 0, 2), *x;

	scope(z, "mask");
	mask = extended_mask(z, mask);
	x = embeddings(z, ids, kinds, net->width);
	for (unsigned int i = 0; i < net->layers; i++)
		x = encoder_layer(z, x, mask, net, i);
	pooled = pooler(z, x, net->width);
	output(z, x, "last_hidden_state");
	output(z, pooled, "pooler_output");
}

void build_bert_base(struct zoo *z)
{
	build(z, &(struct bert){ .layers = 12, .width = 768, .heads = 12 });
}

void build_bert_large(struct zoo *z)
{
	build(z, &(struct bert){ .layers = 24, .width = 1024, .heads = 16 });
}
