/* SPDX-License-Identifier: MIT */
/*
 * loomc.h - the compiler as a function, for the program and its tests.
 *
 * ONNX goes in, a .loom file comes out. The way through the files:
 *
 *   import.c      protobuf -> graph.h; folds as it goes (fold.c), so that a branch that is not
 *                 taken is never read
 *   quant.c       dynamic quantisation becomes float products with dequantised constants
 *   canon.c       many spellings -> few: constants as operands, functions of one value as "Act"
 *   fuse_*.c      patterns -> one node
 *   lower*.c      nodes -> commands on buffers (lower.h); layouts are strides
 *   slice.c       commands -> slices
 *   memory.c      buffers -> offsets in the lease; waits
 *   emit.c        slices -> command buffers, weights, relocations
 *   elf.c         -> .loom
 */
#ifndef LOOMC_H
#define LOOMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hostops/hostops.h"
#include "loom_hw.h"

struct loomc_setting {
	const char *name;	/* of the input */
	const char *value;	/* "1,3,320,320"; "true", "3.5", "@file.npy" */
};

struct loomc_tensor {
	const char *name;
	struct hostop_tensor t;
};

/* How a layer's result differs from that of the float model, on the last sample. */
struct loomc_accuracy {
	char name[96];
	char op[24];
	unsigned int bits;	/* 8 or 16 */
	double sqnr;		/* signal to quantisation noise, dB */
	float max_error, max_value;
};

struct loomc_options {
	const char *name;	/* of the model; NULL: none */
	struct loom_hw_caps caps;
	const struct loomc_setting *shapes, *binds;
	unsigned int num_shapes, num_binds;
	const struct loomc_tensor *values;	/* inputs bound to tensors, or (data NULL) shaped so */
	unsigned int num_values;
	const char *const *outputs;	/* none: all of the model's */
	unsigned int num_outputs;
	bool no_slice;
	bool device_only;	/* what the device cannot do is an error, and no work for the host */
	bool timing_only;	/* weights have a size in the file, and no bytes */
	bool resident;		/* inputs and outputs stay in activation SRAM: with timing_only */
	bool io_f16;		/* fp32 inputs and outputs cross DRAM as halves */
	uint64_t slice_bytes;	/* most weights of a slice; 0: chosen */
	uint64_t slice_ns;	/* longest that a command of a slice computes; 0: chosen */
	uint64_t lease_bytes;	/* most activation SRAM; 0: all that the device has */
	bool quantise;		/* make a float model 8-bit, by its samples */
	const struct loomc_tensor *samples;	/* sample_inputs of them, num_samples times */
	unsigned int num_samples, sample_inputs;
	double percentile;	/* of the samples to be in range; 100: all */
	bool depthwise_fp16;	/* depthwise convolutions stay floats, and what only they read */
	bool emit_qdq;		/* the quantised graph as ONNX: result->qdq */
	bool dynamic_int8;	/* dynamically quantised products stay 8-bit */
	/*
	 * Takes the file in pieces, in any order, what is between them zero; not 0: it could not, and the
	 * compilation fails. NULL: the file is the result's.
	 */
	int (*put)(void *arg, uint64_t at, const void *data, size_t size);
	void *put_arg;
	bool mapped;		/* the ONNX is a mapping of its file: its pages may go once it was read */
	bool dump;		/* print the graph before lowering to stderr */
};

struct loomc_result {
	void *file;		/* the .loom; NULL if options->put took it */
	size_t size;
	char *report;		/* JSON */
	char *layers;		/* a table */
	void *qdq;		/* an ONNX model */
	size_t qdq_size;
	struct loomc_accuracy *accuracy;	/* with options->quantise; free()d with the result */
	unsigned int num_accuracy, room_accuracy;
	char error[512];	/* in words, when loomc_compile() fails */
	char notes[512];	/* what the user may want to know, a line each */
};

/* 0, or -1 with result->error set. Free the result in both cases. */
int loomc_compile(const void *onnx, size_t size, const struct loomc_options *options,
		  struct loomc_result *result);
void loomc_result_free(struct loomc_result *result);

/*
 * The same graph on the host, by hostops in fp32: every input is given in options->values. What
 * tests hold the device against. Outputs in *outputs, *num of them; free with loomc_tensors_free().
 */
int loomc_evaluate(const void *onnx, size_t size, const struct loomc_options *options,
		   struct loomc_result *result, struct loomc_tensor **outputs, unsigned int *num);
void loomc_tensors_free(struct loomc_tensor *tensors, unsigned int num);
/* A serialised TensorProto (a .pb file of ONNX's tests), checked as a model is. 0 or -1, as above. */
int loomc_read_tensor(const void *data, size_t size, struct loomc_tensor *tensor,
		      struct loomc_result *result);
/* Names of a model's inputs and outputs; NULL-terminated; free with free(). NULL: cannot be read. */
char **loomc_ports(const void *onnx, size_t size, bool outputs);

#endif /* LOOMC_H */
