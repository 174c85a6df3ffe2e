/* SPDX-License-Identifier: MIT */
/*
 * lower.h - commands on buffers: between the graph and the command stream.
 *
 * A value in the lease is a place: a buffer, an offset and a stride a dimension, in the order of
 * ONNX's dimensions. NHWC is a place whose channel stride is 1. So transposes, slices, reshapes and
 * the like make new places, not commands; a command that needs another layout asks for it, and
 * then a COPY is made, once.
 */
#ifndef LOOMC_LOWER_H
#define LOOMC_LOWER_H

#include "graph.h"
#include "hostops/window.h"
#include "loom_elf.h"
#include "loom_isa.h"

struct buffer {
	uint64_t bytes;
	uint64_t offset;	/* in the lease (in the scratch region for a home), by memory() */
	uint32_t number;	/* in the program */
	uint32_t first, last;	/* commands that touch it, positions in the stream */
	bool used;
	bool resident;		/* from the first command to the last: an input or output that does not move */
	bool is_home;		/* in the scratch region, not the lease */
	struct buffer *inside;	/* made in place of this one */
};

struct place {
	struct buffer *buf;
	uint64_t off;		/* bytes into buf */
	enum loom_dtype dtype;
	unsigned int rank;
	int64_t dims[HOSTOP_MAX_DIMS];
	int64_t stride[HOSTOP_MAX_DIMS];	/* elements */
};

/* Constants of one command in its slice's weight stream. */
struct conv;

struct blob {
	size_t bytes;
	unsigned int align;
	uint32_t stream;	/* offset in the stream of the slice it was last laid out for, by emit() */
	uint32_t in_slice;	/* that slice's number + 1 */
	bool fetched;		/* by a slice already */
	uint64_t used;		/* commands had it from below here on */
	/* made when it is written to the file: elements [first, first + num) of one of these */
	void (*fill)(const struct blob *blob, void *to);
	const struct value *value;
	const struct conv *conv;
	const struct node *node;	/* whose scales these are */
	enum loom_dtype dtype;
	size_t first, num;
	int64_t cols;		/* of the array */
};

enum symbol {
	SYM_NONE,
	SYM_WEIGHTS,
	SYM_IO,
	SYM_SCRATCH,
};

#define MAX_REFS 4

struct command {
	_Alignas(8) unsigned char raw[200];
	uint16_t size;
	/* u32 fields that are lease offsets, and buffers touched */
	struct { uint16_t field; struct buffer *buf; uint64_t add; bool write; } ref[MAX_REFS];
	unsigned int num_refs;
	/* u32 fields that are weight offsets */
	struct { uint16_t field; struct blob *blob; uint64_t add; } weight[3];
	unsigned int num_weights;
	enum symbol symbol;	/* of the va of a DMA command */
	uint64_t addend;
	struct buffer *home;	/* of SYM_SCRATCH: what the addend counts from */
	bool fixed;		/* a DMA command that stays where it stands in the stream */
	const struct node *node;
	struct host_step *host_step;	/* no command: where a step stands in the stream */
	bool starts_layer;	/* brings weights for the MAC array */
	bool again;		/* which an earlier command had, too */
	uint64_t cycles, macs;
	/* by slice() */
	uint32_t slice, slice_of_use;
};

static inline uint16_t opcode_of(const struct command *cmd)
{
	return ((const struct loom_cmd *)cmd->raw)->opcode;
}

static inline bool is_dma(const struct command *cmd)
{
	return opcode_of(cmd) >= LOOM_OP_LOAD && opcode_of(cmd) <= LOOM_OP_GATHER;
}

/* A blob in a slice's stream. */
struct piece {
	const struct blob *blob;
	uint32_t at;
};

struct slice_info {
	struct piece *pieces;
	uint32_t num_pieces;
	bool repeats;		/* the same stream as the slice before: it stands in the file once */
	uint32_t first, num;	/* commands, after LOADs were moved */
	uint32_t layer;
	const char *name;
	uint64_t compute_ps, mac_ps, weight_bytes, dma_bytes, macs;
	uint64_t again_bytes;	/* of weight_bytes: what earlier slices fetched, too */

	uint64_t stream;	/* of its weights in .weights */
	uint64_t cmd;		/* of its buffer in .cmd */
	uint32_t cmd_size, num_cmds;
};

/* Inputs and outputs of a step: constants, or in the I/O region. NULL: left out. */
struct host_value {
	struct value *value;
	uint64_t io_at;
};

struct host_step {
	const struct node *node;
	struct host_value *values;
	unsigned int num_values;
	uint32_t slice;		/* it stands before, by slice() */
	uint64_t ps, bytes, macs;
};

struct table {			/* what GATHERs and LOADs read from .weights */
	struct blob *blob;
	size_t bytes;
	uint64_t offset;
};

struct reloc {
	uint64_t offset;	/* in .cmd */
	enum symbol symbol;
	uint64_t addend;
};

struct bytes {
	unsigned char *data;
	size_t size, room;
};

/* Where .weights stands in the file: behind the headers, page-aligned. */
#define WEIGHTS_AT 4096

struct program {
	struct compile *c;
	struct graph *g;
	struct command **cmds;
	uint32_t num_cmds;
	struct buffer **bufs;
	uint32_t num_bufs;
	struct table **tables;
	uint32_t num_tables;
	struct slice_info *slices;
	uint32_t num_slices;
	uint32_t num_layers;
	struct loom_elf_tensor *tensors;	/* name: number in port_names */
	const char **port_names;
	uint64_t io_bytes;
	uint64_t lease_bytes;
	uint64_t scratch_bytes;	/* where buffers are that the lease has no room for */
	uint64_t max_slice_bytes;
	uint64_t max_slice_ps;	/* that a command may compute for */
	bool tiled;		/* spill() may cut commands in its own way */
	uint64_t needs;		/* LOOM_CAP_* of the device, for the commands emitted */
	struct host_step **host_steps;
	uint32_t num_host_steps;
	struct reloc *relocs;
	uint32_t num_relocs;
	uint64_t weights_size;	/* in the file at WEIGHTS_AT */
	struct bytes cmd;
	const struct node *node;	/* being lowered */
	bool wide;	/* intermediate values may be kept in fp32 */
};

/* What lowering knows about a value. */
struct lowered {
	struct place *places;	/* the first is where it was made, others are copies */
	unsigned int num_places;
	/* it is to be made inside another value: a Concat's output */
	struct value *into;
	int64_t into_at;
	unsigned int into_axis;
	/* order of dims that its reader would like, outermost first; NULL: none */
	const unsigned int *order;
	bool wide;	/* kept in fp32 */
	bool in_io;	/* (also) in the I/O region, at io_at */
	uint64_t io_at;
};

/* ---- lower_place.c: places ---- */
size_t element_bytes(enum loom_dtype dtype);
enum loom_dtype device_dtype(const struct program *p, const struct value *v);
/* As device_dtype(), or fp32 for a value that is to be kept so. */
enum loom_dtype result_dtype(const struct program *p, const struct value *v);
struct buffer *new_buffer(struct program *p, uint64_t bytes);
/* A dense place of its own, dims nested in this order (outermost first; NULL: row-major). */
struct place new_place(struct program *p, enum loom_dtype dtype, unsigned int rank,
		       const int64_t *dims, const unsigned int *order);
void order_of(const struct place *place, unsigned int *order);
bool is_dense(const struct place *place);	/* no gaps, in some order */
bool is_row_major(const struct place *place);
bool is_rows(const struct place *place);	/* of a matrix: the last dim contiguous, the others evenly apart */
bool is_image(const struct place *place);	/* NC(H)W whose channels are contiguous */
int64_t image_pitch(const struct place *place);
bool reshape_place(const struct place *place, unsigned int rank, const int64_t *dims,
		   struct place *result);
extern const unsigned int nhwc_order[4], nlc_order[3];
const unsigned int *image_order(unsigned int rank);

/* Where a value is, whatever its layout (constants and inputs are brought in). */
const struct place *place_of(struct program *p, struct value *v);
void set_place(struct program *p, struct value *v, const struct place *place);
/* In a layout that `fits`, copied in this order if need be. */
const struct place *place_as(struct program *p, struct value *v, enum loom_dtype dtype,
			     bool (*fits)(const struct place *), const unsigned int *order);
const struct place *image_of(struct program *p, struct value *v);
const struct place *rows_of(struct program *p, struct value *v, enum loom_dtype dtype);
/* Room for a value that is about to be made; order: if nobody wants another. */
struct place output_place(struct program *p, struct value *v, const unsigned int *order);

struct lowered *lowered_of(struct program *p, struct value *v);

/* ---- lower_cmd.c: commands ---- */
struct command *new_command(struct program *p, enum loom_opcode opcode, size_t size);
void cmd_ref(struct program *p, struct command *cmd, size_t field, const struct place *place,
	     bool write);
void cmd_weight(struct command *cmd, size_t field, struct blob *blob);
struct blob *new_blob(struct program *p, size_t bytes, unsigned int align);
struct blob *blob_value(struct program *p, const struct value *v, enum loom_dtype dtype);
struct blob *blob_floats(struct program *p, const struct value *v, size_t first, size_t num);

struct operand {
	const struct place *place;	/* or */
	const struct value *constant;
	struct blob *blob;		/* the constant's, once made */
	int64_t stride[2 * HOSTOP_MAX_DIMS];
	uint64_t off;			/* elements on top */
};

/* Loops over `dims` for up to 3 operands, the last the destination, collapsed to the ISA's rank. */
struct loops {
	unsigned int rank;
	int64_t dims[2 * HOSTOP_MAX_DIMS];
	unsigned int num;
	struct operand op[3];
};

void loops_collapse(struct program *p, struct loops *l);
void loops_operand(struct loops *l, unsigned int i, const struct place *place);
void loops_fill_dims(uint32_t *dims, const struct loops *l);
void loops_fill_operand(struct program *p, struct command *cmd, size_t field, struct operand *op,
			const struct loops *l, bool write);
void emit_copy_loops(struct program *p, struct loops *l);
void emit_copy(struct program *p, const struct place *to, const struct place *from);
void emit_binary(struct program *p, struct loops *l, enum loom_binary fn, const struct loom_act *act);
void emit_fill(struct program *p, const struct place *to, float value);
void emit_act(struct program *p, const struct place *to, const struct place *from,
	      const struct loom_act *act);
void emit_load(struct program *p, const struct place *to, enum symbol symbol, uint64_t addend);
void emit_store(struct program *p, const struct place *from, uint64_t addend);
/* Constants that DMA reads. The result is the table's number, the relocation's addend. */
uint64_t add_table(struct program *p, const struct value *v);

#define FIELD(type, name) offsetof(type, name)

/* ---- output.c ---- */
/* The file has at least so many bytes; what is not put is zero. */
void output_size(struct program *p, size_t size);
void output_put(struct program *p, uint64_t at, const void *data, size_t size);

/* ---- one file a family: true if the node was one of theirs ---- */
bool lower_conv(struct program *p, struct node *node);
bool lower_quantised(struct program *p, struct node *node);
bool lower_qconv(struct program *p, struct node *node);
/* The command for a product of two activations, which its opcode's struct begins with. */
struct command *matmul_command(struct program *p, struct node *node, enum loom_opcode opcode,
			       size_t size);
/* Operands 0 and 1 of the loops from the node's inputs; a place for its output. */
struct place binary_loops(struct program *p, struct node *node, struct loops *l);
bool lower_matmul(struct program *p, struct node *node);
bool lower_elementwise(struct program *p, struct node *node);
bool lower_view(struct program *p, struct node *node);
bool lower_move(struct program *p, struct node *node);
bool lower_reduce(struct program *p, struct node *node);
/* On the host, whatever it is: lower_host.c. */
void lower_host(struct program *p, struct node *node);
bool can_run_on_host(const struct node *node);

/* The node's constant input as integers; fails if it is none. */
unsigned int const_ints(struct program *p, const struct node *node, unsigned int in,
			const char *attr, int64_t *v, unsigned int max);
unsigned int node_axis(struct program *p, const struct node *node, int64_t otherwise,
		       unsigned int rank);

#endif
