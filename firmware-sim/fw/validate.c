/* SPDX-License-Identifier: MIT */
/*
 * Validation of a command buffer: after it, nothing in hw/ or timing/ checks a field again.
 *
 * It is done on the private copy, front to back, with what earlier commands have fetched, released
 * and done so far. Sizes are multiplied saturating: what does not fit in 64 bits is too large for
 * any memory here.
 */
#include <string.h>

#include "device.h"
#include "saturate.h"

/* More than any real command, little enough that a command ends and no sum overflows. */
#define MAX_MACS	(1ull << 42)
#define MAX_ELEMENTS	(1ull << 32)
#define MAX_WEIGHTS	(1u << 28)	/* bytes of a slice */
#define MAX_K		(1u << 16)	/* of a product; also taps of a window */

struct checker {
	const struct loom_sim_config *config;
	const struct loom_cmdbuf *header;
	bool layer_release;
	/* so far */
	uint32_t number;
	uint32_t num_dma, num_compute;
	uint64_t fetched, released;
	/* of this command: the first weight it streams, one past the last it names */
	uint64_t stream_first, weights_end;
	uint64_t addr;
};

static enum loom_fault fail(struct checker *c, enum loom_fault fault, uint64_t addr)
{
	c->addr = addr;
	return fault;
}

/* ---- ranges ---- */

static enum loom_fault in_lease(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align)
{
	if (off % align)
		return fail(c, LOOM_FAULT_BAD_FIELD, off);
	if (sat_add(off, bytes) > c->header->lease_bytes)
		return fail(c, LOOM_FAULT_BAD_LEASE, sat_add(off, bytes));
	return LOOM_FAULT_NONE;
}

static enum loom_fault in_weights(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align)
{
	if (off % align)
		return fail(c, LOOM_FAULT_BAD_FIELD, off);
	if (off < c->released || sat_add(off, bytes) > c->fetched)
		return fail(c, LOOM_FAULT_BAD_WEIGHT, off);
	if (off < c->stream_first)
		c->stream_first = off;
	if (off + bytes > c->weights_end)
		c->weights_end = off + bytes;
	return LOOM_FAULT_NONE;
}

static uint32_t dtype_size(uint32_t dtype)
{
	switch (dtype) {
	case LOOM_F16:	return 2;
	case LOOM_F32:	return 4;
	case LOOM_I32:	return 4;
	case LOOM_I64:	return 8;
	default:	return 0;	/* reserved, or none */
	}
}

static bool is_float(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32;
}

/* `rows` rows of `cols` elements, `pitch` elements apart. */
static enum loom_fault matrix_in_lease(struct checker *c, uint32_t off, uint64_t rows,
				       uint64_t cols, uint64_t pitch, uint32_t size)
{
	uint64_t span = sat_add(sat_mul(rows - 1, pitch), cols);

	return in_lease(c, off, sat_mul(span, size), size);
}

static enum loom_fault check_act(struct checker *c, const struct loom_act *act)
{
	if (act->fn >= LOOM_UN_COUNT || act->pad)
		return fail(c, LOOM_FAULT_BAD_FIELD, act->fn);
	return LOOM_FAULT_NONE;
}

#define TRY(check) do {				\
	enum loom_fault fault_ = (check);	\
	if (fault_)				\
		return fault_;			\
} while (0)

#define NEED(condition, value) do {					\
	if (!(condition))						\
		return fail(c, LOOM_FAULT_BAD_FIELD, (value));		\
} while (0)

/* ---- fetch and dma ---- */

static enum loom_fault check_va(struct checker *c, uint64_t va, uint64_t bytes)
{
	if (sat_add(va, bytes) > 1ull << LOOM_VA_BITS)
		return fail(c, LOOM_FAULT_BAD_FIELD, va);
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_fetch(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_fetch *cmd = (const void *)hdr;

	NEED(!cmd->pad, cmd->pad);
	NEED(cmd->bytes, 0);
	NEED(!(cmd->va % 2), cmd->va);
	TRY(check_va(c, cmd->va, cmd->bytes));
	if (cmd->bytes > c->header->weight_bytes - c->fetched)
		return fail(c, LOOM_FAULT_BAD_WEIGHT, c->fetched);
	c->fetched += cmd->bytes;
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_move(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_move *cmd = (const void *)hdr;

	NEED(cmd->rows && cmd->row_bytes, 0);
	NEED(cmd->off_pitch >= cmd->row_bytes || cmd->rows == 1, cmd->off_pitch);
	TRY(check_va(c, cmd->va, sat_add(sat_mul(cmd->rows - 1, cmd->va_pitch), cmd->row_bytes)));
	return matrix_in_lease(c, cmd->off, cmd->rows, cmd->row_bytes, cmd->off_pitch, 1);
}

static enum loom_fault check_gather(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_gather *cmd = (const void *)hdr;
	uint32_t index_size = dtype_size(cmd->index_dtype);

	NEED(!cmd->pad, cmd->pad);
	NEED(cmd->index_dtype == LOOM_I32 || cmd->index_dtype == LOOM_I64, cmd->index_dtype);
	NEED(cmd->table_rows && cmd->row_bytes && cmd->count, 0);
	NEED(cmd->dst_pitch >= cmd->row_bytes || cmd->count == 1, cmd->dst_pitch);
	TRY(check_va(c, cmd->va, (uint64_t)cmd->table_rows * cmd->row_bytes));
	TRY(in_lease(c, cmd->index, (uint64_t)cmd->count * index_size, index_size));
	return matrix_in_lease(c, cmd->dst, cmd->count, cmd->row_bytes, cmd->dst_pitch, 1);
}

/* ---- MAC array ---- */

static enum loom_fault check_nop(struct checker *c, const struct loom_cmd *hdr)
{
	return LOOM_FAULT_NONE;
}

/* Windows may lie in padding wholly or in part: that costs time and reads nothing. */
static bool window_ok(uint32_t in, uint32_t out, uint32_t k, uint32_t stride, uint32_t dilation)
{
	return in && out && k && stride && dilation;
}

static enum loom_fault check_windows(struct checker *c, const struct loom_cmd_conv *cmd)
{
	NEED(cmd->batch && cmd->c, 0);
	NEED(window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	NEED(window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
	return LOOM_FAULT_NONE;
}

static uint64_t volume(uint64_t a, uint64_t b, uint64_t c)
{
	return sat_mul(sat_mul(a, b), c);
}

/* Pixels of `channels` channels, `pitch` elements apart. */
static enum loom_fault check_image(struct checker *c, uint32_t off, uint64_t pixels,
				   uint32_t channels, uint32_t pitch, uint32_t size)
{
	NEED(pitch >= channels || pixels == 1, pitch);
	return matrix_in_lease(c, off, pixels, channels, pitch, size);
}

static enum loom_fault check_conv_memory(struct checker *c, const struct loom_cmd_conv *cmd,
					 uint64_t weight_elements)
{
	uint64_t in = volume(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume(cmd->batch, cmd->oh, cmd->ow);

	TRY(check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2));
	TRY(check_image(c, cmd->out, out, cmd->oc, cmd->out_pitch, dtype_size(cmd->out_dtype)));
	if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
		TRY(check_image(c, cmd->res, out, cmd->oc, cmd->res_pitch, 2));
	else
		NEED(!cmd->res && !cmd->res_pitch, cmd->res);
	if (cmd->hdr.flags & LOOM_CMD_BIAS)
		TRY(in_weights(c, cmd->b_off, 4ull * cmd->oc, 4));
	else
		NEED(!cmd->b_off, cmd->b_off);
	/* The bias is not streamed: it waits in a buffer of its own. */
	c->stream_first = UINT64_MAX;
	return in_weights(c, cmd->w_off, sat_mul(weight_elements, 2), 2);
}

static enum loom_fault check_conv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	uint64_t k = volume(cmd->kh, cmd->kw, cmd->c);

	TRY(check_windows(c, cmd));
	NEED(cmd->oc, 0);
	NEED(k <= MAX_K, k);
	NEED(is_float(cmd->out_dtype), cmd->out_dtype);
	NEED(loom_timing_macs(hdr) <= MAX_MACS, 0);
	TRY(check_act(c, &cmd->act));
	return check_conv_memory(c, cmd, sat_mul(k, cmd->oc));
}

static enum loom_fault check_dwconv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;

	TRY(check_windows(c, cmd));
	NEED(cmd->oc == cmd->c, cmd->oc);
	NEED((uint32_t)cmd->kh * cmd->kw <= MAX_K, cmd->kh);
	NEED(is_float(cmd->out_dtype), cmd->out_dtype);
	NEED(loom_timing_macs(hdr) <= MAX_MACS, 0);
	TRY(check_act(c, &cmd->act));
	return check_conv_memory(c, cmd, volume(cmd->kh, cmd->kw, cmd->c));
}

/* Elements from the first to the last of a batch of strided matrices. */
static uint64_t strided_span(const struct loom_cmd_matmul *cmd, const __u32 *batch_stride,
			     uint32_t rows, uint64_t row, uint32_t cols, uint64_t col)
{
	uint64_t span = 1;

	span = sat_add(span, sat_mul(cmd->batch[0] - 1, batch_stride[0]));
	span = sat_add(span, sat_mul(cmd->batch[1] - 1, batch_stride[1]));
	span = sat_add(span, sat_mul(rows - 1, row));
	return sat_add(span, sat_mul(cols - 1, col));
}

static enum loom_fault check_matmul(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_matmul *cmd = (const void *)hdr;
	uint32_t size = dtype_size(cmd->out_dtype);
	uint64_t span;

	NEED(cmd->m && cmd->n && cmd->k && cmd->batch[0] && cmd->batch[1] && !cmd->pad, 0);
	NEED(cmd->k <= MAX_K, cmd->k);
	NEED(is_float(cmd->out_dtype), cmd->out_dtype);
	NEED(loom_timing_macs(hdr) <= MAX_MACS, 0);
	TRY(check_act(c, &cmd->act));
	span = strided_span(cmd, cmd->a_batch, cmd->m, cmd->a_row, cmd->k, cmd->a_col);
	TRY(in_lease(c, cmd->a, sat_mul(span, 2), 2));
	span = strided_span(cmd, cmd->b_batch, cmd->k, cmd->b_row, cmd->n, cmd->b_col);
	TRY(in_lease(c, cmd->b, sat_mul(span, 2), 2));
	span = strided_span(cmd, cmd->out_batch, cmd->m, cmd->out_row, cmd->n, 1);
	return in_lease(c, cmd->out, sat_mul(span, size), size);
}

/* ---- vector unit ---- */

static uint64_t elements(const __u32 *dims)
{
	uint64_t n = 1;

	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		n = sat_mul(n, dims[i]);
	return n;
}

/* First and last element relative to the operand's offset. No sum overflows: dims are at most
 * MAX_ELEMENTS together, so their reaches are at most MAX_ELEMENTS - 1 strides. */
static void operand_extent(const struct loom_operand *operand, const __u32 *dims, int64_t *first,
			   int64_t *last)
{
	*first = 0;
	*last = 0;
	for (int i = 0; i < LOOM_MAX_DIMS; i++) {
		int64_t reach = ((int64_t)dims[i] - 1) * operand->stride[i];

		*(reach < 0 ? first : last) += reach;
	}
}

static enum loom_fault check_operand(struct checker *c, const struct loom_operand *operand,
				     const __u32 *dims)
{
	uint32_t size = dtype_size(operand->dtype);
	int64_t first, last;
	uint64_t bytes;

	NEED(size, operand->dtype);
	operand_extent(operand, dims, &first, &last);
	if (first < -(int64_t)(operand->off / size))
		return fail(c, operand->space == LOOM_SPACE_LEASE ? LOOM_FAULT_BAD_LEASE :
								    LOOM_FAULT_BAD_WEIGHT,
			    operand->off);
	NEED(!(operand->off % size), operand->off);
	bytes = sat_mul((uint64_t)(last - first) + 1, size);
	if (operand->space == LOOM_SPACE_LEASE)
		return in_lease(c, operand->off + first * size, bytes, size);
	NEED(operand->space == LOOM_SPACE_WEIGHTS, operand->space);
	return in_weights(c, operand->off + first * size, bytes, size);
}

/* A destination is activation SRAM, and each element has a place of its own in every dim. */
static enum loom_fault check_destination(struct checker *c, const struct loom_operand *operand,
					 const __u32 *dims)
{
	NEED(operand->space == LOOM_SPACE_LEASE, operand->space);
	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		NEED(dims[i] == 1 || operand->stride[i], i);
	return check_operand(c, operand, dims);
}

static enum loom_fault check_dims(struct checker *c, const __u32 *dims)
{
	uint64_t n = elements(dims);

	NEED(n && n <= MAX_ELEMENTS, n);
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_copy(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_copy *cmd = (const void *)hdr;

	TRY(check_dims(c, cmd->dims));
	TRY(check_operand(c, &cmd->src, cmd->dims));
	return check_destination(c, &cmd->dst, cmd->dims);
}

static enum loom_fault check_binary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_binary *cmd = (const void *)hdr;

	NEED(cmd->fn < LOOM_BIN_COUNT && !cmd->pad, cmd->fn);
	NEED(is_float(cmd->a.dtype) && is_float(cmd->b.dtype) && is_float(cmd->dst.dtype), 0);
	TRY(check_dims(c, cmd->dims));
	TRY(check_act(c, &cmd->act));
	TRY(check_operand(c, &cmd->a, cmd->dims));
	TRY(check_operand(c, &cmd->b, cmd->dims));
	return check_destination(c, &cmd->dst, cmd->dims);
}

static enum loom_fault check_unary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_unary *cmd = (const void *)hdr;

	NEED(is_float(cmd->src_dtype) && is_float(cmd->dst_dtype) && !cmd->pad, 0);
	NEED(cmd->rows && cmd->cols && (uint64_t)cmd->rows * cmd->cols <= MAX_ELEMENTS, 0);
	NEED(cmd->dst_pitch >= cmd->cols || cmd->rows == 1, cmd->dst_pitch);
	TRY(check_act(c, &cmd->act));
	TRY(matrix_in_lease(c, cmd->src, cmd->rows, cmd->cols, cmd->src_pitch,
			    dtype_size(cmd->src_dtype)));
	return matrix_in_lease(c, cmd->dst, cmd->rows, cmd->cols, cmd->dst_pitch,
			       dtype_size(cmd->dst_dtype));
}

static enum loom_fault check_reduce(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_reduce *cmd = (const void *)hdr;
	uint64_t n = volume(cmd->outer, cmd->n, cmd->inner);

	NEED(cmd->fn < LOOM_RED_COUNT && !cmd->pad, cmd->fn);
	NEED(is_float(cmd->src_dtype) && is_float(cmd->dst_dtype), 0);
	NEED(n && n <= MAX_ELEMENTS, n);
	TRY(matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype)));
	return matrix_in_lease(c, cmd->dst, 1, n / cmd->n, 0, dtype_size(cmd->dst_dtype));
}

static enum loom_fault check_softmax(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_softmax *cmd = (const void *)hdr;
	uint64_t n = volume(cmd->outer, cmd->n, cmd->inner);

	NEED(is_float(cmd->src_dtype) && is_float(cmd->dst_dtype), 0);
	NEED(n && n <= MAX_ELEMENTS, n);
	TRY(matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype)));
	return matrix_in_lease(c, cmd->dst, 1, n, 0, dtype_size(cmd->dst_dtype));
}

static enum loom_fault check_layernorm(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_layernorm *cmd = (const void *)hdr;
	uint64_t n = (uint64_t)cmd->rows * cmd->n;

	NEED(!cmd->pad, cmd->pad);
	NEED(n && n <= MAX_ELEMENTS, n);
	TRY(matrix_in_lease(c, cmd->src, 1, n, 0, 2));
	TRY(matrix_in_lease(c, cmd->dst, 1, n, 0, 2));
	if (hdr->flags & LOOM_CMD_GAMMA)
		TRY(in_weights(c, cmd->gamma, 4ull * cmd->n, 4));
	else
		NEED(!cmd->gamma, cmd->gamma);
	if (hdr->flags & LOOM_CMD_BETA)
		TRY(in_weights(c, cmd->beta, 4ull * cmd->n, 4));
	else
		NEED(!cmd->beta, cmd->beta);
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_pool(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_pool *cmd = (const void *)hdr;
	uint64_t in = volume(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume(cmd->batch, cmd->oh, cmd->ow);

	NEED(cmd->fn <= LOOM_POOL_AVERAGE && !cmd->pad, cmd->fn);
	NEED(cmd->batch && cmd->c, 0);
	NEED(window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	NEED(window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
	NEED(sat_mul(volume(out, cmd->c, cmd->kh), cmd->kw) <= MAX_MACS, 0);
	TRY(check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2));
	return check_image(c, cmd->out, out, cmd->c, cmd->out_pitch, 2);
}

/* ---- any command ---- */

static const struct opcode {
	uint16_t opcode;
	uint16_t size;
	enum engine engine;
	uint32_t flags;
	enum loom_fault (*check)(struct checker *c, const struct loom_cmd *cmd);
} opcodes[] = {
	{ LOOM_OP_NOP, sizeof(struct loom_cmd), ENGINE_COMPUTE, 0, check_nop },
	{ LOOM_OP_FETCH, sizeof(struct loom_cmd_fetch), ENGINE_FETCH, 0, check_fetch },
	{ LOOM_OP_LOAD, sizeof(struct loom_cmd_move), ENGINE_DMA, 0, check_move },
	{ LOOM_OP_STORE, sizeof(struct loom_cmd_move), ENGINE_DMA, 0, check_move },
	{ LOOM_OP_GATHER, sizeof(struct loom_cmd_gather), ENGINE_DMA, 0, check_gather },
	{ LOOM_OP_CONV, sizeof(struct loom_cmd_conv), ENGINE_COMPUTE,
	  LOOM_CMD_BIAS | LOOM_CMD_RESIDUAL, check_conv },
	{ LOOM_OP_DWCONV, sizeof(struct loom_cmd_conv), ENGINE_COMPUTE, LOOM_CMD_BIAS,
	  check_dwconv },
	{ LOOM_OP_MATMUL, sizeof(struct loom_cmd_matmul), ENGINE_COMPUTE, 0, check_matmul },
	{ LOOM_OP_COPY, sizeof(struct loom_cmd_copy), ENGINE_COMPUTE, 0, check_copy },
	{ LOOM_OP_BINARY, sizeof(struct loom_cmd_binary), ENGINE_COMPUTE, 0, check_binary },
	{ LOOM_OP_UNARY, sizeof(struct loom_cmd_unary), ENGINE_COMPUTE, 0, check_unary },
	{ LOOM_OP_REDUCE, sizeof(struct loom_cmd_reduce), ENGINE_COMPUTE, 0, check_reduce },
	{ LOOM_OP_SOFTMAX, sizeof(struct loom_cmd_softmax), ENGINE_COMPUTE, 0, check_softmax },
	{ LOOM_OP_LAYERNORM, sizeof(struct loom_cmd_layernorm), ENGINE_COMPUTE,
	  LOOM_CMD_GAMMA | LOOM_CMD_BETA, check_layernorm },
	{ LOOM_OP_POOL, sizeof(struct loom_cmd_pool), ENGINE_COMPUTE, LOOM_CMD_COUNT_PAD,
	  check_pool },
};

static const struct opcode *find_opcode(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (opcodes[i].opcode == opcode)
			return &opcodes[i];
	return NULL;
}

enum engine opcode_engine(uint16_t opcode)
{
	return find_opcode(opcode)->engine;
}

static enum loom_fault check_wait(struct checker *c, const struct loom_cmd *cmd,
				  enum engine engine)
{
	uint32_t earlier = engine == ENGINE_COMPUTE ? c->num_dma :
			   engine == ENGINE_DMA ? c->num_compute : 0;

	if (cmd->wait > earlier)
		return fail(c, LOOM_FAULT_BAD_WAIT, cmd->wait);
	return LOOM_FAULT_NONE;
}

/*
 * Can the FIFO hold what the command needs at once? Weights stay until they are released: by
 * earlier commands, or by this one tile after tile as far as its release_to goes. To go on, the
 * fetch engine needs room for a whole burst.
 */
static enum loom_fault check_window(struct checker *c, const struct loom_cmd *cmd)
{
	const struct loom_hw_caps *caps = &c->config->caps;
	uint64_t kept = cmd->release_to > c->released ? cmd->release_to : c->released;
	uint64_t at_once = c->stream_first + loom_timing_weight_window(caps, cmd) - c->released;

	if (c->header->weight_bytes <= caps->weight_sram_bytes)
		return LOOM_FAULT_NONE;
	if (c->weights_end > kept && c->weights_end - kept > at_once)
		at_once = c->weights_end - kept;
	if (at_once + caps->dram_burst_bytes > caps->weight_sram_bytes)
		return fail(c, LOOM_FAULT_TILE_TOO_LARGE, at_once);
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_release(struct checker *c, const struct loom_cmd *cmd,
				     enum engine engine)
{
	if (engine != ENGINE_COMPUTE) {
		NEED(!cmd->release_to, cmd->release_to);
		return LOOM_FAULT_NONE;
	}
	if (cmd->release_to < c->released || cmd->release_to > c->fetched)
		return fail(c, LOOM_FAULT_BAD_WEIGHT, cmd->release_to);
	if (c->weights_end)
		TRY(check_window(c, cmd));
	c->released = cmd->release_to;
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_cmd(struct checker *c, const struct loom_cmd *cmd, uint64_t room)
{
	const struct opcode *op;

	if (room < sizeof(*cmd))
		return fail(c, LOOM_FAULT_BAD_SIZE, room);
	op = find_opcode(cmd->opcode);
	if (!op)
		return fail(c, LOOM_FAULT_BAD_OPCODE, cmd->opcode);
	if (cmd->size != op->size || cmd->size > room)
		return fail(c, LOOM_FAULT_BAD_SIZE, cmd->size);
	NEED(!(cmd->flags & ~op->flags), cmd->flags);
	TRY(check_wait(c, cmd, op->engine));
	c->stream_first = UINT64_MAX;
	c->weights_end = 0;
	TRY(op->check(c, cmd));
	TRY(check_release(c, cmd, op->engine));
	c->num_dma += op->engine == ENGINE_DMA;
	c->num_compute += op->engine == ENGINE_COMPUTE;
	return LOOM_FAULT_NONE;
}

/* ---- the buffer ---- */

static enum loom_fault check_header(struct checker *c, uint32_t size, uint32_t lease_size)
{
	const struct loom_cmdbuf *h = c->header;

	c->number = LOOM_NO_CMD;
	if (h->magic != LOOM_CMDBUF_MAGIC)
		return fail(c, LOOM_FAULT_BAD_HEADER, h->magic);
	if (h->isa_version >> 16 != LOOM_ISA_MAJOR)
		return fail(c, LOOM_FAULT_ISA_VERSION, h->isa_version);
	if (h->size != size || !h->num_cmds || h->reserved || h->weight_bytes > MAX_WEIGHTS)
		return fail(c, LOOM_FAULT_BAD_HEADER, h->size);
	if (h->lease_bytes > lease_size)
		return fail(c, LOOM_FAULT_BAD_LEASE, h->lease_bytes);
	if (c->layer_release && h->weight_bytes > c->config->caps.weight_sram_bytes)
		return fail(c, LOOM_FAULT_SLICE_TOO_LARGE, h->weight_bytes);
	return LOOM_FAULT_NONE;
}

static enum loom_fault check_cmds(struct checker *c, const void *buffer)
{
	const char *at = (const char *)buffer + sizeof(*c->header);
	const char *end = (const char *)buffer + c->header->size;

	for (c->number = 0; c->number < c->header->num_cmds; c->number++) {
		const struct loom_cmd *cmd = (const void *)at;

		TRY(check_cmd(c, cmd, (uint64_t)(end - at)));
		at += cmd->size;
	}
	c->number = LOOM_NO_CMD;
	if (at != end)
		return fail(c, LOOM_FAULT_BAD_HEADER, c->header->num_cmds);
	if (c->fetched != c->header->weight_bytes)
		return fail(c, LOOM_FAULT_BAD_HEADER, c->fetched);
	return LOOM_FAULT_NONE;
}

struct verdict validate(const struct loom_sim_config *config, const void *buffer, uint32_t size,
			uint32_t lease_size, bool layer_release)
{
	struct checker c = {
		.config = config,
		.header = buffer,
		.layer_release = layer_release,
	};
	enum loom_fault fault = check_header(&c, size, lease_size);

	if (!fault)
		fault = check_cmds(&c, buffer);
	return (struct verdict){ .fault = fault, .cmd = c.number, .addr = c.addr };
}
