// SPDX-License-Identifier: MIT
/*
 * write-model NAME N SLICES SEED PRESET FILE: a tiny .loom file (make_model.h), for scripts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "make_model.h"
#include "loom_sim.h"

int main(int argc, char **argv)
{
	struct loom_sim_config config = { 0 };
	struct make_model args = { .caps = &config.caps };
	size_t size;
	void *data;
	FILE *file;

	if (argc != 7 || !loom_sim_preset(&config, argv[5])) {
		fprintf(stderr, "usage: write-model NAME N SLICES SEED PRESET FILE\n");
		return 2;
	}
	args.name = argv[1];
	args.n = atoi(argv[2]);
	args.slices = atoi(argv[3]);
	args.seed = atoi(argv[4]);
	data = make_model(&args, &size);
	file = fopen(argv[6], "we");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
		perror(argv[6]);
		return 1;
	}
	free(data);
	return 0;
}
