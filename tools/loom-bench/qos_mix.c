// SPDX-License-Identifier: MIT
/*
 * The mixes. Bounds in ms are those of MLPerf Inference's Server scenario: ResNet-50 15, BERT 130 (both
 * still in mlperf.conf), MobileNet 10 and recommendation 30 (its earlier rules); a network that was
 * never in it has the bound of the task it does: image classification 15, language 130.
 */
#include <string.h>

#include "qos_mix.h"

#define EIGHT(b) { \
	{ "resnet50", 1, (b) }, { "resnext50", 1, (b) }, { "inception-v3", 1, (b) }, \
	{ "mobilenet-v2", 1, (b) }, { "bert-base", 1, (b) }, { "bert-large", 1, (b) }, \
	{ "xlnet", 1, (b) }, { "ncf-dense", 1, (b) } }

const struct qos_mix qos_mixes[] = {
	{ "eight-5x", "eight networks, equal rates", QOS_OF_RATE, 5, 8, EIGHT(0) },
	{ "eight-10x", "eight networks, equal rates", QOS_OF_RATE, 10, 8, EIGHT(0) },
	{ "eight-20x", "eight networks, equal rates", QOS_OF_RATE, 20, 8, EIGHT(0) },
	{ "work-10x", "eight networks, equal work", QOS_OF_WORK, 10, 8, EIGHT(0) },
	{ "mlperf", "eight networks, equal rates", QOS_OF_RATE, 0, 8, {
		{ "resnet50", 1, 15 }, { "resnext50", 1, 15 }, { "inception-v3", 1, 15 },
		{ "mobilenet-v2", 1, 10 }, { "bert-base", 1, 130 }, { "bert-large", 1, 130 },
		{ "xlnet", 1, 130 }, { "ncf-dense", 1, 30 } } },
	{ "rn-bb", "equal rates", QOS_OF_RATE, 0, 2, {
		{ "resnet50", 1, 15 }, { "bert-base", 1, 130 } } },
	{ "mn-bl-10x", "equal rates", QOS_OF_RATE, 10, 2, {
		{ "mobilenet-v2", 1, 0 }, { "bert-large", 1, 0 } } },
	{ "ncf-bl-10x", "nine to one", QOS_OF_RATE, 10, 2, {
		{ "ncf-dense", 9, 0 }, { "bert-large", 1, 0 } } },
	{ "vision-10x", "four networks, equal rates", QOS_OF_RATE, 10, 4, {
		{ "resnet50", 1, 0 }, { "resnext50", 1, 0 }, { "inception-v3", 1, 0 },
		{ "mobilenet-v2", 1, 0 } } },
};

const unsigned int qos_num_mixes = sizeof(qos_mixes) / sizeof(qos_mixes[0]);

const struct qos_mix *qos_mix_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < qos_num_mixes; i++)
		if (!strcmp(qos_mixes[i].name, name))
			return &qos_mixes[i];
	return NULL;
}
