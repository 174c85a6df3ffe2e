// SPDX-License-Identifier: MIT
/*
 * Compile damaged copies of ONNX models: bits flipped, bytes overwritten, tails cut off.
 *
 * usage: onnx-damage ROUNDS [--shape INPUT=D,D]... MODEL.onnx...
 *
 * It passes when it comes back: every copy compiles, or is refused in words. Run it with sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loom_sim.h"
#include "loomc.h"

static uint32_t seed = 20;

static uint32_t next(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static size_t damage(unsigned char *data, size_t size)
{
	uint32_t way = next() % 8;

	if (way == 0)
		return next() % (size + 1);
	for (uint32_t n = 1 + next() % 4; n; n--) {
		/* headers are small and interesting: aim at the first and last 2 KiB as often as anywhere */
		size_t at = ((size_t)next() << 16 ^ next()) % size;

		if (way < 3 && size > 4096)
			at = way == 1 ? at % 2048 : size - 1 - at % 2048;
		if (way < 6)
			data[at] ^= (unsigned char)(1u << next() % 8);
		else
			data[at] = (unsigned char)(way == 6 ? 0xff : next());
	}
	return size;
}

static int attack(const char *path, int rounds, struct loomc_options *o)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data, *copy;
	int compiled = 0;
	size_t size;

	if (!file)
		return -1;
	fseek(file, 0, SEEK_END);
	size = (size_t)ftell(file);
	rewind(file);
	data = malloc(size + 1);
	copy = malloc(size + 1);
	size = fread(data, 1, size, file);
	fclose(file);
	for (int i = 0; i < rounds && size; i++) {
		struct loomc_result r;
		unsigned char *exact;
		size_t n;

		memcpy(copy, data, size);
		n = damage(copy, size);
		exact = malloc(n ? n : 1);	/* so that a sanitizer sees its end */
		memcpy(exact, copy, n);
		if (!loomc_compile(exact, n, o, &r))
			compiled++;
		else if (!r.error[0])
			abort();
		loomc_result_free(&r);
		free(exact);
	}
	free(data);
	free(copy);
	return compiled;
}

int main(int argc, char **argv)
{
	static struct loomc_setting shapes[64], binds[64];
	struct loomc_options o = { .shapes = shapes, .binds = binds };
	struct loom_sim_config config;
	int rounds = argc > 1 ? atoi(argv[1]) : 0, files = 0, compiled = 0, ret;

	loom_sim_preset(&config, "memory-centric");
	o.caps = config.caps;
	for (int i = 2; i < argc; i++) {
		char *equals = i + 1 < argc ? strchr(argv[i + 1], '=') : NULL;

		if (equals && !strcmp(argv[i], "--shape") && o.num_shapes < 64) {
			*equals = 0;
			shapes[o.num_shapes++] = (struct loomc_setting){ argv[++i], equals + 1 };
			continue;
		}
		if (equals && !strcmp(argv[i], "--bind") && o.num_binds < 64) {
			*equals = 0;
			binds[o.num_binds++] = (struct loomc_setting){ argv[++i], equals + 1 };
			continue;
		}
		ret = attack(argv[i], rounds, &o);
		if (ret < 0)
			continue;
		files++;
		compiled += ret;
	}
	printf("ok 1 damaged models # %d files, %d copies each, %d still compiled\n1..1\n", files, rounds,
	       compiled);
	return 0;
}
