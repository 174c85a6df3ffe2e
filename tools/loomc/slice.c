// SPDX-License-Identifier: MIT
/*
 * Commands -> slices. A layer is a command with weights for the MAC array and what follows until
 * the next; small layers are put together until they are worth a job's overhead. Within a layer a
 * new slice begins where its weights or its compute time would be more than a scheduler can weave.
 */
#include <string.h>

#include "lower.h"
#include "passes.h"
#include "timing/loom_timing.h"

/* A job costs the firmware some hundred ns: a layer is at least some times that. */
#define LEAST_JOBS 6
/* LOADs are issued so many slices before their value is read: DRAM latency is then hidden. */
#define LOAD_AHEAD 2

/* What the command adds to the weights of a slice that already has some of them. */
static uint64_t weight_bytes(const struct command *cmd, uint32_t slice)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < cmd->num_weights; i++)
		if (cmd->weight[i].blob->in_slice != slice + 1)
			bytes += (cmd->weight[i].blob->bytes + 63) & ~63ull;
	return bytes;
}

static void time_commands(struct program *p)
{
	for (uint32_t i = 0; i < p->num_cmds; i++) {
		struct command *cmd = p->cmds[i];
		const struct loom_cmd *hdr = (const struct loom_cmd *)cmd->raw;

		if (is_dma(cmd))
			continue;
		cmd->cycles = loom_timing_cycles(&p->c->options->caps, hdr);
		cmd->macs = loom_timing_macs(hdr);
	}
}

struct cutter {
	struct program *p;
	const struct loom_hw_caps *caps;
	struct slice_info *now;
	const struct node *node;	/* the last that brought weights */
	uint64_t layer_weights, layer_ps;
};

static void begin_slice(struct cutter *k, const struct node *node, bool new_layer)
{
	struct program *p = k->p;
	struct slice_info info = { .name = node->name };

	if (new_layer) {
		k->layer_weights = k->layer_ps = 0;
		p->num_layers++;
	}
	info.layer = p->num_layers - 1;
	APPEND(p->c, p->slices, p->num_slices, info);
	k->now = &p->slices[p->num_slices - 1];
}

static bool layer_is_enough(const struct cutter *k)
{
	uint64_t fetch = loom_timing_dram_ps(k->caps, k->layer_weights);
	uint64_t busy = k->layer_ps > fetch ? k->layer_ps : fetch;

	return busy >= (uint64_t)LEAST_JOBS * k->caps->fw_job_ns * 1000;
}

static bool slice_is_full(const struct cutter *k, uint64_t more_weights)
{
	return k->now->weight_bytes + more_weights > k->p->max_slice_bytes ||
	       k->now->compute_ps > k->p->max_slice_ps / 2;
}

/* One buffer holds at most so much; far from it, so that headers and fetches fit too. */
static bool buffer_is_full(const struct cutter *k)
{
	return k->now->num_cmds >= 4000;
}

static void cut_at(struct cutter *k, struct command *cmd)
{
	uint64_t weights = weight_bytes(cmd, k->p->num_slices - 1);
	uint64_t ps = loom_timing_cycles_to_ps(k->caps, cmd->cycles);

	if (!k->now || (cmd->starts_layer && cmd->node != k->node && layer_is_enough(k)))
		begin_slice(k, cmd->node, true);
	else if (buffer_is_full(k) || (!k->p->c->options->no_slice && cmd->starts_layer &&
				       k->now->weight_bytes && slice_is_full(k, weights)))
		begin_slice(k, cmd->node, false);
	cmd->slice = k->p->num_slices - 1;
	k->node = cmd->starts_layer ? cmd->node : k->node;
	weights = weight_bytes(cmd, cmd->slice);
	for (unsigned int i = 0; i < cmd->num_weights; i++)
		cmd->weight[i].blob->in_slice = cmd->slice + 1;
	k->now->weight_bytes += weights;
	k->now->compute_ps += ps;
	k->now->num_cmds++;
	k->layer_weights += weights;
	k->layer_ps += ps;
}

static void name_slices(struct program *p)
{
	for (uint32_t i = p->num_cmds; i-- > 0;)
		if (p->cmds[i]->starts_layer)
			p->slices[p->cmds[i]->slice].name = p->cmds[i]->node->name;
}

/*
 * In what order a slice gives its commands: what it starts with by DMA; its own LOADs; LOADs for
 * later slices, so that nothing of this one waits behind them; the rest.
 */
enum rank { RANK_LEADING, RANK_OWN_LOAD, RANK_LOAD_AHEAD, RANK_REST, NUM_RANKS };

static enum rank rank_of(const struct command *cmd, uint32_t from, bool leading)
{
	if (cmd->fixed)
		return RANK_REST;
	if (leading && is_dma(cmd) && opcode_of(cmd) != LOOM_OP_STORE)
		return RANK_LEADING;
	if (opcode_of(cmd) != LOOM_OP_LOAD)
		return RANK_REST;
	return cmd->slice == from ? RANK_OWN_LOAD : RANK_LOAD_AHEAD;
}

static void rank_commands(struct program *p, enum rank *ranks)
{
	bool leading = true;

	for (uint32_t i = 0; i < p->num_cmds; i++) {
		struct command *cmd = p->cmds[i];
		uint32_t from = cmd->slice;

		leading = (!i || p->cmds[i - 1]->slice_of_use != from || leading) && is_dma(cmd);
		cmd->slice_of_use = from;
		if (opcode_of(cmd) == LOOM_OP_LOAD && !cmd->fixed)
			cmd->slice = from > LOAD_AHEAD ? from - LOAD_AHEAD : 0;
		ranks[i] = rank_of(cmd, from, leading);
		if (ranks[i] == RANK_LEADING)
			cmd->slice = from;
	}
}

/* By slice, then rank, then as they stood. */
static void order_commands(struct program *p)
{
	uint32_t *starts = arena_array(p->c, (size_t)p->num_slices * NUM_RANKS + 1, sizeof(*starts));
	struct command **sorted = arena_array(p->c, p->num_cmds, sizeof(*sorted));
	enum rank *ranks = arena_array(p->c, p->num_cmds, sizeof(*ranks));

	rank_commands(p, ranks);
	for (uint32_t i = 0; i < p->num_cmds; i++)
		starts[p->cmds[i]->slice * NUM_RANKS + ranks[i] + 1]++;
	for (uint32_t i = 0; i < p->num_slices * NUM_RANKS; i++)
		starts[i + 1] += starts[i];
	for (uint32_t s = 0; s < p->num_slices; s++) {
		p->slices[s].first = starts[s * NUM_RANKS];
		p->slices[s].num = starts[(s + 1) * NUM_RANKS] - p->slices[s].first;
	}
	for (uint32_t i = 0; i < p->num_cmds; i++)
		sorted[starts[p->cmds[i]->slice * NUM_RANKS + ranks[i]]++] = p->cmds[i];
	p->cmds = sorted;
}

/* A host step ends a slice; it is no command. */
static void take_out_steps(struct cutter *k)
{
	struct program *p = k->p;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->num_cmds; i++) {
		struct command *cmd = p->cmds[i];

		if (!cmd->host_step) {
			cut_at(k, cmd);
			p->cmds[kept++] = cmd;
			continue;
		}
		cmd->host_step->slice = p->num_slices;
		k->now = NULL;
	}
	p->num_cmds = kept;
}

/* A model that the host does all of has a slice, too: there is no other way to run one. */
static void need_a_slice(struct program *p)
{
	struct command *nop;

	if (!p->num_host_steps)
		fail(p->c, "the model has nothing to compute");
	p->node = p->host_steps[0]->node;
	nop = new_command(p, LOOM_OP_NOP, sizeof(struct loom_cmd));
	for (uint32_t i = 0; i < p->num_host_steps; i++)
		p->host_steps[i]->slice = 0;
	cut_at(&(struct cutter){ .p = p, .caps = &p->c->options->caps }, nop);
}

void slice(struct program *p)
{
	struct cutter k = { .p = p, .caps = &p->c->options->caps };

	time_commands(p);
	take_out_steps(&k);
	if (!p->num_cmds)
		need_a_slice(p);
	name_slices(p);
	order_commands(p);
}
