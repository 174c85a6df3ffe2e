/* SPDX-License-Identifier: MIT */
/* Files of the command line: what goes wrong is said on stderr. */
#ifndef LOOMC_FILES_H
#define LOOMC_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* malloc'ed; NULL: it cannot be read. */
void *read_file(const char *path, size_t *size);
/* The file's pages, not a copy of them; a pipe or an empty file is read. */
void *map_file(const char *path, size_t *size, bool *mapped);
void unmap_file(void *data, size_t size, bool mapped);
int write_file(const char *path, const void *data, size_t size);

/* The compiled model, beside its place until it is whole, so that nobody sees half of it. */
struct output {
	const char *path;
	char *partial;
	int fd;		/* -1: a pipe or a device, which takes the file in one piece at the end */
	bool failed;	/* by output_piece(), which says nothing */
};

int output_begin(struct output *out, const char *path);
/* As loomc_options.put; the output is its argument. */
int output_piece(void *out, uint64_t at, const void *data, size_t size);
/* The data are those of a file that was not written in pieces. */
int output_end(struct output *out, const void *data, size_t size);
/* In any case. */
void output_drop(struct output *out);

#endif
