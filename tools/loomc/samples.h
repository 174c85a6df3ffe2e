/* SPDX-License-Identifier: MIT */
#ifndef LOOMC_SAMPLES_H
#define LOOMC_SAMPLES_H

#include "loomc.h"

#define MAX_SAMPLES		256	/* files of one input */
#define MAX_SAMPLE_INPUTS	64

struct samples {
	char **names;			/* of the model's inputs */
	const char *used[MAX_SAMPLE_INPUTS + 1];	/* of those with samples */
	unsigned int num_inputs, num_samples;
	struct loomc_tensor tensor[MAX_SAMPLES][MAX_SAMPLE_INPUTS];
	struct loomc_tensor *flat;	/* num_samples times num_inputs */
};

/* texts: "FILE.npy" or "INPUT=FILE.npy". Says what is wrong; 0 or -1. */
int samples_read(struct samples *s, char *const *texts, unsigned int num, const void *onnx,
		 size_t size);
void samples_free(struct samples *s);

#endif
