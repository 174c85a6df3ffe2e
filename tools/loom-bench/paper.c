// SPDX-License-Identifier: MIT
/*
 * What Layerweaver's authors published for their 16 pairs, single-batch on the memory-centric NPU: STP
 * gain over one at a time in percent (HPCA 2021, Fig. 14(a), digitised to 0.3 points) and ANTT (Fig.
 * 16, to 0.02).
 */
#include <string.h>

#include "paper.h"

const char *const paper_networks[PAPER_NUM_NETWORKS] = {
	"resnet50", "resnext50", "inception-v3", "mobilenet-v2",
	"bert-base", "bert-large", "xlnet", "ncf-dense",
};

static const struct paper_pair pairs[] = {
	{ "resnet50", "bert-base", 38.2, 54.0, 1.45, 1.32 },
	{ "resnet50", "bert-large", 29.3, 51.4, 1.65, 1.37 },
	{ "resnet50", "xlnet", 20.2, 54.3, 2.06, 1.32 },
	{ "resnet50", "ncf", 37.1, 54.2, 1.54, 1.31 },
	{ "resnext50", "bert-base", 43.9, 47.3, 1.42, 1.41 },
	{ "resnext50", "bert-large", 40.1, 47.1, 1.46, 1.46 },
	{ "resnext50", "xlnet", 30.9, 48.4, 1.54, 1.41 },
	{ "resnext50", "ncf", 38.8, 48.3, 1.45, 1.37 },
	{ "inception-v3", "bert-base", 48.6, 64.9, 1.36, 1.22 },
	{ "inception-v3", "bert-large", 36.3, 65.4, 1.59, 1.23 },
	{ "inception-v3", "xlnet", 22.3, 65.1, 2.21, 1.22 },
	{ "inception-v3", "ncf", 43.5, 64.5, 1.50, 1.22 },
	{ "mobilenet-v2", "bert-base", 62.4, 75.2, 1.23, 1.13 },
	{ "mobilenet-v2", "bert-large", 49.7, 74.4, 1.41, 1.15 },
	{ "mobilenet-v2", "xlnet", 31.2, 74.1, 1.91, 1.14 },
	{ "mobilenet-v2", "ncf", 54.6, 73.4, 1.40, 1.15 },
};

/* Compute over memory time at batch 1, memory-centric (the talk's chart data, over 100). */
static const struct paper_network networks[] = {
	{ "resnet50", 2.594 }, { "resnext50", 8.560 }, { "inception-v3", 4.009 }, { "mobilenet-v2", 8.733 },
	{ "bert-base", 0.158 }, { "bert-large", 0.158 }, { "xlnet", 0.158 }, { "ncf", 0.251 },
};

/* The networks of the table are known by what their names begin with: ncf-dense is the paper's ncf. */
static int same(const char *ours, const char *theirs)
{
	return !strcmp(ours, theirs) || (!strcmp(theirs, "ncf") && !strcmp(ours, "ncf-dense"));
}

const struct paper_pair *paper_pair(const char *a, const char *b)
{
	unsigned int i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (same(a, pairs[i].a) && same(b, pairs[i].b))
			return &pairs[i];
	return NULL;
}

double paper_ratio(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if (same(name, networks[i].name))
			return networks[i].ratio;
	return 0;
}
