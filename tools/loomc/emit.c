// SPDX-License-Identifier: MIT
/* Slices -> command buffers, weight streams and relocations; and the profile. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"
#include "passes.h"
#include "timing/loom_timing.h"

/* Room for `size` more bytes at a multiple of align; returns where they start. */
static uint64_t reserve(struct program *p, struct bytes *b, size_t size, size_t align)
{
	size_t at = (b->size + align - 1) / align * align, room;
	unsigned char *grown;

	if (at + size > b->room) {
		room = b->room ? b->room : 1 << 16;
		while (room < at + size)
			room *= 2;
		grown = arena(p->c, room);
		if (b->size)
			memcpy(grown, b->data, b->size);
		b->data = grown;
		b->room = room;
	}
	b->size = at + size;
	return at;
}

/* ---- weights: first where everything stands, then the bytes ---- */

static uint64_t aligned(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

static void put_blob(struct program *p, struct slice_info *s, struct blob *blob, uint32_t number)
{
	uint64_t at = aligned(s->weight_bytes, blob->align < 4 ? 4 : blob->align);
	struct piece piece = { .blob = blob, .at = (uint32_t)at };

	if (blob->in_slice == number + 1)
		return;
	blob->in_slice = number + 1;
	blob->stream = (uint32_t)at;
	s->weight_bytes = at + blob->bytes;
	s->again_bytes += blob->fetched ? blob->bytes : 0;
	blob->fetched = true;
	APPEND(p->c, s->pieces, s->num_pieces, piece);
}

/* The slice's constants in the order of its commands, each once. */
static void put_blobs(struct program *p, struct slice_info *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->num; i++) {
		struct command *cmd = p->cmds[s->first + i];
		struct loom_cmd *hdr = (struct loom_cmd *)cmd->raw;

		for (unsigned int k = 0; k < cmd->num_weights; k++) {
			struct blob *blob = cmd->weight[k].blob;
			uint32_t field;

			put_blob(p, s, blob, number);
			cmd->again = cmd->weight[k].add < blob->used;
			blob->used = cmd->again ? blob->used : cmd->weight[k].add + 1;
			field = (uint32_t)(blob->stream + cmd->weight[k].add);
			memcpy(cmd->raw + cmd->weight[k].field, &field, sizeof(field));
		}
		if (!is_dma(cmd))
			hdr->release_to = (uint32_t)s->weight_bytes;
	}
}

/* A command frees what it was last to use, and all before it: not what later ones use again. */
static void keep_shared(struct program *p, const struct slice_info *s)
{
	uint32_t first_needed = UINT32_MAX;

	for (uint32_t i = s->num; i-- > 0;) {
		struct command *cmd = p->cmds[s->first + i];
		struct loom_cmd *hdr = (struct loom_cmd *)cmd->raw;

		if (hdr->release_to > first_needed)
			hdr->release_to = first_needed;
		for (unsigned int k = 0; k < cmd->num_weights; k++)
			if (cmd->weight[k].blob->stream < first_needed)
				first_needed = cmd->weight[k].blob->stream;
	}
}

static bool same_stream(const struct slice_info *a, const struct slice_info *b)
{
	if (!a->num_pieces || a->num_pieces != b->num_pieces)
		return false;
	for (uint32_t i = 0; i < a->num_pieces; i++)
		if (a->pieces[i].blob != b->pieces[i].blob || a->pieces[i].at != b->pieces[i].at)
			return false;
	return true;
}

static void lay_out_slice(struct program *p, uint32_t number)
{
	struct slice_info *s = &p->slices[number];

	s->weight_bytes = 0;
	put_blobs(p, s, number);
	keep_shared(p, s);
	s->repeats = number && same_stream(s, s - 1);
	s->stream = s->repeats ? s[-1].stream : aligned(p->weights_size, 64);
	if (!s->repeats)
		p->weights_size = s->stream + s->weight_bytes;
	if (s->weight_bytes > UINT32_MAX / 4)
		fail(p->c, "layer '%s' has %llu bytes of weights, which is not supported", s->name,
		     (unsigned long long)s->weight_bytes);
}

static void lay_out_weights(struct program *p)
{
	for (uint32_t i = 0; i < p->num_cmds; i++)
		for (unsigned int k = 0; k < p->cmds[i]->num_weights; k++)
			p->cmds[i]->weight[k].blob->in_slice = 0;
	for (uint32_t i = 0; i < p->num_slices; i++)
		lay_out_slice(p, i);
	for (uint32_t i = 0; i < p->num_tables; i++) {
		p->tables[i]->offset = aligned(p->weights_size, 64);
		p->weights_size = p->tables[i]->offset + p->tables[i]->bytes;
	}
	if (!p->weights_size)	/* a section of its own, even so */
		p->weights_size = 64;
}

/* So much of a constant at a time. */
#define CHUNK (1u << 20)

/* Numbers of a value can be made in parts; weights are never more than a slice may have. */
static void put_bytes(struct program *p, const struct blob *blob, uint64_t at, void *buffer)
{
	size_t size = blob->num ? blob->bytes / blob->num : 0, step = size ? CHUNK / size : 0;

	if (!blob->value || blob->bytes <= CHUNK) {
		blob->fill(blob, buffer);
		output_put(p, WEIGHTS_AT + at, buffer, blob->bytes);
		return;
	}
	for (size_t done = 0; done < blob->num; done += step) {
		struct blob part = *blob;

		part.first += done;
		part.num = blob->num - done < step ? blob->num - done : step;
		part.bytes = part.num * size;
		blob->fill(&part, buffer);
		output_put(p, WEIGHTS_AT + at + done * size, buffer, part.bytes);
	}
}

static size_t largest(const struct program *p)
{
	size_t most = CHUNK;

	for (uint32_t i = 0; i < p->num_slices; i++)
		for (uint32_t k = 0; k < p->slices[i].num_pieces; k++)
			if (p->slices[i].pieces[k].blob->bytes > most && !p->slices[i].pieces[k].blob->value)
				most = p->slices[i].pieces[k].blob->bytes;
	return most;
}

static void emit_weights(struct program *p)
{
	void *buffer;

	lay_out_weights(p);
	output_size(p, WEIGHTS_AT + (p->c->options->timing_only ? 0 : p->weights_size));
	if (p->c->options->timing_only)
		return;
	buffer = big_alloc(p->c, largest(p));
	for (uint32_t i = 0; i < p->num_slices; i++) {
		const struct slice_info *s = &p->slices[i];

		for (uint32_t k = 0; !s->repeats && k < s->num_pieces; k++)
			put_bytes(p, s->pieces[k].blob, s->stream + s->pieces[k].at, buffer);
	}
	for (uint32_t i = 0; i < p->num_tables; i++)
		put_bytes(p, p->tables[i]->blob, p->tables[i]->offset, buffer);
	big_free(p->c, buffer);
}

/* ---- commands ---- */

static void add_reloc(struct program *p, uint64_t offset, enum symbol symbol, uint64_t addend)
{
	struct reloc reloc = { .offset = offset, .symbol = symbol, .addend = addend };

	APPEND(p->c, p->relocs, p->num_relocs, reloc);
}

static void patch_leases(struct command *cmd)
{
	for (unsigned int i = 0; i < cmd->num_refs; i++) {
		uint32_t at = (uint32_t)(cmd->ref[i].buf->offset + cmd->ref[i].add);

		memcpy(cmd->raw + cmd->ref[i].field, &at, sizeof(at));
	}
}

static void put_fetch(struct program *p, const struct slice_info *s)
{
	struct loom_cmd_fetch fetch = {
		.hdr = { .opcode = LOOM_OP_FETCH, .size = sizeof(fetch) },
		.bytes = (uint32_t)s->weight_bytes,
	};
	uint64_t at = reserve(p, &p->cmd, sizeof(fetch), 8);

	memcpy(p->cmd.data + at, &fetch, sizeof(fetch));
	add_reloc(p, at + offsetof(struct loom_cmd_fetch, va), SYM_WEIGHTS, s->stream);
}

static void put_command(struct program *p, struct command *cmd)
{
	uint64_t at, addend = cmd->addend;

	patch_leases(cmd);
	at = reserve(p, &p->cmd, cmd->size, 8);
	memcpy(p->cmd.data + at, cmd->raw, cmd->size);
	if (cmd->symbol == SYM_WEIGHTS)
		addend = p->tables[cmd->addend]->offset;
	if (cmd->home)
		addend += cmd->home->offset;
	if (cmd->symbol != SYM_NONE)
		add_reloc(p, at + offsetof(struct loom_cmd_move, va), cmd->symbol, addend);
}

static void put_profile(struct program *p, struct slice_info *s, const struct command *cmd)
{
	const struct loom_hw_caps *caps = &p->c->options->caps;
	const struct loom_cmd *hdr = (const struct loom_cmd *)cmd->raw;
	uint64_t ps = loom_timing_cycles_to_ps(caps, cmd->cycles);

	if (hdr->opcode < LOOM_OP_CONV) {
		s->dma_bytes += loom_timing_dram_bytes(hdr);
		return;
	}
	s->compute_ps += ps;
	if (loom_timing_unit(hdr) == LOOM_UNIT_MAC)
		s->mac_ps += ps;
	s->macs += cmd->macs;
}

/* What a device must offer for the command, beyond its instruction set's version. */
static uint64_t command_needs(const struct command *cmd)
{
	switch (((const struct loom_cmd *)cmd->raw)->opcode) {
	case LOOM_OP_QCONV:
	case LOOM_OP_QDWCONV:
	case LOOM_OP_QMATMUL:
	case LOOM_OP_QUANT:
	case LOOM_OP_QBINARY:
	case LOOM_OP_QPOOL:
		return LOOM_CAP_INT8;
	default:
		return 0;
	}
}

static void emit_slice(struct program *p, uint32_t number)
{
	struct slice_info *s = &p->slices[number];
	struct loom_cmdbuf head = {
		.magic = LOOM_CMDBUF_MAGIC, .isa_version = LOOM_ISA_VERSION,
		.num_cmds = s->num + !!s->weight_bytes, .weight_bytes = (uint32_t)s->weight_bytes,
		.lease_bytes = (uint32_t)p->lease_bytes, .slice = number,
	};

	s->cmd = reserve(p, &p->cmd, sizeof(head), 64);
	s->compute_ps = 0;
	if (s->weight_bytes)
		put_fetch(p, s);
	for (uint32_t i = 0; i < s->num; i++) {
		put_command(p, p->cmds[s->first + i]);
		put_profile(p, s, p->cmds[s->first + i]);
		p->needs |= command_needs(p->cmds[s->first + i]);
	}
	head.size = (uint32_t)(p->cmd.size - s->cmd);
	s->cmd_size = head.size;
	s->num_cmds = head.num_cmds;
	if (head.size > LOOM_CMDBUF_MAX_BYTES)
		fail(p->c, "layer '%s' needs a command buffer of %u bytes, more than %u", s->name, head.size,
		     LOOM_CMDBUF_MAX_BYTES);
	memcpy(p->cmd.data + s->cmd, &head, sizeof(head));
}

void emit(struct program *p)
{
	emit_weights(p);
	for (uint32_t i = 0; i < p->num_slices; i++)
		emit_slice(p, i);
}
