/* SPDX-License-Identifier: MIT */
#include "half.h"

#include <string.h>

#define F32_EXP_MASK	0x7f800000u
#define F32_INF		0x7f800000u
#define F32_QUIET	0x00400000u
#define F16_INF		0x7c00u
#define F16_QUIET	0x0200u

static float float_of(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t bits_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

float half_to_float_c(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16;
	uint32_t magnitude = half & 0x7fff;

	if (magnitude > F16_INF)	/* NaN: keeps its payload, becomes quiet */
		return float_of(sign | F32_INF | F32_QUIET | (magnitude & 0x3ff) << 13);
	if (magnitude == F16_INF)
		return float_of(sign | F32_INF);
	if (magnitude < 0x400)		/* subnormal: a multiple of 2^-24 */
		return float_of(sign | bits_of((float)magnitude / 16777216.0f));
	return float_of(sign | ((magnitude << 13) + ((127 - 15) << 23)));
}

/* Round the bits below `shift` away, to nearest even. */
static uint32_t round_shift(uint32_t bits, unsigned int shift)
{
	uint32_t half = 1u << (shift - 1);
	uint32_t odd = bits >> shift & 1;

	return (bits + half - 1 + odd) >> shift;
}

uint16_t float_to_half_c(float value)
{
	uint32_t bits = bits_of(value);
	uint32_t sign = bits >> 16 & 0x8000;
	uint32_t magnitude = bits & 0x7fffffff;
	uint32_t exponent = magnitude >> 23;

	if (magnitude > F32_INF)
		return sign | F16_INF | F16_QUIET | (magnitude >> 13 & 0x3ff);
	if (exponent >= 127 + 16)
		return sign | F16_INF;
	if (exponent >= 127 - 14)	/* normal; rounding may carry into infinity, rightly */
		return sign | round_shift(magnitude - ((127 - 15) << 23), 13);
	if (exponent < 127 - 25)
		return sign;
	magnitude = (magnitude & 0x7fffff) | 0x800000;
	return sign | round_shift(magnitude, 126 - exponent);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

__attribute__((target("avx,f16c")))
static size_t half_to_float_f16c(float *dst, const uint16_t *src, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(dst + i,
				 _mm256_cvtph_ps(_mm_loadu_si128((const void *)(src + i))));
	return i;
}

__attribute__((target("avx,f16c")))
static size_t float_to_half_f16c(uint16_t *dst, const float *src, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm_storeu_si128((void *)(dst + i),
				 _mm256_cvtps_ph(_mm256_loadu_ps(src + i),
						 _MM_FROUND_TO_NEAREST_INT));
	return i;
}

/*
 * Not every compiler's __builtin_cpu_supports() knows f16c; that of avx says that the kernel saves
 * the registers. CPUID is asked once: in a virtual machine it is slow.
 */
static int have_f16c(void)
{
	static int have = -1;
	unsigned int a, b, c, d;

	if (have < 0)
		have = __builtin_cpu_supports("avx") && __get_cpuid(1, &a, &b, &c, &d) &&
		       c & bit_F16C;
	return have;
}
#else
static size_t half_to_float_f16c(float *dst, const uint16_t *src, size_t n)
{
	return 0;
}

static size_t float_to_half_f16c(uint16_t *dst, const float *src, size_t n)
{
	return 0;
}

static int have_f16c(void)
{
	return 0;
}
#endif

void half_to_float(float *dst, const uint16_t *src, size_t n)
{
	size_t i = have_f16c() ? half_to_float_f16c(dst, src, n) : 0;

	for (; i < n; i++)
		dst[i] = half_to_float_c(src[i]);
}

void float_to_half(uint16_t *dst, const float *src, size_t n)
{
	size_t i = have_f16c() ? float_to_half_f16c(dst, src, n) : 0;

	for (; i < n; i++)
		dst[i] = float_to_half_c(src[i]);
}
