/* SPDX-License-Identifier: MIT */
/*
 * hostops.h - ONNX operators on the host CPU: plain reference implementations on tensors in memory.
 *
 * loomc folds constants and infers shapes with them, its tests use them as the oracle, and loomd
 * runs with them what the device has no unit for. An operator knows two things: what its outputs
 * look like (infer) and what they hold (eval). Nothing here is fast; everything is checked: sizes
 * come from files that nobody vouches for.
 */
#ifndef LOOM_HOSTOPS_H
#define LOOM_HOSTOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTOP_MAX_DIMS 8
/* Elements of one tensor: far above any network, far below overflow. */
#define HOSTOP_MAX_COUNT (1ull << 32)

/* ONNX's TensorProto.DataType. */
enum hostop_dtype {
	HOSTOP_F32 = 1,
	HOSTOP_U8 = 2,
	HOSTOP_I8 = 3,
	HOSTOP_U16 = 4,
	HOSTOP_I16 = 5,
	HOSTOP_I32 = 6,
	HOSTOP_I64 = 7,
	HOSTOP_BOOL = 9,
	HOSTOP_F16 = 10,
	HOSTOP_F64 = 11,
	HOSTOP_U32 = 12,
	HOSTOP_U64 = 13,
};

struct hostop_tensor {
	enum hostop_dtype dtype;
	unsigned int rank;
	int64_t dims[HOSTOP_MAX_DIMS];
	size_t count;		/* product of dims */
	void *data;		/* row-major; NULL: only the shape is known */
};

/* Bytes of an element; 0 for a type that is not supported. */
size_t hostop_dtype_size(enum hostop_dtype dtype);
const char *hostop_dtype_name(enum hostop_dtype dtype);
bool hostop_is_float(enum hostop_dtype dtype);
size_t hostop_bytes(const struct hostop_tensor *t);
/* Set type and shape, data NULL. -EINVAL: a negative dim, too many dims or elements. */
int hostop_shape(struct hostop_tensor *t, enum hostop_dtype dtype, unsigned int rank,
		 const int64_t *dims);
/* Zeroed data for the shape it has; an empty tensor gets data too, so that NULL means unknown. */
int hostop_alloc(struct hostop_tensor *t);
void hostop_free(struct hostop_tensor *t);

/* One element, converted. Integers saturate where the type ends only in hostop_cast rules of C. */
double hostop_get(const struct hostop_tensor *t, size_t i);
int64_t hostop_get_int(const struct hostop_tensor *t, size_t i);
void hostop_set(struct hostop_tensor *t, size_t i, double value);
void hostop_set_int(struct hostop_tensor *t, size_t i, int64_t value);

uint16_t hostop_f32_to_f16(float value);	/* to nearest even */
float hostop_f16_to_f32(uint16_t bits);

enum hostop_attr_type {
	HOSTOP_ATTR_NONE,	/* present, of a type no operator here reads */
	HOSTOP_ATTR_INT,
	HOSTOP_ATTR_FLOAT,
	HOSTOP_ATTR_STRING,
	HOSTOP_ATTR_TENSOR,
	HOSTOP_ATTR_INTS,
	HOSTOP_ATTR_FLOATS,
};

struct hostop_attr {
	const char *name;
	enum hostop_attr_type type;
	int64_t i;
	float f;
	const char *s;
	const struct hostop_tensor *t;
	const int64_t *ints;
	const float *floats;
	size_t num;		/* of ints or floats */
};

struct hostop_call {
	const char *op;		/* ONNX's name */
	int opset;
	const struct hostop_attr *attrs;
	unsigned int num_attrs;
	const struct hostop_tensor *const *in;	/* NULL: an optional input left out */
	unsigned int num_in;
	struct hostop_tensor *out;	/* filled in; the caller frees them, also after an error */
	unsigned int num_out;
	char error[192];	/* in words, when not 0 is returned */
};

/*
 * Type and shape of the outputs. Returns 0, -EOPNOTSUPP (no such operator here), -EINVAL, or
 * -ENODATA when they depend on the value of an input of which only the shape is known.
 */
int hostop_infer(struct hostop_call *call);
/* The same and their values. Every input needs data, unless hostop_needs_data() says not. */
int hostop_eval(struct hostop_call *call);
/* Does the value depend on the inputs' values, and not their shapes alone (Shape, Size)? */
bool hostop_needs_data(const char *op);
bool hostop_known(const char *op);

#endif /* LOOM_HOSTOPS_H */
