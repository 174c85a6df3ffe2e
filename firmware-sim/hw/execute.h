/* SPDX-License-Identifier: MIT */
/*
 * execute.h - what compute commands do to the SRAM. The commands are valid (fw/validate.c), so
 * nothing here checks a range; `lease` is the context's activation SRAM, `weights` the slice's
 * fetched stream.
 */
#ifndef LOOM_HW_EXECUTE_H
#define LOOM_HW_EXECUTE_H

#include "device.h"

struct sram {
	const struct loom_hw_caps *caps;
	struct workers *workers;
	struct scratch *scratch;	/* of whoever executes the command: worker 0 */
	uint8_t *lease;
	const uint8_t *weights;
};

/* hw/conv.c */
void execute_conv(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/matmul.c */
void execute_matmul(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/depthwise.c */
void execute_dwconv(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/copy.c */
void execute_copy(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/elementwise.c */
void execute_binary(const struct sram *sram, const struct loom_cmd *hdr);
void execute_unary(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/reduce.c */
void execute_reduce(const struct sram *sram, const struct loom_cmd *hdr);
void execute_softmax(const struct sram *sram, const struct loom_cmd *hdr);
void execute_layernorm(const struct sram *sram, const struct loom_cmd *hdr);
/* hw/pool.c */
void execute_pool(const struct sram *sram, const struct loom_cmd *hdr);

/* hw/qconv.c, qdepthwise.c, qmatmul.c, qvector.c, qpool.c: the 8-bit ones */
void execute_qconv(const struct sram *sram, const struct loom_cmd *hdr);
void execute_qdwconv(const struct sram *sram, const struct loom_cmd *hdr);
void execute_qmatmul(const struct sram *sram, const struct loom_cmd *hdr);
void execute_quant(const struct sram *sram, const struct loom_cmd *hdr);
void execute_qbinary(const struct sram *sram, const struct loom_cmd *hdr);
void execute_qpool(const struct sram *sram, const struct loom_cmd *hdr);

/* hw/activation.c: x[i] = fn(x[i]) */
void activate(const struct loom_act *act, float *x, size_t n);

/* hw/elementwise.c: a[i] = a[i] fn b[i] */
void binary_rows(uint32_t fn, float *a, const float *b, size_t n);

/* hw/operand.c */
uint32_t dtype_bytes(uint32_t dtype);
/* n elements, `stride` apart, as fp32; and back. Floats only. */
void load_floats(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride, size_t n);
void store_floats(uint8_t *dst, uint32_t dtype, int64_t stride, const float *src, size_t n);
const uint8_t *operand_base(const struct sram *sram, const struct loom_operand *operand);

/*
 * Strided operands as nested loops: dims of size 1 are gone, dims that every operand walks without
 * a step in between are one. The last dim is the row that the caller's inner loop does.
 */
#define MAX_OPERANDS 3

struct walk {
	int num_operands;
	int num_dims;		/* >= 1 */
	uint32_t dims[LOOM_MAX_DIMS];
	int64_t stride[MAX_OPERANDS][LOOM_MAX_DIMS];	/* elements */
	/* the row under way */
	uint32_t index[LOOM_MAX_DIMS];
	int64_t at[MAX_OPERANDS];	/* elements from the operand's base */
};

void walk_begin(struct walk *walk, const __u32 *dims, const struct loom_operand *const *operands,
		int num_operands);
bool walk_next(struct walk *walk);
static inline uint32_t walk_row(const struct walk *walk)
{
	return walk->dims[walk->num_dims - 1];
}

static inline int64_t walk_stride(const struct walk *walk, int operand)
{
	return walk->stride[operand][walk->num_dims - 1];
}

#endif /* LOOM_HW_EXECUTE_H */
