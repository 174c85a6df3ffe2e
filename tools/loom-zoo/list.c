// SPDX-License-Identifier: MIT
/* What loom-zoo --list prints. */
#include <jansson.h>

#include "zoo.h"

void list_text(void)
{
	printf("%-14s %-28s %13s %12s  %s\n", "name", "input", "parameters", "mmacs", "paper");
	for (unsigned int i = 0; i < num_networks; i++) {
		const struct network *n = &networks[i];
		char macs[32] = "-", shape[64];

		if (n->mmacs.value > 0)
			snprintf(macs, sizeof(macs), "%.7g%s", n->mmacs.value, n->mmacs_tokens ? "*" : "");
		snprintf(shape, sizeof(shape), n->tokens ? "%2$lld %1$s" : "%1$s", n->shape, (long long)n->tokens);
		printf("%-14s %-28s %13.0f %12s  %s\n", n->name, shape, n->params.value, macs, n->paper);
	}
	printf("\nParameters and multiplications (millions, a sample) as published; * at another number of\n"
	       "tokens: --list --json says at how many, and who counted.\n");
}

static json_t *figure(const struct figure *f)
{
	return f->value > 0 ? json_pack("{s:f, s:f}", "value", f->value, "digit", f->digit) : json_null();
}

static json_t *one(const struct network *n)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:I, s:s?, s:o, s:I}",
			 "name", n->name, "title", n->title, "paper", n->paper, "counted", n->counted,
			 "shape", n->shape, "tokens", (json_int_t)n->tokens, "params", figure(&n->params),
			 "more_params", (json_int_t)n->more_params, "why", n->why, "mmacs", figure(&n->mmacs),
			 "mmacs_tokens", (json_int_t)(n->mmacs_tokens ? n->mmacs_tokens : n->tokens));
}

int list_json(void)
{
	json_t *all = json_array();
	int ret = 0;

	for (unsigned int i = 0; !ret && i < num_networks; i++)
		ret = json_array_append_new(all, one(&networks[i]));
	if (!ret)
		ret = json_dumpf(all, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(all);
	return ret;
}
