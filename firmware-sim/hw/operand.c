/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing rows of operands, and walking strided ones.
 */
#include <string.h>

#include "execute.h"
#include "half.h"

#define CHUNK 256

uint32_t dtype_bytes(uint32_t dtype)
{
	switch (dtype) {
	case LOOM_I8:
	case LOOM_U8:	return 1;
	case LOOM_F16:	return 2;
	case LOOM_I64:	return 8;
	default:	return 4;
	}
}

const uint8_t *operand_base(const struct sram *sram, const struct loom_operand *operand)
{
	return (operand->space == LOOM_SPACE_LEASE ? sram->lease : sram->weights) + operand->off;
}

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void load_strided_halves(float *dst, const uint16_t *src, int64_t stride, size_t n)
{
	uint16_t chunk[CHUNK];

	for (size_t done = 0; done < n; done += CHUNK) {
		size_t part = min(CHUNK, n - done);

		for (size_t i = 0; i < part; i++)
			chunk[i] = src[(int64_t)(done + i) * stride];
		half_to_float(dst + done, chunk, part);
	}
}

static void load_halves(float *dst, const uint16_t *src, int64_t stride, size_t n)
{
	if (stride == 1) {
		half_to_float(dst, src, n);
	} else if (stride == 0) {
		float value = half_to_float_c(*src);

		for (size_t i = 0; i < n; i++)
			dst[i] = value;
	} else {
		load_strided_halves(dst, src, stride, n);
	}
}

void load_floats(float *dst, uint32_t dtype, const uint8_t *src, int64_t stride, size_t n)
{
	const float *from = (const void *)src;

	if (dtype == LOOM_F16) {
		load_halves(dst, (const void *)src, stride, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		dst[i] = from[(int64_t)i * stride];
}

static void store_strided_halves(uint16_t *dst, int64_t stride, const float *src, size_t n)
{
	uint16_t chunk[CHUNK];

	for (size_t done = 0; done < n; done += CHUNK) {
		size_t part = min(CHUNK, n - done);

		float_to_half(chunk, src + done, part);
		for (size_t i = 0; i < part; i++)
			dst[(int64_t)(done + i) * stride] = chunk[i];
	}
}

void store_floats(uint8_t *dst, uint32_t dtype, int64_t stride, const float *src, size_t n)
{
	float *to = (void *)dst;

	if (dtype == LOOM_F16 && stride == 1) {
		float_to_half((void *)dst, src, n);
	} else if (dtype == LOOM_F16) {
		store_strided_halves((void *)dst, stride, src, n);
	} else {
		for (size_t i = 0; i < n; i++)
			to[(int64_t)i * stride] = src[i];
	}
}

/* ---- walks ---- */

/* Is dim `outer` of every operand just more of dim `inner`? */
static bool joined(const struct walk *walk, int outer, int inner)
{
	for (int o = 0; o < walk->num_operands; o++)
		if (walk->stride[o][outer] != walk->stride[o][inner] * walk->dims[inner])
			return false;
	return true;
}

static void join_last(struct walk *walk)
{
	int last = --walk->num_dims;

	walk->dims[last - 1] *= walk->dims[last];
	for (int o = 0; o < walk->num_operands; o++)
		walk->stride[o][last - 1] = walk->stride[o][last];
}

/* Append a dim; one that continues the last is merged with it. */
static void add_dim(struct walk *walk, uint32_t size, const struct loom_operand *const *operands,
		    int dim)
{
	int last = walk->num_dims++;

	walk->dims[last] = size;
	for (int o = 0; o < walk->num_operands; o++)
		walk->stride[o][last] = operands[o]->stride[dim];
	if (last && joined(walk, last - 1, last))
		join_last(walk);
}

void walk_begin(struct walk *walk, const __u32 *dims, const struct loom_operand *const *operands,
		int num_operands)
{
	memset(walk, 0, sizeof(*walk));
	walk->num_operands = num_operands;
	for (int d = 0; d < LOOM_MAX_DIMS; d++)
		if (dims[d] != 1)
			add_dim(walk, dims[d], operands, d);
	if (!walk->num_dims)
		add_dim(walk, 1, operands, LOOM_MAX_DIMS - 1);
}

/* To the next row; false when there is none. */
bool walk_next(struct walk *walk)
{
	for (int d = walk->num_dims - 2; d >= 0; d--) {
		for (int o = 0; o < walk->num_operands; o++)
			walk->at[o] += walk->stride[o][d];
		if (++walk->index[d] < walk->dims[d])
			return true;
		for (int o = 0; o < walk->num_operands; o++)
			walk->at[o] -= walk->stride[o][d] * walk->dims[d];
		walk->index[d] = 0;
	}
	return false;
}
