// SPDX-License-Identifier: MIT
/*
 * Layerweaver's own ratios of compute to memory time on the memory-centric NPU, from the chart data of
 * its talk: MAESTRO's compute cycles, a weight-stationary mapping that
 * the paper does not describe, over the bytes of the weights at the DRAM's bandwidth.
 */
#include <string.h>

#include "networks.h"

static const struct {
	const char *network;
	double one, sixteen;	/* at batch 1 and 16 */
} ratios[] = {
	{ "resnet50", 2.5942, 41.475 }, { "resnext50", 8.5603, 136.932 },
	{ "inception-v3", 4.0088, 64.120 }, { "mobilenet-v2", 8.7325, 139.595 },
	{ "bert-base", 0.15796, 3.7850 }, { "bert-large", 0.15760, 3.7794 },
	{ "xlnet", 0.15778, 3.7857 }, { "ncf", 0.25145, 0.37706 }, { "ncf-dense", 0.25145, 0.37706 },
};

double paper_ratio(const struct run *run)
{
	for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++)
		if (!strcmp(ratios[i].network, run->network->name))
			return run->batch == 1 ? ratios[i].one : run->batch == 16 ? ratios[i].sixteen : 0;
	return 0;
}

static const struct layer *longest(const struct run *run)
{
	const struct layer *best = &run->layers[0];

	for (unsigned int i = 1; i < run->num_layers; i++)
		if (run->layers[i].cycles.mac > best->cycles.mac)
			best = &run->layers[i];
	return best;
}

static void print_one(const struct run *run, double paper)
{
	const struct layer *layer = longest(run);
	double khz = loom_dev_caps(run->device->dev)->clock_khz;
	double ratio = (double)run->mac_ps / (double)run->fetch_ps;

	printf("%-14s %5lld %9.3f %9.3f %+8.0f%% %9.3f   %s: %.1f us\n", run->network->name, (long long)run->batch,
	       ratio, paper, 100 * (ratio / paper - 1),
	       (double)(run->mac_ps - run->fill_ps) / (double)run->fetch_ps, layer->name,
	       (double)layer->cycles.mac / khz * 1000);
}

void print_paper(const struct run *const *runs, unsigned int num)
{
	bool heading = false;

	for (unsigned int i = 0; i < num; i++) {
		double paper = paper_ratio(runs[i]);

		if (paper <= 0 || strcmp(runs[i]->device->spec, "memory-centric"))
			continue;
		if (!heading)
			printf("\nMAC array time to fetch time, memory-centric, beside Layerweaver's; unfilled: but for fill and drain\n"
			       "%-14s %5s %9s %9s %9s %9s   %s\n", "network", "batch", "Loom", "paper", "differs",
			       "unfilled", "longest layer");
		heading = true;
		print_one(runs[i], paper);
	}
}
