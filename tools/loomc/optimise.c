// SPDX-License-Identifier: MIT
/* Applies the rewriting rules, in two rounds, until none changes anything. */
#include <string.h>

#include "passes.h"

struct value *insert_act(struct graph *g, struct node *at, struct value *in, enum loom_unary fn,
			 float alpha, float beta)
{
	struct node *n = insert_before(g, at, "Act", 1, &in->t);

	n->in[0] = in;
	n->act = (struct loom_act){ .fn = fn, .alpha = alpha, .beta = beta };
	return n->out[0];
}

struct node *act_of(const struct value *v, enum loom_unary fn)
{
	struct node *n = made_by(v, "Act");

	return n && n->act.fn == fn ? n : NULL;
}

static bool rewrite(struct graph *g, struct node *node, const rule_fn *const *tables)
{
	for (; *tables; tables++)
		for (const rule_fn *rule = *tables; *rule; rule++)
			if ((*rule)(g, node))
				return true;
	return false;
}

/* After a change what came shortly before may match anew: step back a little, not to the start. */
#define STEP_BACK 8

static bool sweep(struct graph *g, const rule_fn *const *tables)
{
	bool changed = false;

	for (unsigned int i = 0; i < g->num_nodes; i++) {
		if (!g->nodes[i] || !rewrite(g, g->nodes[i], tables))
			continue;
		graph_drop_dead(g);
		changed = true;
		i = i > STEP_BACK ? i - STEP_BACK : 0;
	}
	return changed;
}

void apply_rules(struct graph *g, const rule_fn *rules)
{
	const rule_fn *const tables[] = { rules, NULL };

	graph_drop_dead(g);
	while (sweep(g, tables))
		;
}

void simplify(struct graph *g)
{
	static const rule_fn *const tables[] = {
		canon_rules, canon_select_rules, fuse_pattern_rules, fuse_affine_rules, NULL,
	};

	graph_drop_dead(g);
	while (sweep(g, tables))
		;
}

/* Activations are fused last: a fused one hides its node from the patterns. */
void optimise(struct graph *g)
{
	static const rule_fn *const second[] = { fuse_affine_rules, fuse_act_rules, NULL };

	simplify(g);
	while (sweep(g, second))
		;
}
