/* SPDX-License-Identifier: MIT */
#include "woven.h"

#define OUT_OFF (128u << 10)

void woven_new(struct woven *w, const char *preset, void (*tweak)(struct loom_sim_config *config),
	       uint64_t seed)
{
	*w = (struct woven){ .h = host_new(preset, tweak), .seed = seed };
	host_boot(w->h);
	w->ready = w->h->now;
	host_queue(w->h, 0, 8, 4);
	for (uint32_t i = 0; i < WOVEN_TENANTS; i++) {
		rig_context(&w->tenant[i], w->h, i + 1);
		rig_fill(&w->tenant[i], i, 0.5f);
	}
}

void woven_free(struct woven *w)
{
	host_free(w->h);
}

uint32_t woven_upto(struct woven *w, uint32_t n)
{
	return 1 + rig_random(&w->seed) % n;
}

/* What a job has so far: later commands wait for some of it. */
struct so_far {
	struct stream s;
	uint32_t dma, compute;
};

static uint32_t some(struct woven *w, uint32_t n)
{
	return woven_upto(w, n + 1) - 1;
}

static void add_product(struct woven *w, struct so_far *j, const struct rig *r)
{
	uint32_t rows = woven_upto(w, 300), k = 8 * woven_upto(w, 24), n = 8 * woven_upto(w, 24);
	uint32_t first = j->s.weight_bytes;
	struct loom_cmd_conv *cmd;

	stream_fetch(&j->s, r->weights_va, 2 * k * n);
	cmd = stream_add(&j->s, LOOM_OP_CONV, sizeof(*cmd));
	cmd->hdr.wait = some(w, j->dma);
	cmd->hdr.release_to = j->s.weight_bytes;
	cmd->out = OUT_OFF;
	cmd->in_pitch = k;
	cmd->out_pitch = n;
	cmd->batch = 1;
	cmd->h = 1;
	cmd->oh = 1;
	cmd->w = rows;
	cmd->ow = rows;
	cmd->c = k;
	cmd->oc = n;
	cmd->kh = 1;
	cmd->kw = 1;
	cmd->sh = 1;
	cmd->sw = 1;
	cmd->dh = 1;
	cmd->dw = 1;
	cmd->w_off = first;
	j->compute++;
}

static void add_unary(struct woven *w, struct so_far *j)
{
	struct loom_cmd_unary *cmd = stream_add(&j->s, LOOM_OP_UNARY, sizeof(*cmd));

	cmd->hdr.wait = some(w, j->dma);
	cmd->hdr.release_to = j->s.weight_bytes;
	cmd->dst = OUT_OFF;
	cmd->rows = 1;
	cmd->cols = woven_upto(w, 60000);
	cmd->src_pitch = cmd->cols;
	cmd->dst_pitch = cmd->cols;
	cmd->act.fn = LOOM_UN_SIGMOID;
	j->compute++;
}

static void add_move(struct woven *w, struct so_far *j, const struct rig *r)
{
	bool store = woven_upto(w, 2) == 1;

	stream_move(&j->s, store ? LOOM_OP_STORE : LOOM_OP_LOAD, store ? r->out_va : r->in_va,
		    store ? OUT_OFF : 0, woven_upto(w, 20000), some(w, j->compute));
	j->dma++;
}

struct stream woven_submit(struct woven *w)
{
	uint32_t ctx = woven_upto(w, WOVEN_TENANTS);
	const struct rig *r = &w->tenant[ctx - 1];
	uint32_t limit = w->h->config.caps.weight_sram_bytes;
	bool by_layer = woven_upto(w, 4) == 1;
	struct so_far j = { .dma = 0 };

	stream_begin(&j.s, RIG_LEASE);
	for (uint32_t n = woven_upto(w, 8); n; n--) {
		uint32_t kind = woven_upto(w, 5);

		if (kind == 1)
			add_unary(w, &j);
		else if (kind <= 3)
			add_move(w, &j, r);
		else if (!by_layer || j.s.weight_bytes + 73728 <= limit)
			add_product(w, &j, r);
	}
	if (!j.s.num_cmds)
		add_unary(w, &j);
	stream_end(&j.s);
	host_submit(w->h, 0, ctx, &j.s, by_layer ? LOOM_JOB_RELEASE_LAYER : 0);
	return j.s;
}
