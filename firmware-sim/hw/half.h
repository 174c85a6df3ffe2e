/* SPDX-License-Identifier: MIT */
/*
 * half.h - fp16 to fp32 and back, rounding to nearest even. The same bytes on every CPU, NaNs
 * included: the F16C instructions are used where they exist, and the plain C does what they do.
 */
#ifndef LOOM_HW_HALF_H
#define LOOM_HW_HALF_H

#include <stddef.h>
#include <stdint.h>

void half_to_float(float *dst, const uint16_t *src, size_t n);
void float_to_half(uint16_t *dst, const float *src, size_t n);

/* Element by element in plain C: what the two above are tested against. */
float half_to_float_c(uint16_t half);
uint16_t float_to_half_c(float value);

#endif /* LOOM_HW_HALF_H */
