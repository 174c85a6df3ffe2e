/* SPDX-License-Identifier: MIT */
/*
 * npy.h - NumPy's .npy files: one array, little-endian, C order.
 */
#ifndef LOOM_NPY_H
#define LOOM_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "loom_elf.h"

#define NPY_MAX_RANK 8

struct npy {
	uint32_t type;			/* enum loom_tensor_type */
	unsigned int rank;
	uint64_t dims[NPY_MAX_RANK];
	uint64_t bytes;
	void *data;			/* malloc'ed by npy_read() */
};

/* 0 or a negative errno; loom_error() says what is wrong with the file. */
int npy_read(const char *path, struct npy *array);
int npy_write(const char *path, const struct npy *array);
void npy_free(struct npy *array);

#endif /* LOOM_NPY_H */
