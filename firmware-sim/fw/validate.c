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

bool dtype_ok(uint32_t dtype)
{
	return dtype <= LOOM_U8;
}

bool is_fp(uint32_t dtype)
{
	return dtype == LOOM_F16 || dtype == LOOM_F32;
}

/* `rows` rows of `cols` elements, `pitch` elements apart. */
void matrix_in_lease(struct checker *c, uint32_t off, uint64_t rows, uint64_t cols,
		     uint64_t pitch, uint32_t size)
{
	uint64_t span = sat_add(sat_mul(rows - 1, pitch), cols);

	lease_range(c, off, sat_mul(span, size), size);
}

uint64_t volume_of(uint64_t a, uint64_t b, uint64_t c)
{
	return sat_mul(sat_mul(a, b), c);
}

/* Windows may lie in padding wholly or in part: that costs time and reads nothing. */
bool window_ok(uint32_t in, uint32_t out, uint32_t k, uint32_t stride, uint32_t dilation)
{
	return in && out && k && stride && dilation;
}

/* Pixels of `channels` channels, `pitch` elements apart. */
void check_image(struct checker *c, uint32_t off, uint64_t pixels,
		 uint32_t channels, uint32_t pitch, uint32_t size)
{
	require(c, pitch >= channels || pixels == 1, pitch);
	matrix_in_lease(c, off, pixels, channels, pitch, size);
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

static void check_nop(struct checker *c, const struct loom_cmd *hdr)
{
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
