// SPDX-License-Identifier: MIT
/*
 * The convolutions of ResNet50 beside ONNXim's cycles on a core of the same size (firmware-sim/test/onnxim.h): in
 * the network, where activations stay in SRAM; each as a network of its own, where they come from DRAM and go
 * there; and what ONNXim's mapping comes to by Loom's equations, which explains the difference.
 */
#include "networks.h"
#include "test/onnxim.h"
#include "timing/loom_timing.h"

#define SAME_CORE "memory-centric,wload-rows=1,dram-mbps=230000"
#define CLOSE 0.15

/* Cycles, of Loom. */
struct compared {
	uint64_t array;		/* of the command */
	uint64_t in_network, alone;	/* from dispatch to end */
	uint64_t explained;	/* ONNXim's mapping */
};

static uint64_t to_cycles(const struct device *device, uint64_t ns)
{
	return ns * loom_dev_caps(device->dev)->clock_khz / 1000000;
}

/* ---- as a network of its own ---- */

static const struct onnxim_layer *current;

/* The shortcuts' of the stages behind the first. (The others that stride, 3 x 3, have later ones of the same shape that do not.) */
static int64_t strides_of(const struct onnxim_layer *l)
{
	return l->k == 1 && l->m == 2 * l->c && l->p > 1 && l->p < 56 ? 2 : 1;
}

/* Half precision in and out: what crosses DRAM is what ONNXim counts. */
static void build_layer(struct zoo *z)
{
	const struct onnxim_layer *l = current;
	int64_t stride = strides_of(l), in = l->p * stride, pad = l->k / 2;
	struct val *x = input(z, "x", ELEM_F16, SHAPE(1, l->c, in, in)), *w, *y;

	w = weight(z, "weight", SHAPE(l->m, l->c, l->k, l->k), 0, 2.0 / (double)(l->c * l->k * l->k));
	w = typed(z, put(z, "Cast", w->shape, w, NULL), ELEM_F16);
	attr_int(z, "to", ELEM_F16);
	y = put(z, "Conv", SHAPE(1, l->m, l->p, l->p), x, w, NULL);
	attr_ints(z, "kernel_shape", l->k, l->k);
	attr_ints(z, "pads", pad, pad, pad, pad);
	attr_ints(z, "strides", stride, stride);
	output(z, y, "y");
}

static int run_alone(const struct device *device, const struct onnxim_layer *l, struct compared *to)
{
	static const struct network one_layer = { .name = "layer", .build = build_layer };
	struct run run = { .network = &one_layer, .batch = 1, .device = device, .no_slice = true };
	int ret;

	current = l;
	ret = run_compile(&run) || run_layers(&run) ? -1 : 0;
	for (unsigned int i = 0; !ret && i < run.num_layers; i++) {
		to->alone += to_cycles(device, run.layers[i].alone_ns);
		to->array += run.layers[i].cycles.mac;
	}
	run_free(&run);
	return ret;
}

/* ---- in the network ---- */

static bool is_layer(const struct run *net, unsigned int slice, const struct onnxim_layer *l)
{
	size_t size, at = sizeof(struct loom_cmdbuf);
	const char *buffer = loom_model_cmdbuf(net->model, slice, &size);

	for (const struct loom_cmd_conv *conv; at < size; at += conv->hdr.size) {
		conv = (const void *)(buffer + at);
		if (conv->hdr.opcode == LOOM_OP_CONV)
			return conv->c == l->c && conv->oc == l->m && conv->kh == l->k && conv->ow == l->p;
	}
	return false;
}

/* Without slicing a layer is a slice; the first of that shape is taken. */
static uint64_t in_network(const struct run *net, const struct onnxim_layer *l)
{
	for (unsigned int i = 0; i < net->num_layers; i++)
		if (is_layer(net, i, l))
			return to_cycles(net->device, net->layers[i].alone_ns);
	return 0;
}

/* ---- the table ---- */

static double off(const struct onnxim_layer *l, uint64_t cycles)
{
	return (double)cycles / l->cycles - 1;
}

static bool is_close(const struct onnxim_layer *l, uint64_t cycles)
{
	return off(l, cycles) < CLOSE && off(l, cycles) > -CLOSE;
}

/* What ONNXim's layer has and Loom's in the network has not. */
static void mapping(const struct loom_hw_caps *caps, const struct onnxim_layer *l, char *text, size_t size)
{
	uint64_t taps = onnxim_array_by_taps(caps, l) - onnxim_array(caps, l, l->k);
	uint64_t way = onnxim_explained(caps, l) - onnxim_array_by_taps(caps, l);

	snprintf(text, size, "%s%llu of activations%s", taps ? "a tap a tile, " : "", (unsigned long long)way,
		 l->p == 1 ? " and weights" : "");
}

static void print_one(const struct loom_hw_caps *caps, const struct onnxim_layer *l, const struct compared *to)
{
	char text[64];

	mapping(caps, l, text, sizeof(text));
	printf("%5u %5u %4u %2u %8u %8llu %8llu %+6.0f%% %8llu %9llu %+6.1f%%   %s\n", l->c, l->m, l->p, l->k, l->cycles,
	       (unsigned long long)to->array, (unsigned long long)to->in_network, 100 * off(l, to->in_network),
	       (unsigned long long)to->alone, (unsigned long long)to->explained, 100 * off(l, to->explained), text);
}

static json_t *json_one(const struct loom_hw_caps *caps, const struct onnxim_layer *l, const struct compared *to)
{
	char text[64];

	mapping(caps, l, text, sizeof(text));
	return json_pack("{s:[i,i,i,i], s:i, s:I, s:I, s:I, s:I, s:s}", "c_m_p_s", (int)l->c, (int)l->m, (int)l->p,
			 (int)l->k, "onnxim", (int)l->cycles, "array", (json_int_t)to->array,
			 "in_network", (json_int_t)to->in_network, "alone", (json_int_t)to->alone,
			 "explained", (json_int_t)to->explained, "mapping", text);
}

static int compare_all(const struct run *net, json_t *table)
{
	const struct loom_hw_caps *caps = loom_dev_caps(net->device->dev);
	unsigned int close = 0, explained = 0;

	printf("ResNet50's convolutions in cycles, beside ONNXim's, and what its mapping comes to by Loom's equations\n"
	       "    C     M    P  S   ONNXim    array  network  differs    alone explained differs   mapping: more there\n");
	for (unsigned int i = 0; i < ONNXIM_LAYERS; i++) {
		const struct onnxim_layer *l = &onnxim_layers[i];
		struct compared to = { .in_network = in_network(net, l), .explained = onnxim_explained(caps, l) };

		if (run_alone(net->device, l, &to))
			return -1;
		print_one(caps, l, &to);
		json_array_append_new(table, json_one(caps, l, &to));
		close += is_close(l, to.in_network);
		explained += is_close(l, to.explained);
	}
	printf("of %zu within %.0f%%: %u in the network, %u with ONNXim's mapping\n", ONNXIM_LAYERS, 100 * CLOSE, close, explained);
	return 0;
}

int onnxim(json_t **table)
{
	struct device device;
	struct run net = { .network = find_network("resnet50"), .batch = 1, .device = &device, .no_slice = true };
	int ret = device_open(&device, SAME_CORE);

	*table = json_array();
	if (!ret)
		ret = run_compile(&net) || run_layers(&net) || compare_all(&net, *table) ? -1 : 0;
	run_free(&net);
	device_close(&device);
	return ret;
}
