// SPDX-License-Identifier: MIT
/* Tensors: types, sizes, elements. */
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "hostops.h"

size_t hostop_dtype_size(enum hostop_dtype dtype)
{
	switch (dtype) {
	case HOSTOP_U8: case HOSTOP_I8: case HOSTOP_BOOL:
		return 1;
	case HOSTOP_U16: case HOSTOP_I16: case HOSTOP_F16:
		return 2;
	case HOSTOP_F32: case HOSTOP_I32: case HOSTOP_U32:
		return 4;
	case HOSTOP_I64: case HOSTOP_U64: case HOSTOP_F64:
		return 8;
	}
	return 0;
}

const char *hostop_dtype_name(enum hostop_dtype dtype)
{
	static const char *const names[] = {
		[HOSTOP_F32] = "float", [HOSTOP_U8] = "uint8", [HOSTOP_I8] = "int8",
		[HOSTOP_U16] = "uint16", [HOSTOP_I16] = "int16", [HOSTOP_I32] = "int32",
		[HOSTOP_I64] = "int64", [HOSTOP_BOOL] = "bool", [HOSTOP_F16] = "float16",
		[HOSTOP_F64] = "double", [HOSTOP_U32] = "uint32", [HOSTOP_U64] = "uint64",
	};

	if ((size_t)dtype >= sizeof(names) / sizeof(names[0]) || !names[dtype])
		return "unsupported type";
	return names[dtype];
}

bool hostop_is_float(enum hostop_dtype dtype)
{
	return dtype == HOSTOP_F32 || dtype == HOSTOP_F16 || dtype == HOSTOP_F64;
}

size_t hostop_bytes(const struct hostop_tensor *t)
{
	return t->count * hostop_dtype_size(t->dtype);
}

int hostop_shape(struct hostop_tensor *t, enum hostop_dtype dtype, unsigned int rank,
		 const int64_t *dims)
{
	uint64_t count = 1;

	*t = (struct hostop_tensor){ .dtype = dtype, .rank = rank };
	if (rank > HOSTOP_MAX_DIMS || !hostop_dtype_size(dtype))
		return -EINVAL;
	for (unsigned int i = 0; i < rank; i++) {
		if (dims[i] < 0 || (uint64_t)dims[i] > HOSTOP_MAX_COUNT)
			return -EINVAL;
		t->dims[i] = dims[i];
		if (count && (uint64_t)dims[i] > HOSTOP_MAX_COUNT / count)
			return -EINVAL;
		count *= (uint64_t)dims[i];
	}
	t->count = count;
	return 0;
}

int hostop_alloc(struct hostop_tensor *t)
{
	t->data = calloc(t->count ? t->count : 1, hostop_dtype_size(t->dtype));
	return t->data ? 0 : -ENOMEM;
}

void hostop_free(struct hostop_tensor *t)
{
	free(t->data);
	t->data = NULL;
}

uint16_t hostop_f32_to_f16(float value)
{
	_Float16 half = (_Float16)value;
	uint16_t bits;

	memcpy(&bits, &half, sizeof(bits));
	return bits;
}

float hostop_f16_to_f32(uint16_t bits)
{
	_Float16 half;

	memcpy(&half, &bits, sizeof(half));
	return (float)half;
}

int64_t hostop_get_int(const struct hostop_tensor *t, size_t i)
{
	switch (t->dtype) {
	case HOSTOP_BOOL: case HOSTOP_U8: return ((const uint8_t *)t->data)[i];
	case HOSTOP_I8: return ((const int8_t *)t->data)[i];
	case HOSTOP_U16: return ((const uint16_t *)t->data)[i];
	case HOSTOP_I16: return ((const int16_t *)t->data)[i];
	case HOSTOP_I32: return ((const int32_t *)t->data)[i];
	case HOSTOP_U32: return ((const uint32_t *)t->data)[i];
	case HOSTOP_I64: case HOSTOP_U64: return ((const int64_t *)t->data)[i];
	default: break;
	}
	double v = hostop_get(t, i);

	/* What C leaves undefined is made to saturate; not a number is 0. */
	if (v != v)
		return 0;
	if (v >= 0x1p63)
		return INT64_MAX;
	return v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

double hostop_get(const struct hostop_tensor *t, size_t i)
{
	switch (t->dtype) {
	case HOSTOP_F32: return ((const float *)t->data)[i];
	case HOSTOP_F64: return ((const double *)t->data)[i];
	case HOSTOP_F16: return hostop_f16_to_f32(((const uint16_t *)t->data)[i]);
	case HOSTOP_U64: return (double)((const uint64_t *)t->data)[i];
	default: return (double)hostop_get_int(t, i);
	}
}

void hostop_set_int(struct hostop_tensor *t, size_t i, int64_t value)
{
	switch (t->dtype) {
	case HOSTOP_BOOL: ((uint8_t *)t->data)[i] = value != 0; break;
	case HOSTOP_U8: case HOSTOP_I8: ((uint8_t *)t->data)[i] = (uint8_t)value; break;
	case HOSTOP_U16: case HOSTOP_I16: ((uint16_t *)t->data)[i] = (uint16_t)value; break;
	case HOSTOP_I32: case HOSTOP_U32: ((uint32_t *)t->data)[i] = (uint32_t)value; break;
	case HOSTOP_I64: case HOSTOP_U64: ((int64_t *)t->data)[i] = value; break;
	default: hostop_set(t, i, (double)value); break;
	}
}

void hostop_set(struct hostop_tensor *t, size_t i, double value)
{
	struct hostop_tensor one = { .dtype = HOSTOP_F64, .data = &value };

	switch (t->dtype) {
	case HOSTOP_F32: ((float *)t->data)[i] = (float)value; break;
	case HOSTOP_F64: ((double *)t->data)[i] = value; break;
	case HOSTOP_F16: ((uint16_t *)t->data)[i] = hostop_f32_to_f16((float)value); break;
	case HOSTOP_BOOL: ((uint8_t *)t->data)[i] = value != 0; break;
	default: hostop_set_int(t, i, hostop_get_int(&one, 0)); break;
	}
}
