/* SPDX-License-Identifier: MIT */
/*
 * networks.h - a network of the zoo, compiled and run on the device model, timing only, and what was
 * predicted and executed layer by layer.
 */
#ifndef LOOM_NETWORKS_H
#define LOOM_NETWORKS_H

#include <jansson.h>

#include "loom.h"
#include "loomc.h"
#include "zoo.h"

struct device {
	const char *spec;	/* "memory-centric", or a preset and sizes: "tiny,array-rows=8" */
	struct loom_dev *dev;
	struct loom_queue *queue;
	struct loom_bo *results;
	struct loom_ring *ring;
};

int device_open(struct device *device, const char *spec);
void device_close(struct device *device);

/* Of the two units of the compute engine. */
struct busy {
	uint64_t mac, vector;
};

struct layer {
	const char *name;
	unsigned int slices;
	uint64_t macs, weight_bytes, dma_bytes;
	struct busy cycles;		/* of its commands, by the timing library */
	uint64_t fill;			/* of the MAC array's: filling and draining it */
	struct busy predicted_ns;	/* the profile in the file */
	struct busy executed_ns;	/* by the device, each slice alone, from an idle device */
	uint64_t alone_ns;
};

struct run {
	const struct network *network;
	int64_t batch, tokens;
	const struct device *device;
	bool no_slice;
	struct loomc_result compiled;
	struct loom_model *model;
	struct count graph;
	struct layer *layers;
	unsigned int num_layers;
	uint64_t mac_weight_bytes;	/* of the MAC array's commands, each once */
	uint64_t again_bytes;		/* fetched by a slice after another */
	uint64_t memory_bytes;		/* of DRAM, when it is loaded: weights, commands, inputs and outputs, what waits */
	uint64_t mac_ps, compute_ps, dma_bytes;
	uint64_t fetch_ps;		/* of all weights, once */
	uint64_t fill_ps;		/* of mac_ps */
	uint64_t inference_ns;		/* all slices, one after the other as a queue runs them */
};

/* 0 or -1, said on stderr. */
int run_compile(struct run *run);
int run_compile_onnx(struct run *run, const char *onnx, size_t size);
int run_layers(struct run *run);	/* every slice alone */
int run_inference(struct run *run);	/* all of them */
void run_free(struct run *run);

/* Is what was executed what was predicted, are the multiplications and the weights the graph's? */
struct verdict {
	bool timing, macs, weights;
};

struct verdict run_verdict(const struct run *run);

/* ---- tables; JSON objects of the same ---- */
void print_heading(void);
void print_run(const struct run *run);
void print_layers(const struct run *run);
json_t *json_run(const struct run *run);

/* Layerweaver's ratios of compute to memory time, one a run; NULL: none. */
double paper_ratio(const struct run *run);
void print_paper(const struct run *const *runs, unsigned int num);

/* ResNet50's convolutions one by one beside ONNXim's. */
int onnxim(json_t **table);

#endif
