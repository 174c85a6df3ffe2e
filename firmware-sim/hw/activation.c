/* SPDX-License-Identifier: MIT */
/*
 * Functions of one value, in fp32.
 */
#include <math.h>

#include "execute.h"

/* Comparisons, not fminf() and fmaxf(), which are calls; a NaN stays one. */
static inline float clip(float x, float low, float high)
{
	float above = x < low ? low : x;

	return above > high ? high : above;
}

static float sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

static float gelu(float x)
{
	return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

/* A function of a row, from the expression for one value v. */
#define FUNCTION(name, expression)							\
static void name(const struct loom_act *act, float *x, size_t n)			\
{											\
	const float alpha = act->alpha, beta = act->beta;				\
											\
	(void)alpha;									\
	(void)beta;									\
	for (size_t i = 0; i < n; i++) {						\
		const float v = x[i];							\
											\
		x[i] = (expression);							\
	}										\
}

FUNCTION(each_relu, v < 0.0f ? 0.0f : v)
FUNCTION(each_clip, clip(v, alpha, beta))
FUNCTION(each_leaky, v < 0.0f ? alpha * v : v)
FUNCTION(each_hsigmoid, clip(alpha * v + beta, 0.0f, 1.0f))
FUNCTION(each_hswish, v * clip(v / 6.0f + 0.5f, 0.0f, 1.0f))
FUNCTION(each_sigmoid, sigmoid(v))
FUNCTION(each_tanh, tanhf(v))
FUNCTION(each_erf, erff(v))
FUNCTION(each_gelu, gelu(v))
FUNCTION(each_silu, v * sigmoid(v))
FUNCTION(each_exp, expf(v))
FUNCTION(each_log, logf(v))
FUNCTION(each_sqrt, sqrtf(v))
FUNCTION(each_recip, 1.0f / v)
FUNCTION(each_neg, -v)
FUNCTION(each_abs, fabsf(v))
FUNCTION(each_affine, alpha * v + beta)
FUNCTION(each_pow, powf(v, alpha))
FUNCTION(each_floor, floorf(v))
FUNCTION(each_ceil, ceilf(v))
FUNCTION(each_sin, sinf(v))
FUNCTION(each_cos, cosf(v))

static void (*const functions[LOOM_UN_COUNT])(const struct loom_act *act, float *x, size_t n) = {
	[LOOM_UN_RELU] = each_relu,
	[LOOM_UN_CLIP] = each_clip,
	[LOOM_UN_LEAKY] = each_leaky,
	[LOOM_UN_HSIGMOID] = each_hsigmoid,
	[LOOM_UN_HSWISH] = each_hswish,
	[LOOM_UN_SIGMOID] = each_sigmoid,
	[LOOM_UN_TANH] = each_tanh,
	[LOOM_UN_ERF] = each_erf,
	[LOOM_UN_GELU] = each_gelu,
	[LOOM_UN_SILU] = each_silu,
	[LOOM_UN_EXP] = each_exp,
	[LOOM_UN_LOG] = each_log,
	[LOOM_UN_SQRT] = each_sqrt,
	[LOOM_UN_RECIP] = each_recip,
	[LOOM_UN_NEG] = each_neg,
	[LOOM_UN_ABS] = each_abs,
	[LOOM_UN_AFFINE] = each_affine,
	[LOOM_UN_POW] = each_pow,
	[LOOM_UN_FLOOR] = each_floor,
	[LOOM_UN_CEIL] = each_ceil,
	[LOOM_UN_SIN] = each_sin,
	[LOOM_UN_COS] = each_cos,
};

void activate(const struct loom_act *act, float *x, size_t n)
{
	if (act->fn != LOOM_UN_NONE)
		functions[act->fn](act, x, n);
}
