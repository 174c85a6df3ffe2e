// SPDX-License-Identifier: MIT
/*
 * Buffers -> offsets in the lease, and what has to wait for what.
 *
 * A buffer lives from the first command that touches it to the last. The largest are placed first,
 * each as low as those that live at the same time allow. Only then is it known which commands
 * share bytes: inside a slice those of the DMA engine and of the compute engine wait for each
 * other where they do (between slices the device keeps them in order).
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lower.h"
#include "passes.h"

#define ALIGN 64

/* What a STORE reads lives to the end of its slice: then no command has to wait for the STORE. */
static uint32_t last_use(const struct program *p, uint32_t i)
{
	const struct command *cmd = p->cmds[i];
	const struct slice_info *s = &p->slices[cmd->slice];

	if (opcode_of(cmd) == LOOM_OP_STORE && !cmd->fixed)
		return s->first + s->num - 1;
	return i;
}

static void lives_at(struct buffer *buf, uint32_t first, uint32_t last)
{
	if (!buf->used || first < buf->first)
		buf->first = first;
	buf->used = true;
	buf->last = last > buf->last ? last : buf->last;
}

void keep_resident(struct program *p)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->num_cmds; i++) {
		struct command *cmd = p->cmds[i];

		if (is_dma(cmd) && cmd->symbol == SYM_IO)
			cmd->ref[0].buf->resident = true;
		else
			p->cmds[kept++] = cmd;
	}
	p->num_cmds = kept;
}

static void find_lives(struct program *p)
{
	for (uint32_t i = 0; i < p->num_cmds; i++) {
		struct command *cmd = p->cmds[i];

		for (unsigned int r = 0; r < cmd->num_refs; r++)
			lives_at(cmd->ref[r].buf, i, last_use(p, i));
		if (cmd->home) {
			cmd->home->is_home = true;
			lives_at(cmd->home, i, i);
		}
	}
	for (uint32_t i = 0; i < p->num_bufs; i++)
		if (p->bufs[i]->resident)
			lives_at(p->bufs[i], 0, p->num_cmds - 1);
}

/* ---- in place ---- */

static const struct loom_operand *operand_at(const struct command *cmd, unsigned int ref)
{
	return (const struct loom_operand *)(cmd->raw + cmd->ref[ref].field -
					     offsetof(struct loom_operand, off));
}

static bool same_walk(const struct command *cmd, unsigned int a, unsigned int b)
{
	const struct loom_operand *x = operand_at(cmd, a), *y = operand_at(cmd, b);

	return x->dtype == y->dtype && !memcmp(x->stride, y->stride, sizeof(x->stride));
}

/* UNARY, BINARY and QBINARY read an element before they write it, and may write it where it was. */
static bool elementwise(const struct command *cmd, unsigned int from, unsigned int to)
{
	const struct loom_cmd_unary *unary = (const struct loom_cmd_unary *)cmd->raw;

	if (unary->hdr.opcode == LOOM_OP_UNARY)
		return unary->src_dtype == unary->dst_dtype && unary->src_pitch == unary->dst_pitch;
	return (unary->hdr.opcode == LOOM_OP_BINARY || unary->hdr.opcode == LOOM_OP_QBINARY) &&
	       same_walk(cmd, from, to);
}

/* The result of command i takes the place of an operand that nobody reads after it. */
static void reuse_operand(struct program *p, uint32_t i)
{
	struct command *cmd = p->cmds[i];
	unsigned int to = cmd->num_refs - 1;

	if (cmd->num_refs < 2 || !cmd->ref[to].write)
		return;
	for (unsigned int r = 0; r < to; r++) {
		struct buffer *from = cmd->ref[r].buf, *made = cmd->ref[to].buf;

		while (from->inside)
			from = from->inside;
		if (made->inside || made->first != i || from->last != i || from == made ||
		    made->bytes != from->bytes || cmd->ref[r].add || cmd->ref[to].add ||
		    !elementwise(cmd, r, to))
			continue;
		made->inside = from;
		from->last = made->last;
	}
}

static int by_size(const void *a, const void *b)
{
	const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int by_offset(const void *a, const void *b)
{
	const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static bool live_together(const struct buffer *a, const struct buffer *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static uint64_t aligned(uint64_t n)
{
	return (n + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

/* The lowest gap among the placed buffers that live at the same time; returns where it ends. */
static uint64_t place(struct buffer **placed, uint32_t num, struct buffer *buf,
		      struct buffer **others)
{
	uint64_t at = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < num; i++)
		if (live_together(placed[i], buf))
			others[n++] = placed[i];
	qsort(others, n, sizeof(*others), by_offset);
	for (uint32_t i = 0; i < n; i++) {
		if (others[i]->offset >= at + buf->bytes)
			break;
		if (others[i]->offset + others[i]->bytes > at)
			at = aligned(others[i]->offset + others[i]->bytes);
	}
	buf->offset = at;
	return at + buf->bytes;
}

/* In the lease, or those that are homes in the scratch region. Returns the bytes it takes. */
static uint64_t place_all(struct program *p, bool homes)
{
	struct buffer **sorted = arena_array(p->c, p->num_bufs, sizeof(*sorted));
	struct buffer **others = arena_array(p->c, p->num_bufs, sizeof(*others));
	uint64_t end, bytes = 0;
	uint32_t num = 0;

	for (uint32_t i = 0; i < p->num_bufs; i++)
		if (p->bufs[i]->used && !p->bufs[i]->inside && p->bufs[i]->is_home == homes)
			sorted[num++] = p->bufs[i];
	if (num)
		qsort(sorted, num, sizeof(*sorted), by_size);
	for (uint32_t i = 0; i < num; i++) {
		end = place(sorted, i, sorted[i], others);
		bytes = end > bytes ? end : bytes;
	}
	return bytes;
}

static void place_in_place(struct program *p)
{
	for (uint32_t i = 0; i < p->num_bufs; i++) {
		struct buffer *root = p->bufs[i];

		while (root->inside)
			root = root->inside;
		p->bufs[i]->offset = root->offset;
	}
}

/* ---- waits ---- */

static bool share_bytes(const struct command *a, const struct command *b)
{
	for (unsigned int i = 0; i < a->num_refs; i++)
		for (unsigned int k = 0; k < b->num_refs; k++) {
			const struct buffer *x = a->ref[i].buf, *y = b->ref[k].buf;

			if ((a->ref[i].write || b->ref[k].write) &&
			    x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes)
				return true;
		}
	return false;
}

static void set_wait(struct command **cmds, uint32_t at)
{
	struct loom_cmd *hdr = (struct loom_cmd *)cmds[at]->raw;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < at; i++) {
		if (is_dma(cmds[i]) == is_dma(cmds[at]))
			continue;
		seen++;
		if (share_bytes(cmds[i], cmds[at]))
			hdr->wait = seen;
	}
}

/* A command of its engine never needs to wait for less than those before it did. */
static void set_slice_waits(struct program *p, const struct slice_info *s)
{
	uint32_t num_dma = 0;

	for (uint32_t i = 0; i < s->num; i++)
		num_dma += is_dma(p->cmds[s->first + i]);
	if (!num_dma)
		return;
	for (uint32_t i = 0; i < s->num; i++)
		set_wait(p->cmds + s->first, i);
}

uint64_t memory(struct program *p)
{
	find_lives(p);
	for (uint32_t i = 0; i < p->num_cmds; i++)
		reuse_operand(p, i);
	p->lease_bytes = place_all(p, false);
	p->scratch_bytes = place_all(p, true);
	place_in_place(p);
	p->lease_bytes = (p->lease_bytes + LOOM_LEASE_ALIGN - 1) / LOOM_LEASE_ALIGN * LOOM_LEASE_ALIGN;
	return p->lease_bytes;
}

void set_waits(struct program *p)
{
	for (uint32_t i = 0; i < p->num_slices; i++)
		set_slice_waits(p, &p->slices[i]);
}
