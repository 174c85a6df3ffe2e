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

#define EACH(expression) do {			\
	for (size_t i = 0; i < n; i++) {	\
		float v = x[i];			\
						\
		x[i] = (expression);		\
	}					\
} while (0)

void activate(const struct loom_act *act, float *x, size_t n)
{
	const float alpha = act->alpha, beta = act->beta;

	switch (act->fn) {
	case LOOM_UN_NONE:	break;
	case LOOM_UN_RELU:	EACH(v < 0.0f ? 0.0f : v); break;
	case LOOM_UN_CLIP:	EACH(clip(v, alpha, beta)); break;
	case LOOM_UN_LEAKY:	EACH(v < 0.0f ? alpha * v : v); break;
	case LOOM_UN_HSIGMOID:	EACH(clip(alpha * v + beta, 0.0f, 1.0f)); break;
	case LOOM_UN_HSWISH:	EACH(v * clip(v / 6.0f + 0.5f, 0.0f, 1.0f)); break;
	case LOOM_UN_SIGMOID:	EACH(sigmoid(v)); break;
	case LOOM_UN_TANH:	EACH(tanhf(v)); break;
	case LOOM_UN_ERF:	EACH(erff(v)); break;
	case LOOM_UN_GELU:	EACH(gelu(v)); break;
	case LOOM_UN_SILU:	EACH(v * sigmoid(v)); break;
	case LOOM_UN_EXP:	EACH(expf(v)); break;
	case LOOM_UN_LOG:	EACH(logf(v)); break;
	case LOOM_UN_SQRT:	EACH(sqrtf(v)); break;
	case LOOM_UN_RECIP:	EACH(1.0f / v); break;
	case LOOM_UN_NEG:	EACH(-v); break;
	case LOOM_UN_ABS:	EACH(fabsf(v)); break;
	case LOOM_UN_AFFINE:	EACH(alpha * v + beta); break;
	case LOOM_UN_POW:	EACH(powf(v, alpha)); break;
	case LOOM_UN_FLOOR:	EACH(floorf(v)); break;
	case LOOM_UN_CEIL:	EACH(ceilf(v)); break;
	case LOOM_UN_SIN:	EACH(sinf(v)); break;
	case LOOM_UN_COS:	EACH(cosf(v)); break;
	}
}
