/* SPDX-License-Identifier: MIT */
/*
 * compile.h - what every pass has in hand: memory that lives as long as the compilation, and a way
 * out. fail() does not return: it writes the message and unwinds to loomc_compile(), which frees
 * everything. So passes read as what they do, and no error is dropped on the way.
 */
#ifndef LOOMC_COMPILE_H
#define LOOMC_COMPILE_H

#include <setjmp.h>
#include <stdarg.h>

#include "hostops/hostops.h"
#include "loomc.h"

struct big;
struct chunk;
struct graph;
struct node;
struct value;

struct compile {
	const struct loomc_options *options;
	struct loomc_result *result;
	struct chunk *chunks;	/* arena */
	struct big *bigs;	/* large parts of the ONNX message, freed when they have been read */
	struct tensor_list *tensors;
	struct value **unmade;	/* all that ever were (graph.h) */
	unsigned int num_unmade;
	size_t grown;		/* bytes that ConstantOfShape was expanded to */
	bool evaluate;		/* everything is to be folded, at any size */
	bool keep_quantised;	/* but 8-bit constants are not to become floats */
	jmp_buf out;
	struct node *lowering;	/* if it fails and may run on the host: go on at retry */
	jmp_buf retry;
};

void fail(struct compile *c, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
/* "node 'name' (Op): message" */
void fail_node(struct compile *c, const struct node *node, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
/* A line for the user that is no error. */
void note(struct compile *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Zeroed; freed when the compilation ends. */
void *arena(struct compile *c, size_t size);
void *arena_array(struct compile *c, size_t num, size_t size);
char *arena_string(struct compile *c, const char *string, size_t len);
char *arena_printf(struct compile *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct compile *c);
#define BIG (64u << 10)		/* what is as large as this is one */
void *big_alloc(struct compile *c, size_t size);
void big_free(struct compile *c, const void *data);	/* if it is one */

/* Grow an array in the arena by one when it is full: the old copy stays behind, which is cheap. */
#define APPEND(c, array, num, item) do {						\
	if (!((num) & ((num) - 1))) {							\
		void *grown_ = arena_array(c, (num) ? 2 * (size_t)(num) : 1, sizeof(*(array))); \
		if (num)								\
			memcpy(grown_, array, (num) * sizeof(*(array)));		\
		(array) = grown_;							\
	}										\
	(array)[(num)++] = (item);							\
} while (0)

#endif
