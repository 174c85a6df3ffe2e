/* SPDX-License-Identifier: MIT */
/*
 * quantised.h - nodes on 8-bit numbers.
 *
 * They are float operators whose operands are dequantised on the way in and whose result may be
 * quantised on the way out, in one command:
 *
 *   QConv, QLinear   as Conv and Linear; in[1] are the weights, constant and of 8 bits
 *   QMatMul          as MatMul, of two 8-bit activations
 *   QBinary          fn of two values, either of 8 bits
 *   QAct             act of one value; without one a change of scale
 *   QPool            AveragePool or GlobalAveragePool (of: the ONNX node it was)
 *
 * What moves numbers only (Reshape, Concat, MaxPool, ...) works on 8-bit values as it is.
 */
#ifndef LOOMC_QUANTISED_H
#define LOOMC_QUANTISED_H

#include "passes.h"

/* What the numbers of an 8-bit value stand for; off: it is a float (or the bare sums). */
struct qparam {
	bool on;
	float scale;
	int32_t zero;
};

struct quantised {
	struct qparam in[2], res, out;
	enum loom_binary fn;		/* QBINARY */
	/* QConv, QLinear: of each output channel; NULL: none */
	const float *scale;		/* of the weights */
	const int32_t *zero, *bias;
	const float *add;		/* bias that is no multiple of the scales */
	struct value *dynamic;		/* scale and zero of in[0] are found at run time: the scale */
};

bool is_quantised(const struct node *node);
/* Does the node give floats that nothing was done to yet? */
bool gives_floats(const struct node *node);
bool is_8bit(const struct value *v);

/* Constant scale and zero point (NULL: 0) of one number each. */
bool read_qparam(const struct value *scale, const struct value *zero, struct qparam *q);
/* v is DequantizeLinear of one scale: the 8-bit value, and what it stands for; or NULL. */
struct value *dequantised_from(const struct value *v, struct qparam *q);

/* What was fused by hand: scales and bias of each output channel. */
float *channel_scales(struct compile *c, const struct value *scale, size_t channels);
int32_t *channel_zeros(struct compile *c, const struct value *zero, size_t channels);

/* Products, pools and elementwise operators between DequantizeLinear and QuantizeLinear. */
extern const rule_fn quantised_rules[];
/* ONNX's integer operators: ConvInteger, QLinearConv and their like. */
bool quantised_operator(struct graph *g, struct node *node);
/* All rules, until none changes anything; then constants that are left are dequantised. */
void absorb_quantisation(struct graph *g);
/* The graph as ONNX: result->qdq. */
void emit_qdq(struct graph *g);

#endif
