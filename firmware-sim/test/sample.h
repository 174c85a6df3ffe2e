/* SPDX-License-Identifier: MIT */
#ifndef LOOM_TEST_SAMPLE_H
#define LOOM_TEST_SAMPLE_H

#include "rig.h"

/* A valid buffer with one command of every kind, to be spoilt; and the commands' numbers. */
struct buffer {
	struct stream s;
	struct loom_cmdbuf *header;
	struct loom_cmd_move *load, *store;
	struct loom_cmd_fetch *fetch;
	struct loom_cmd_gather *gather;
	struct loom_cmd *nop;
	struct loom_cmd_conv *conv, *dwconv;
	struct loom_cmd_matmul *matmul;
	struct loom_cmd_copy *copy;
	struct loom_cmd_binary *binary;
	struct loom_cmd_unary *unary;
	struct loom_cmd_reduce *reduce;
	struct loom_cmd_softmax *softmax;
	struct loom_cmd_layernorm *layernorm;
	struct loom_cmd_pool *pool;
	struct loom_cmd_qconv *qconv, *qdwconv;
	struct loom_cmd_qmatmul *qmatmul;
	struct loom_cmd_quant *quant;
	struct loom_cmd_qbinary *qbinary;
	struct loom_cmd_qpool *qpool;
};

enum {
	LOAD, FETCH, GATHER, NOP, CONV, DWCONV, MATMUL, COPY, BINARY, UNARY, REDUCE, SOFTMAX,
	LAYERNORM, POOL, QCONV, QDWCONV, QMATMUL, QUANT, QBINARY, QPOOL, STORE,
};

#define WEIGHTS 8192u	/* bytes it fetches */
void sample(struct buffer *b, const struct rig *rig);

/* test/fuzz.c; the name is libFuzzer's */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* LOOM_TEST_SAMPLE_H */
