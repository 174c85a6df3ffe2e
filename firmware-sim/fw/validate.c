/* SPDX-License-Identifier: MIT */
/*
 * Validation of a command buffer: after it, nothing in hw/ or timing/ checks a field again.
 *
 * It is done on the private copy, front to back, with what earlier commands have fetched, released
 * and done so far. The first fault found stays (reject()), so checks are plain lists; what follows
 * a fault may compute nonsense but not crash. Sizes are multiplied saturating: what does not fit in
 * 64 bits is too large for any memory here.
 */
#include <string.h>

#include "validate.h"

void reject(struct checker *c, enum loom_fault fault, uint64_t addr)
{
	if (c->fault)
		return;
	c->fault = fault;
	c->addr = addr;
}

void require(struct checker *c, bool condition, uint64_t value)
{
	if (!condition)
		reject(c, LOOM_FAULT_BAD_FIELD, value);
}

/* ---- ranges ---- */

void lease_range(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align)
{
	require(c, off % align == 0, off);
	if (sat_add(off, bytes) > c->header->lease_bytes)
		reject(c, LOOM_FAULT_BAD_LEASE, sat_add(off, bytes));
}

void weight_range(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align)
{
	require(c, off % align == 0, off);
	if (off < c->released || sat_add(off, bytes) > c->fetched)
		reject(c, LOOM_FAULT_BAD_WEIGHT, off);
	if (off < c->stream_first)
		c->stream_first = off;
	if (sat_add(off, bytes) > c->weights_end)
		c->weights_end = sat_add(off, bytes);
}

uint32_t dtype_size(uint32_t dtype)
{
	switch (dtype) {
	case LOOM_F16:	return 2;
	case LOOM_F32:	return 4;
	case LOOM_I32:	return 4;
	case LOOM_I64:	return 8;
	default:	return 1;	/* of 8 bits, or none; dtype_ok() says so */
	}
}

static bool dtype_ok(uint32_t dtype)
{
	return dtype <= LOOM_U8;
}

bool is_fp(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32;
}

/* `rows` rows of `cols` elements, `pitch` elements apart. */
static void matrix_in_lease(struct checker *c, uint32_t off, uint64_t rows, uint64_t cols,
			    uint64_t pitch, uint32_t size)
{
	uint64_t span = sat_add(sat_mul(rows - 1, pitch), cols);

	lease_range(c, off, sat_mul(span, size), size);
}

void check_act(struct checker *c, const struct loom_act *act)
{
	if (act->fn >= LOOM_UN_COUNT || act->pad)
		reject(c, LOOM_FAULT_BAD_FIELD, act->fn);
}

/* ---- fetch and dma ---- */

static void check_va(struct checker *c, uint64_t va, uint64_t bytes)
{
	if (sat_add(va, bytes) > 1ull << LOOM_VA_BITS)
		reject(c, LOOM_FAULT_BAD_FIELD, va);
}

static void check_fetch(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_fetch *cmd = (const void *)hdr;

	require(c, !cmd->pad, cmd->pad);
	require(c, cmd->bytes, 0);
	require(c, !(cmd->va % 2), cmd->va);
	check_va(c, cmd->va, cmd->bytes);
	if (cmd->bytes > c->header->weight_bytes - c->fetched)
		reject(c, LOOM_FAULT_BAD_WEIGHT, c->fetched);
	c->fetched += cmd->bytes;
}

static void check_move(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_move *cmd = (const void *)hdr;

	require(c, cmd->rows && cmd->row_bytes, 0);
	require(c, cmd->off_pitch >= cmd->row_bytes || cmd->rows == 1, cmd->off_pitch);
	check_va(c, cmd->va, sat_add(sat_mul(cmd->rows - 1, cmd->va_pitch), cmd->row_bytes));
	matrix_in_lease(c, cmd->off, cmd->rows, cmd->row_bytes, cmd->off_pitch, 1);
}

static void check_gather(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_gather *cmd = (const void *)hdr;
	uint32_t index_size = dtype_size(cmd->index_dtype);

	require(c, !cmd->pad, cmd->pad);
	require(c, cmd->index_dtype == LOOM_I32 || cmd->index_dtype == LOOM_I64, cmd->index_dtype);
	require(c, cmd->table_rows && cmd->row_bytes && cmd->count, 0);
	require(c, cmd->dst_pitch >= cmd->row_bytes || cmd->count == 1, cmd->dst_pitch);
	check_va(c, cmd->va, (uint64_t)cmd->table_rows * cmd->row_bytes);
	lease_range(c, cmd->index, (uint64_t)cmd->count * index_size, index_size);
	matrix_in_lease(c, cmd->dst, cmd->count, cmd->row_bytes, cmd->dst_pitch, 1);
}

/* ---- MAC array ---- */

static void check_nop(struct checker *c, const struct loom_cmd *hdr)
{
}

/* The last tile has no more rows than are left of it; a tile that is full has none after. */
void check_tile_rows(struct checker *c, uint64_t m, uint32_t before, uint32_t after)
{
	uint64_t last = sat_add(m, before) % LOOM_TILE_ROWS;

	require(c, before < LOOM_TILE_ROWS, before);
	require(c, !after || (last && last + after <= LOOM_TILE_ROWS), after);
}

/* Windows may lie in padding wholly or in part: that costs time and reads nothing. */
bool window_ok(uint32_t in, uint32_t out, uint32_t k, uint32_t stride, uint32_t dilation)
{
	return in && out && k && stride && dilation;
}

void check_windows(struct checker *c, const struct loom_cmd_conv *cmd)
{
	require(c, cmd->batch && cmd->c, 0);
	require(c, window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	require(c, window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
}

uint64_t volume_of(uint64_t a, uint64_t b, uint64_t c)
{
	return sat_mul(sat_mul(a, b), c);
}

/* Pixels of `channels` channels, `pitch` elements apart. */
void check_image(struct checker *c, uint32_t off, uint64_t pixels,
		 uint32_t channels, uint32_t pitch, uint32_t size)
{
	require(c, pitch >= channels || pixels == 1, pitch);
	matrix_in_lease(c, off, pixels, channels, pitch, size);
}

static void check_conv_memory(struct checker *c, const struct loom_cmd_conv *cmd,
			      uint64_t weight_elements)
{
	uint64_t in = volume_of(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume_of(cmd->batch, cmd->oh, cmd->ow);

	check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2);
	check_image(c, cmd->out, out, cmd->oc, cmd->out_pitch, dtype_size(cmd->out_dtype));
	if (cmd->hdr.flags & LOOM_CMD_RESIDUAL)
		check_image(c, cmd->res, out, cmd->oc, cmd->res_pitch, 2);
	else
		require(c, !cmd->res && !cmd->res_pitch, cmd->res);
	if (cmd->hdr.flags & LOOM_CMD_BIAS)
		weight_range(c, cmd->b_off, 4ull * cmd->oc, 4);
	else
		require(c, !cmd->b_off, cmd->b_off);
	/* The bias is not streamed: it waits in a buffer of its own. */
	c->stream_first = UINT64_MAX;
	weight_range(c, cmd->w_off, sat_mul(weight_elements, 2), 2);
}

static void check_conv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;
	uint64_t k = volume_of(cmd->kh, cmd->kw, cmd->c);

	check_windows(c, cmd);
	require(c, cmd->oc, 0);
	require(c, k <= LOOM_MAX_K, k);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_tile_rows(c, volume_of(cmd->batch, cmd->oh, cmd->ow), cmd->rows_before,
			cmd->rows_after);
	check_act(c, &cmd->act);
	check_conv_memory(c, cmd, sat_mul(k, cmd->oc));
}

static void check_dwconv(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_conv *cmd = (const void *)hdr;

	check_windows(c, cmd);
	require(c, cmd->oc == cmd->c, cmd->oc);
	require(c, (uint32_t)cmd->kh * cmd->kw <= LOOM_MAX_K, cmd->kh);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, !cmd->rows_before && !cmd->rows_after, cmd->rows_before);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_act(c, &cmd->act);
	check_conv_memory(c, cmd, volume_of(cmd->kh, cmd->kw, cmd->c));
}

/* Elements from the first to the last of a batch of strided matrices. */
uint64_t strided_span(const struct loom_cmd_matmul *cmd, const __u32 *batch_stride,
		      uint32_t rows, uint64_t row, uint32_t cols, uint64_t col)
{
	uint64_t span = 1;

	span = sat_add(span, sat_mul(cmd->batch[0] - 1, batch_stride[0]));
	span = sat_add(span, sat_mul(cmd->batch[1] - 1, batch_stride[1]));
	span = sat_add(span, sat_mul(rows - 1, row));
	return sat_add(span, sat_mul(cols - 1, col));
}

static void check_matmul(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_matmul *cmd = (const void *)hdr;
	uint32_t size = dtype_size(cmd->out_dtype);
	uint64_t span;

	require(c, cmd->m && cmd->n && cmd->k && cmd->batch[0] && cmd->batch[1] && !cmd->pad, 0);
	require(c, cmd->k <= LOOM_MAX_K, cmd->k);
	require(c, is_fp(cmd->out_dtype), cmd->out_dtype);
	require(c, loom_timing_macs(hdr) <= LOOM_MAX_MACS, 0);
	check_tile_rows(c, cmd->m, cmd->rows_before, cmd->rows_after);
	check_act(c, &cmd->act);
	span = strided_span(cmd, cmd->a_batch, cmd->m, cmd->a_row, cmd->k, cmd->a_col);
	lease_range(c, cmd->a, sat_mul(span, 2), 2);
	span = strided_span(cmd, cmd->b_batch, cmd->k, cmd->b_row, cmd->n, cmd->b_col);
	lease_range(c, cmd->b, sat_mul(span, 2), 2);
	span = strided_span(cmd, cmd->out_batch, cmd->m, cmd->out_row, cmd->n, 1);
	lease_range(c, cmd->out, sat_mul(span, size), size);
}

/* ---- vector unit ---- */

static uint64_t elements(const __u32 *dims)
{
	uint64_t n = 1;

	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		n = sat_mul(n, dims[i]);
	return n;
}

/*
 * First and last element relative to the operand's offset. No sum overflows: dims are at most
 * LOOM_MAX_ELEMENTS together, so their reaches are at most LOOM_MAX_ELEMENTS - 1 strides.
 */
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

void check_operand(struct checker *c, const struct loom_operand *operand, const __u32 *dims)
{
	bool lease = operand->space == LOOM_SPACE_LEASE;
	uint32_t size = dtype_size(operand->dtype);
	int64_t first, last;
	uint64_t bytes;

	require(c, dtype_ok(operand->dtype), operand->dtype);
	require(c, operand->space <= LOOM_SPACE_WEIGHTS, operand->space);
	if (c->fault)
		return;		/* the dims may be such that the extent overflows */
	operand_extent(operand, dims, &first, &last);
	if (first < -(int64_t)(operand->off / size))
		reject(c, lease ? LOOM_FAULT_BAD_LEASE : LOOM_FAULT_BAD_WEIGHT, operand->off);
	bytes = sat_mul((uint64_t)(last - first) + 1, size);
	if (lease)
		lease_range(c, operand->off + first * size, bytes, size);
	else
		weight_range(c, operand->off + first * size, bytes, size);
}

/* A destination is activation SRAM, and each element has a place of its own in every dim. */
void check_destination(struct checker *c, const struct loom_operand *operand,
		       const __u32 *dims)
{
	require(c, operand->space == LOOM_SPACE_LEASE, operand->space);
	for (int i = 0; i < LOOM_MAX_DIMS; i++)
		require(c, dims[i] == 1 || operand->stride[i], i);
	check_operand(c, operand, dims);
}

void check_dims(struct checker *c, const __u32 *dims)
{
	uint64_t n = elements(dims);

	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
}

static void check_copy(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_copy *cmd = (const void *)hdr;

	check_dims(c, cmd->dims);
	check_operand(c, &cmd->src, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

static void check_binary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_binary *cmd = (const void *)hdr;

	require(c, cmd->fn < LOOM_BIN_COUNT && !cmd->pad, cmd->fn);
	require(c, is_fp(cmd->a.dtype) && is_fp(cmd->b.dtype) && is_fp(cmd->dst.dtype), 0);
	check_dims(c, cmd->dims);
	check_act(c, &cmd->act);
	check_operand(c, &cmd->a, cmd->dims);
	check_operand(c, &cmd->b, cmd->dims);
	check_destination(c, &cmd->dst, cmd->dims);
}

static void check_unary(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_unary *cmd = (const void *)hdr;

	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype) && !cmd->pad, 0);
	require(c, cmd->rows && cmd->cols, 0);
	require(c, (uint64_t)cmd->rows * cmd->cols <= LOOM_MAX_ELEMENTS, 0);
	require(c, cmd->dst_pitch >= cmd->cols || cmd->rows == 1, cmd->dst_pitch);
	check_act(c, &cmd->act);
	matrix_in_lease(c, cmd->src, cmd->rows, cmd->cols, cmd->src_pitch,
			dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, cmd->rows, cmd->cols, cmd->dst_pitch,
			dtype_size(cmd->dst_dtype));
}

static void check_reduce(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_reduce *cmd = (const void *)hdr;
	uint64_t n = volume_of(cmd->outer, cmd->n, cmd->inner);

	require(c, cmd->fn < LOOM_RED_COUNT && !cmd->pad, cmd->fn);
	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype), 0);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, 1, cmd->n ? n / cmd->n : 0, 0, dtype_size(cmd->dst_dtype));
}

static void check_softmax(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_softmax *cmd = (const void *)hdr;
	uint64_t n = volume_of(cmd->outer, cmd->n, cmd->inner);

	require(c, is_fp(cmd->src_dtype) && is_fp(cmd->dst_dtype), 0);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, dtype_size(cmd->src_dtype));
	matrix_in_lease(c, cmd->dst, 1, n, 0, dtype_size(cmd->dst_dtype));
}

static void check_layernorm(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_layernorm *cmd = (const void *)hdr;
	uint64_t n = (uint64_t)cmd->rows * cmd->n;

	require(c, !cmd->pad, cmd->pad);
	require(c, n && n <= LOOM_MAX_ELEMENTS, n);
	matrix_in_lease(c, cmd->src, 1, n, 0, 2);
	matrix_in_lease(c, cmd->dst, 1, n, 0, 2);
	if (hdr->flags & LOOM_CMD_GAMMA)
		weight_range(c, cmd->gamma, 4ull * cmd->n, 4);
	else
		require(c, !cmd->gamma, cmd->gamma);
	if (hdr->flags & LOOM_CMD_BETA)
		weight_range(c, cmd->beta, 4ull * cmd->n, 4);
	else
		require(c, !cmd->beta, cmd->beta);
}

static void check_pool(struct checker *c, const struct loom_cmd *hdr)
{
	const struct loom_cmd_pool *cmd = (const void *)hdr;
	uint64_t in = volume_of(cmd->batch, cmd->h, cmd->w);
	uint64_t out = volume_of(cmd->batch, cmd->oh, cmd->ow);

	require(c, cmd->fn <= LOOM_POOL_AVERAGE && !cmd->pad, cmd->fn);
	require(c, cmd->batch && cmd->c, 0);
	require(c, window_ok(cmd->h, cmd->oh, cmd->kh, cmd->sh, cmd->dh), cmd->oh);
	require(c, window_ok(cmd->w, cmd->ow, cmd->kw, cmd->sw, cmd->dw), cmd->ow);
	require(c, sat_mul(volume_of(out, cmd->c, cmd->kh), cmd->kw) <= LOOM_MAX_MACS, 0);
	check_image(c, cmd->in, in, cmd->c, cmd->in_pitch, 2);
	check_image(c, cmd->out, out, cmd->c, cmd->out_pitch, 2);
}

/* ---- any command ---- */

static const struct opcode {
	uint16_t opcode;
	uint16_t size;
	enum engine engine;
	uint32_t flags;
	void (*check)(struct checker *c, const struct loom_cmd *cmd);
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
	{ LOOM_OP_QCONV, sizeof(struct loom_cmd_qconv), ENGINE_COMPUTE,
	  LOOM_CMD_RESIDUAL | LOOM_CMD_DYNAMIC, check_qconv },
	{ LOOM_OP_QDWCONV, sizeof(struct loom_cmd_qconv), ENGINE_COMPUTE, LOOM_CMD_DYNAMIC,
	  check_qdwconv },
	{ LOOM_OP_QMATMUL, sizeof(struct loom_cmd_qmatmul), ENGINE_COMPUTE, 0, check_qmatmul },
	{ LOOM_OP_QUANT, sizeof(struct loom_cmd_quant), ENGINE_COMPUTE,
	  LOOM_CMD_CHANNELS | LOOM_CMD_DYNAMIC, check_quant },
	{ LOOM_OP_QBINARY, sizeof(struct loom_cmd_qbinary), ENGINE_COMPUTE, 0, check_qbinary },
	{ LOOM_OP_QPOOL, sizeof(struct loom_cmd_qpool), ENGINE_COMPUTE, LOOM_CMD_COUNT_PAD,
	  check_qpool },
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

static void check_wait(struct checker *c, const struct loom_cmd *cmd, enum engine engine)
{
	uint32_t earlier = engine == ENGINE_COMPUTE ? c->num_dma :
			   engine == ENGINE_DMA ? c->num_compute : 0;

	if (cmd->wait > earlier)
		reject(c, LOOM_FAULT_BAD_WAIT, cmd->wait);
}

/*
 * Can the FIFO hold what the command needs at once? Weights stay until they are released: by
 * earlier commands, or by this one tile after tile as far as its release_to goes. To go on, the
 * fetch engine needs room for a whole burst.
 */
static void check_window(struct checker *c, const struct loom_cmd *cmd)
{
	const struct loom_hw_caps *caps = &c->config->caps;
	uint64_t kept = cmd->release_to > c->released ? cmd->release_to : c->released;
	uint64_t at_once;

	if (c->header->weight_bytes <= caps->weight_sram_bytes)
		return;
	at_once = c->stream_first + loom_timing_weight_window(caps, cmd) - c->released;
	if (c->weights_end > kept && c->weights_end - kept > at_once)
		at_once = c->weights_end - kept;
	if (at_once + caps->dram_burst_bytes > caps->weight_sram_bytes)
		reject(c, LOOM_FAULT_TILE_TOO_LARGE, at_once);
}

static void check_release(struct checker *c, const struct loom_cmd *cmd, enum engine engine)
{
	if (engine != ENGINE_COMPUTE) {
		require(c, !cmd->release_to, cmd->release_to);
		return;
	}
	if (cmd->release_to < c->released || cmd->release_to > c->fetched)
		reject(c, LOOM_FAULT_BAD_WEIGHT, cmd->release_to);
	if (c->weights_end && !c->fault)
		check_window(c, cmd);
	c->released = cmd->release_to;
}

static void check_any(struct checker *c, const struct loom_cmd *cmd, const struct opcode *op)
{
	require(c, !(cmd->flags & ~op->flags), cmd->flags);
	check_wait(c, cmd, op->engine);
	c->stream_first = UINT64_MAX;
	c->weights_end = 0;
	op->check(c, cmd);
	check_release(c, cmd, op->engine);
	c->num_dma += op->engine == ENGINE_DMA;
	c->num_compute += op->engine == ENGINE_COMPUTE;
}

static void check_cmd(struct checker *c, const struct loom_cmd *cmd, uint64_t room)
{
	const struct opcode *op = room < sizeof(*cmd) ? NULL : find_opcode(cmd->opcode);

	if (room < sizeof(*cmd))
		reject(c, LOOM_FAULT_BAD_SIZE, room);
	else if (!op)
		reject(c, LOOM_FAULT_BAD_OPCODE, cmd->opcode);
	else if (cmd->size != op->size || cmd->size > room)
		reject(c, LOOM_FAULT_BAD_SIZE, cmd->size);
	else
		check_any(c, cmd, op);
}

/* ---- the buffer ---- */

static void check_header(struct checker *c, uint32_t size, uint32_t lease_size)
{
	const struct loom_cmdbuf *h = c->header;
	uint32_t isa = c->config->caps.isa_version;

	if (h->magic != LOOM_CMDBUF_MAGIC)
		reject(c, LOOM_FAULT_BAD_HEADER, h->magic);
	if (h->isa_version >> 16 != isa >> 16 || h->isa_version > isa)
		reject(c, LOOM_FAULT_ISA_VERSION, h->isa_version);
	if (h->size != size || !h->num_cmds || h->reserved ||
	    h->weight_bytes > LOOM_MAX_WEIGHT_BYTES)
		reject(c, LOOM_FAULT_BAD_HEADER, h->size);
	if (h->lease_bytes > lease_size)
		reject(c, LOOM_FAULT_BAD_LEASE, h->lease_bytes);
	if (c->layer_release && h->weight_bytes > c->config->caps.weight_sram_bytes)
		reject(c, LOOM_FAULT_SLICE_TOO_LARGE, h->weight_bytes);
}

/* Stops at the first command with a fault, whose number stays in c->number. */
static void check_cmds(struct checker *c)
{
	const char *at = (const char *)c->header + sizeof(*c->header);
	const char *end = (const char *)c->header + c->header->size;

	for (c->number = 0; c->number < c->header->num_cmds; c->number++) {
		const struct loom_cmd *cmd = (const void *)at;

		check_cmd(c, cmd, (uint64_t)(end - at));
		if (c->fault)
			return;
		at += cmd->size;
	}
	c->number = LOOM_NO_CMD;
	if (at != end)
		reject(c, LOOM_FAULT_BAD_HEADER, c->header->num_cmds);
	if (c->fetched != c->header->weight_bytes)
		reject(c, LOOM_FAULT_BAD_HEADER, c->fetched);
}

struct verdict validate(const struct loom_sim_config *config, const void *buffer, uint32_t size,
			uint32_t lease_size, bool layer_release)
{
	struct checker c = {
		.config = config,
		.header = buffer,
		.layer_release = layer_release,
		.number = LOOM_NO_CMD,
	};

	check_header(&c, size, lease_size);
	if (!c.fault)
		check_cmds(&c);
	return (struct verdict){ .fault = c.fault, .cmd = c.number, .addr = c.addr };
}
